/** Traces of a whole run under programs that know nothing of us: tshark, python-can, and our own `trace show` beside them. */
import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { python, requireTool, works } from "../require.js";
import { addressedProfile } from "../system/addressed.js";
import { run, startEcu, tempFolder } from "../system/harness.js";
import { checkLines } from "./lines.js";

const present =
  requireTool("tshark", () => works("tshark", ["--version"]), "apt-get install -y tshark") &&
  requireTool("python3 with python-can", () => works(python, ["-c", "import can"]), "apt-get install -y python3-can");

/** A line of `trace show --json`. */
interface Line {
  kind: string;
  direction: "tx" | "rx" | null;
  id: string;
  extended: boolean;
  bytes: string;
  data: string;
  time: string;
  frames: number;
  messages: number;
  faults: number;
  cut: boolean;
  fd?: boolean;
  uds: { pending?: boolean; nrc?: string; malformed?: string };
}

type Files = Readonly<Record<"log" | "asc" | "pcapng", string>>;

/** One unit over slcan and TCP, PASS; its traces. */
async function trace(profile: string, inputs: readonly string[]): Promise<Files> {
  const ecu = await startEcu(profile);
  const data = tempFolder();
  const args = ["run", "--profile", profile, "--link", ecu.url, "--data", data, "--trace", "all", ...inputs];
  const done = await run("ecustation", args, { limit: 100_000 });
  await ecu.stop();
  expect(done.code, done.stdout + done.stderr).toBe(0);
  const names = readdirSync(join(data, "traces"));
  const file = (format: string) => join(data, "traces", names.find((name) => name.endsWith(`.${format}`)) ?? "missing");
  return { log: file("log"), asc: file("asc"), pcapng: file("pcapng") };
}

async function show(file: string, ...options: string[]): Promise<Line[]> {
  const { code, stdout, stderr } = await run("ecustation", ["trace", "show", file, "--json", ...options]);
  expect(code, stderr).toBe(0);
  return stdout
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as Line);
}

const DECODE = ["-d", "can.subdissector,iso15765", "-d", "iso15765.subdissector,uds"];

function tshark(file: string, ...args: string[]): string {
  const { status, stdout, stderr } = spawnSync("tshark", ["-r", file, ...DECODE, ...args], {
    encoding: "utf8",
    maxBuffer: 256 * 1_048_576,
  });
  expect(status, stderr).toBe(0);
  return stdout;
}

interface Packet {
  _source: { layers: { uds_raw?: [string] | [string][] } };
}

/** Hex of each UDS message that tshark puts together. */
function messagesOf(file: string): string[] {
  const packets = JSON.parse(tshark(file, "-Y", "uds", "-T", "json", "-x", "-j", "uds")) as Packet[];
  return packets.map(({ _source }) => String(_source.layers.uds_raw?.[0]));
}

/** Microseconds of `2026-11-22T04:37:11.439430Z`. */
const micros = (time: string) => Date.parse(`${time.slice(0, 23)}Z`) * 1_000 + Number(time.slice(23, 26));

const VIN = ["--vin", "KMHC851CFLU061234"];
const fd = { requestId: 0x6f1, responseId: 0x612, functionalId: 0x6f0, fd: { dataBitrate: 2_000_000 } };

describe.runIf(present).each([
  ["classical CAN", () => "evcc", [...VIN, "--pcid", "KM8P2844A9TD84HR91", "--evccid", "KM7V200DA343BEMZEG80"]],
  ["CAN FD", () => addressedProfile("normal", fd), VIN],
])("the traces of a whole run on %s", (_, profile, inputs) => {
  let files: Files;
  let lines: Line[];
  beforeAll(async () => {
    files = await trace(profile(), inputs);
    lines = await show(files.pcapng, "--frames");
  });

  it("show messages without a fault, 0x78 among them", () => {
    const last = lines.at(-1);
    expect(last).toMatchObject({ kind: "end", faults: 0, cut: false });
    const messages = lines.filter(({ kind }) => kind === "message");
    // Keys alone are loaded without one.
    expect(messages.some(({ uds }) => uds.pending === true)).toBe(inputs !== VIN);
    expect(messages.filter(({ uds }) => uds.malformed !== undefined)).toEqual([]);
    expect(messages.length).toBe(last?.messages);
  });

  it("are decoded by tshark into the same UDS messages, none malformed, none left unreassembled", () => {
    expect(messagesOf(files.pcapng)).toEqual(lines.filter(({ kind }) => kind === "message").map(({ bytes }) => bytes));
    expect(tshark(files.pcapng, "-Y", "_ws.malformed || iso15765.message_type.bad || iso15765.fragment.error")).toBe(
      "",
    );
    // A first or consecutive frame that belongs to no message has neither a message in it nor one that names it.
    expect(tshark(files.pcapng, "-2", "-Y", "iso15765.message_type in {1,2} && !uds && !iso15765.reassembled.in")).toBe(
      "",
    );
  });

  it("have times that never go backwards, the direction and the interface for tshark", () => {
    const rows = tshark(files.pcapng, "-T", "fields", "-e", "frame.time_epoch", "-e", "frame.p2p_dir", "-e", "can.id");
    const fields = rows
      .trim()
      .split("\n")
      .map((row) => row.split("\t"));
    const times = fields.map(([time]) => Number(time));
    expect(times.every((time, i) => i === 0 || time >= (times[i - 1] ?? 0))).toBe(true);
    expect(Math.abs((times[0] ?? 0) - Date.now() / 1_000)).toBeLessThan(600);
    expect(new Set(fields.map(([, way, id]) => `${way} ${id}`)).size).toBe(2);
  });

  it("are the same frames for python-can in the log and in ASC as in pcapng", async () => {
    const seen = await checkLines("read_traces.py", [files.log, files.asc], 60_000);
    expect(seen.summary, seen.errors).toEqual({ passed: 2, failed: 0 });
    const ours = lines
      .filter(({ kind }) => kind === "frame")
      .map(({ id, extended, fd = false, direction, data, time }) => ({
        id: Number.parseInt(id, 16),
        extended,
        fd,
        rx: direction === "rx",
        data,
        at: micros(time),
      }));
    expect(JSON.parse(seen.lines[0] ?? "")).toEqual(ours);
    expect(JSON.parse(seen.lines[1] ?? "")).toEqual(ours);
  });

  it("say the same to trace show in every format", async () => {
    const essence = (all: Line[]) =>
      all
        .filter(({ kind }) => kind === "message")
        .map(({ time, direction, id, bytes }) => [time, direction, id, bytes]);
    const expected = essence(lines);
    expect(essence(await show(files.log))).toEqual(expected);
    expect(essence(await show(files.asc))).toEqual(expected);
  });

  it("hold none of the secrets of the run, in frames or in messages put together", () => {
    // Security access of the profile, and the supplier's.
    const secrets = ["00112233445566778899aabbccddeeff", Buffer.from("SIMULATOR-SECRET").toString("hex")];
    const left = [
      ...Object.values(files).map((file) => readFileSync(file)),
      Buffer.from(lines.map(({ bytes, data }) => bytes ?? data ?? "").join("\n"), "latin1"),
      Buffer.concat(lines.filter(({ kind }) => kind === "message").map(({ bytes }) => Buffer.from(bytes, "hex"))),
    ];
    for (const secret of secrets) for (const bytes of left) expect(windowOf(bytes, secret)).toBe(undefined);
    const planted = Buffer.concat([left[0] ?? Buffer.alloc(0), Buffer.from(secrets[0] ?? "", "hex").subarray(3, 12)]);
    expect(windowOf(planted, secrets[0] ?? "")).toBe("33445566778899aa");
  });
});

/** The first window of 8 bytes of a secret that stands in `bytes`, raw, in hex of either case or in base64. */
function windowOf(bytes: Buffer, secret: string): string | undefined {
  const text = bytes.toString("latin1");
  const spaced = text.toLowerCase().replace(/(?<=[0-9a-f]{2}) (?=[0-9a-f]{2})/g, "");
  for (let at = 0; at + 16 <= secret.length; at += 2) {
    const window = secret.slice(at, at + 16);
    const raw = Buffer.from(window, "hex");
    if (text.includes(raw.toString("latin1")) || spaced.includes(window)) return window;
    if (text.includes(raw.subarray(0, 6).toString("base64"))) return window;
  }
  return undefined;
}
