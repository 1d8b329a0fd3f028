import { describe, expect, it } from "vitest";
import type { UdsEcuSession } from "../../../../src/ecu/uds/session.js";
import { fromHex } from "../../../../src/shared/bytes.js";
import { ecuBench, MAP } from "./ecu.js";

const SET = { m1: new Uint8Array(16).fill(1), m2: new Uint8Array(32).fill(2), m3: new Uint8Array(16).fill(3) };
const S3 = 5_000;

/**
 * An ECU with S3 that locks with its session. The answer to the `lost`-th request that begins with `prefix` never comes, but for a 0x78,
 * behind which the station waits longer than S3.
 */
function bench(prefix: string, refusal: string, lost = 1) {
  let open = false;
  let left = lost;
  let until = 0;
  const b = ecuBench(
    (request) => {
      const now = b.clock.monotonic();
      if (now > until) open = false;
      until = now + S3;
      if (request === "1003") return "5003003201f4";
      if (request === "2711") return `6711${"00".repeat(15)}01`;
      if (request.startsWith("2712")) {
        open = true;
        return "6712";
      }
      if (request.startsWith("3e")) return undefined;
      const sid = request.slice(0, 2);
      if (!open && !request.startsWith("22")) return `7f${sid}${refusal}`;
      const pending = `7f${sid}78`;
      if (request.startsWith(prefix) && left-- > 0) return pending;
      if (sid === "2e") return `6e${request.slice(2, 6)}`;
      if (sid === "34") return "74200ffe";
      if (sid === "36") return `76${request.slice(2, 4)}`;
      if (sid === "37") return "77";
      if (sid === "22") return `62${request.slice(2)}aa`;
      const answers: Record<string, string> = {
        "31010210": `7101021000${"04".repeat(32)}${"05".repeat(16)}`,
        "31030210": `7103021000${"04".repeat(32)}${"05".repeat(16)}`,
        "31010211": `7101021100${"0a".repeat(16)}`,
        "31010212": `7101021200${"01".repeat(15)}00${"0a".repeat(16)}`,
        "31010220": "7101022000",
        "31010221": "7101022100",
        "31010222": "7101022200000130",
        "31010230": "7101023000",
      };
      return answers[request.slice(0, 8)] ?? `7f${sid}31`;
    },
    { ...MAP, uds: { ...MAP.uds, P2: 50, P2star: 5_000, S3, margin: 250 } },
  );
  /** What went out behind the opening, keep-alive apart. */
  const wire = () => b.wire.filter((request) => !request.startsWith("3e")).slice(3);
  return { ...b, wireAfter: wire };
}

const signal = new AbortController().signal;
const OPENED = ["1003", "2711", "2712"];
const brief = (wire: readonly string[]) =>
  wire.map((request) => (/^(31|2e|22)/.test(request) ? request.slice(0, 8) : request.slice(0, 4)));

/** Steps that may reach the ECU twice, and their requests. */
const HARMLESS: readonly [string, (session: UdsEcuSession) => Promise<unknown>, string][] = [
  ["the VIN", (session) => session.writeVin("KMHXX00XXXX000001", signal), "2ef1904b"],
  ["the clock", (session) => session.setClock(1_700_000_000_000, signal), "2ef1b000"],
  ["a CMAC", (session) => session.generateMac(4, fromHex("aa"), signal), "31010211"],
  ["the UID", (session) => session.getId(new Uint8Array(16), signal), "31010212"],
  ["a proof", (session) => session.prove(0, new Uint8Array(32), signal), "31010222"],
  ["the receipt of a load", (session) => session.lastLoad(4, signal), "31030210"],
  ["the lock", (session) => session.lock(signal), "31010230"],
];

describe("a lost answer, behind which the ECU has left the session", () => {
  it.each(HARMLESS)("is followed by a new session, and %s again", async (_, act, request) => {
    const b = bench(request.slice(0, 8), "7f");
    await b.drive(b.session.unlock(signal));
    await b.drive(act(b.session));
    // The repeat that is refused shows that S3 ran out.
    expect(brief(b.wireAfter())).toEqual([request, request, ...OPENED, request]);
  });

  it("repeats a read without a new session: it needs none", async () => {
    const b = bench("22f1c0", "7f");
    await b.drive(b.session.unlock(signal));
    await b.drive(b.session.readCertificate(0, signal));
    expect(b.wireAfter()).toEqual(["22f1c0", "22f1c0"]);
  });

  it("downloads certificates anew in a new session where they are installed once more", async () => {
    const b = bench("31010221", "33");
    await b.drive(b.session.unlock(signal));
    const install = () => b.drive(b.session.install(0, "leaf", [fromHex("30820001aa")], signal));
    await expect(install()).rejects.toMatchObject({ code: "UDS_TIMEOUT" });
    await install();
    expect(brief(b.wireAfter())).toEqual(
      [["3400", "3601", "37", "31010221"], ["3400"], OPENED, ["3400", "3601", "37", "31010221"]].flat(),
    );
  });

  it.each<[string, (session: UdsEcuSession) => Promise<unknown>, string]>([
    ["a load", (session: UdsEcuSession) => session.loadKey(SET, signal), "31010210"],
    [
      "a key pair",
      (session: UdsEcuSession) => session.makeKeyPair(0, "P-256", new Uint8Array(2), new Uint8Array(0), signal),
      "31010220",
    ],
  ])("does not send %s twice", async (_, act, request) => {
    const b = bench(request, "7f");
    await b.drive(b.session.unlock(signal));
    await expect(b.drive(act(b.session))).rejects.toMatchObject({ code: "UDS_TIMEOUT", details: { timer: "P2*" } });
    expect(brief(b.wireAfter())).toEqual([request]);
  });

  it("lets the station ask what became of a load: the session is opened for that", async () => {
    const b = bench("31010210", "34");
    await b.drive(b.session.unlock(signal));
    await expect(b.drive(b.session.loadKey(SET, signal))).rejects.toMatchObject({ code: "UDS_TIMEOUT" });
    expect(await b.drive(b.session.lastLoad(4, signal))).toMatchObject({ status: "NO_ERROR" });
    expect(brief(b.wireAfter())).toEqual(["31010210", "31030210", ...OPENED, "31030210"]);
  });

  it.each(["7f", "7e", "33", "34"])("sends a load again that was refused with %s: nothing was done", async (nrc) => {
    const b = bench("none", nrc);
    const { say } = b.script;
    await b.drive(b.session.unlock(signal));
    let refused = false;
    b.script.say = (request) => {
      if (refused || !request.startsWith("31")) return say(request);
      refused = true;
      return `7f31${nrc}`;
    };
    await b.drive(b.session.loadKey(SET, signal));
    expect(brief(b.wireAfter())).toEqual(["31010210", ...OPENED, "31010210"]);
  });
});

describe("an ECU that refuses", () => {
  it("for good is asked once more in a new session, and no further", async () => {
    const b = bench("none", "33");
    const { say } = b.script;
    b.script.say = (request) => (request.startsWith("31010230") ? "7f3133" : say(request));
    await b.drive(b.session.unlock(signal));
    await expect(b.drive(b.session.lock(signal))).rejects.toMatchObject({ details: { nrc: 0x33 } });
    expect(brief(b.wireAfter())).toEqual(["31010230", ...OPENED, "31010230"]);
  });

  it("in a session that was never opened is not opened for that", async () => {
    const b = bench("none", "7f");
    await expect(b.drive(b.session.lock(signal))).rejects.toMatchObject({ details: { nrc: 0x7f } });
    expect(b.requests.map(({ hex }) => hex)).toEqual(["31010230"]);
  });

  it("is told what stays silent twice", async () => {
    const b = bench("31010230", "7f", 99);
    await b.drive(b.session.unlock(signal));
    await expect(b.drive(b.session.lock(signal))).rejects.toMatchObject({ code: "UDS_TIMEOUT" });
  });
});
