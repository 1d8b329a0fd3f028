/** 31: ISO 14229-1:2020 §13.2. */
import { concat, uintBE } from "../../../shared/bytes.js";
import { checkLength } from "../messages.js";
import { SID } from "../tables/services.js";
import type { UdsService } from "./service.js";

export interface RoutineRequest {
  /** 01 start, 02 stop, 03 results. */
  readonly control: number;
  readonly routine: number;
  readonly data: Uint8Array;
}

/** Response: what stands behind the routine's identifier. */
export const routineControl: UdsService<RoutineRequest, Uint8Array> = {
  build: ({ control, routine, data }) => concat(Uint8Array.of(SID.RoutineControl, control), uintBE(routine, 2), data),
  parse(response) {
    checkLength(response, 4, Infinity);
    return response.slice(4);
  },
};
