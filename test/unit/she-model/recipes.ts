/** What a tester may do to a SHE, as recipes that the model's present state turns into lines of the console. */
import fc from "fast-check";
import { cbc, cmac, derive, ZERO } from "./aes.js";
import type { Line, SheModel } from "./model.js";

/** One line made from the model as it stands, so that keys, counters and challenges are right where they are meant to be. */
export interface Recipe {
  readonly name: string;
  readonly line: (model: SheModel) => Line;
  /** What it was made from, for the report of a counterexample. */
  readonly given: unknown;
}

const recipe = <T>(name: string, given: fc.Arbitrary<T>, line: (given: T, model: SheModel) => Omit<Line, "cmd">) =>
  given.map(
    (value): Recipe => ({ name, given: value, line: (model) => ({ cmd: name, ...line(value, model) }) as Line }),
  );

const VALUES = ["00", "ff", "11", "2b7e", "a5c3"].map((seed) => seed.repeat(32).slice(0, 32));
const IMAGES = ["", "efbeadde", "00".repeat(40)];

const value = fc.constantFrom(...VALUES);
const block = fc.constantFrom(...VALUES, "00112233445566778899aabbccddeeff");
const data = fc.oneof(
  fc.constantFrom("", "cafe", "6bc1bee22e409f96e93d7e117393172a"),
  fc.uint8Array({ maxLength: 48 }).map((bytes) => Buffer.from(bytes).toString("hex")),
);
const blocks = fc.array(block, { maxLength: 3 }).map((all) => all.join(""));
const image = fc.constantFrom(...IMAGES);
/** A slot by its address, or the nth of those that hold a key. */
const slot = fc.oneof(
  { weight: 10, arbitrary: fc.nat(15).map((nth) => ({ nth })) },
  { weight: 4, arbitrary: fc.constantFrom(2, 4, 5, 6, 14) },
  { weight: 1, arbitrary: fc.constantFrom(0, 1, 3, 7, 13, 15) },
  { weight: 1, arbitrary: fc.constantFrom(0x14, 0x15, 0x24, 0x1e, 0x84) },
);
type Slot = typeof slot extends fc.Arbitrary<infer T> ? T : never;
function address(which: Slot, model: SheModel): number {
  if (typeof which === "number") return which;
  const filled = [...model.slots.keys(), 14];
  return filled[which.nth % filled.length] ?? 14;
}
const rarely = (weight: number) =>
  fc.oneof({ weight: 100 - weight, arbitrary: fc.constant(false) }, { weight, arbitrary: fc.constant(true) });

/** Flags as the bits of M2, WRITE_PROTECTION first and seldom. */
const flags = fc
  .tuple(rarely(2), rarely(30), rarely(30), rarely(50), rarely(15), rarely(25))
  .map((bits) => bits.map((bit) => (bit ? "1" : "0")).join(""));

const update = fc.record({
  id: fc.oneof(
    { weight: 10, arbitrary: fc.constantFrom(1, 2, 3, 4, 5, 6) },
    { weight: 2, arbitrary: fc.constant(14) },
    { weight: 1, arbitrary: fc.constantFrom(0, 7, 13, 15) },
  ),
  auth: fc.oneof(
    { weight: 8, arbitrary: fc.constant("master" as const) },
    { weight: 4, arbitrary: fc.constant("itself" as const) },
    { weight: 2, arbitrary: fc.constantFrom(0, 1, 2, 3, 4, 5, 13, 14, 15) },
  ),
  bank: fc.oneof({ weight: 12, arbitrary: fc.constant(0) }, { weight: 1, arbitrary: fc.constantFrom(1, 2, 8) }),
  value,
  /** BOOT_MAC gets the MAC of an image instead. */
  image: fc.option(image),
  step: fc.oneof(
    { weight: 12, arbitrary: fc.constantFrom(1, 1, 2, 1000) },
    { weight: 2, arbitrary: fc.constantFrom(0, -1) },
    { weight: 1, arbitrary: fc.constant("greatest" as const) },
  ),
  flags,
  uid: fc.oneof(
    { weight: 6, arbitrary: fc.constant("own" as const) },
    { weight: 3, arbitrary: fc.constant("wildcard" as const) },
    { weight: 1, arbitrary: fc.constant("foreign" as const) },
  ),
  authKey: fc.oneof({ weight: 12, arbitrary: fc.constant(null) }, { weight: 1, arbitrary: value }),
  spoil: fc.oneof({ weight: 15, arbitrary: fc.constant(null) }, { weight: 1, arbitrary: fc.nat(511) }),
});
type Update = typeof update extends fc.Arbitrary<infer T> ? T : never;

const uidOf = (which: Update["uid"], own: string) =>
  ({ own, wildcard: "00".repeat(15), foreign: own.replace(/.$/, (digit) => (digit === "0" ? "1" : "0")) })[which];

/** M1 to M3 as a key management would send them. */
function messages(given: Update, model: SheModel) {
  const { id, bank } = given;
  const authId = given.auth === "master" ? 1 : given.auth === "itself" ? id : given.auth;
  const authKey =
    given.authKey === null
      ? model.valueOf(authId < 4 ? authId : authId + 16 * bank)
      : Buffer.from(given.authKey, "hex");
  const former = model.slots.get(id + 16 * bank)?.counter ?? 0;
  const counter = given.step === "greatest" ? 0xfffffff : Math.min(0xfffffff, Math.max(0, former + given.step));
  const key =
    id === 3 && given.image !== null ? model.bootMac(Buffer.from(given.image, "hex")) : Buffer.from(given.value, "hex");
  const [enc, mac] = bank === 0 ? [1, 2] : [0x71 + 16 * bank, 0x72 + 16 * bank];
  const head = BigInt(`0b${counter.toString(2).padStart(28, "0")}${given.flags.padEnd(100, "0")}`);
  const m1 = Buffer.from(`${uidOf(given.uid, model.settings.uid)}${id.toString(16)}${authId.toString(16)}`, "hex");
  const plain = Buffer.concat([Buffer.from(head.toString(16).padStart(32, "0"), "hex"), key]);
  const m2 = cbc(derive(authKey, enc), ZERO, plain);
  const m3 = cmac(derive(authKey, mac), Buffer.concat([m1, m2]));
  const all = Buffer.concat([m1, m2, m3]);
  if (given.spoil !== null)
    all.writeUInt8(all.readUInt8(given.spoil >> 3) ^ (1 << (given.spoil & 7)), given.spoil >> 3);
  const text = all.toString("hex");
  return { M1: text.slice(0, 32), M2: text.slice(32, 96), M3: text.slice(96), ...(bank === 0 ? {} : { bank }) };
}

/** CMD_EXPORT_RAM_KEY's blob for a value, whether or not it is in RAM_KEY at present. */
const blob = (value: string) =>
  ({
    id: 14,
    auth: 0,
    bank: 0,
    value,
    image: null,
    step: 0,
    flags: "000000",
    uid: "own",
    authKey: null,
    spoil: null,
  }) as const;

const verify = fc.record({
  slot,
  data,
  length: fc.nat(128),
  /** Number of a bit that is wrong. */
  wrong: fc.option(fc.nat(127)),
  short: fc.boolean(),
});
type Verify = typeof verify extends fc.Arbitrary<infer T> ? T : never;

function verifyLine(given: Verify, model: SheModel) {
  const { length, wrong, short } = given;
  const keyId = address(given.slot, model);
  const mac = cmac(model.valueOf(keyId), Buffer.from(given.data, "hex"));
  if (wrong !== null) mac.writeUInt8(mac.readUInt8(wrong >> 3) ^ (0x80 >> (wrong & 7)), wrong >> 3);
  const bytes = short && length > 0 ? Math.ceil(length / 8) : 16;
  return { keyId, data: given.data, mac: mac.toString("hex", 0, bytes), macLength: length };
}

const none = fc.constant({});
/** A command on a key and some fields that are sent as they are. */
const keyed = <T extends object>(name: string, fields: fc.Arbitrary<T>) =>
  recipe(name, fc.tuple(slot, fields), ([which, rest], model) => ({ keyId: address(which, model), ...rest }));
const cipher = (name: string) => keyed(name, fc.record({ data: blocks }));
const chained = (name: string) => keyed(name, fc.record({ iv: block, data: blocks }));

const reset = recipe("RESET", none, () => ({}));
const secureBoot = recipe("SECURE_BOOT", image, (given) => ({ data: given }));
const bootOk = recipe("BOOT_OK", none, () => ({}));
const bootFailure = recipe("BOOT_FAILURE", none, () => ({}));

const initRng = recipe("INIT_RNG", none, () => ({}));
const askDebug = recipe("DEBUG", none, () => ({}));
const authorize = recipe("DEBUG", rarely(50), (wrong, model) => ({
  authorization: wrong ? "00".repeat(16) : model.authorization().toString("hex"),
}));

/** The commands of 4.7 that may keep the SHE busy. */
const busyRecipes: fc.WeightedArbitrary<Recipe>[] = [
  { weight: 40, arbitrary: recipe("LOAD_KEY", update, messages) },
  { weight: 2, arbitrary: recipe("LOAD_KEY", value, (given, model) => messages(blob(given), model)) },
  { weight: 3, arbitrary: cipher("ENC_ECB") },
  { weight: 3, arbitrary: cipher("DEC_ECB") },
  { weight: 3, arbitrary: chained("ENC_CBC") },
  { weight: 3, arbitrary: chained("DEC_CBC") },
  { weight: 6, arbitrary: keyed("GENERATE_MAC", fc.record({ data })) },
  { weight: 6, arbitrary: recipe("VERIFY_MAC", verify, verifyLine) },
  { weight: 4, arbitrary: recipe("LOAD_PLAIN_KEY", value, (key) => ({ key })) },
  { weight: 4, arbitrary: recipe("EXPORT_RAM_KEY", none, () => ({})) },
  { weight: 5, arbitrary: initRng },
  { weight: 3, arbitrary: recipe("EXTEND_SEED", block, (entropy) => ({ entropy })) },
  { weight: 3, arbitrary: recipe("RND", none, () => ({})) },
  { weight: 8, arbitrary: secureBoot },
  { weight: 3, arbitrary: bootOk },
  { weight: 3, arbitrary: bootFailure },
  { weight: 4, arbitrary: recipe("GET_ID", block, (challenge) => ({ challenge })) },
  { weight: 4, arbitrary: askDebug },
  { weight: 3, arbitrary: authorize },
];

export const busyCommand = fc.oneof(...busyRecipes);

const surroundings = fc.record({ debugger: rarely(25), bootFailed: rarely(15) }, { requiredKeys: [] });

/** Commands that are never busy, and what surrounds the device. */
export const freeCommand = fc.oneof(
  { weight: 4, arbitrary: recipe("GET_STATUS", none, () => ({})) },
  { weight: 4, arbitrary: recipe("ENV", surroundings, (given) => given) },
  { weight: 1, arbitrary: recipe("WAIT", none, () => ({})) },
);

export const idleCommand = fc.oneof(
  { weight: 1, arbitrary: recipe("CANCEL", none, () => ({})) },
  { weight: 4, arbitrary: reset },
);

/** What belongs together: a boot loader behind a reset, a tester who wants to debug. */
export const sequence = fc.oneof(
  fc.tuple(reset, secureBoot, fc.oneof(bootOk, bootFailure, secureBoot)),
  fc.tuple(initRng, askDebug, authorize, authorize),
);

/** Lines that make no sense; each is an error and changes nothing. */
export const nonsense = fc.constantFrom<unknown>(
  {},
  [],
  null,
  { cmd: "ENC_ECB", keyId: 4 },
  { cmd: "ENC_ECB", keyId: 14, data: "00" },
  { cmd: "ENC_CBC", keyId: 14, iv: "00", data: "" },
  { cmd: "GENERATE_MAC", keyId: -1, data: "" },
  { cmd: "GENERATE_MAC", keyId: 4, data: "0g" },
  { cmd: "VERIFY_MAC", keyId: 14, data: "", mac: "00", macLength: 9 },
  { cmd: "VERIFY_MAC", keyId: 14, data: "", mac: "00", macLength: 129 },
  { cmd: "LOAD_KEY", M1: "00", M2: "00", M3: "00" },
  { cmd: "LOAD_PLAIN_KEY", key: "00" },
  { cmd: "EXTEND_SEED", entropy: 7 },
  { cmd: "DEBUG", authorization: "00" },
  { cmd: "ENV", debugger: "perhaps" },
  { cmd: "NEW", uid: "00".repeat(15) },
  { cmd: "NEW", keyCount: 2 },
  { cmd: "NEW", latencies: { LOAD_KEY: -1 } },
  { cmd: "FLY" },
);
