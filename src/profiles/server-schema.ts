/**
 * The shape of a profile of target `none`: a plain UDS ECU (ISO 14229-1) for outside testers, into which a station puts nothing. What it
 * has, in which sessions and behind which security level, is all in here.
 */
import { type Static, Type } from "typebox";
import { CanSection, KlineSection } from "./schema.js";

const Text = Type.String({ minLength: 1 });
const strict = { additionalProperties: false };
const uint = (maximum: number, minimum = 0) => Type.Integer({ minimum, maximum });
const Ms = (maximum: number, minimum = 0) => Type.Number({ minimum, maximum });
const HexBytes = Type.String({ pattern: "^(?:[0-9a-fA-F]{2})+$" });
const Session = uint(0x7f, 1);
const Identifier = uint(0xffff);

/** Sub-functions of the services that have some, as far as the simulated ECU knows them; for 10, 27, 31 and 3E the profile's lists say. */
export const SUB_FUNCTIONS: Readonly<Record<number, readonly number[]>> = {
  17: [0x01, 0x02, 0x03],
  25: [0x01, 0x02, 0x03, 0x04, 0x06, 0x0a],
  40: [0x00, 0x01, 0x02, 0x03],
  133: [0x01, 0x02],
};

export const ServiceIds = [
  0x10, 0x11, 0x14, 0x19, 0x22, 0x23, 0x27, 0x28, 0x2e, 0x31, 0x34, 0x35, 0x36, 0x37, 0x3d, 0x3e, 0x84, 0x85,
] as const;
export type ServiceId = (typeof ServiceIds)[number];

/** What something is behind: sessions that have it (left out: all), security levels of which one must be open (left out: none). */
const rule = {
  sessions: Type.Optional(Type.Array(Session, { minItems: 1 })),
  security: Type.Optional(Type.Array(uint(0x7d, 1), { minItems: 1 })),
};
const Rule = Type.Object(rule, strict);

/** One way to start, stop or ask a routine (31). */
const RoutineAction = Type.Object(
  {
    /** Bytes of the option record. */
    optionLength: Type.Object(
      { minimum: uint(4_000), maximum: uint(4_000) },
      { ...strict, default: { minimum: 0, maximum: 0 } },
    ),
    /** How many 0x78 come before the answer, and ms between them. */
    responsePending: Type.Optional(Type.Object({ count: uint(100, 1), interval: Ms(600_000, 1) }, strict)),
    /** routineStatusRecord. Left out: none. */
    status: Type.Optional(HexBytes),
  },
  strict,
);

export const ServerSection = Type.Object(
  {
    /** Sessions of 10, the default one (0x01) among them. */
    sessions: Type.Array(Session, { minItems: 1 }),
    services: Type.Array(
      Type.Object(
        {
          sid: Type.Enum([...ServiceIds]),
          ...rule,
          /** Served when all ECUs are asked, too. */
          functional: Type.Boolean({ default: false }),
          /** Inside 84 alone. */
          secured: Type.Boolean({ default: false }),
          /** For 11, 19, 28 and 85. */
          subFunctions: Type.Optional(Type.Array(Type.Object({ id: uint(0x7f), ...rule }, strict), { minItems: 1 })),
        },
        strict,
      ),
      { minItems: 1 },
    ),
    /** 27: levels with key = seed XOR a constant, which protects nothing. */
    security: Type.Optional(
      Type.Object(
        {
          levels: Type.Array(Type.Object({ level: uint(0x7d, 1), seedLength: uint(64, 1), xor: HexBytes }, strict), {
            minItems: 1,
          }),
          /** Wrong keys until the delay starts. */
          attempts: Type.Integer({ minimum: 1, maximum: 255, default: 3 }),
          /** ms of that delay. */
          delay: Type.Number({ minimum: 0, maximum: 3_600_000, default: 10_000 }),
        },
        strict,
      ),
    ),
    /** 84: messages signed by AES-128-CMAC, and the number that stands for it (signatureEncryptionCalculation). */
    securedData: Type.Optional(
      Type.Object({ key: Type.String({ pattern: "^[0-9a-fA-F]{32}$" }), calculation: uint(0xff) }, strict),
    ),
    /** 22 and 2E. */
    identifiers: Type.Array(
      Type.Object(
        {
          id: Identifier,
          /** What it holds in a new unit, ASCII or hex. */
          value: Type.Union([Type.Object({ text: Text }, strict), Type.Object({ hex: HexBytes }, strict)]),
          read: Type.Optional(Rule),
          /** Left out: cannot be written. What is written has the length of the first value. */
          write: Type.Optional(Rule),
        },
        strict,
      ),
      { default: [] },
    ),
    /** 31. */
    routines: Type.Array(
      Type.Object(
        {
          id: Identifier,
          ...rule,
          start: RoutineAction,
          stop: Type.Optional(RoutineAction),
          results: Type.Optional(RoutineAction),
        },
        strict,
      ),
      { default: [] },
    ),
    /** Memory of 23, 3D, 34 and 35, erased (FF) in a new unit; each way of access that is left out is not there. */
    memory: Type.Array(
      Type.Object(
        {
          address: uint(0xffffffff),
          length: uint(0x100000, 1),
          read: Type.Optional(Rule),
          write: Type.Optional(Rule),
          download: Type.Optional(Rule),
          upload: Type.Optional(Rule),
        },
        strict,
      ),
      { default: [] },
    ),
    /** 34 and 35: dataFormatIdentifier, and maxNumberOfBlockLength with SID and counter. */
    transfer: Type.Object(
      { dataFormat: uint(0xff), maxBlock: uint(0xffff, 3) },
      { ...strict, default: { dataFormat: 0, maxBlock: 0x0402 } },
    ),
    /** 14, 19 and 85. */
    dtcs: Type.Array(
      Type.Object(
        {
          code: uint(0xfffffe),
          /** Identifiers that are kept when the fault is first confirmed. */
          snapshot: Type.Optional(
            Type.Object({ record: uint(0xfe, 1), identifiers: Type.Array(Identifier, { minItems: 1 }) }, strict),
          ),
          /** Extended data record of one byte: how often the test failed. */
          occurrences: Type.Optional(Type.Object({ record: uint(0x8f, 1) }, strict)),
        },
        strict,
      ),
      { default: [] },
    ),
    /** Bytes communicationType that 28 takes. */
    communicationTypes: Type.Array(uint(0xff), { default: [] }),
  },
  strict,
);

export const TestEcuSchema = Type.Object(
  {
    schema: Type.Literal(1),
    name: Type.String({ pattern: "^[a-z0-9][a-z0-9-]*$" }),
    version: uint(1_000_000, 1),
    title: Type.Object({ ko: Text, en: Text }, strict),
    /** Nothing is put into it. */
    target: Type.Literal("none"),
    can: Type.Optional(CanSection),
    kline: Type.Optional(KlineSection),
    /** P2server, P2*server and S3server, and how long it is silent in a reset, ms. */
    uds: Type.Object(
      {
        P2: Ms(60_000, 1),
        P2star: Ms(600_000, 1),
        S3: Ms(600_000, 100),
        resetTime: Type.Number({ minimum: 0, maximum: 60_000, default: 100 }),
      },
      strict,
    ),
    server: ServerSection,
  },
  strict,
);

export type TestEcuProfile = Static<typeof TestEcuSchema>;
export type ServerProfile = Static<typeof ServerSection>;
export type AccessRuleProfile = Static<typeof Rule>;
