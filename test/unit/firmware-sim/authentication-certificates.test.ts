import { readFileSync } from "node:fs";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { readAuthentication } from "../../../firmware-sim/authentication-files.js";
import type { Profile } from "../../../src/profiles/schema.js";
import { StationError } from "../../../src/shared/errors.js";
import { type Made, OpensslPki, pem, proof, proves, sized, year } from "./authentication-pki.js";
import { Bench, type BenchOptions, EVCC } from "./bench.js";

type ByCertificates = Extract<Profile["securityAccess"], { kind: "certificate" }>;

const CLIENT = "c1".repeat(32);
/** Certificates of OpenSSL begin today. */
const NOW = Date.now() + 3_600_000;

const withCertificates = (more: Partial<ByCertificates> = {}): Profile => ({
  ...EVCC,
  securityAccess: { kind: "certificate", algorithm: "ecdsa-p256-sha256", credentials: "line", ...more },
});

describe("authentication by certificates", () => {
  let pki: OpensslPki;
  let root: Made;
  let issuing: Made;
  let tester: Made;
  let ecu: Made;
  let bench: Bench;
  beforeAll(() => {
    pki = new OpensslPki();
    root = pki.root("root");
    issuing = pki.ca("issuing", root);
    tester = pki.issue("tester", issuing);
    ecu = pki.issue("ecu", root, { subject: "/OU=ecu/CN=ecu" });
  });
  afterAll(() => pki.close());
  afterEach(() => bench?.close());

  async function start(more: Partial<ByCertificates> = {}, trust: readonly string[] = [], options: BenchOptions = {}) {
    const profile = withCertificates(more);
    const anchors = pki.file("anchors.pem", pem(root), ...trust);
    const identity = pki.file("identity.pem", pem(ecu), readFileSync(ecu.keyFile, "utf8"));
    const files = { anchors, ...(more.mutual === false ? {} : { identity }) };
    const authentication = await readAuthentication(profile, files);
    bench = await Bench.start({
      ...options,
      ecu: { profile, unit: { clock: NOW }, ...(authentication && { authentication }), ...options.ecu },
    });
    await bench.ask("1003");
  }

  const chain = (leaf: Made) => sized(leaf.der + issuing.der);
  const show = (certificates: string, client = "") => `2901${"00"}${certificates}${sized(client)}`;

  /** The challenge of the ECU for a certificate that it takes. */
  async function challenge(certificates = chain(tester)): Promise<string> {
    const answer = await bench.ask(show(certificates));
    expect(answer).toMatch(/^6901110020[0-9a-f]{64}0000$/);
    return answer.slice(10, 74);
  }

  const prove = (signature: string) => bench.ask(`2903${sized(signature)}0000`);

  it("opens the lock for who owns the certificate's key", async () => {
    await start({ mutual: false });
    expect(await bench.ask("31010230")).toBe("7f3134");
    const server = await challenge();
    expect(await prove(proof(tester, server))).toBe("6903120000");
    expect(await bench.ask("31010230")).toBe("7101023000");
  });

  it("proves itself first where the profile is mutual", async () => {
    await start();
    const answer = await bench.ask(`290200${chain(tester)}${sized(CLIENT)}`);
    const [, server = "", own] = new RegExp(`^6902110020(.{64})${sized(ecu.der)}..(..*)0000$`).exec(answer) ?? [];
    expect(proves(ecu, server + CLIENT, own?.slice(2) ?? "")).toBe(true);
    expect(await prove(proof(tester, CLIENT + server))).toBe("6903120000");
    expect(await bench.ask("31010230")).toBe("7101023000");
  });

  it("takes P-521 with SHA-512", async () => {
    const large = pki.issue("large", issuing, { curve: "secp521r1" });
    await start({ mutual: false, algorithm: "ecdsa-p521-sha512" });
    const server = await challenge(chain(large));
    expect(await prove(proof(large, server, "sha512"))).toBe("6903120000");
  });

  describe("refuses a certificate", () => {
    const leaf = (name: string, options: Parameters<OpensslPki["issue"]>[2]) => pki.issue(name, issuing, options);
    const flip = (der: string) => der.slice(0, -2) + (der.endsWith("00") ? "01" : "00");
    const cases: readonly [string, string, () => string, Partial<ByCertificates>?][] = [
      ["50", "that has ended", () => chain(leaf("old", { from: year(-3), to: year(-1) }))],
      ["50", "that has not begun", () => chain(leaf("new", { from: year(2), to: year(3) }))],
      ["51", "whose signature is wrong", () => sized(flip(tester.der) + issuing.der)],
      ["51", "under a CA whose signature is wrong", () => sized(tester.der + flip(issuing.der))],
      ["52", "without its issuing CA", () => sized(tester.der)],
      ["52", "of another root", () => sized(pki.issue("stranger", pki.root("elsewhere")).der)],
      ["53", "that is a CA's", () => sized(issuing.der)],
      ["53", "whose key may not sign", () => chain(leaf("agrees", { extensions: ["keyUsage=critical,keyAgreement"] }))],
      ["54", "that is none", () => sized("3003020101")],
      ["54", "that is cut off", () => sized(tester.der.slice(0, -2))],
      ["54", "that is not there", () => sized("")],
      ["55", "with a key of another curve", () => chain(leaf("p521", { curve: "secp521r1" }))],
      [
        "56",
        "of another role",
        () => chain(leaf("repair", { subject: "/OU=repair/CN=repair" })),
        { roles: { station: "OU=end-of-line" } },
      ],
    ];
    it.each(cases)("with NRC %s: %s", async (nrc, _, certificates, more = {}) => {
      await start({ mutual: false, ...more });
      expect(await bench.ask(show(certificates()))).toBe(`7f29${nrc}`);
      expect(await prove("00")).toBe("7f2924");
    });

    it("with NRC 57: that is revoked, by the list of who issued it alone", async () => {
      const lost = leaf("lost", {});
      const others = pki.root("others");
      await start({ mutual: false }, [pki.crl(issuing, lost)]);
      expect(await bench.ask(show(chain(lost)))).toBe("7f2957");
      await challenge();
      await bench.close();
      await start({ mutual: false }, [pki.crl(others, lost)]);
      await challenge(chain(lost));
    });

    it("by its own clock", async () => {
      await start({ mutual: false }, [], { ecu: { unit: {} } });
      expect(await bench.ask(show(chain(tester)))).toBe("7f2950");
    });
  });

  it.each([
    ["58", "a proof of another challenge", () => proof(tester, "00".repeat(32)), "0000"],
    ["58", "a proof by another key", () => proof(ecu, "00".repeat(32)), "0000"],
    ["58", "what is no signature", () => "aabb", "0000"],
    ["5b", "an ephemeral key: there are no session keys", () => "aabb", "000101"],
    ["13", "a proof without bytes", () => "", "0000"],
    ["13", "lengths that do not add up", () => "aabb", "0001"],
  ])("refuses with NRC %s %s", async (nrc, _, signature, ephemeral) => {
    await start({ mutual: false });
    await challenge();
    expect(await bench.ask(`2903${sized(signature())}${ephemeral}`)).toBe(`7f29${nrc}`);
  });

  it("spends its challenge with every proof, and with every new certificate", async () => {
    await start({ mutual: false });
    const first = await challenge();
    expect(await prove("aabb")).toBe("7f2958");
    expect(await prove(proof(tester, first))).toBe("7f2924");
    const second = await challenge();
    expect(second).not.toBe(first);
    expect(await bench.ask(show(sized("")))).toBe("7f2954");
    expect(await prove(proof(tester, second))).toBe("7f2924");
  });

  it("counts wrong proofs: after three of them no certificate is taken for ten seconds, over a power cut too", async () => {
    await start({ mutual: false });
    for (let i = 0; i < 3; i++) {
      await challenge();
      expect(await prove("aabb")).toBe("7f2958");
    }
    expect(await bench.ask(show(chain(tester)))).toBe("7f2937");
    await bench.powerCycle();
    await bench.ask("1003");
    expect(await bench.ask(show(chain(tester)))).toBe("7f2937");
    await bench.clock.advance(10_100);
    await bench.ask("1003");
    await challenge();
  });

  it("says 59 where it cannot make a challenge", async () => {
    let broken = false;
    const random = (length: number) => {
      if (broken) throw new Error("no randomness");
      return new Uint8Array(length).fill(7);
    };
    await start({ mutual: false }, [], { ecu: { random } });
    broken = true;
    expect(await bench.ask(show(chain(tester)))).toBe("7f2959");
  });

  it("says 5C to a communicationConfiguration that it has not", async () => {
    await start({ mutual: false, communicationConfiguration: 2 });
    expect(await bench.ask(show(chain(tester)))).toBe("7f295c");
  });

  it("says 5D where a setting has it so", async () => {
    await start({ mutual: false }, [], { faults: ["nrc:29:5D:1"] });
    expect(await bench.ask("2900")).toBe("7f295d");
    expect(await bench.ask("2900")).toBe("690010");
  });

  it("locks with the session and when told", async () => {
    await start({ mutual: false });
    const server = await challenge();
    await bench.ask("1003");
    expect(await prove(proof(tester, server))).toBe("7f2924");
    expect(await prove(proof(tester, await challenge()))).toBe("6903120000");
    expect(await bench.ask("2900")).toBe("690010");
    expect(await bench.ask("31010230")).toBe("7f3134");
    expect(await bench.ask("2908")).toBe("690802");
  });

  describe("CAs that are sent ahead", () => {
    const ahead = { mutual: false, certificateEvaluationId: 0x0102 };
    const send = (hex: string, id = "0102") => bench.ask(`2904${id}${sized(hex)}`);

    it("stand on the tester's path", async () => {
      await start(ahead);
      expect(await bench.ask(show(sized(tester.der)))).toBe("7f2952");
      expect(await send(issuing.der)).toBe("690413");
      expect(await prove(proof(tester, await challenge(sized(tester.der))))).toBe("6903120000");
    });

    it.each([
      ["50", () => pki.issue("old-ca", root, { to: year(-1), extensions: ["basicConstraints=critical,CA:true"] }).der],
      ["51", () => `${issuing.der.slice(0, -2)}${issuing.der.endsWith("00") ? "01" : "00"}`],
      ["52", () => pki.ca("strange", pki.root("away")).der],
      ["53", () => tester.der],
      ["54", () => "3003020101"],
      ["54", () => "aa"],
    ])("are refused with NRC %s", async (nrc, der) => {
      await start(ahead);
      expect(await send(der())).toBe(`7f29${nrc}`);
    });

    it.each([
      ["a reset", ["1101"]],
      ["a session control", ["1003"]],
      ["the default session", ["1001", "1003"]],
    ])("are forgotten with %s, and do not add up from run to run", async (_, requests) => {
      await start(ahead);
      for (let i = 0; i < 10; i++) {
        expect(await send(issuing.der)).toBe("690413");
        for (const request of requests) await bench.ask(request);
        await bench.clock.advance(1_000);
        await bench.ask("1003");
      }
      expect(await bench.ask(show(sized(tester.der)))).toBe("7f2952");
    });

    it("are refused where none is in the request", async () => {
      await start(ahead);
      expect(await send("")).toBe("7f2954");
    });

    it("are refused where they are revoked, under another number, and where the profile has none", async () => {
      await start(ahead, [pki.crl(root, issuing)]);
      expect(await send(issuing.der)).toBe("7f2957");
      expect(await send(issuing.der, "0103")).toBe("7f2931");
      await bench.close();
      await start({ mutual: false });
      expect(await send(issuing.der)).toBe("7f2912");
    });
  });

  it("says 5A where the right cannot be made durable", async () => {
    let full = false;
    const onStep = () => {
      if (full) throw new StationError("STORE_FAILED", { details: { what: "full" } });
    };
    await start({ mutual: false }, [], { flash: { onStep } });
    await challenge();
    expect(await prove("aabb")).toBe("7f2958");
    const server = await challenge();
    full = true;
    expect(await prove(proof(tester, server))).toBe("7f295a");
    expect(await bench.ask("31010230")).toBe("7f3134");
  });
});
