/** The faults of one ECU, set and cleared while it runs, as one. */
import type { CanFrame } from "../../src/ecu/link/link.js";
import type { Admission } from "../../src/ecu/transport/isotp/options.js";
import { StationError } from "../../src/shared/errors.js";
import type { EcuLabels } from "../dids.js";
import type { StepHook } from "../flash/flash.js";
import type { Interference } from "../uds/server.js";
import type { Behaviour, Direction, FaultContext, Passing } from "./behaviour.js";
import type { Fault } from "./faults.js";

interface Active {
  readonly fault: Fault;
  readonly behaviour: Behaviour;
}

/** Outlives the ECU's power and the unit itself: it belongs to the place. */
export class FaultSet implements Interference {
  readonly #context: FaultContext;
  #active: readonly Active[] = [];

  /** @throws StationError USAGE as `add` */
  constructor(context: FaultContext, faults: readonly Fault[] = []) {
    this.#context = context;
    this.add(...faults);
  }

  /** Specs in the order in which they were set. */
  get specs(): readonly string[] {
    return this.#active.map(({ fault }) => fault.spec);
  }

  /** Beside what is set already, the same fault included; all or none. @throws StationError USAGE: a fault of CAN on another wire */
  add(...faults: readonly Fault[]): void {
    const { wire = "can" } = this.#context;
    const astray = faults.find((fault) => fault.wire === "can" && wire !== "can");
    if (astray !== undefined)
      throw new StationError("USAGE", { details: { what: `--fault ${JSON.stringify(astray.spec)}: needs a CAN bus` } });
    const added = faults.map((fault) => ({ fault, behaviour: fault.begin(this.#context) }));
    this.#active = [...this.#active, ...added];
  }

  /** Ends the faults of that spec or of that name; left out, all. @returns how many there were */
  clear(which?: string): number {
    const ends = ({ fault }: Active) => which === undefined || fault.spec === which || fault.name === which;
    const ended = this.#active.filter(ends);
    this.#active = this.#active.filter((entry) => !ends(entry));
    for (const { behaviour } of ended) behaviour.letGo?.();
    return ended.length;
  }

  /** The power went: what faults hold goes on, to where nobody listens. */
  letGo(): void {
    for (const { behaviour } of this.#active) behaviour.letGo?.();
  }

  request(request: Uint8Array): "silent" | { readonly nrc: number } | undefined {
    for (const { behaviour } of this.#active) {
      const verdict = behaviour.request?.(request);
      if (verdict !== undefined) return verdict;
    }
    return undefined;
  }

  async start(request: Uint8Array): Promise<"reset" | undefined> {
    for (const { behaviour } of this.#active) {
      const verdict = await behaviour.start?.(request);
      if (verdict === "reset") return verdict;
    }
    return undefined;
  }

  answer(request: Uint8Array, answer: Uint8Array): Uint8Array | "reset" | undefined {
    let sent: Uint8Array | undefined = answer;
    for (const { behaviour } of this.#active) {
      if (sent === undefined || behaviour.answer === undefined) continue;
      const verdict = behaviour.answer(request, sent);
      if (verdict === "reset") return verdict;
      sent = verdict;
    }
    return sent;
  }

  /** The first fault that does not take a request decides. */
  admit(length: number): Admission {
    for (const { behaviour } of this.#active) {
      const admission = behaviour.admit?.(length) ?? "accept";
      if (admission !== "accept") return admission;
    }
    return "accept";
  }

  /** What becomes of a frame: each fault sees what those before it left. */
  frame(direction: Direction, frame: CanFrame): readonly Passing[] {
    let passing: readonly Passing[] = [{ frame, delay: 0 }];
    for (const { behaviour } of this.#active) {
      if (behaviour.frame === undefined) continue;
      const strike = behaviour.frame.bind(behaviour);
      passing = passing.flatMap((former) =>
        strike(direction, former.frame).map(({ frame, delay }) => ({ frame, delay: former.delay + delay })),
      );
    }
    return passing;
  }

  label(labels: EcuLabels): EcuLabels {
    return this.#active.reduce((texts, { behaviour }) => behaviour.label?.(texts) ?? texts, labels);
  }

  skew(setAt: number): number {
    return this.#active.reduce((sum, { behaviour }) => sum + (behaviour.skew?.(setAt) ?? 0), 0);
  }

  /** For the flash that the faults are to slow down and cut off. */
  readonly onStep: StepHook = async (step) => {
    for (const { behaviour } of this.#active) await behaviour.flash?.(step);
  };
}
