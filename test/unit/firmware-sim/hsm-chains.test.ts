/** Chains that OpenSSL made, and judges beside the ECU (routine 0221 of the reference ECU's interface). */
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import type { FlashCell } from "../../../firmware-sim/flash/memory.js";
import { fromHex } from "../../../src/shared/bytes.js";
import { requireOpenssl } from "../../require.js";
import { Bench, len2 } from "./bench.js";
import { CA, LEAF, type Made, OpensslCa, UNKNOWN, type Wanted } from "./hsm-openssl.js";

/** s; within the validity that certificates have by default. */
const NOW = Date.UTC(2026, 5, 1) / 1000;
const asn1 = (seconds: number) => `${new Date(seconds * 1000).toISOString().replace(/[-:T]|\.\d+/g, "")}`;
const NAME = "300f310d300b06035504030c0454657374";

const KEY_IDS = "authorityKeyIdentifier=keyid:always";
const SUB = [...CA, KEY_IDS];
const END = [...LEAF, KEY_IDS];
const without = (list: readonly string[], extension: string) => list.filter((line) => !line.startsWith(extension));
const withPathLength = (length: number) => [
  `basicConstraints=critical,CA:true,pathlen:${length}`,
  ...without(SUB, "basic"),
];

const has = requireOpenssl();
let ca: OpensslCa;
/** The flash of an ECU with a key pair in slot 0 and its clock set, and that pair's request. */
let cell: FlashCell;
let request: string;
let root: Made;
let sub: Made;
let bench: Bench | undefined;

beforeAll(async () => {
  if (!has) return;
  ca = new OpensslCa();
  root = ca.make({ name: "Root", extensions: CA });
  sub = ca.make({ name: "Sub", by: root, extensions: SUB });
  const ecu = await started({});
  await ecu.expect(`2ef1b0${NOW.toString(16).padStart(16, "0")}`, "6ef1b0");
  await ecu.expect(`310102200001${len2(NAME)}${NAME}0000`, "7101022000");
  request = ca.request(fromHex((await ecu.ask("22f1d0")).slice(6)));
  cell = ecu.cell;
  await ecu.close();
});
afterAll(() => ca?.close());
afterEach(async () => {
  await bench?.close();
  bench = undefined;
});

async function started(memory: FlashCell): Promise<Bench> {
  const ecu = await Bench.start({ cell: memory });
  await ecu.unlock();
  return ecu;
}

const leaf = (wanted: Partial<Wanted> = {}): Made => ca.make({ key: { request }, by: sub, extensions: END, ...wanted });
const make = (wanted: Wanted): Made => ca.make(wanted);

interface Chain {
  readonly leaf: Made;
  /** Default: the issuing CA of the leaf. */
  readonly issuers?: readonly Made[];
  /** Default: the root. */
  readonly anchors?: readonly Made[];
}

interface Row {
  readonly what: string;
  readonly chain: () => Chain;
  /** Status of the installation of the leaf. */
  readonly status: "00" | "02" | "03" | "04" | "06";
  /** Where OpenSSL says another thing, with the reason. */
  readonly openssl?: { readonly accepts: boolean | "either"; readonly because: string };
}

const ROWS: readonly Row[] = [
  { what: "leaf, issuing CA, anchor", chain: () => ({ leaf: leaf() }), status: "00" },
  { what: "the anchor alone", chain: () => ({ leaf: leaf({ by: root }), issuers: [] }), status: "00" },
  { what: "an issuing CA as the anchor", chain: () => ({ leaf: leaf(), issuers: [], anchors: [sub] }), status: "00" },
  {
    what: "three CAs, the leaf's issuer first",
    chain: () => {
      const [a, b] = twoMore();
      return { leaf: leaf({ by: b }), issuers: [b, a, sub] };
    },
    status: "00",
  },
  {
    what: "three CAs in the other order",
    chain: () => {
      const [a, b] = twoMore();
      return { leaf: leaf({ by: b }), issuers: [sub, a, b] };
    },
    status: "00",
  },
  {
    what: "a CA too many, of another tree",
    chain: () => ({ leaf: leaf(), issuers: [make({ extensions: CA }), sub] }),
    status: "00",
  },
  {
    what: "CAs too many, with keys that the ECU has no algorithm for",
    chain: () => ({
      leaf: leaf(),
      issuers: [make({ key: "RSA", extensions: CA }), sub],
      anchors: [make({ key: "P-384", extensions: CA, hash: "sha384" }), root],
    }),
    status: "00",
  },
  {
    what: "an expired CA beside a valid one with its name and key",
    chain: () => ({ leaf: leaf(), issuers: [make({ ...renewed(), to: "20260301000000Z" }), sub] }),
    status: "00",
  },
  {
    what: "CAs on P-521 with SHA-512",
    chain: () => {
      const anchor = make({ key: "P-521", extensions: CA, hash: "sha512" });
      return { leaf: leaf({ by: anchor, hash: "sha512" }), issuers: [], anchors: [anchor] };
    },
    status: "00",
  },
  { what: "a validity beyond 2050", chain: () => ({ leaf: leaf({ to: "20991231235959Z" }) }), status: "00" },
  { what: "an unknown extension that is not critical", chain: () => ({ leaf: leaf(extended(false)) }), status: "00" },
  { what: "a leaf in its first second", chain: () => ({ leaf: leaf({ from: asn1(NOW) }) }), status: "00" },
  { what: "a leaf in its last second", chain: () => ({ leaf: leaf({ to: asn1(NOW + 30) }) }), status: "00" },

  { what: "a leaf for a key that is not the ECU's", chain: () => ({ leaf: leaf({ key: "P-256" }) }), ...keyMismatch() },
  { what: "a leaf for a key on P-384", chain: () => ({ leaf: leaf({ key: "P-384" }) }), ...keyMismatch() },
  { what: "a leaf for an RSA key", chain: () => ({ leaf: leaf({ key: "RSA" }) }), ...keyMismatch() },

  { what: "no issuing CA", chain: () => ({ leaf: leaf(), issuers: [] }), status: "03" },
  { what: "another anchor", chain: () => ({ leaf: leaf(), anchors: [make({ extensions: CA })] }), status: "03" },
  {
    what: "another anchor of the same name",
    chain: () => ({ leaf: leaf(), anchors: [make({ name: "Root", extensions: CA })] }),
    status: "03",
  },
  {
    what: "another anchor of the same name where nothing has key identifiers",
    chain: () => {
      const plain = without(CA, "subjectKey");
      const real = make({ name: "Plain", extensions: plain });
      const own = leaf({ by: real, extensions: without(LEAF, "subjectKey") });
      return { leaf: own, issuers: [], anchors: [make({ name: "Plain", extensions: plain })] };
    },
    status: "03",
  },
  { what: "a gap between two CAs", chain: gap, status: "03" },
  { what: "a leaf signed by itself", chain: () => ({ leaf: selfSigned() }), status: "02" },
  {
    what: "more CAs than the root's path length",
    chain: () => {
      const anchor = make({ extensions: ["basicConstraints=critical,CA:true,pathlen:0", ...without(CA, "basic")] });
      const below = make({ by: anchor, extensions: SUB });
      return { leaf: leaf({ by: below }), issuers: [below], anchors: [anchor] };
    },
    status: "03",
  },
  {
    what: "more CAs than an issuing CA's path length",
    chain: () => {
      const upper = make({ by: root, extensions: withPathLength(0) });
      const lower = make({ by: upper, extensions: SUB });
      return { leaf: leaf({ by: lower }), issuers: [lower, upper] };
    },
    status: "03",
  },
  {
    what: "as many CAs as the path lengths bear",
    chain: () => {
      const upper = make({ by: root, extensions: withPathLength(1) });
      const lower = make({ by: upper, extensions: withPathLength(0) });
      return { leaf: leaf({ by: lower }), issuers: [lower, upper] };
    },
    status: "00",
  },
  {
    what: "a CA that may not sign certificates",
    chain: () => {
      const weak = make({ by: root, extensions: ["keyUsage=critical,digitalSignature", ...without(SUB, "keyUsage")] });
      return { leaf: leaf({ by: weak }), issuers: [weak] };
    },
    status: "03",
  },
  { what: "an unknown critical extension in the leaf", chain: () => ({ leaf: leaf(extended(true)) }), status: "03" },
  {
    what: "an unknown critical extension in an issuing CA",
    chain: () => {
      const odd = make({ by: root, extensions: [...SUB, `${UNKNOWN}=critical,ASN1:NULL`] });
      return { leaf: leaf({ by: odd }), issuers: [odd] };
    },
    status: "03",
  },
  { what: "critical name constraints that the leaf breaks", chain: () => constrained("excluded"), status: "03" },
  {
    what: "critical name constraints that the leaf keeps",
    chain: () => constrained("permitted"),
    status: "03",
    openssl: { accepts: true, because: "the ECU does not process them and must refuse (RFC 5280 4.2)" },
  },
  {
    what: "an issuing CA on P-384",
    chain: () => {
      const odd = make({ by: root, key: "P-384", extensions: SUB });
      return { leaf: leaf({ by: odd, hash: "sha384" }), issuers: [odd] };
    },
    status: "03",
    openssl: { accepts: true, because: "the ECU has P-256 and P-521" },
  },
  {
    what: "an RSA anchor",
    chain: () => {
      const odd = make({ key: "RSA", extensions: CA });
      return { leaf: leaf({ by: odd }), issuers: [], anchors: [odd] };
    },
    status: "03",
    openssl: { accepts: true, because: "the ECU has no RSA" },
  },
  {
    what: "a leaf signed with SHA-1",
    chain: () => ({ leaf: leaf({ hash: "sha1" }) }),
    status: "03",
    openssl: { accepts: "either", because: "its security level decides; the ECU knows SHA-2 alone" },
  },

  { what: "a leaf that begins in a minute", chain: () => ({ leaf: leaf({ from: asn1(NOW + 60) }) }), status: "04" },
  { what: "a leaf that ended a second ago", chain: () => ({ leaf: leaf({ to: asn1(NOW - 1) }) }), status: "04" },
  { what: "an issuing CA that has ended", chain: () => span({ to: "20260301000000Z" }), status: "04" },
  { what: "an issuing CA that has not begun", chain: () => span({ from: "20260901000000Z" }), status: "04" },
  {
    what: "an anchor that has ended",
    chain: () => {
      const old = make({ extensions: CA, to: "20260301000000Z" });
      return { leaf: leaf({ by: old }), issuers: [], anchors: [old] };
    },
    status: "04",
  },
  {
    what: "an anchor that has not begun",
    chain: () => {
      const early = make({ extensions: CA, from: "20260901000000Z" });
      return { leaf: leaf({ by: early }), issuers: [], anchors: [early] };
    },
    status: "04",
  },

  {
    what: "a CA for the ECU's key as leaf",
    chain: () => ({ leaf: leaf({ extensions: SUB }) }),
    status: "06",
    openssl: { accepts: true, because: "a CA is a certificate like others there" },
  },
];

function twoMore(): [Made, Made] {
  const upper = make({ by: sub, extensions: SUB });
  return [upper, make({ by: upper, extensions: SUB })];
}

const renewed = (): Wanted => ({ name: "Sub", key: { of: sub }, by: root, extensions: SUB });

function keyMismatch(): Pick<Row, "status" | "openssl"> {
  return { status: "02", openssl: { accepts: true, because: "whose key it is it cannot know" } };
}

function extended(critical: boolean): Partial<Wanted> {
  return { extensions: [...END, `${UNKNOWN}=${critical ? "critical," : ""}ASN1:NULL`] };
}

function gap(): Chain {
  const [, lower] = twoMore();
  return { leaf: leaf({ by: lower }), issuers: [lower, sub] };
}

function selfSigned(): Made {
  return make({ name: "Own", extensions: LEAF });
}

function constrained(kind: "permitted" | "excluded"): Chain {
  const rule = `nameConstraints=critical,${kind};dirName:names`;
  const names = ["[names]", "CN=Test"];
  const narrow = make({ by: root, extensions: [...SUB, rule, ...names] });
  return { leaf: leaf({ by: narrow }), issuers: [narrow] };
}

function span(times: Pick<Wanted, "from" | "to">): Chain {
  const other = make({ by: root, extensions: SUB, ...times });
  return { leaf: leaf({ by: other }), issuers: [other] };
}

describe.skipIf(!has)("a leaf of a chain that OpenSSL made", () => {
  it.each(ROWS)("$what: $status", async ({ chain, status, openssl }) => {
    const { leaf: own, issuers = [sub], anchors = [root] } = chain();
    const expected = openssl?.accepts ?? status === "00";
    if (expected !== "either") expect(ca.accepts(own, issuers, anchors, NOW), "OpenSSL").toBe(expected);
    bench = await started(structuredClone(cell));
    expect(await bench.install(0, 3, ...anchors.map(({ der }) => der))).toBe("00");
    if (issuers.length > 0) expect(await bench.install(0, 2, ...issuers.map(({ der }) => der))).toBe("00");
    expect(await bench.install(0, 1, own.der)).toBe(status);
    expect(await bench.ask("22f1a2")).toBe(`62f1a2000000${status === "00" ? "01" : "00"}`);
  });

  it("is no leaf with a byte behind it, cut short, twice, as PEM or with its chain", async () => {
    const { der, file } = leaf();
    bench = await started(structuredClone(cell));
    await bench.install(0, 3, root.der);
    await bench.install(0, 2, sub.der);
    const pem = new Uint8Array(Buffer.from(ca.pem(file)));
    for (const data of [[der, Uint8Array.of(0)], [der.slice(0, -1)], [der, der], [pem], [der, sub.der]])
      expect(await bench.install(0, 1, ...data)).toBe("01");
    expect(await bench.install(0, 1, der)).toBe("00");
  });

  it("is refused with a wrong bit anywhere", async () => {
    const { der } = leaf();
    bench = await started(structuredClone(cell));
    await bench.install(0, 3, root.der);
    await bench.install(0, 2, sub.der);
    for (let at = 5; at < der.length; at += 23) {
      const wrong = der.map((byte, i) => (i === at ? byte ^ 0x10 : byte));
      expect(["01", "02", "03", "04", "06"], `byte ${at}`).toContain(await bench.install(0, 1, wrong));
    }
    expect(await bench.ask("22f1c0")).toBe("7f2231");
    expect(await bench.install(0, 1, der)).toBe("00");
  });
});

describe.skipIf(!has)("a set of CAs that OpenSSL made", () => {
  it.each([
    ["a leaf", () => leaf()],
    ["a certificate of version 1", () => make({ by: root, extensions: [] })],
    ["a certificate without basicConstraints", () => make({ by: root, extensions: without(SUB, "basic") })],
  ])("is refused as a whole with 06 for %s in it", async (_, other) => {
    bench = await started(structuredClone(cell));
    const wrong = other();
    for (const type of [2, 3]) {
      expect(await bench.install(0, type, wrong.der)).toBe("06");
      expect(await bench.install(0, type, sub.der, wrong.der, root.der)).toBe("06");
    }
    await bench.install(0, 3, root.der);
    expect(await bench.install(0, 1, leaf().der)).toBe("03");
  });
});
