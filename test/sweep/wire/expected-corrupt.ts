/**
 * What a run ends with where a frame has one wrong bit that no CRC saw: by the phase and by what the bit is a part of. Whoever reads the
 * bit finds it: ISO-TP by its PCI, UDS by the head of the message, and the check of the data that it names. PASS stands where the bit
 * does not matter, or where what it spoilt is asked for or sent again.
 */
import type { End } from "./expected.js";
import { type Phase, type Place, REPEATED, SETTLED } from "./places.js";

type Struck = Place & { readonly bit?: number };
type Half = Place["half"];

/** Bytes of a message that say what it is: SID, sub-function, identifier; by the SID of its request. */
const HEADS: Readonly<Record<number, number>> = {
  16: 2,
  17: 2,
  34: 3,
  39: 2,
  46: 3,
  49: 4,
  52: 1,
  54: 2,
  55: 1,
  62: 2,
};
const NEGATIVE_RESPONSE = 0x7f;
const NEGATIVE_LENGTH = 3;
const POSITIVE = 0x40;
const ROUTINE_CONTROL = 0x31;

/** `lead` is the byte behind the head of a routine's message: the slot of a request, the status of a response. */
type Part = "padding" | "pci" | "head" | "lead" | "data";

/** What the wrong bit is a part of. */
function partOf({ kind, used, data, half, bit = 0 }: Struck): Part {
  const bytes = Buffer.from(data, "hex");
  const at = bit >> 3;
  if (at >= used) return "padding";
  const sizes = { SF: bytes[0] === 0 ? 2 : 1, FF: 2, CF: 1, FC: used };
  const begin = sizes[kind];
  if (at < begin) return "pci";
  if (kind === "CF") return "data";
  const sid = bytes[begin] ?? 0;
  const service = half === "response" ? sid - POSITIVE : sid;
  const head = sid === NEGATIVE_RESPONSE ? NEGATIVE_LENGTH : HEADS[service];
  if (head === undefined) throw new Error(`no head is known of ${data}`);
  if (at < begin + head) return "head";
  return at === begin + head && service === ROUTINE_CONTROL ? "lead" : "data";
}

/** A length or a kind of frame that is another one, a sequence number, a flow status. */
const PCI: Readonly<Record<Half, Readonly<Record<Place["kind"], readonly End[]>>>> = {
  request: {
    // Cut short or made longer, the ECU refuses it; anything else it does not hear.
    SF: ["UDS_TIMEOUT", "UDS_NEGATIVE_RESPONSE"],
    FF: ["UDS_TIMEOUT", "UDS_NEGATIVE_RESPONSE", "ISOTP_TIMEOUT_BS"],
    CF: ["UDS_TIMEOUT"],
    // Another STmin or block size may do as well.
    FC: ["PASS", "ISOTP_TIMEOUT_BS", "ISOTP_INVALID_FS", "ISOTP_BUFFER_OVFLW"],
  },
  response: {
    SF: ["UDS_TIMEOUT", "UDS_UNEXPECTED_RESPONSE", "ISOTP_TIMEOUT_CR"],
    FF: ["UDS_TIMEOUT", "UDS_UNEXPECTED_RESPONSE", "ISOTP_TIMEOUT_CR"],
    CF: ["ISOTP_WRONG_SN", "ISOTP_TIMEOUT_CR"],
    FC: ["PASS", "ISOTP_TIMEOUT_CR"],
  },
};

/** Another service, sub-function or identifier: the ECU refuses it, or its answer is none to the request. */
const HEAD: readonly End[] = ["UDS_TIMEOUT", "UDS_NEGATIVE_RESPONSE"];

/** Phases where more than that may become of a wrong head or length. */
const BESIDES: Readonly<Partial<Record<Phase, readonly End[]>>> = {
  // Where the ECU refuses to read all at once, it is asked for one after the other.
  identify: ["PASS"],
  finish: ["PASS"],
  // "There is none" (31) is an answer: that of an empty slot, before the first certificate.
  read: ["PASS", "TARGET_CERT_MISMATCH"],
  readBack: ["ECU_LOST_STATE"],
  csr: ["TARGET_CSR_INVALID"],
  // Until an answer comes.
  return: ["PASS"],
};

type Ends = Readonly<Partial<Record<Half, readonly End[]>>>;

/** What the messages carry, by who checks it: requests are the ECU's, responses the station's. */
const DATA: Readonly<Partial<Record<Phase, Ends>>> = {
  identify: {
    request: ["PASS"],
    // The EcuID names the unit to the KMS, and its last 15 bytes authorise.
    response: [
      ...(["PASS", "ECU_WRONG_KIND", "ECU_LOST_STATE", "UDS_UNEXPECTED_RESPONSE"] as const),
      ...(["KMS_REJECTED", "TARGET_KEY_REFUSED"] as const),
    ],
  },
  // The key, and its seed; P2 and P2* of a session do not matter.
  security: { request: ["UDS_ACCESS_DENIED"], response: ["UDS_ACCESS_DENIED", "PASS"] },
  // The ECU takes certificates as valid by its clock.
  clock: { request: ["PASS", "TARGET_CERT_REFUSED", "UDS_NEGATIVE_RESPONSE"] },
  vin: { request: ["ECU_LOST_STATE", "UDS_NEGATIVE_RESPONSE"] },
  read: { response: ["TARGET_CERT_MISMATCH"] },
  keyPair: { request: ["TARGET_CSR_INVALID", "UDS_NEGATIVE_RESPONSE"] },
  csr: { response: ["TARGET_CSR_INVALID"] },
  // A download that the ECU refuses is begun anew; a chain whose path holds is not read back. The response is that to 34.
  install: { request: ["PASS", "TARGET_CERT_REFUSED"], response: ["PASS"] },
  prove: { request: ["TARGET_PROOF_FAILED"], response: ["TARGET_PROOF_FAILED", "UDS_UNEXPECTED_RESPONSE"] },
  // Where a master key is refused, the KMS is asked for another set.
  loadKey: { request: ["PASS", "TARGET_KEY_REFUSED"], response: ["TARGET_KEY_MISMATCH"] },
  mac: { request: ["TARGET_SYNC_MISMATCH"], response: ["TARGET_SYNC_MISMATCH"] },
  // What an ECU is does not change: it is compared with what it was at first.
  finish: { request: ["PASS"], response: ["PASS", "ECU_LOST_STATE", "UDS_UNEXPECTED_RESPONSE"] },
  readBack: { response: ["ECU_LOST_STATE"] },
};

/** Another slot, or another status, behind which nothing may stand. */
const LEAD: Readonly<Partial<Record<Phase, Ends>>> = {
  keyPair: { request: ["TARGET_CSR_INVALID", "UDS_NEGATIVE_RESPONSE"], response: ["TARGET_CSR_INVALID"] },
  install: { request: ["TARGET_CERT_REFUSED"], response: ["TARGET_CERT_REFUSED"] },
  prove: { request: ["TARGET_PROOF_FAILED"], response: ["UDS_UNEXPECTED_RESPONSE"] },
  // The request begins with M1, and the last load settles what the response does not say.
  loadKey: { request: ["PASS", "TARGET_KEY_REFUSED"], response: ["PASS"] },
  // Another slot has no key, or another one, or one that makes no CMAC.
  mac: { request: ["PASS", "TARGET_SYNC_MISMATCH", "TARGET_KEY_REFUSED"], response: ["UDS_UNEXPECTED_RESPONSE"] },
  lock: { response: ["UDS_UNEXPECTED_RESPONSE"] },
};

/** The request goes out again where the session repeats it. */
const lost = (end: End): boolean => end === "UDS_TIMEOUT" || end.startsWith("ISOTP_");

/** The ends that the table allows for a frame with that bit wrong. */
export function endsOfWrongBit(place: Struck): readonly End[] {
  const ends = endsOfOneTry(place);
  return REPEATED.includes(place.phase) ? ends.map((end) => (lost(end) ? "PASS" : end)) : ends;
}

function endsOfOneTry(place: Struck): readonly End[] {
  const { phase, half, kind, pending } = place;
  const part = partOf(place);
  if (part === "padding") return ["PASS"];
  if (part === "lead") return LEAD[phase]?.[half] ?? [];
  const data = DATA[phase]?.[half] ?? [];
  if (part === "data") return data;
  if (SETTLED.includes(phase)) return ["PASS"];
  // The answer itself follows, unless the announcement became a refusal.
  if (pending) return ["PASS", "UDS_NEGATIVE_RESPONSE"];
  const besides = BESIDES[phase] ?? [];
  if (part === "head") return [...HEAD, ...besides];
  // A message that was cut short may still be one.
  return [...PCI[half][kind], ...besides, ...(kind === "FF" ? data : [])];
}
