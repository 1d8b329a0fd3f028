/** The ECU's end of a bus on which faults lose, double, delay and alter frames. */
import type { CanFrame, CanLink } from "../../src/ecu/link/link.js";
import { type Addressing, endpointsOf, reaches } from "../../src/ecu/transport/isotp/addressing.js";
import type { Clock, Timer } from "../../src/shared/clock.js";
import type { Counters } from "../counters.js";
import type { FaultSet } from "./set.js";

/** Faults and counters see the frames of this ECU alone, whoever else is on the bus. */
export function faultyLink(
  link: CanLink,
  addressing: Addressing,
  faults: FaultSet,
  counters: Counters,
  clock: Clock,
): CanLink {
  const { rx, functionalRx } = endpointsOf(addressing);
  const late = new Set<Timer>();
  const after = (delay: number, run: () => void) => {
    const timer = clock.timer(delay, () => {
      late.delete(timer);
      run();
    });
    late.add(timer);
  };
  const mine = (frame: CanFrame) => reaches(frame, rx) || (functionalRx !== undefined && reaches(frame, functionalRx));
  return {
    url: link.url,
    maxPayload: link.maxPayload,
    async send(frame) {
      counters.framesOut++;
      for (const { frame: passed, delay } of faults.frame("out", frame)) {
        if (delay === 0) await link.send(passed);
        // Nobody waits for a frame that is late on its way; the link may be gone by then.
        else after(delay, () => void link.send(passed).catch(() => undefined));
      }
    },
    onFrame: (listener) =>
      link.onFrame((frame) => {
        if (!mine(frame)) return;
        counters.framesIn++;
        for (const { frame: passed, delay } of faults.frame("in", frame)) {
          if (delay === 0) listener({ ...passed, at: frame.at });
          else after(delay, () => listener({ ...passed, at: clock.monotonic() }));
        }
      }),
    onEvent: (listener) => link.onEvent(listener),
    onClosed: (listener) => link.onClosed(listener),
    async close() {
      for (const timer of late) timer.cancel();
      late.clear();
    },
  };
}
