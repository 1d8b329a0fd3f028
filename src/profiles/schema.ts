/** The shape of a hardware profile (hw-profiles/*.yaml): everything that makes one ECU kind differ from another. */
import { type Static, type TSchema, Type } from "typebox";
import { Pkcs11Section } from "./token.js";

const Text = Type.String({ minLength: 1 });
const strict = { additionalProperties: false };
/** YAML integers; hex (0x7E0) is usual. */
const uint = (maximum: number, minimum = 0) => Type.Integer({ minimum, maximum });
const Ms = (maximum: number, minimum = 0) => Type.Number({ minimum, maximum });
const Hex = (bytes: number) => Type.String({ pattern: `^[0-9a-fA-F]{${2 * bytes}}$` });
const Did = uint(0xffff);
const RoutineId = uint(0xffff);

const FrameLengths = [8, 12, 16, 20, 24, 32, 48, 64] as const;
const bothSides = <S extends TSchema>(value: S) => Type.Object({ station: value, ecu: value }, strict);

/** Members of `can` that every addressing has. */
const canCommon = {
  /** Nominal bit rate, bit/s. */
  bitrate: uint(1_000_000, 10_000),
  /** Byte that fills frames to 8; `null` sends short frames. */
  padding: bothSides(Type.Union([uint(0xff), Type.Null()])),
  /** What each side announces as a receiver: BS 0–255, STmin as its code byte. */
  flowControl: bothSides(Type.Object({ BS: uint(0xff), STmin: uint(0xff) }, strict)),
  /** CAN FD; left out: classical CAN. */
  fd: Type.Optional(
    Type.Object(
      {
        /** Bit rate of the data phase, bit/s. */
        dataBitrate: uint(8_000_000, 500_000),
        bitRateSwitch: Type.Boolean({ default: true }),
        /** Longest frame that each side sends. */
        TX_DL: Type.Object(
          { station: Type.Enum(FrameLengths, { default: 64 }), ecu: Type.Enum(FrameLengths, { default: 64 }) },
          { ...strict, default: {} },
        ),
      },
      strict,
    ),
  ),
  /** Whether segmented messages go both ways at once. Left out: full. */
  duplex: Type.Optional(Type.Enum(["full", "half"])),
  /** CAN_DL that received frames of 8 bytes at most must have. Left out: any that holds the content. */
  frameLengths: Type.Optional(Type.Enum(["any", "padded", "optimised"])),
  /** ms that the station adds to the ECU's STmin. Left out: 0. */
  STminMargin: Type.Optional(Ms(127)),
  /** ISO 15765-2 timers of the station, ms. */
  timing: Type.Object(
    {
      N_As: Ms(10_000, 1),
      N_Ar: Ms(10_000, 1),
      N_Bs: Ms(10_000, 1),
      N_Br: Ms(10_000),
      N_Cs: Ms(10_000),
      N_Cr: Ms(10_000, 1),
      N_WFTmax: uint(255),
    },
    strict,
  ),
};
const Address = uint(0xff);
const identifiers = (bits: 11 | 29) => ({
  requestId: uint(2 ** bits - 1),
  responseId: uint(2 ** bits - 1),
  functionalId: uint(2 ** bits - 1),
});
/** 29-bit identifiers; the loader holds the others to 11 bits. */
const extendedIds = Type.Boolean({ default: false });
const addresses = { testerAddress: Address, ecuAddress: Address, functionalAddress: Address };
/** Priority bits of identifiers that are made of addresses. Left out: 6. */
const priority = Type.Optional(uint(7));

/** ISO 15765-2 §10.3: one branch an addressing format. */
export const CanSection = Type.Union([
  Type.Object({ addressing: Type.Literal("normal"), extendedIds, ...identifiers(29), ...canCommon }, strict),
  Type.Object({ addressing: Type.Literal("normal-fixed"), ...addresses, priority, ...canCommon }, strict),
  Type.Object(
    { addressing: Type.Literal("extended"), extendedIds, ...identifiers(29), ...addresses, ...canCommon },
    strict,
  ),
  Type.Object(
    { addressing: Type.Literal("mixed"), addressExtension: Address, ...identifiers(11), ...canCommon },
    strict,
  ),
  Type.Object(
    { addressing: Type.Literal("mixed-29"), addressExtension: Address, ...addresses, priority, ...canCommon },
    strict,
  ),
]);

export const KlineSection = Type.Object(
  {
    baud: uint(1_000_000, 1_200),
    testerAddress: Address,
    ecuAddress: Address,
    /** Left out: 0x33. */
    functionalAddress: Type.Optional(Address),
    init: Type.Enum(["none", "fast", "5baud"]),
    /** To whom StartCommunication and the address at 5 baud go. Left out: functional. */
    startAddressing: Type.Optional(Type.Enum(["functional", "physical"])),
    /** ISO 14230-2 timers, ms. */
    timing: Type.Object(
      {
        P1max: Ms(1_000),
        P2min: Ms(1_000),
        P2max: Ms(5_000, 1),
        P3min: Ms(5_000),
        P4min: Ms(1_000),
        P1min: Type.Optional(Ms(1_000)),
        P3max: Type.Optional(Ms(600_000, 100)),
        P4max: Type.Optional(Ms(1_000)),
        W1min: Type.Optional(Ms(10_000)),
        W1max: Type.Optional(Ms(10_000, 1)),
        W2max: Type.Optional(Ms(10_000, 1)),
        W3max: Type.Optional(Ms(10_000, 1)),
        W4min: Type.Optional(Ms(10_000)),
        W4max: Type.Optional(Ms(10_000, 1)),
        W5: Type.Optional(Ms(10_000)),
        TiniL: Type.Optional(Ms(1_000, 1)),
        TWuP: Type.Optional(Ms(1_000, 1)),
      },
      strict,
    ),
  },
  strict,
);

export const CertificateTypes = [
  "prov-15118-2",
  "prov-15118-20",
  "vehicle-15118-20",
  "ccu-sha256",
  "ccu-sha512",
] as const;
export const KeyTypes = ["EcuMasterKey", "SecOCKey", "SupplierSymmKey"] as const;

export const CertificateSection = Type.Object(
  {
    /** Name in steps and records. */
    name: Type.String({ pattern: "^[a-z0-9][a-z0-9-]*$" }),
    /** Certificate type of the vPKI: gives endpoint, curve and hash. */
    type: Type.Enum([...CertificateTypes]),
    /** Certificate slot of the ECU, 0–7. */
    slot: uint(7),
    /** Subject in DER order, one attribute an item, e.g. `DC=OEM`; `${input}` takes an input's value. */
    subject: Type.Array(Text, { minItems: 1 }),
    /** PKCS#10 attributes by OID in dotted form. */
    attributes: Type.Optional(
      Type.Array(Type.Object({ oid: Text, type: Type.Enum(["utf8", "ia5"]), value: Text }, strict)),
    ),
    unitCode: Text,
    tierCode: Text,
  },
  strict,
);

export const KeySection = Type.Object(
  {
    name: Type.String({ pattern: "^[a-z0-9][a-z0-9-]*$" }),
    type: Type.Enum([...KeyTypes]),
    /** KMS KeyID as a hex digit, 1–D. */
    keyId: Type.String({ pattern: "^[1-9A-Da-d]$" }),
    /** SHE slot nibble that M1 must name, 1–D. */
    slot: uint(0xd, 1),
    /** Flags that the stored key gets, checked against nothing the station can see; kept for the record and the simulator. */
    flags: uint(0x3f),
    /** Compare the KMS's KeySyncValue with a CMAC made by the slot. */
    syncValue: Type.Boolean({ default: false }),
    /** SecOCKey: name of the supplier secret in the station's configuration, counter floor, constant challenge (16 bytes hex). */
    secOC: Type.Optional(
      Type.Object(
        { supplierSecret: Text, counter: Type.Integer({ minimum: 0, maximum: 0xfffffff }), challenge: Hex(16) },
        strict,
      ),
    ),
  },
  strict,
);

export const InputSection = Type.Object(
  {
    name: Type.String({ pattern: "^[a-zA-Z][a-zA-Z0-9]*$" }),
    title: Type.Object({ ko: Text, en: Text }, strict),
    /** Regular expression for the whole value. */
    pattern: Text,
    default: Type.Optional(Text),
    /** Example that the simulator's order source makes values of: `#` a digit, `@` a letter or digit (no I, O, Q). */
    sample: Text,
  },
  strict,
);

/** 16-byte secret of the ECU type: hex here for simulators, a file for plants. */
const SecretKey = Type.Union([Type.Object({ hex: Hex(16) }, strict), Type.Object({ file: Text }, strict)]);

/** A name in the station's configuration. */
const Name = Type.String({ pattern: "^[A-Za-z0-9][A-Za-z0-9_-]*$" });
/** TYPE=value of a subject. */
const Role = Type.String({ pattern: "^(?:C|O|OU|CN|DC)=.+$" });

/** How the station is let in: one branch a procedure. */
export const SecurityAccessSection = Type.Union([
  Type.Object(
    {
      /** SecurityAccess (27). */
      kind: Type.Optional(Type.Literal("seed-key")),
      /** requestSeed sub-function, odd. */
      level: uint(0x7d, 1),
      /** By name, or the plant's own: a JavaScript module, whose path counts from the profile's folder. */
      algorithm: Type.Union([Type.Literal("aes-cmac"), Type.String({ pattern: "\\.m?js$" })]),
      key: SecretKey,
      seedLength: uint(64, 1),
      /** Ms for which the ECU gives no seed behind too many wrong keys. Left out: 10,000. */
      delay: Type.Optional(uint(600_000)),
    },
    strict,
  ),
  Type.Object(
    {
      /** Authentication (29) with challenge-response (ACR), symmetric. */
      kind: Type.Literal("challenge-response"),
      algorithm: Type.Enum(["aes-cmac"]),
      key: SecretKey,
      /** What the ECU calls the algorithm: BER of its object identifier, filled up with zeros. */
      algorithmIndicator: Hex(16),
      /** Left out: 0. */
      communicationConfiguration: Type.Optional(uint(0xff)),
      /** The ECU proves itself too (sub-function 07). Left out: true. */
      mutual: Type.Optional(Type.Boolean()),
      /** Bytes of a challenge. Left out: 16. */
      challengeLength: Type.Optional(uint(64, 16)),
    },
    strict,
  ),
  Type.Object(
    {
      /** Authentication (29) with certificates (APCE). */
      kind: Type.Literal("certificate"),
      /** Proof of ownership: ECDSA by the certificate's key, on P-256 with SHA-256 or on P-521 with SHA-512. */
      algorithm: Type.Enum(["ecdsa-p256-sha256", "ecdsa-p521-sha512"]),
      /** Name of certificate and key in the station's configuration. */
      credentials: Name,
      /** Left out: 0. */
      communicationConfiguration: Type.Optional(uint(0xff)),
      /** The ECU shows its certificate and proves itself too (sub-function 02). Left out: true. */
      mutual: Type.Optional(Type.Boolean()),
      /** Bytes of a challenge. Left out: 32. */
      challengeLength: Type.Optional(uint(64, 16)),
      /** Issuing CAs go ahead of the leaf by 29 04 under this number. Left out: behind the leaf, in one message. */
      certificateEvaluationId: Type.Optional(uint(0xffff)),
      /** Attribute that the subject of each side's certificate must have, e.g. `OU=end-of-line`. Left out: any. */
      roles: Type.Optional(Type.Object({ station: Type.Optional(Role), ecu: Type.Optional(Role) }, strict)),
    },
    strict,
  ),
]);

export const ProfileSchema = Type.Object(
  {
    schema: Type.Literal(1),
    name: Type.String({ pattern: "^[a-z0-9][a-z0-9-]*$" }),
    /** Raised with every change that is released. */
    version: uint(1_000_000, 1),
    title: Type.Object({ ko: Text, en: Text }, strict),
    /** Where keys and certificates go. */
    target: Type.Enum(["she-uds", "pkcs11"]),
    /** The token of target pkcs11. */
    pkcs11: Type.Optional(Pkcs11Section),
    can: Type.Optional(CanSection),
    kline: Type.Optional(KlineSection),
    uds: Type.Object(
      {
        /** Limits of the client, ms: P2 and P2* are the ECU's, `margin` is added for the PC and the adapter. */
        P2: Ms(60_000, 1),
        P2star: Ms(600_000, 1),
        S3: Ms(600_000, 100),
        margin: Ms(10_000),
        /** Most 0x78 for one request, and most ms for one request in all. */
        maxResponsePending: uint(10_000),
        requestLimit: Ms(3_600_000, 1),
        /** 0x21 busyRepeatRequest: how often and after how many ms it is asked again. */
        busyRepeats: uint(100),
        busyDelay: Ms(10_000),
        /** How often a request that changes nothing is repeated after an answer that came damaged on a K-Line; default 2. */
        damagedRepeats: Type.Optional(uint(10)),
        /** Session that provisioning runs in (10 xx). */
        session: uint(0x7f, 1),
        /** ms that a reset may take until the ECU answers again. */
        resetTime: Ms(60_000),
      },
      strict,
    ),
    securityAccess: SecurityAccessSection,
    dids: Type.Object(
      {
        partNumber: Did,
        hwVersion: Did,
        swVersion: Did,
        systemName: Did,
        serialNumber: Did,
        vin: Did,
        ecuId: Did,
        provisioningState: Did,
        /** First of 8: certificate of slot n at +n, CSR of slot n at +n. */
        certificate: Did,
        csr: Did,
        clock: Did,
      },
      strict,
    ),
    routines: Type.Object(
      {
        loadKey: RoutineId,
        generateMac: RoutineId,
        getId: RoutineId,
        makeKeyPair: RoutineId,
        installCertificate: RoutineId,
        provePossession: RoutineId,
        lock: RoutineId,
      },
      strict,
    ),
    download: Type.Object(
      {
        address: uint(0xffffffff),
        maxLength: uint(0xffffff, 1),
        /** Bytes of address and length in 34. Left out: 4 each. */
        addressBytes: Type.Optional(uint(5, 1)),
        sizeBytes: Type.Optional(uint(4, 1)),
        /** dataFormatIdentifier. Left out: 0. */
        dataFormat: Type.Optional(uint(0xff)),
        /** How often a block is sent again whose answer was lost, and the transfer begun anew. Left out: 2, 1. */
        blockRepeats: Type.Optional(uint(10)),
        restarts: Type.Optional(uint(10)),
      },
      strict,
    ),
    /** What identification must find; `*` stands for any text. */
    expect: Type.Object({ partNumber: Text, hwVersion: Text, swVersion: Text, systemName: Text }, strict),
    inputs: Type.Array(InputSection),
    /** Steps in their order. `certificates`, `keys` and `sync` stand for all of their list. */
    order: Type.Array(Type.Enum(["vin", "clock", "certificates", "keys", "sync", "lock", "power-cycle"]), {
      minItems: 1,
    }),
    certificates: Type.Array(CertificateSection),
    keys: Type.Array(KeySection),
    /** Most ms for one step and for the teardown. */
    limits: Type.Object({ step: Ms(3_600_000, 100), teardown: Ms(600_000, 100) }, strict),
    /** Target time of one unit, s; shown, never enforced. */
    takt: Type.Optional(Type.Number({ minimum: 1, maximum: 3_600 })),
  },
  strict,
);

export type Profile = Static<typeof ProfileSchema>;
export type ProfileCan = Static<typeof CanSection>;
export type ProfileCertificate = Static<typeof CertificateSection>;
export type ProfileKey = Static<typeof KeySection>;
export type ProfileAccess = Static<typeof SecurityAccessSection>;
export type ProfileInput = Static<typeof InputSection>;
export type CertificateType = (typeof CertificateTypes)[number];
export type KeyType = (typeof KeyTypes)[number];
