/** The link itself on the kernel's CAN interfaces. */
import { execFileSync, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { describe, expect, it } from "vitest";
import type { CanLink, LinkEvent, ReceivedFrame } from "../../src/ecu/link/link.js";
import { systemClock as clock } from "../../src/shared/clock.js";
import { startEcu } from "../system/harness.js";
import { controllerState, errorFrame, ip, openCan, slcanNetdev, until, vcan } from "./bus.js";

const frame = { id: 0x123, extended: false, data: Uint8Array.of(1, 2, 3) };

function heard(link: CanLink): ReceivedFrame[] {
  const frames: ReceivedFrame[] = [];
  link.onFrame((received) => frames.push(received));
  return frames;
}

function told(link: CanLink): LinkEvent[] {
  const events: LinkEvent[] = [];
  link.onEvent((event) => events.push(event));
  return events;
}

/** The code that the link ends with, and the ms after which it does. */
function ended(link: CanLink, since = clock.monotonic()): Promise<[code: string, ms: number]> {
  return new Promise((resolve) => {
    link.onClosed((error) => resolve([(error as { code?: string }).code ?? "", clock.monotonic() - since]));
  });
}

describe("a SocketCAN link", () => {
  it("carries what can-utils send and show: 11 and 29 bit, remote, CAN FD with its rate switch", async () => {
    const name = vcan();
    const link = await openCan(name, "", 2_000_000);
    const frames = heard(link);
    const dump = spawn("candump", ["-L", `${name}`], { stdio: ["ignore", "pipe", "ignore"] });
    const lines: string[] = [];
    createInterface({ input: dump.stdout }).on("line", (line) => lines.push(line.split(" ")[2] ?? ""));
    for (const text of ["7E0#0210", "18DA12F1#", "7DF#R", "123##1AABBCCDDEEFF00112233445566"])
      execFileSync("cansend", [name, text]);
    await until("four frames", () => frames.length === 4);
    expect(frames).toMatchObject([
      { id: 0x7e0, extended: false, data: Uint8Array.of(2, 0x10) },
      { id: 0x18da12f1, extended: true, data: new Uint8Array(0) },
      { id: 0x7df, remote: true },
      { id: 0x123, fd: true, data: { length: 16 } },
    ]);
    await until("candump", () => lines.length === 4);
    lines.length = 0;
    await link.send({ id: 0x7e0, extended: false, data: Uint8Array.of(2, 0x10) });
    await link.send({ id: 0x18da12f1, extended: true, data: new Uint8Array(0) });
    await link.send({ id: 0x123, extended: false, data: new Uint8Array(12).fill(0xee), fd: true, brs: true });
    await link.send({ id: 0x123, extended: false, data: Uint8Array.of(1), fd: true });
    await until("what candump shows", () => lines.length === 4);
    dump.kill("SIGTERM");
    // The first digit after ## is CANFD_BRS and, of newer kernels, CANFD_FDF.
    expect(lines.map((line) => line.replace(/##([4-7])/, (_, flags) => `##${Number(flags) - 4}`))).toEqual([
      "7E0#0210",
      "18DA12F1#",
      `123##1${"EE".repeat(12)}`,
      "123##001",
    ]);
    expect(frames).toHaveLength(4);
  });

  it("loses and doubles no frame of a long burst, and keeps the order", async () => {
    const name = vcan();
    const [a, b] = [await openCan(name), await openCan(name)];
    const frames = heard(b);
    const own = heard(a);
    const data = (i: number) => Uint8Array.of(i >> 8, i & 255);
    const sent = Array.from({ length: 3_000 }, (_, i) => a.send({ ...frame, data: data(i) }));
    await Promise.all(sent);
    await until("all frames", () => frames.length >= 3_000);
    expect(frames.map((received) => received.data)).toEqual(Array.from({ length: 3_000 }, (_, i) => data(i)));
    expect(own).toEqual([]);
  });

  it("refuses frames that would end the process", async () => {
    const link = await openCan(vcan());
    for (const data of [new Uint8Array(9), new Uint8Array(64), new Uint8Array(200)])
      await expect(link.send({ ...frame, data })).rejects.toMatchObject({ code: "LINK_SEND_FAILED" });
    await expect(link.send({ ...frame, fd: true, data: new Uint8Array(65) })).rejects.toMatchObject({
      code: "LINK_SEND_FAILED",
    });
    await link.send(frame);
  });

  it("refuses CAN FD on an interface that has it not", async () => {
    const name = vcan();
    ip("link", "set", name, "down");
    ip("link", "set", name, "mtu", "16");
    ip("link", "set", name, "up");
    await expect(openCan(name, "", 2_000_000)).rejects.toMatchObject({ code: "LINK_INTERFACE_CLASSIC" });
    const link = await openCan(name);
    expect(link.maxPayload).toBe(8);
    await expect(link.send({ ...frame, fd: true })).rejects.toMatchObject({ code: "LINK_SEND_FAILED" });
  });

  it("says which interface is missing, is none of CAN, or is down, and waits a while for one that comes up", async () => {
    const name = vcan();
    ip("link", "set", name, "down");
    await expect(openCan("nope0")).rejects.toMatchObject({ code: "LINK_INTERFACE_MISSING" });
    await expect(openCan("lo")).rejects.toMatchObject({ code: "LINK_INTERFACE_MISSING" });
    await expect(openCan(name)).rejects.toMatchObject({ code: "LINK_INTERFACE_DOWN" });
    const opening = openCan(name);
    ip("link", "set", name, "up");
    await (await opening).send(frame);
  });

  it("ends within a second when the interface goes down or away", async () => {
    for (const [args, code] of [
      [["set", "down"], "LINK_INTERFACE_DOWN"],
      [["del"], "LINK_INTERFACE_MISSING"],
    ] as const) {
      const name = vcan();
      const link = await openCan(name);
      const end = ended(link);
      const [verb, ...rest] = args;
      ip("link", verb, name, ...rest);
      const [ending, ms] = await end;
      expect(ending).toBe(code);
      expect(ms).toBeLessThan(1_000);
      await expect(link.send(frame)).rejects.toMatchObject({ code });
    }
  });

  it("comes back on a new channel after down and up where it may wait", async () => {
    const name = vcan();
    const [link, other] = [await openCan(name, "?recovery=20000"), await openCan(name, "?recovery=20000")];
    const events = told(link);
    ip("link", "set", name, "down");
    await until("the warning", () => events.length === 1);
    await expect(link.send(frame)).rejects.toMatchObject({ code: "LINK_INTERFACE_DOWN" });
    const others = told(other);
    ip("link", "set", name, "up");
    await until("restarted", () => events.some(({ kind }) => kind === "restarted"));
    await until("the other's restart", () => others.some(({ kind }) => kind === "restarted"));
    const frames = heard(link);
    await other.send(frame);
    await until("the frame", () => frames.length === 1);
    await link.send(frame);
  });

  it("tells error frames as events and hands none on as a frame", async () => {
    const name = vcan();
    const link = await openCan(name, "?recovery=20000");
    const [frames, events] = [heard(link), told(link)];
    errorFrame(name, 0x004, "0008000000000000");
    errorFrame(name, 0x020);
    errorFrame(name, 0x100);
    await until("three events", () => events.length === 3);
    expect(events).toEqual([
      { kind: "warning", text: "error warning (sending)" },
      { kind: "warning", text: "nobody acknowledged a frame" },
      { kind: "restarted" },
    ]);
    errorFrame(name, 0x040);
    await until("bus-off", () => events.some(({ kind }) => kind === "bus-off"));
    await until("recovery", () => events.at(-1)?.kind === "restarted");
    await link.send(frame);
    expect(frames).toEqual([]);
  });

  it("sees the kernel's slcan driver go to warning, passive and bus-off, and comes back when that does", async () => {
    const sim = await startEcu("body-she");
    const { name, say } = await slcanNetdev(sim.url);
    const link = await openCan(name, "?recovery=60000");
    const events = told(link);
    say("sw000100");
    await until("error warning", () => events.length === 1);
    say("sp000130");
    await until("error passive", () => events.length === 2);
    say("sb000256");
    await until("bus-off", () => events.some(({ kind }) => kind === "bus-off"));
    expect(controllerState(name)).toBe("BUS-OFF");
    await expect(link.send(frame)).rejects.toMatchObject({ code: "LINK_BUS_OFF" });
    ip("link", "set", name, "down");
    ip("link", "set", name, "up");
    await until("recovery", () => events.at(-1)?.kind === "restarted");
    await link.send(frame);
    expect(events.map(({ kind }) => kind)).toEqual(["warning", "warning", "bus-off", "restarted"]);
    await sim.stop();
  });

  it("ends within a second when the adapter behind the kernel's slcan driver is pulled out", async () => {
    const sim = await startEcu("body-she");
    const { name, unplug } = await slcanNetdev(sim.url);
    const link = await openCan(name);
    const since = clock.monotonic();
    const end = ended(link, since);
    await unplug();
    const [code, ms] = await end;
    expect(code).toMatch(/^LINK_INTERFACE_(MISSING|DOWN)$/);
    expect(ms).toBeLessThan(1_000);
    await sim.stop();
  });
});
