/** The services of the reference ECU: which, in which sessions, behind which lock, and what each does. */
import { concat, readUintBE, uintBE } from "../src/shared/bytes.js";
import type { DataIdentifier } from "./dids.js";
import type { Routine } from "./routines.js";
import type { Access } from "./uds/access.js";
import type { Download } from "./uds/download.js";
import { Negative, NRC } from "./uds/nrc.js";
import { DEFAULT_SESSION, type Exchange, type Service } from "./uds/server.js";

export interface ServiceDeps {
  readonly access: Access;
  readonly download: Download;
  readonly dids: readonly DataIdentifier[];
  readonly routines: readonly Routine[];
  /** The one session besides the default. */
  readonly session: number;
  /** What opens the lock. */
  readonly unlocking: Service;
  /** P2server and P2*server, ms, as the session control announces them. */
  readonly P2: number;
  readonly P2star: number;
  /** ECUReset, after its answer. */
  readonly reset: () => Promise<void>;
}

const HARD_RESET = 0x01;
const ZERO_SUB_FUNCTION = 0x00;
const SUB_FUNCTION = 0x7f;
/** P2*server counts in steps of 10 ms (ISO 14229-1, 9.2). */
const P2STAR_STEP = 10;
const POSITIVE = 0x40;

function exactLength(request: Uint8Array, length: number): void {
  if (request.length !== length) throw new Negative(NRC.incorrectMessageLengthOrInvalidFormat);
}

const subFunction = ({ request }: Exchange): number => (request[1] ?? 0) & SUB_FUNCTION;

export function services(deps: ServiceDeps): Service[] {
  const { access, download, session } = deps;
  const extended = { sessions: [session] };
  const protectedBy = { ...extended, unlocked: true };
  const sub = { suppressible: true, minLength: 2 };
  const dids = new Map(deps.dids.map((did) => [did.id, did]));
  const routines = new Map(deps.routines.map((routine) => [routine.id, routine]));
  return [
    {
      sid: 0x10,
      name: "DiagnosticSessionControl",
      functional: true,
      subFunctions: [DEFAULT_SESSION, session],
      ...sub,
      handle(exchange) {
        exactLength(exchange.request, 2);
        access.enter(subFunction(exchange));
        const timing = concat(uintBE(deps.P2, 2), uintBE(Math.floor(deps.P2star / P2STAR_STEP), 2));
        return { response: concat(Uint8Array.of(0x50, subFunction(exchange)), timing) };
      },
    },
    {
      sid: 0x11,
      name: "ECUReset",
      subFunctions: [HARD_RESET],
      ...sub,
      handle({ request }) {
        exactLength(request, 2);
        return { response: Uint8Array.of(0x51, HARD_RESET), after: deps.reset };
      },
    },
    {
      sid: 0x22,
      name: "ReadDataByIdentifier",
      functional: true,
      minLength: 3,
      handle: ({ request }) => ({ response: readDids(dids, request) }),
    },
    deps.unlocking,
    {
      sid: 0x2e,
      name: "WriteDataByIdentifier",
      ...extended,
      minLength: 4,
      async handle({ request }) {
        const write = dids.get(readUintBE(request, 1, 2))?.write;
        if (write === undefined) throw new Negative(NRC.requestOutOfRange);
        access.needUnlocked();
        const data = request.slice(3);
        if (data.length !== write.length) throw new Negative(NRC.incorrectMessageLengthOrInvalidFormat);
        if (!write.accepts(data)) throw new Negative(NRC.requestOutOfRange);
        await write.store(data);
        return { response: concat(Uint8Array.of(0x6e), request.subarray(1, 3)) };
      },
    },
    {
      sid: 0x31,
      name: "RoutineControl",
      ...extended,
      suppressible: true,
      minLength: 4,
      handle: async (exchange) => ({ response: await control(routines, access, exchange) }),
    },
    {
      sid: 0x34,
      name: "RequestDownload",
      ...protectedBy,
      minLength: 3,
      handle: ({ request }) => ({ response: download.request(request) }),
    },
    {
      sid: 0x36,
      name: "TransferData",
      ...protectedBy,
      minLength: 2,
      handle: ({ request }) => ({ response: download.transfer(request) }),
    },
    {
      sid: 0x37,
      name: "RequestTransferExit",
      ...protectedBy,
      minLength: 1,
      handle: ({ request }) => ({ response: download.exit(request) }),
    },
    {
      sid: 0x3e,
      name: "TesterPresent",
      functional: true,
      subFunctions: [ZERO_SUB_FUNCTION],
      ...sub,
      handle({ request }) {
        exactLength(request, 2);
        return { response: Uint8Array.of(0x7e, ZERO_SUB_FUNCTION) };
      },
    },
  ];
}

/** Identifiers that are not there are left out; none there at all is NRC 31 (ISO 14229-1, 11.2). */
function readDids(dids: ReadonlyMap<number, DataIdentifier>, request: Uint8Array): Uint8Array {
  if (request.length % 2 !== 1) throw new Negative(NRC.incorrectMessageLengthOrInvalidFormat);
  const parts: Uint8Array[] = [];
  for (let at = 1; at < request.length; at += 2) {
    const value = dids.get(readUintBE(request, at, 2))?.read();
    if (value !== undefined) parts.push(request.subarray(at, at + 2), value);
  }
  if (parts.length === 0) throw new Negative(NRC.requestOutOfRange);
  return concat(Uint8Array.of(0x62), ...parts);
}

/** In the order of ISO 14229-1's figure for RoutineControl: 31 id, 33, 12, 13, then what the routine itself refuses. */
async function control(
  routines: ReadonlyMap<number, Routine>,
  access: Access,
  exchange: Exchange,
): Promise<Uint8Array> {
  const { request } = exchange;
  const routine = routines.get(readUintBE(request, 2, 2));
  if (routine === undefined) throw new Negative(NRC.requestOutOfRange);
  access.needUnlocked();
  const action = routine.actions[subFunction(exchange)];
  if (action === undefined) throw new Negative(NRC.subFunctionNotSupported);
  const data = request.slice(4);
  if (!action.fits(data)) throw new Negative(NRC.incorrectMessageLengthOrInvalidFormat);
  const record = await action.run(data, exchange);
  return concat(Uint8Array.of(0x31 + POSITIVE, subFunction(exchange)), request.subarray(2, 4), record);
}
