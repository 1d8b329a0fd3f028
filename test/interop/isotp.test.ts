/** ISO-TP of ecu-sim under scapy, in every addressing format, and under raw frames that a program of its own writes from the standard. */
import { describe, expect, it } from "vitest";
import { python, requireTool, works } from "../require.js";
import { addressedProfile } from "../system/addressed.js";
import { startEcu } from "../system/harness.js";
import { checkLines, failures } from "./lines.js";

const present = requireTool(
  "python3 with scapy, python-can, pyserial and cryptography",
  () => works(python, ["-c", "import can, serial, cryptography, scapy.contrib.isotp"]),
  "apt-get install -y python3-scapy python3-can python3-serial python3-cryptography",
);

const ids = { requestId: 0x6f1, responseId: 0x612, functionalId: 0x6f0 };
const ids29 = { extendedIds: true, requestId: 0x1234_56f1, responseId: 0x1234_5612, functionalId: 0x1234_56f0 };
/** scapy polls every 5 ms and needs that for each block. */
const flowControl = { station: { BS: 0, STmin: 0 }, ecu: { BS: 64, STmin: 0 } };
const addresses = { testerAddress: 0xf1, ecuAddress: 0x12, functionalAddress: 0xdf };

/** Fields of the profile, and what scapy is told: identifiers, first bytes. */
const FORMATS = [
  ["normal", ids, { tx: 0x6f1, rx: 0x612, functional: 0x6f0 }],
  ["normal", ids29, { tx: 0x1234_56f1, rx: 0x1234_5612, functional: 0x1234_56f0 }],
  ["normal-fixed", addresses, { tx: 0x18da_12f1, rx: 0x18da_f112, functional: 0x18db_dff1 }],
  ["normal-fixed", { ...addresses, priority: 2 }, { tx: 0x08da_12f1, rx: 0x08da_f112, functional: 0x08db_dff1 }],
  [
    "extended",
    { ...ids, ...addresses },
    { tx: 0x6f1, rx: 0x612, functional: 0x6f0, to: 0x12, from: 0xf1, toAll: 0xdf },
  ],
  [
    "extended",
    { ...ids29, ...addresses, functionalId: 0x1234_56f1 },
    { tx: 0x1234_56f1, rx: 0x1234_5612, functional: 0x1234_56f1, to: 0x12, from: 0xf1, toAll: 0xdf },
  ],
  [
    "mixed",
    { ...ids, addressExtension: 0x55 },
    { tx: 0x6f1, rx: 0x612, functional: 0x6f0, to: 0x55, from: 0x55, toAll: 0x55 },
  ],
  [
    "mixed-29",
    { ...addresses, addressExtension: 0x55 },
    { tx: 0x18ce_12f1, rx: 0x18ce_f112, functional: 0x18cd_dff1, to: 0x55, from: 0x55, toAll: 0x55 },
  ],
] as const;

async function judge(script: string, profile: string, what: object): Promise<number> {
  const ecu = await startEcu(profile);
  const seen = await checkLines(script, [ecu.url, JSON.stringify(what)], 60_000);
  await ecu.stop();
  expect(failures(seen.lines)).toEqual([]);
  expect(seen.summary, seen.errors).toMatchObject({ failed: 0 });
  return seen.summary.passed ?? 0;
}

describe.runIf(present)("scapy's ISO-TP understands ecu-sim", () => {
  it.each(FORMATS)("with %s addressing: %j", async (addressing, fields, what) => {
    expect(
      await judge("isotp_scapy.py", addressedProfile(addressing, { ...fields, flowControl }), what),
    ).toBeGreaterThan(15);
  });
});

describe.runIf(present)("raw frames and what ecu-sim makes of them", () => {
  it("on classical CAN", async () => {
    expect(
      await judge("isotp_raw.py", addressedProfile("normal", ids), { tx: 0x6f1, rx: 0x612, functional: 0x6f0 }),
    ).toBeGreaterThan(25);
  });

  it("on CAN FD", async () => {
    const fd = { dataBitrate: 2_000_000, TX_DL: { station: 64, ecu: 32 } };
    const what = { tx: 0x6f1, rx: 0x612, functional: 0x6f0, fd: true };
    expect(await judge("isotp_raw.py", addressedProfile("normal", { ...ids, fd }), what)).toBeGreaterThan(20);
  });
});
