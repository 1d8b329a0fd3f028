/** The routines of the reference ECU (service 31), as a table. */
import type { Profile } from "../src/profiles/schema.js";
import { concat, readUintBE, uintBE } from "../src/shared/bytes.js";
import { ERC, type Erc } from "../src/she/codec/index.js";
import { CERTIFICATE_STATUS, type CertificateSlots } from "./hsm/certificates.js";
import type { SheDevice } from "./she/index.js";
import type { StateStore } from "./state.js";
import type { AccessRule } from "./uds/access.js";
import { Negative, NRC } from "./uds/nrc.js";
import type { Routine, RoutineAction } from "./uds/services/routine.js";

export const START_ROUTINE = 0x01;
export const REQUEST_RESULTS = 0x03;

export interface RoutineDeps {
  readonly ids: Profile["routines"];
  readonly she: SheDevice;
  readonly certificates: CertificateSlots;
  readonly store: StateStore;
  /** What was downloaded last. */
  readonly downloaded: () => Uint8Array | undefined;
  /** Throws where the power went during the SHE's last command. */
  readonly settled: () => void;
  /** What every routine is behind. */
  readonly unlocked: AccessRule;
}

/** Where M2 and M3 begin behind M1, and where they end. */
const M2 = 16;
const M3 = 48;
const M1_TO_M3 = 64;
const CHALLENGE = 16;
const PROOF_CHALLENGE = 32;
const OK = 0x00;

const exactly = (length: number) => (data: Uint8Array) => data.length === length;
const status = (byte: number, ...parts: readonly Uint8Array[]) => concat(Uint8Array.of(byte), ...parts);

/** Behind a status other than NO_ERROR nothing follows. */
function sheStatus(erc: Erc, ...parts: readonly Uint8Array[]): Uint8Array {
  return erc === "ERC_NO_ERROR" ? status(OK, ...parts) : status(ERC[erc]);
}

export function routines(deps: RoutineDeps): Routine[] {
  const { ids, she, certificates, store } = deps;
  const start = (
    id: number,
    fits: RoutineAction["fits"],
    run: RoutineAction["run"],
    results?: RoutineAction,
  ): Routine => ({
    id,
    rule: deps.unlocked,
    actions: { [START_ROUTINE]: { fits, run }, ...(results === undefined ? {} : { [REQUEST_RESULTS]: results }) },
  });
  return [
    start(
      ids.loadKey,
      exactly(M1_TO_M3),
      async (data) => {
        const messages = { m1: data.slice(0, M2), m2: data.slice(M2, M3), m3: data.slice(M3) };
        const { erc, m4, m5 } = await she.loadKey(messages);
        deps.settled();
        return sheStatus(erc, m4, m5);
      },
      {
        fits: exactly(1),
        run: (data) => {
          const load = she.lastLoad(data[0] ?? 0);
          if (load === undefined) throw new Negative(NRC.requestOutOfRange);
          return status(OK, load.m4, load.m5);
        },
      },
    ),
    start(
      ids.generateMac,
      (data) => data.length >= 1,
      async (data) => {
        const { erc, data: mac } = await she.generateMac(data[0] ?? 0, data.slice(1));
        return sheStatus(erc, mac);
      },
    ),
    start(ids.getId, exactly(CHALLENGE), async (data) => {
      const { erc, uid, sreg, mac } = await she.getId(data);
      return sheStatus(erc, uid, Uint8Array.of(sreg), mac);
    }),
    start(
      ids.makeKeyPair,
      (data) => keyPairRequest(data) !== undefined,
      async (data, exchange) => {
        const request = keyPairRequest(data);
        if (request === undefined) throw new Negative(NRC.incorrectMessageLengthOrInvalidFormat);
        exchange.pending();
        const { slot, curve, subject, attributes } = request;
        return status(await certificates.makeKeyPair(slot, curve, subject, attributes));
      },
    ),
    start(ids.installCertificate, exactly(2), async ([slot = 0, type = 0]) =>
      status(await certificates.install(slot, type, deps.downloaded())),
    ),
    start(ids.provePossession, exactly(1 + PROOF_CHALLENGE), async (data) => {
      const proof = await certificates.prove(data[0] ?? 0, data.slice(1));
      return typeof proof === "number"
        ? status(proof)
        : status(CERTIFICATE_STATUS.done, uintBE(proof.length, 2), proof);
    }),
    start(ids.lock, exactly(0), async () => {
      if (!store.current.locked) await store.change((state) => ({ ...state, locked: true }));
      return status(OK);
    }),
  ];
}

interface KeyPairRequest {
  readonly slot: number;
  readonly curve: number;
  readonly subject: Uint8Array;
  readonly attributes: Uint8Array;
}

/** Slot, curve, len2 subject, len2 attributes; undefined where the lengths do not add up. */
function keyPairRequest(data: Uint8Array): KeyPairRequest | undefined {
  const subject = lengthPrefixed(data, 2);
  const attributes = subject === undefined ? undefined : lengthPrefixed(data, 4 + subject.length);
  if (subject === undefined || attributes === undefined) return undefined;
  if (data.length !== 6 + subject.length + attributes.length) return undefined;
  return { slot: data[0] ?? 0, curve: data[1] ?? 0, subject, attributes };
}

function lengthPrefixed(data: Uint8Array, at: number): Uint8Array | undefined {
  if (data.length < at + 2) return undefined;
  const end = at + 2 + readUintBE(data, at, 2);
  return data.length < end ? undefined : data.slice(at + 2, end);
}
