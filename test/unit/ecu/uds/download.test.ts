import { describe, expect, it } from "vitest";
import { fromHex } from "../../../../src/shared/bytes.js";
import { ecuBench, MAP } from "./ecu.js";

/** Takes a download in blocks of `block` data bytes and notes the blocks. */
function flash(block: number, drop: (counter: number, tries: number) => boolean = () => false) {
  const blocks: string[] = [];
  const tries = new Map<string, number>();
  const say = (request: string): string | undefined => {
    if (request.startsWith("34")) return `7420${(block + 2).toString(16).padStart(4, "0")}`;
    if (request === "37") return "77";
    if (request.startsWith("3101")) return `7101${request.slice(4, 8)}00`;
    const tried = (tries.get(request) ?? 0) + 1;
    tries.set(request, tried);
    if (tried === 1) blocks.push(request.slice(2));
    return drop(Number.parseInt(request.slice(2, 4), 16), tried) ? undefined : `76${request.slice(2, 4)}`;
  };
  return { blocks, say };
}

describe("installing", () => {
  it("downloads all certificates together and installs them as their type", async () => {
    const ecu = flash(4_092);
    const b = ecuBench(ecu.say);
    const answer = await b.drive(b.session.install(5, "issuers", [fromHex("3001aa"), fromHex("3001bb")], b.signal));
    expect(answer.status).toBe("DONE");
    expect(b.wire).toEqual(["3400441000000000000006", "36013001aa3001bb", "37", "310102210502"]);
  });

  it("cuts blocks as the ECU says, and its counter goes on from FF to 00", async () => {
    const ecu = flash(3);
    const b = ecuBench(ecu.say);
    await b.drive(
      b.session.install(0, "leaf", [Uint8Array.from({ length: 3 * 258 - 1 }, (_, i) => 7 * i + (i >> 8))], b.signal),
    );
    expect(ecu.blocks).toHaveLength(258);
    expect(ecu.blocks.slice(0, 2)).toEqual(["0100070e", "02151c23"]);
    expect(ecu.blocks.slice(253).map((block) => block.slice(0, 2))).toEqual(["fe", "ff", "00", "01", "02"]);
    expect(ecu.blocks.at(-1)).toHaveLength(2 + 2 * 2);
  });

  it("repeats a block whose answer was lost", async () => {
    const ecu = flash(8, (counter, tries) => counter === 2 && tries === 1);
    const b = ecuBench(ecu.say);
    await b.drive(b.session.install(0, "leaf", [new Uint8Array(20)], b.signal));
    expect(b.wire.filter((request) => request.startsWith("36")).map((request) => request.slice(2, 4))).toEqual([
      "01",
      "02",
      "02",
      "03",
    ]);
  });

  it("begins the transfer anew where the ECU has lost its place in it", async () => {
    const sent: string[] = [];
    const b = ecuBench((request) => {
      sent.push(request.slice(0, 4));
      if (request.startsWith("34")) return "74200004";
      if (request === "37") return "77";
      if (request.startsWith("31")) return "7101022100";
      // The block was stored, its answer lost, and this ECU knows no repeated block.
      if (request.startsWith("3602") && sent.filter((one) => one === "3602").length <= 2)
        return sent.filter((one) => one === "3602").length === 1 ? undefined : "7f3673";
      return `76${request.slice(2, 4)}`;
    });
    await b.drive(b.session.install(0, "leaf", [new Uint8Array(5)], b.signal));
    expect(sent).toEqual(["3400", "3601", "3602", "3602", "3400", "3601", "3602", "3603", "37", "3101"]);
  });

  it("gives up an ECU that loses its place again", async () => {
    const b = ecuBench((request) => (request.startsWith("34") ? "74200004" : "7f3673"));
    await expect(b.drive(b.session.install(0, "leaf", [new Uint8Array(5)], b.signal))).rejects.toMatchObject({
      code: "UDS_NEGATIVE_RESPONSE",
      details: { nrc: 0x73 },
    });
    expect(b.wire.filter((request) => request.startsWith("34"))).toHaveLength(2);
  });

  it.each(["70", "71", "72"])("does not begin anew what the ECU gave up (NRC %s)", async (nrc) => {
    const b = ecuBench((request) => (request.startsWith("34") ? "74200004" : `7f36${nrc}`));
    await expect(b.drive(b.session.install(0, "leaf", [new Uint8Array(5)], b.signal))).rejects.toMatchObject({
      details: { nrc: Number.parseInt(nrc, 16) },
    });
    expect(b.wire).toHaveLength(2);
  });

  it("writes address and length as the ECU has them", async () => {
    const download = { address: 0x8000, maxLength: 100, addressBytes: 3, sizeBytes: 2, dataFormat: 0x11 };
    const b = ecuBench(flash(8).say, { ...MAP, download });
    await b.drive(b.session.install(0, "leaf", [new Uint8Array(5)], b.signal));
    expect(b.wire[0]).toBe("3411230080000005");
  });

  it("gives up a block that is never answered", async () => {
    const ecu = flash(8, (counter) => counter === 2);
    const b = ecuBench(ecu.say);
    await expect(b.drive(b.session.install(0, "leaf", [new Uint8Array(20)], b.signal))).rejects.toMatchObject({
      code: "UDS_TIMEOUT",
      details: { service: "36 TransferData" },
    });
  });

  it("refuses what is longer than the ECU takes, before anything is sent", async () => {
    const b = ecuBench(() => undefined);
    await expect(b.drive(b.session.install(0, "leaf", [new Uint8Array(0x4001)], b.signal))).rejects.toMatchObject({
      code: "ISOTP_TOO_LONG",
    });
    expect(b.wire).toEqual([]);
  });

  it.each(["74", "7400", "74200002", "7420", "7470010203040506"])("refuses the answer %s to 34", async (answer) => {
    const b = ecuBench(() => answer);
    await expect(b.drive(b.session.install(0, "leaf", [new Uint8Array(4)], b.signal))).rejects.toMatchObject({
      code: "UDS_UNEXPECTED_RESPONSE",
    });
  });
});
