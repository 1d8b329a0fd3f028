/** What goes wrong at one bay, and how that bay's unit must end; all others pass, but those that share what is broken. */
import type { BayEcu } from "./ecu.js";
import type { BaysPlant } from "./plant.js";
import type { BayEvent } from "./station.js";

export type Kind = "evcc" | "ccu" | "body-she" | "ccu-pkcs11";

/** The round's unit at the bay that fails. */
export interface Place {
  readonly bay: string;
  readonly kind: Kind;
  readonly ecu: BayEcu;
  /** Of the new unit. */
  readonly ecuId: string;
  readonly plant: BaysPlant;
  abort(): void;
}

/** What all bays, or those of some kinds, share with the one that fails. */
export interface Shared {
  readonly kinds: readonly Kind[];
  /** Before any unit of the round is ordered, and when all have ended. */
  readonly before?: (plant: BaysPlant) => unknown;
  readonly after?: (plant: BaysPlant) => unknown;
  readonly ends: readonly string[];
}

export interface Case {
  readonly name: string;
  /** Profiles that it can happen to; all where left out. */
  readonly kinds?: readonly Kind[];
  /** Before the unit is ordered. */
  readonly before?: (place: Place) => Promise<unknown>;
  /** Changes the order. */
  readonly order?: Readonly<Record<string, unknown>>;
  /** While it goes on; true where it has happened. */
  readonly during?: (place: Place, event: BayEvent) => boolean;
  readonly after?: (place: Place) => Promise<unknown>;
  /** How the other bays may end. */
  readonly shared?: Shared;
  /** No unit that ends in this way was written to. */
  readonly untouched?: true;
  /** Outcome and code, as `OUTCOME CODE`. */
  readonly ends: readonly string[];
}

const fault = (spec: string) => ({
  before: ({ ecu }: Place) => ecu.command({ cmd: "set", fault: spec }),
});

/** When the first step of that kind begins. */
const at = (step: string, act: (place: Place) => unknown): NonNullable<Case["during"]> => {
  return (place, event) => {
    const begins = event.event === "step" && event.state === "running" && event.step?.startsWith(step) === true;
    if (begins) act(place);
    return begins;
  };
};

const OTHER_VIN = "KMHZZ99ZZZZ999999";
const WITH_CERTIFICATES = ["evcc", "ccu"] as const;
const ALL = ["evcc", "ccu", "body-she", "ccu-pkcs11"] as const;
const WITH_TOKEN = ["ccu-pkcs11"] as const;
const RESPONSE_IDS: Readonly<Record<Kind, string>> = {
  evcc: "7E8",
  ccu: "7EA",
  "body-she": "7EC",
  "ccu-pkcs11": "7EA",
};
const WITH_KEYS = ["evcc", "ccu", "body-she"] as const;

/** The hex digits of an EcuID that name the ECU type, in its UID. */
const ecuTypeOf = (ecuId: string, type: string) => ecuId.slice(0, 24) + type + ecuId.slice(28);

/** What a unit that is not there any more looks like: by the message that it was amid of. */
const GONE = ["TIMEOUT UDS_TIMEOUT", "TIMEOUT ISOTP_TIMEOUT_BS", "TIMEOUT ISOTP_TIMEOUT_CR"] as const;

export const CASES: readonly Case[] = [
  { name: "another kind of ECU", ...fault("wrong-kind"), ends: ["FAIL ECU_WRONG_KIND"] },
  {
    name: "a unit that holds another VIN",
    before: ({ ecu }) => ecu.renew({ vin: OTHER_VIN }),
    ends: ["FAIL ECU_VIN_MISMATCH"],
  },
  { name: "another unit than ordered", order: { ecuId: "12".repeat(27) }, ends: ["FAIL ECU_ID_MISMATCH"] },
  { name: "a silent unit", ...fault("silent-after:0"), ends: GONE },
  {
    name: "a unit that falls silent",
    kinds: WITH_KEYS,
    ...fault("silent-after:12"),
    ends: GONE,
  },
  { name: "a refused service", ...fault("nrc:2E:72"), ends: ["FAIL UDS_NEGATIVE_RESPONSE"] },
  { name: "a refused key of security access", ...fault("nrc:27:35"), ends: ["FAIL UDS_ACCESS_DENIED"] },
  { name: "a wrong M4", kinds: WITH_KEYS, ...fault("wrong-m4"), ends: ["FAIL TARGET_KEY_MISMATCH"] },
  { name: "a wrong M5", kinds: WITH_KEYS, ...fault("wrong-m5:5"), ends: ["FAIL TARGET_KEY_MISMATCH"] },
  { name: "a wrong proof", kinds: WITH_CERTIFICATES, ...fault("wrong-proof"), ends: ["FAIL TARGET_PROOF_FAILED"] },
  { name: "0x78 without end", ...fault("pending:2E"), ends: ["TIMEOUT UDS_TOO_MANY_PENDING"] },
  {
    name: "an ECU type that the KMS does not know",
    before: ({ ecu, ecuId }) => ecu.renew({ ecuId: ecuTypeOf(ecuId, "7777") }),
    ends: ["ERROR KMS_REJECTED"],
  },
  {
    name: "an abort by the operator",
    during: at("key:", ({ abort }) => abort()),
    ends: ["ABORTED RUN_ABORTED"],
  },
  { name: "a missing input", order: { inputs: {} }, untouched: true, ends: ["ERROR INPUT_MISSING"] },
  {
    name: "a simulator whose process dies",
    during: at("key:", ({ ecu }) => void ecu.kill()),
    after: ({ ecu }) => ecu.start(),
    ends: ["ERROR LINK_CLOSED"],
  },
  {
    name: "an adapter that is there and hangs",
    before: async ({ ecu }) => ecu.freeze(true),
    after: async ({ ecu }) => ecu.freeze(false),
    ends: GONE,
  },
  {
    name: "a unit without power from one moment on",
    during: at("key:", ({ ecu }) => void ecu.command({ cmd: "power", on: false })),
    ends: GONE,
  },
  {
    name: "a link that loses every frame",
    ...fault("drop:in:skip=20"),
    ends: GONE,
  },
  {
    name: "a key function that throws",
    kinds: ["body-she"],
    order: { profile: "throws.yaml" },
    ends: ["ERROR CONFIG_INVALID"],
  },
  {
    name: "a bus that is flooded",
    before: async ({ ecu, kind }) => ecu.startFlood(RESPONSE_IDS[kind]),
    after: ({ ecu }) => ecu.endFlood(),
    ends: ["PASS"],
  },
  {
    name: "the KMS away",
    untouched: true,
    shared: {
      kinds: ALL,
      before: (plant) => plant.kms(false),
      after: (plant) => plant.kms(true),
      ends: ["ERROR KMS_UNREACHABLE"],
    },
    ends: ["ERROR KMS_UNREACHABLE"],
  },
  {
    name: "the store's thread dies",
    during: at("key:", ({ plant }) => void plant.killStoreThread()),
    // A call that was under way is refused.
    shared: { kinds: ALL, ends: ["PASS", "ERROR STORE_FAILED"] },
    ends: ["PASS", "ERROR STORE_FAILED"],
  },
  {
    name: "the token's process dies",
    kinds: WITH_TOKEN,
    // A call that was under way is made once more, in the next process; what became of a load is read back.
    during: at("key:", ({ plant }) => plant.killTokenProcess()),
    shared: { kinds: WITH_TOKEN, ends: ["PASS"] },
    ends: ["PASS"],
  },
  {
    name: "the token is pulled",
    untouched: true,
    kinds: WITH_TOKEN,
    shared: {
      kinds: WITH_TOKEN,
      before: (plant) => plant.token(false),
      after: (plant) => plant.token(true),
      ends: ["ERROR TOKEN_ABSENT", "ERROR TOKEN_FAILED"],
    },
    ends: ["ERROR TOKEN_ABSENT", "ERROR TOKEN_FAILED"],
  },
];
