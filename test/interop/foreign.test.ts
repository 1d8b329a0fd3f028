/** ecu-sim, driven by python-can's slcan and by scapy's ISO-TP and UDS. */
import { describe, expect, it } from "vitest";
import { python, requireTool, works } from "../require.js";
import { startEcu } from "../system/harness.js";
import { checkLines, failures } from "./lines.js";

const present = requireTool(
  "python3 with scapy, python-can, pyserial and cryptography",
  () => works(python, ["-c", "import can, serial, cryptography, scapy.contrib.isotp"]),
  "apt-get install -y python3-scapy python3-can python3-serial python3-cryptography",
);

describe.runIf(present)("ecu-sim under programs that know nothing of it", () => {
  it("is understood by python-can and scapy, from the adapter's version to a download", async () => {
    const ecu = await startEcu("evcc");
    const seen = await checkLines("foreign.py", [ecu.url], 60_000);
    await ecu.stop();
    expect(failures(seen.lines)).toEqual([]);
    expect(seen.summary, seen.errors).toMatchObject({ failed: 0 });
    expect(seen.summary.passed).toBeGreaterThan(20);
  });
});
