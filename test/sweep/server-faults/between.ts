/** The proxies between a plant and its servers, and clients that go through them. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Agent } from "undici";
import { createKmsClient } from "../../../src/clients/kms.js";
import { createVpkiClient } from "../../../src/clients/vpki.js";
import { vpkiPath } from "../../../src/contract/vpki.js";
import type { VirtualClock } from "../../../src/shared/clock.js";
import type { KmsClient, VpkiClient } from "../../../src/station/ports.js";
import type { Between } from "../wire/plant.js";
import {
  type Blow,
  type ExchangeFault,
  isConnectionFault,
  kmsKey,
  reportKey,
  type ServerName,
  serverOf,
} from "./faults.js";
import { type Identities, makeIdentities } from "./identities.js";
import { Ledger } from "./ledger.js";
import { FaultProxy } from "./proxy.js";
import { TryClock } from "./try-clock.js";

interface Way {
  readonly proxy: FaultProxy;
  /** The proxy's address, and one of the same server at which all is well. */
  readonly urls: readonly [string, string];
}

export class FaultyServers implements Between {
  /** What came to either server, by all ways. */
  readonly ledger = new Ledger();
  readonly #clock: VirtualClock;
  readonly #tries: TryClock;
  readonly #dir = mkdtempSync(join(tmpdir(), "server-faults-"));
  readonly #ways = new Map<ServerName, Way>();
  readonly #spares: FaultProxy[] = [];
  #agent: Agent | undefined;
  #identities: Identities | undefined;
  #chain = "";
  #blow: Blow | undefined;
  #struck = false;
  /** Names of the requests since the last `strike`, each once, in their order. */
  readonly #seen = new Set<string>();

  constructor(clock: VirtualClock) {
    this.#clock = clock;
    this.#tries = new TryClock(clock, () => {
      // A connection that was refused once is not refused again.
      if (this.#blow?.mode === "once") this.#mendSoon();
    });
  }

  get seen(): readonly string[] {
    return [...this.#seen];
  }

  get struck(): boolean {
    return this.#struck;
  }

  /** What went wrong in the proxies themselves. */
  get failures(): readonly unknown[] {
    return [...[...this.#ways.values()].map(({ proxy }) => proxy), ...this.#spares].flatMap(({ failures }) => failures);
  }

  async open({ vpki, kms, ca, chain }: Parameters<Between["open"]>[0]): Promise<void> {
    this.#identities = await makeIdentities(this.#dir);
    this.#agent = new Agent({ connect: { ca } });
    this.#chain = chain;
    for (const [server, upstream] of [
      ["vpki", vpki],
      ["kms", kms],
    ] as const) {
      const proxy = this.#proxy(server, upstream, (key) => this.#faultOf(key));
      const spare = this.#proxy(server, upstream, () => undefined);
      this.#spares.push(spare);
      this.#ways.set(server, { proxy, urls: [await proxy.open(), await spare.open()] });
    }
  }

  #proxy(server: ServerName, upstream: string, faultOf: (key: string) => ExchangeFault | undefined): FaultProxy {
    const [agent, identities] = [this.#agent, this.#identities];
    if (agent === undefined || identities === undefined) throw new Error("not open");
    return new FaultProxy({
      ...{ server, upstream, agent, identities, faultOf },
      apart: () => this.#blow !== undefined && isConnectionFault(this.#blow.fault),
      ledger: this.ledger,
      keepWaiting: () => this.#tries.keepWaiting(),
      sleep: (ms) => this.#clock.sleep(ms),
    });
  }

  /** What one request of the next run meets; undefined for nothing. */
  async strike(blow: Blow | undefined): Promise<void> {
    await this.#mend();
    this.#blow = blow;
    this.#struck = false;
    this.#seen.clear();
    this.#tries.reset();
  }

  async #mend(): Promise<void> {
    for (const { proxy } of this.#ways.values()) await proxy.mend();
  }

  #mendSoon(): void {
    const release = this.#clock.hold();
    void this.#mend().finally(release);
  }

  #faultOf(key: string): ExchangeFault | undefined {
    this.#seen.add(key);
    const blow = this.#blow;
    if (blow === undefined || isConnectionFault(blow.fault)) return undefined;
    const lasts = this.#struck && blow.mode !== "once" && serverOf(key) === serverOf(blow.key);
    const first = !this.#struck && key === blow.key;
    if (!lasts && !first) return undefined;
    this.#struck = true;
    return blow.fault;
  }

  /** One call of a client; the connection that it needs meets its fault. */
  async #calling<T>(key: string, call: () => Promise<T>): Promise<T> {
    const blow = this.#blow;
    if (blow === undefined || this.#struck || key !== blow.key || !isConnectionFault(blow.fault)) return call();
    this.#struck = true;
    const release = this.#clock.hold();
    await this.#ways.get(serverOf(key))?.proxy.break(blow.fault);
    release();
    try {
      return await call();
    } finally {
      if (blow.mode === "once") await this.#mend();
    }
  }

  clients(): { readonly kms: KmsClient; readonly vpki: VpkiClient; close(): Promise<void> } {
    const second = this.#blow?.mode === "second";
    const common = { ca: this.#identities?.ca ?? "", clock: this.#tries, sharedStore: second };
    const urls = (server: ServerName) => (this.#ways.get(server)?.urls ?? []).slice(0, second ? 2 : 1);
    const vpki = createVpkiClient({ ...common, baseUrls: urls("vpki"), chain: this.#chain });
    const kms = createKmsClient({ ...common, baseUrls: urls("kms"), station: "sweep" });
    const via = <T>(key: string, call: () => Promise<T>) => this.#calling(key, call);
    return {
      close: async () => void (await Promise.all([vpki.close(), kms.close()])),
      vpki: {
        ...vpki,
        ping: (signal) => via("vpki ping", () => vpki.ping(signal)),
        issue: (request, id, signal) =>
          via(`vpki ${vpkiPath(request.type, "issue")}`, () => vpki.issue(request, id, signal)),
        reissue: (request, id, signal) =>
          via(`vpki ${vpkiPath(request.type, "reissue")}`, () => vpki.reissue(request, id, signal)),
      },
      kms: {
        ping: (signal) => via("kms ping", () => kms.ping(signal)),
        requestKey: (request, id, signal) =>
          via(kmsKey("key", request.keyId), () => kms.requestKey(request, id, signal)),
        requestSync: (type, ecuId, keyId, signal) =>
          via(kmsKey("sync", keyId), () => kms.requestSync(type, ecuId, keyId, signal)),
        report: (result, id, signal) =>
          via(reportKey(result.kind, result.type, result.keyId), () => kms.report(result, id, signal)),
      },
    };
  }

  async close(): Promise<void> {
    for (const { proxy } of this.#ways.values()) await proxy.close();
    for (const spare of this.#spares) await spare.close();
    await this.#agent?.destroy();
    rmSync(this.#dir, { recursive: true });
  }
}
