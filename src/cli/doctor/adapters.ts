/** What of this machine a link can be opened on: serial devices and CAN interfaces, and what each can do. */
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import type { SerialDevice } from "../../ecu/link/serial.js";
import type { AdapterKind } from "../../ecu/link/slcan/adapters.js";
import type { Netdev } from "../../ecu/link/socketcan/netdev.js";
import { describe, isStationError } from "../../shared/errors.js";
import type { Finding } from "./checks.js";
import { installed } from "./installed.js";

/** Schemes whose device is a serial one. */
export const SERIAL_SCHEMES = ["slcan", "kline"];

/** @param needed whether a bay of the configuration has such a link */
export async function checkSerial(needed: boolean): Promise<Finding[]> {
  const name = "serialport";
  try {
    const [{ listSerial }, { ADAPTERS, usbDevice }] = await Promise.all([
      import("../../ecu/link/serial.js"),
      import("../../ecu/link/slcan/adapters.js"),
    ]);
    const ports = await listSerial();
    const summary = ports.length === 0 ? "no serial device is plugged in" : `${ports.length} serial devices`;
    return [
      { name, state: "OK", needed, what: summary },
      ...ports.map((port): Finding => {
        const known = usbDevice(port.usb);
        const kinds = (known?.adapters ?? []).flatMap((kind) => ADAPTERS.get(kind) ?? []);
        return { name: "adapter", state: "OK", needed: false, what: serialText(port, known?.text, kinds) };
      }),
    ];
  } catch (error) {
    return [{ name, state: "FAILED", needed, what: describe(error), todo: "run npm ci again" }];
  }
}

/** One serial device, e.g. `/dev/ttyACM0 (16d0:117e, CANable): slcan adapter=canable …`. */
export function serialText(port: SerialDevice, known: string | undefined, kinds: readonly AdapterKind[]): string {
  const facts = [port.usb, known ?? port.maker].filter((fact) => fact !== undefined);
  const shown = facts.length === 0 ? port.path : `${port.path} (${facts.join(", ")})`;
  if (kinds.length === 0)
    return `${shown}: slcan or K-Line; give slcan: its adapter=NAME, or it is learned while opening`;
  return `${shown}: slcan, ${kinds.map(kindText).join("; or ")}`;
}

function kindText(kind: AdapterKind): string {
  const acknowledges = { cr: "acknowledges", none: "acknowledges nothing", learn: "acknowledging is learned" }[
    kind.ack
  ];
  const s7 = kind.s7 === undefined ? "" : `, S7 = ${kind.s7 / 1_000} k`;
  const rates = [...kind.dataRates.keys()].map((rate) => rate / 1_000_000).join(", ");
  const fd = kind.fd === true ? `CAN FD (${rates} Mbit/s)` : "no CAN FD";
  return `adapter=${kind.name}: ${acknowledges}${s7}, ${fd}`;
}

/** @param needed whether a bay of the configuration has such a link */
export async function checkSocketcan(needed: boolean): Promise<Finding[]> {
  const name = "socketcan";
  if (process.platform !== "linux") {
    const what = `there is none on ${process.platform}`;
    return [{ name, state: "MISSING", needed, what, todo: "use an slcan: link" }];
  }
  if (!installed("socketcan")) {
    const todo = "install a C++ compiler and Python 3 (apt-get install g++ make python3), then run npm ci again";
    return [{ name, state: "MISSING", needed, what: "the socketcan package is not installed", todo }];
  }
  try {
    await (await import("../../ecu/link/socketcan/addon.js")).loadAddon();
  } catch (error) {
    // The addon is bound to the version of Node that it was built with.
    const what = isStationError(error) ? String(error.details.what) : describe(error);
    return [{ name, state: "MISSING", needed, what, todo: "run npm rebuild socketcan" }];
  }
  const { listNetdevs } = await import("../../ecu/link/socketcan/netdev.js");
  const netdevs = await listNetdevs();
  if (netdevs.length === 0) {
    const todo = "plug the adapter in, then: ip link set can0 up type can bitrate 500000";
    return [{ name, state: "MISSING", needed, what: "no CAN interface", todo }];
  }
  const findings: Finding[] = [{ name, state: "OK", needed, what: netdevs.map((netdev) => netdev.name).join(", ") }];
  for (const netdev of netdevs) findings.push(netdevFinding(netdev.name, netdev, await controller(netdev.name)));
  return findings;
}

/** What `ip -details` tells of a controller; all of it is missing of vcan, and where there is no `ip`. */
export interface Controller {
  readonly state?: string;
  readonly bittiming?: { readonly bitrate?: number };
  readonly data_bittiming?: { readonly bitrate?: number };
  readonly restart_ms?: number;
}

export function netdevFinding(name: string, netdev: Netdev, controller: Controller): Finding {
  const { state, bittiming, data_bittiming: data, restart_ms: restart } = controller;
  const facts = [
    netdev.up ? (netdev.carrier ? "up" : "up without carrier") : "down",
    state,
    bittiming?.bitrate === undefined ? undefined : `${bittiming.bitrate} bit/s`,
    data?.bitrate === undefined ? undefined : `data ${data.bitrate} bit/s`,
    netdev.fd ? "CAN FD" : "classical CAN",
    restart === undefined
      ? undefined
      : restart === 0
        ? "no restart after bus-off"
        : `restarts ${restart} ms after bus-off`,
  ];
  const what = `${name}: ${facts.filter((fact) => fact !== undefined).join(", ")}`;
  const finding = { name: "adapter", needed: false, what };
  if (netdev.up && netdev.carrier) return { ...finding, state: "OK" };
  const up = bittiming === undefined ? `ip link set ${name} up` : `ip link set ${name} up type can bitrate 500000`;
  return {
    ...finding,
    state: "MISSING",
    todo: netdev.up ? `it is bus-off: check the wiring, then: ip link set ${name} down; ${up}` : up,
  };
}

async function controller(name: string): Promise<Controller> {
  try {
    const { stdout } = await promisify(execFile)("ip", ["-json", "-details", "link", "show", name], { timeout: 5_000 });
    const [row] = JSON.parse(stdout) as { linkinfo?: { info_data?: Controller } }[];
    return row?.linkinfo?.info_data ?? {};
  } catch {
    return {};
  }
}
