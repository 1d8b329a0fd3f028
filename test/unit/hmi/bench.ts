/** A page's server on a real socket, with bays whose runs do what a test says, and a browser's part of it. */
import { type IncomingMessage, request } from "node:http";
import { afterEach } from "vitest";
import { inlineStores } from "../../../src/db/store.js";
import type { PageBay, PageOrder, PagePorts, PageProfile } from "../../../src/hmi/api/ports.js";
import type { DeskSettings } from "../../../src/hmi/api/scan/desk.js";
import { openPage } from "../../../src/hmi/api/server.js";
import type { SessionSettings } from "../../../src/hmi/api/sessions/sessions.js";
import type { ServerName } from "../../../src/hmi/contract/state.js";
import type { SessionView } from "../../../src/hmi/contract/views.js";
import { openRecords, type Records } from "../../../src/records/journal.js";
import { type Clock, VirtualClock } from "../../../src/shared/clock.js";
import { StationError } from "../../../src/shared/errors.js";
import { Listeners } from "../../../src/shared/listeners.js";
import { silentLogger } from "../../../src/shared/logger.js";
import { type BayRunOptions, Bays } from "../../../src/station/bays/bays.js";
import type { RunHeader, RunRecord } from "../../../src/station/ports.js";

const closing: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

const local = (text: string) => ({ ko: `${text} (ko)`, en: text });

export const EVCC: PageProfile = {
  name: "evcc",
  version: 1,
  hash: "aa".repeat(32),
  file: "/profiles/evcc.yaml",
  title: local("EVCC"),
  target: "she-uds",
  approved: true,
  inputs: [
    { name: "vin", title: local("VIN"), wanted: true, accepts: (value) => /^[A-HJ-NPR-Z0-9]{17}$/.test(value) },
    { name: "pcid", title: local("PCID"), wanted: true, accepts: (value) => /^[A-Z0-9]{17,18}$/.test(value) },
    { name: "brand", title: local("Brand"), wanted: false, accepts: () => true },
  ],
};

export const BODY: PageProfile = {
  ...EVCC,
  name: "body",
  hash: "bb".repeat(32),
  file: "/profiles/body.yaml",
  inputs: EVCC.inputs.slice(0, 1),
};

/** Nothing has to be scanned. */
export const BARE: PageProfile = { ...EVCC, name: "bare", hash: "cc".repeat(32), file: "/profiles/bare", inputs: [] };

const PROFILES: Readonly<Record<string, PageProfile>> = { evcc: EVCC, body: BODY, bare: BARE };

export const VIN = "KMHC851CFLU061234";
export const PCID = "KM8P2844A9TD84HR91";

export interface BenchOptions {
  readonly mode?: "simulator" | "plant";
  /** Profile of bay A; bay B has none. */
  readonly profile?: string;
  readonly scan?: Partial<DeskSettings>;
  readonly sessions?: Partial<SessionSettings>;
  readonly names?: readonly string[];
  /** Of the records; left out, they are in memory. */
  readonly file?: string;
  /** What a run does; it ends with PASS where nothing is said. */
  readonly work?: (options: BayRunOptions, order: PageOrder) => Promise<RunRecord>;
  readonly ping?: (server: ServerName, signal: AbortSignal) => Promise<void>;
  /** In place of A and B. */
  readonly places?: readonly PageBay[];
  /** In place of a virtual one: for a page in a real browser. */
  readonly clock?: Clock;
  /** Folder of the built page. */
  readonly assets?: string;
  readonly pictures?: string;
}

export interface Bench {
  readonly clock: VirtualClock;
  readonly bays: Bays;
  readonly records: Records;
  readonly port: number;
  readonly orders: readonly PageOrder[];
  readonly broken: ReadonlySet<ServerName>;
  close(): Promise<void>;
  browser(): Browser;
}

export function header(order: Pick<PageOrder, "bay" | "profile" | "inputs">): RunHeader {
  const { name, version, hash, file } = order.profile;
  return {
    runId: `R-${order.bay}`,
    bay: order.bay,
    link: "sim:",
    profile: { name, version, hash, file },
    inputs: order.inputs,
    expectedEcuId: undefined,
    startedAt: 0,
    programVersion: "0",
    plan: ["vin", "cert:a", "key:master", "lock"],
  };
}

export function record(
  order: Pick<PageOrder, "bay" | "profile" | "inputs">,
  change: Partial<RunRecord> = {},
): RunRecord {
  return {
    schema: 1,
    runId: `R-${order.bay}`,
    header: header(order),
    identity: undefined,
    steps: [],
    timers: {},
    startedAt: 0,
    finishedAt: 1_000,
    resumed: 0,
    owed: 0,
    outcome: "PASS",
    ...change,
  };
}

export async function openBench(options: BenchOptions = {}): Promise<Bench> {
  const virtual = new VirtualClock();
  const clock = options.clock ?? virtual;
  const stores = inlineStores();
  closing.push(() => stores.close());
  const records = await openRecords({ stores, file: options.file ?? ":memory:", clock });
  const places = options.places ?? [
    { name: "A", link: undefined, profile: options.profile },
    { name: "B", link: "slcan:/dev/x", profile: undefined },
  ];
  const bays = new Bays({ places: places.map(({ name }) => ({ name })), clock, logger: silentLogger });
  const orders: PageOrder[] = [];
  const broken = new Set<ServerName>();
  const mode = options.mode ?? "simulator";
  const ports: PagePorts = {
    station: { id: "test", mode, language: "both", programVersion: "0" },
    places,
    bays,
    profiles: {
      async find(name) {
        const found = PROFILES[name];
        if (found === undefined) throw new StationError("PROFILE_NOT_FOUND", { details: { what: name } });
        return found;
      },
      list: async () => [],
      changes: async () => ({ lines: [] }),
      approve: async () => undefined,
    },
    async begin(order) {
      void bays.start(order.bay, {
        work: (run) => options.work?.(run, order) ?? Promise.resolve(record(order)),
      });
      orders.push(order);
    },
    history: records.history,
    yields: records.yields,
    users: records.users,
    servers: (["vPKI", "KMS"] as const).map((name) => ({
      name,
      ping: async (signal) => options.ping?.(name, signal),
    })),
    outbox: {
      count: async () => ({ waiting: 0, quarantined: 0, full: false }),
      rows: async () => [],
      retry: async () => false,
      waive: async () => false,
    },
    traces: {
      formatsOf: async () => [],
      fileOf: async () => undefined,
      messages: async () => [],
      live: () => ({ recent: [], added: new Listeners() }),
    },
    adapters: async () => [],
    simulator:
      mode === "plant"
        ? undefined
        : {
            faults: [{ spec: "wrong-m4", text: local("wrong M4") }],
            profile: "body",
            scan: async () => ({ vin: VIN }),
            broken: () => [...broken],
            breakServer: (server, isBroken) => void (isBroken ? broken.add(server) : broken.delete(server)),
          },
    clock,
    logger: silentLogger,
  };
  const page = await openPage({
    ports,
    host: "127.0.0.1",
    port: 0,
    names: options.names ?? [],
    assets: options.assets ?? "/there/is/no/such/folder",
    pictures: options.pictures,
    scan: { prefix: "", suffix: "", checkDigit: false, rules: [], ...options.scan },
    sessions: {
      idle: 60_000,
      lifetime: 600_000,
      tries: 3,
      pause: 10_000,
      longestPause: 60_000,
      ...options.sessions,
    },
  });
  let closed: Promise<void> | undefined;
  const close = () => {
    closed ??= (async () => {
      const ended = bays.close();
      await page.close();
      await (options.clock === undefined ? virtual.drive(ended) : ended);
    })();
    return closed;
  };
  closing.push(close);
  return {
    clock: virtual,
    bays,
    records,
    port: page.port,
    orders,
    broken,
    close,
    browser: () => new Browser(page.port),
  };
}

export interface Answer {
  readonly status: number;
  readonly headers: IncomingMessage["headers"];
  readonly text: string;
  /** Parsed JSON; undefined where there is none. */
  // biome-ignore lint/suspicious/noExplicitAny: each test knows what it asked for.
  readonly json: any;
}

/** Keeps the cookie and the CSRF token, as the page does. */
export class Browser {
  cookie: string | undefined;
  csrf = "";

  constructor(readonly port: number) {}

  ask(
    method: string,
    path: string,
    { body, headers = {} }: { body?: unknown; headers?: Readonly<Record<string, string>> } = {},
  ): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const sent = request(
        {
          port: this.port,
          host: "127.0.0.1",
          method,
          path,
          headers: {
            ...(this.cookie === undefined ? {} : { cookie: this.cookie }),
            ...(body === undefined ? {} : { "content-type": "application/json" }),
            ...headers,
          },
        },
        (response) => {
          let text = "";
          response.setEncoding("utf8");
          response.on("data", (chunk: string) => {
            text += chunk;
          });
          response.on("end", () => {
            const set = response.headers["set-cookie"]?.[0]?.split(";", 1)[0];
            if (set !== undefined) this.cookie = set.endsWith("=") ? undefined : set;
            const isJson = response.headers["content-type"]?.startsWith("application/json") === true;
            const json: unknown = isJson ? JSON.parse(text) : undefined;
            resolve({ status: response.statusCode ?? 0, headers: response.headers, text, json });
          });
        },
      );
      sent.on("error", reject);
      sent.end(body === undefined ? undefined : JSON.stringify(body));
    });
  }

  get(path: string): Promise<Answer> {
    return this.ask("GET", path);
  }

  post(path: string, body: unknown = {}): Promise<Answer> {
    return this.ask("POST", path, { body, headers: { "x-csrf-token": this.csrf } });
  }

  async session(): Promise<SessionView> {
    const { json } = await this.get("/api/session");
    this.csrf = json.csrf;
    return json;
  }

  async signIn(who: unknown): Promise<Answer> {
    await this.session();
    const answer = await this.post("/api/session", who);
    if (answer.status === 200) this.csrf = answer.json.csrf;
    return answer;
  }

  events(last?: string): Promise<Events> {
    return Events.open(this.port, "/api/events", last === undefined ? {} : { "last-event-id": last });
  }
}

export interface Heard {
  readonly event: string;
  readonly id: string | undefined;
  // biome-ignore lint/suspicious/noExplicitAny: each test knows what it asked for.
  readonly data: any;
}

/** One open stream of server-sent events. */
export class Events {
  readonly heard: Heard[] = [];
  readonly ended: Promise<void>;
  #rest = "";
  #waiting: (() => void)[] = [];

  private constructor(readonly response: IncomingMessage) {
    this.ended = new Promise((resolve) => void response.once("close", resolve));
    response.setEncoding("utf8");
    response.on("error", () => undefined);
    response.on("data", (chunk: string) => this.#take(chunk));
  }

  static open(port: number, path: string, headers: Readonly<Record<string, string>>): Promise<Events> {
    return new Promise((resolve, reject) => {
      const sent = request({ port, host: "127.0.0.1", path, headers }, (response) => {
        const events = new Events(response);
        closing.push(async () => events.close());
        resolve(events);
      });
      sent.on("error", reject);
      sent.end();
    });
  }

  /** The first of that kind that fits, heard already or to come. */
  async next(event: string, fits: (data: Heard["data"]) => boolean = () => true): Promise<Heard> {
    for (;;) {
      const found = this.heard.find((one) => one.event === event && fits(one.data));
      if (found !== undefined) return found;
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
  }

  of(event: string): readonly Heard[] {
    return this.heard.filter((one) => one.event === event);
  }

  close(): void {
    this.response.destroy();
  }

  #take(chunk: string): void {
    const blocks = `${this.#rest}${chunk}`.split("\n\n");
    this.#rest = blocks.pop() ?? "";
    for (const block of blocks) {
      const field = (name: string) => new RegExp(`^${name}: (.*)$`, "m").exec(block)?.[1];
      const event = field("event");
      if (event !== undefined) this.heard.push({ event, id: field("id"), data: JSON.parse(field("data") ?? "null") });
    }
    for (const wake of this.#waiting.splice(0)) wake();
  }
}
