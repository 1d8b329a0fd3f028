/** A link that tells somebody of all that passes it, in the order in which it happened. */
import { breathe, type Clock } from "../../shared/clock.js";
import { describe } from "../../shared/errors.js";
import type { CanFrame, CanLink, LinkEvent, ReceivedFrame } from "./link.js";

export interface LinkObserver {
  /** @param at Clock.monotonic: of the arrival, or of the confirmation of what was sent */
  frame(direction: "tx" | "rx", frame: CanFrame, at: number): void;
  event(event: LinkEvent): void;
  /** A frame that was not confirmed, a link that ended. */
  failed(what: string): void;
}

interface Arrived {
  readonly number: number;
  readonly frame: ReceivedFrame;
}

/**
 * `link` with an observer, whose calls must not throw. A chunk of an adapter may hold a confirmation and the answer to what it confirms:
 * the confirmation's promise settles after the answer was delivered, so frames that come while something is being sent are told at the
 * end of the event loop's turn, or before a frame that was given to the link after them.
 */
export function tapLink(link: CanLink, observer: LinkObserver, clock: Clock): CanLink {
  let sending = 0;
  let arrived = 0;
  let held: Arrived[] = [];
  const tellUpTo = (number: number) => {
    const due = held.filter((entry) => entry.number <= number);
    held = held.filter((entry) => entry.number > number);
    for (const { frame } of due) observer.frame("rx", frame, frame.at);
  };
  link.onFrame((frame) => {
    const number = ++arrived;
    held.push({ number, frame });
    if (sending === 0 && held.length === 1) tellUpTo(number);
    else if (held.length === 1) void breathe().then(() => tellUpTo(arrived));
  });
  link.onEvent((event) => {
    tellUpTo(arrived);
    observer.event(event);
  });
  link.onClosed((error) => {
    tellUpTo(arrived);
    observer.failed(describe(error));
  });
  const send = async (frame: CanFrame): Promise<void> => {
    const before = arrived;
    // The caller may use its buffer again.
    const copy = { ...frame, data: frame.data.slice() };
    sending++;
    try {
      await link.send(frame);
      tellUpTo(before);
      observer.frame("tx", copy, clock.monotonic());
    } catch (error) {
      tellUpTo(before);
      observer.failed(`a frame of ${frame.id.toString(16).toUpperCase()} was not sent: ${describe(error)}`);
      throw error;
    } finally {
      sending--;
    }
  };
  return {
    url: link.url,
    maxPayload: link.maxPayload,
    ...(link.sendAhead === undefined ? {} : { sendAhead: link.sendAhead }),
    send,
    onFrame: (listener) => link.onFrame(listener),
    onEvent: (listener) => link.onEvent(listener),
    onClosed: (listener) => link.onClosed(listener),
    close: () => link.close(),
  };
}
