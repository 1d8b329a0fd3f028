/** GET /api/events: the whole state or the changes that a page missed, then every change as it comes, and a beat a second. */
import type { FastifyReply } from "fastify";
import type { Clock, Timer } from "../../../shared/clock.js";
import { StationError } from "../../../shared/errors.js";
import type { PageChange } from "../../contract/state.js";
import type { Board } from "./board.js";
import { EventReader, eventText } from "./sse.js";

/** Changes that are kept for pages that come back, and their characters. */
const KEPT = { changes: 512, characters: 4_194_304 } as const;
/** ms between two beats. */
const BEAT = 1_000;
/** Pages that are open at once. */
const MOST_READERS = 64;

interface Kept {
  readonly number: number;
  readonly text: string;
}

export class EventStream {
  readonly #board: Board;
  readonly #clock: Clock;
  readonly #readers = new Set<EventReader>();
  readonly #forget: () => void;
  /** The last changes, without a gap. */
  readonly #ring: Kept[] = [];
  #characters = 0;
  #timer: Timer;
  #closed = false;

  constructor(board: Board, clock: Clock) {
    this.#board = board;
    this.#clock = clock;
    this.#forget = board.changed.add((change) => this.#tell(change));
    this.#timer = clock.timer(BEAT, () => this.#beat());
  }

  /** @param last the request's Last-Event-ID. @throws StationError PAGE_BUSY */
  open(reply: FastifyReply, last: string | undefined): void {
    if (this.#closed || this.#readers.size >= MOST_READERS) throw new StationError("PAGE_BUSY");
    const reader = new EventReader(reply);
    const missed = this.#since(last);
    if (missed === undefined) reader.send(this.#whole());
    else for (const { text } of missed) reader.send(text);
    // A page that missed nothing learns at once that the station is there.
    reader.send(this.#beatText());
    this.#readers.add(reader);
    void reader.gone.then(() => this.#readers.delete(reader));
  }

  close(): void {
    this.#closed = true;
    this.#forget();
    this.#timer.cancel();
    for (const reader of this.#readers) reader.end();
  }

  /** Changes after that id; undefined where some of them are not known any more. */
  #since(last: string | undefined): readonly Kept[] | undefined {
    const [, epoch, digits] = /^(.+):(\d{1,15})$/.exec(last ?? "") ?? [];
    const number = Number(digits);
    const now = this.#board.beat().number;
    if (epoch !== this.#board.epoch || number > now) return undefined;
    if (number === now) return [];
    const first = this.#ring[0]?.number ?? now + 1;
    return number + 1 < first ? undefined : this.#ring.filter((kept) => kept.number > number);
  }

  #tell(change: PageChange): void {
    const text = eventText("change", JSON.stringify(change), this.#id(change.number));
    this.#ring.push({ number: change.number, text });
    this.#characters += text.length;
    while (this.#ring.length > KEPT.changes || this.#characters > KEPT.characters)
      this.#characters -= this.#ring.shift()?.text.length ?? 0;
    for (const reader of this.#readers) reader.send(text);
  }

  #beat(): void {
    const text = this.#beatText();
    for (const reader of this.#readers) reader.send(text);
    this.#timer = this.#clock.timer(BEAT, () => this.#beat());
  }

  #whole(): string {
    const state = this.#board.state();
    return eventText("state", JSON.stringify(state), this.#id(state.number));
  }

  #beatText(): string {
    return eventText("beat", JSON.stringify(this.#board.beat()));
  }

  #id(number: number): string {
    return `${this.#board.epoch}:${number}`;
  }
}
