/** The state that all open pages show, and its numbered changes. */
import { randomUUID } from "node:crypto";
import { breathe } from "../../../shared/clock.js";
import { StationError } from "../../../shared/errors.js";
import { Listeners } from "../../../shared/listeners.js";
import type { BayView, OutboxCount, PageBeat, PageChange, PageState, ServerView } from "../../contract/state.js";
import type { PagePorts } from "../ports.js";
import type { ScanDesk } from "../scan/desk.js";
import { bayView } from "./bay-view.js";

export class Board {
  readonly epoch = randomUUID();
  /** Each change once, in order. */
  readonly changed = new Listeners<[PageChange]>();
  readonly #ports: PagePorts;
  readonly #desk: ScanDesk;
  readonly #forget: (() => void)[];
  /** Bays that changed since the last turn of the event loop: several steps of one moment are one change. */
  readonly #dirty = new Set<string>();
  #number = 0;
  #servers: readonly ServerView[];
  #outbox: OutboxCount = { waiting: 0, quarantined: 0, full: false };

  constructor(ports: PagePorts, desk: ScanDesk) {
    this.#ports = ports;
    this.#desk = desk;
    this.#servers = ports.servers.map(({ name }) => ({ name, state: "unknown" }));
    this.#forget = [
      ports.bays.changed.add(({ name }) => this.#mark(name)),
      desk.changed.add((name) => this.#mark(name)),
    ];
  }

  state(): PageState {
    const { station, places, clock } = this.#ports;
    return {
      epoch: this.epoch,
      number: this.#number,
      now: clock.now(),
      station,
      bays: places.map(({ name }) => this.#bay(name)),
      servers: this.#servers,
      outbox: this.#outbox,
    };
  }

  beat(): PageBeat {
    return { now: this.#ports.clock.now(), number: this.#number };
  }

  /** Takes the place of what was known; nothing is said where it is the same. */
  setServers(servers: readonly ServerView[]): void {
    if (JSON.stringify(servers) === JSON.stringify(this.#servers)) return;
    this.#servers = servers;
    this.#say({ servers });
  }

  setOutbox(outbox: OutboxCount): void {
    if (JSON.stringify(outbox) === JSON.stringify(this.#outbox)) return;
    this.#outbox = outbox;
    this.#say({ outbox });
  }

  close(): void {
    for (const forget of this.#forget) forget();
    this.changed.clear();
  }

  #mark(name: string): void {
    if (this.#dirty.size === 0) void breathe().then(() => this.#flush());
    this.#dirty.add(name);
  }

  #flush(): void {
    const names = [...this.#dirty];
    this.#dirty.clear();
    for (const name of names) this.#say({ bay: this.#bay(name) });
  }

  #say(what: Pick<PageChange, "bay" | "servers" | "outbox">): void {
    this.#number++;
    this.changed.emit({ number: this.#number, now: this.#ports.clock.now(), ...what });
  }

  #bay(name: string): BayView {
    const place = this.#ports.places.find((one) => one.name === name);
    if (place === undefined) throw new StationError("BAY_UNKNOWN", { details: { name } });
    const desk = this.#desk;
    const state = this.#ports.bays.state(name);
    return bayView({ place, state, next: desk.next(name), missing: desk.missing(name), begun: desk.begun(name) });
  }
}
