/** RoutineControl (31 of ISO 14229-1 clause 14). */
import { concat, readUintBE } from "../../../src/shared/bytes.js";
import type { Access, AccessRule } from "../access.js";
import { Negative, NRC } from "../nrc.js";
import { subFunction } from "../request.js";
import type { Exchange, Service } from "../server.js";

export interface RoutineAction {
  /** Whether the option record has a length that the routine takes. */
  readonly fits: (data: Uint8Array) => boolean;
  /** Gives the status record that follows the routine's id. */
  readonly run: (data: Uint8Array, exchange: Exchange) => Promise<Uint8Array> | Uint8Array;
}

export interface Routine {
  readonly id: number;
  readonly rule: AccessRule;
  /** By sub-function. */
  readonly actions: Readonly<Record<number, RoutineAction>>;
}

/** In the order of the figure: 31 id (in this session), 33, 12, 13, then what the routine itself refuses. */
export function routineControl(routines: ReadonlyMap<number, Routine>, access: Access): Service {
  return {
    sid: 0x31,
    name: "RoutineControl",
    suppressible: true,
    minLength: 4,
    async handle(exchange) {
      const { request } = exchange;
      const routine = routines.get(readUintBE(request, 2, 2));
      if (routine === undefined || !access.inSession(routine.rule)) throw new Negative(NRC.requestOutOfRange);
      access.needSecurity(routine.rule);
      const action = routine.actions[subFunction(request)];
      if (action === undefined) throw new Negative(NRC.subFunctionNotSupported);
      const data = request.slice(4);
      if (!action.fits(data)) throw new Negative(NRC.incorrectMessageLengthOrInvalidFormat);
      const record = await action.run(data, exchange);
      return { response: concat(Uint8Array.of(0x71, subFunction(request)), request.subarray(2, 4), record) };
    },
  };
}
