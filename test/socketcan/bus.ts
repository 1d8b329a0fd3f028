/** CAN interfaces that the tests make, break and take away. */
import { execFileSync, spawn } from "node:child_process";
import { realpathSync } from "node:fs";
import { afterEach } from "vitest";
import type { CanLink } from "../../src/ecu/link/link.js";
import { openLink } from "../../src/ecu/link/open.js";
import { openSerial } from "../../src/ecu/link/serial.js";
import { connectTcp } from "../../src/ecu/link/tcp.js";
import { ascii } from "../../src/shared/bytes.js";
import { systemClock as clock } from "../../src/shared/clock.js";
import { serialCable } from "../cable.js";

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

export function ip(...args: string[]): void {
  execFileSync("ip", args, { stdio: ["ignore", "ignore", "inherit"] });
}

let made = 0;

/** A vcan interface that is up, for this test. */
export function vcan(): string {
  const name = `vcan${process.pid}x${made++}`.slice(0, 15);
  ip("link", "add", name, "type", "vcan");
  ip("link", "set", name, "up");
  cleanups.push(() => {
    try {
      execFileSync("ip", ["link", "del", name], { stdio: "ignore" });
    } catch {
      // The test has unplugged it.
    }
  });
  return name;
}

/** A link to the interface, closed after the test. */
export async function openCan(name: string, query = "", dataBitrate?: number): Promise<CanLink> {
  const link = await openLink(`socketcan:${name}${query}`, {
    clock,
    ...(dataBitrate === undefined ? {} : { dataBitrate }),
  });
  cleanups.push(() => link.close());
  return link;
}

/** Puts an error frame on the interface as a controller's driver does. @param classes linux/can/error.h */
export function errorFrame(name: string, classes: number, data = "0000000000000000"): void {
  const id = (0x2000_0000 + classes).toString(16).padStart(8, "0");
  execFileSync("cansend", [name, `${id}#${data}`]);
}

/** What the kernel knows about the controller: ERROR-ACTIVE, BUS-OFF, … */
export function controllerState(name: string): string {
  const text = execFileSync("ip", ["-json", "-details", "link", "show", name], { encoding: "utf8" });
  const [row] = JSON.parse(text) as { linkinfo: { info_data?: { state?: string } } }[];
  return row?.linkinfo.info_data?.state ?? "";
}

/** A condition that comes true within 20 s. */
export async function until(what: string, test: () => boolean): Promise<void> {
  for (const end = clock.monotonic() + 20_000; !test(); ) {
    if (clock.monotonic() > end) throw new Error(`not within 20 s: ${what}`);
    await clock.sleep(20);
  }
}

export interface SlcanNetdev {
  readonly name: string;
  /** Says something to the kernel as the adapter: `sb000256` is its bus-off. */
  say(line: string): void;
  /** Pulls the adapter out of its socket. */
  unplug(): Promise<void>;
}

/**
 * A network interface of the kernel's slcan driver, up at 500 kbit/s. The adapter at the other end of its serial line (two ptys) is
 * the one at `url`, an `slcan+tcp:` of ecu-sim, and can be made to say more than that.
 */
export async function slcanNetdev(url: string): Promise<SlcanNetdev> {
  const { near: kernelEnd, far: adapterEnd, pull: unplug } = await serialCable();
  cleanups.push(unplug);
  const { host, port } = Object.assign({ host: "", port: "" }, /\/\/(?<host>[^:]+):(?<port>\d+)/.exec(url)?.groups);
  const [serial, tcp] = await Promise.all([openSerial(adapterEnd, {}, clock), connectTcp(host, Number(port), clock)]);
  cleanups.push(() => Promise.all([serial.close(), tcp.close()]));
  serial.onData((chunk) => void tcp.write(chunk.slice()).catch(() => undefined));
  tcp.onData((chunk) => void serial.write(chunk.slice()).catch(() => undefined));
  const name = `can${made++}`;
  // slcand looks for what does not begin with /dev/ below that folder.
  const daemon = spawn("slcand", ["-F", "-t", "hw", realpathSync(kernelEnd), name], { stdio: "ignore" });
  const ended = new Promise<void>((resolve) => daemon.once("exit", () => resolve()));
  cleanups.push(() => {
    daemon.kill("SIGTERM");
    return ended;
  });
  await until(`interface ${name}`, () => interfaces().includes(name));
  ip("link", "set", name, "type", "can", "bitrate", "500000");
  ip("link", "set", name, "up");
  return { name, unplug, say: (line) => void serial.write(ascii(`${line}\r`)) };
}

export function interfaces(): string[] {
  const text = execFileSync("ip", ["-json", "link", "show"], { encoding: "utf8" });
  return (JSON.parse(text) as { ifname: string }[]).map(({ ifname }) => ifname);
}
