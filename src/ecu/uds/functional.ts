/** A functional request and all that answer it (ISO 14229-1 §8, ISO 14229-2): P2 and 0x78 run for each responder by itself. */
import type { Clock } from "../../shared/clock.js";
import { StationError } from "../../shared/errors.js";
import type { DiagTransport } from "../transport/transport.js";
import type { UdsOptions } from "./client.js";
import { Inbox } from "./inbox.js";
import { judgeResponse } from "./messages.js";
import { NRC } from "./tables/nrc.js";

/** Somebody who may answer. */
export interface Responder {
  /** Its place on the bus, for people. */
  readonly name: string;
  readonly transport: DiagTransport;
}

export interface FunctionalAnswer {
  readonly name: string;
  /** Undefined where it refused, or said 0x78 and then nothing in time. */
  readonly response: Uint8Array | undefined;
  /** Undefined where the answer is positive; 78 where no other followed. */
  readonly nrc: number | undefined;
}

type Timing = Pick<UdsOptions, "P2" | "P2star" | "margin" | "maxResponsePending">;

/**
 * Sends a request to all by the first responder's transport and collects what each of them answers, in their order. Who says nothing
 * within P2 of the confirmed end of the request is left out: by functional addressing a refusal may be silence.
 * @param data one single frame
 * @throws StationError ISOTP_*, LINK_*; the signal's reason
 */
export async function requestFunctional(
  responders: readonly Responder[],
  data: Uint8Array,
  timing: Timing,
  clock: Clock,
  signal: AbortSignal,
): Promise<readonly FunctionalAnswer[]> {
  const [first] = responders;
  if (first === undefined) return [];
  const inboxes = responders.map(({ transport }) => new Inbox(transport, clock));
  try {
    for (const inbox of inboxes) inbox.open();
    const sentAt = await first.transport.send(data, { functional: true, signal });
    const answers = await Promise.all(
      responders.map(({ name }, i) => hear(name, inboxes[i], data, sentAt, timing, signal)),
    );
    return answers.filter((answer) => answer !== undefined);
  } finally {
    for (const inbox of inboxes) {
      inbox.end(new StationError("LINK_CLOSED", { details: { what: "the functional request is over" } }));
      inbox.release();
    }
  }
}

/** One responder's final answer. */
async function hear(
  name: string,
  inbox: Inbox | undefined,
  request: Uint8Array,
  sentAt: number,
  { P2, P2star, margin, maxResponsePending }: Timing,
  signal: AbortSignal,
): Promise<FunctionalAnswer | undefined> {
  let until: number | undefined = sentAt + P2 + margin;
  let due = until;
  let pending = 0;
  for (;;) {
    const arrival = await inbox?.next(until, signal);
    if (arrival === undefined) break;
    // Of a response that has begun the transport's own timers see the end.
    if (arrival.kind === "start") until = undefined;
    else until = due;
    if (arrival.kind !== "message") continue;
    const { data, at } = arrival.message;
    const verdict = judgeResponse(request, data);
    if (verdict.kind === "stray") continue;
    if (verdict.kind === "positive") return { name, response: data, nrc: undefined };
    if (verdict.nrc !== NRC.requestCorrectlyReceivedResponsePending)
      return { name, response: undefined, nrc: verdict.nrc };
    if (++pending > maxResponsePending) break;
    due = at + P2star + margin;
    until = due;
  }
  return pending === 0 ? undefined : { name, response: undefined, nrc: NRC.requestCorrectlyReceivedResponsePending };
}
