/** Faults of the diagnostic server: what it hears, refuses, withholds and answers wrongly. */
import type { EcuProfile } from "../../src/profiles/loader.js";
import type { Profile } from "../../src/profiles/schema.js";
import { REQUEST_RESULTS, START_ROUTINE } from "../routines.js";
import { Waits } from "./behaviour.js";
import { choice, hex, optional, whole } from "./parameters.js";
import { type FaultRow, fault } from "./row.js";

const ROUTINE_CONTROL = 0x31;
const TESTER_PRESENT = 0x3e;
const WRITE = 0x2e;
const POSITIVE = 0x40;
const SUB_FUNCTION = 0x7f;
/** N_WFTmax of the ECU: no more FC.WAIT in a row. */
const MOST_WAITS = 10;
/** Place of the status byte in an answer of service 31. */
const STATUS = 4;
/** Places of the last bytes of M4 (its CMAC part, too) and M5 in that of a load. */
const IN_M4 = STATUS + 1 + 16;
const IN_M5 = STATUS + 1 + 32;
/** Place of M1's last byte (ID, AuthID) in `31 01 id M1 M2 M3`. */
const M1_IDS = 4 + 15;

const TIMES = optional(whole(1, 1_000_000, "times"), Number.POSITIVE_INFINITY);
const SLOT = optional(hex(0xf), undefined);
const SID = hex(0xff);

/** Numbers of the diagnostic interface; an ECU that nothing is put into has none of them. */
interface Numbers {
  readonly dids: Partial<Profile["dids"]>;
  readonly routines: Partial<Profile["routines"]>;
}

const numbersOf = (profile: EcuProfile): Numbers => (profile.target === "none" ? { dids: {}, routines: {} } : profile);

/** The steps of a run at which the ECU may reset, by the request that does them. */
export const STEPS: Readonly<Record<string, (request: Uint8Array, numbers: Numbers) => boolean>> = {
  session: ([sid]) => sid === 0x10,
  unlock: ([sid]) => sid === 0x27 || sid === 0x29,
  read: ([sid]) => sid === 0x22,
  vin: (request, { dids }) => writes(request, dids.vin),
  clock: (request, { dids }) => writes(request, dids.clock),
  download: ([sid]) => sid === 0x34,
  block: ([sid]) => sid === 0x36,
  "transfer-exit": ([sid]) => sid === 0x37,
  "key-pair": (request, { routines }) => starts(request, routines.makeKeyPair),
  install: (request, { routines }) => starts(request, routines.installCertificate),
  prove: (request, { routines }) => starts(request, routines.provePossession),
  "load-key": (request, { routines }) => starts(request, routines.loadKey),
  mac: (request, { routines }) => starts(request, routines.generateMac),
  lock: (request, { routines }) => starts(request, routines.lock),
};

export const DIAGNOSTIC_FAULTS: Readonly<Record<string, FaultRow>> = {
  "wrong-m4": fault(
    "any",
    "a load is stored, but its M4 has a flipped bit, also when read again by 31 03; SLOT left out: every slot",
    { SLOT },
    spoilLoads(IN_M4),
  ),
  "wrong-m5": fault("any", "the same with M5", { SLOT }, spoilLoads(IN_M5)),
  "wrong-proof": fault("any", "the signature of a proof of possession does not verify", {}, () => ({ profile }) => ({
    answer: (_, answer) =>
      isRoutine(answer, numbersOf(profile).routines.provePossession, 0x00) ? flip(answer, answer.length - 1) : answer,
  })),
  "wrong-kind": fault("any", "the system name (F197) is another ECU's: NOT-…", {}, () => () => ({
    label: (labels) => ({ ...labels, systemName: `NOT-${labels.systemName}` }),
  })),
  "silent-after": fault(
    "any",
    "after N requests nothing is answered any more, resets do not help; TesterPresent does not count",
    { N: whole(0, 1_000_000_000, "requests") },
    ({ N }) =>
      () => {
        let count = 0;
        return {
          request([sid]) {
            if (sid !== TESTER_PRESENT) count++;
            return count > N ? "silent" : undefined;
          },
        };
      },
  ),
  nrc: fault(
    "any",
    "requests of service SID are refused with NRC and not done, the first TIMES of them, else all",
    { SID, NRC: hex(0xff), TIMES },
    (values) => () => {
      let left = values.TIMES;
      return { request: ([sid]) => (sid === values.SID && left-- > 0 ? { nrc: values.NRC } : undefined) };
    },
  ),
  pending: fault(
    "any",
    "requests of service SID get 0x78 for ever and are not done, the first TIMES of them, else all; cleared, they are served",
    { SID, TIMES },
    (values) =>
      ({ clock }) => {
        let left = values.TIMES;
        const waits = new Waits(clock);
        return {
          start: ([sid]) => (sid === values.SID && left-- > 0 ? waits.wait() : undefined),
          letGo: () => waits.letGo(),
        };
      },
  ),
  slow: fault(
    "any",
    "every request takes MS longer, with 0x78 as it must be",
    { MS: whole(0, 600_000, "ms") },
    ({ MS }) =>
      ({ clock }) => {
        const waits = new Waits(clock);
        return { start: () => (MS === 0 ? undefined : waits.wait(MS)), letGo: () => waits.letGo() };
      },
  ),
  "drop-answer": fault(
    "any",
    "31 01 ROUTINE is done, its positive answer is lost, the first TIMES of them, else all",
    { ROUTINE: hex(0xffff), TIMES },
    (values) => () => {
      let left = values.TIMES;
      return {
        answer: (_, answer) =>
          isRoutine(answer, values.ROUTINE) && answer[1] === START_ROUTINE && left-- > 0 ? undefined : answer,
      };
    },
  ),
  reset: fault(
    "any",
    "the ECU resets at STEP in place of an answer, at its NTH request, once: before it is done, or after",
    {
      STEP: choice(Object.keys(STEPS)),
      PHASE: optional(choice(["before", "after"]), "after" as const),
      NTH: optional(whole(1, 1_000_000), 1),
    },
    ({ STEP, PHASE, NTH }) =>
      ({ profile }) => {
        let count = 0;
        const strikes = (request: Uint8Array) => STEPS[STEP]?.(request, numbersOf(profile)) === true && ++count === NTH;
        return PHASE === "before"
          ? { start: (request) => (strikes(request) ? "reset" : undefined) }
          : { answer: (request, answer) => (strikes(request) ? "reset" : answer) };
      },
  ),
  "flow-wait": fault(
    "can",
    "N times FC.WAIT, 200 ms each, before each FC.CTS",
    { N: whole(1, MOST_WAITS, "times") },
    ({ N }) =>
      () => {
        let left = N;
        return {
          admit() {
            if (left-- > 0) return "wait";
            left = N;
            return "accept";
          },
        };
      },
  ),
  "flow-overflow": fault(
    "can",
    "requests longer than LENGTH are refused by FC.OVFLW",
    { LENGTH: whole(0, 65_535, "bytes") },
    ({ LENGTH }) =>
      () => ({ admit: (length) => (length > LENGTH ? "overflow" : "accept") }),
  ),
};

function spoilLoads(place: number) {
  return ({ SLOT: slot }: { readonly SLOT: number | undefined }): ReturnType<FaultRow["read"]> =>
    ({ profile }) => ({
      answer: (request, answer) =>
        isRoutine(answer, numbersOf(profile).routines.loadKey, 0x00) &&
        (slot === undefined || loadedSlot(request) === slot)
          ? flip(answer, place)
          : answer,
    });
}

function starts([sid, sub = 0, high = 0, low = 0]: Uint8Array, id: number | undefined): boolean {
  return sid === ROUTINE_CONTROL && (sub & SUB_FUNCTION) === START_ROUTINE && high * 0x100 + low === id;
}

function writes([sid, high = 0, low = 0]: Uint8Array, id: number | undefined): boolean {
  return sid === WRITE && high * 0x100 + low === id;
}

function isRoutine(answer: Uint8Array, id: number | undefined, status?: number): boolean {
  const [sid, , high = 0, low = 0] = answer;
  return (
    sid === ROUTINE_CONTROL + POSITIVE &&
    high * 0x100 + low === id &&
    (status === undefined || answer[STATUS] === status)
  );
}

function loadedSlot(request: Uint8Array): number | undefined {
  const results = ((request[1] ?? 0) & SUB_FUNCTION) === REQUEST_RESULTS;
  return results ? request[4] : (request[M1_IDS] ?? 0) >> 4;
}

function flip(answer: Uint8Array, at: number): Uint8Array {
  const out = answer.slice();
  out[at] = (out[at] ?? 0) ^ 0x01;
  return out;
}
