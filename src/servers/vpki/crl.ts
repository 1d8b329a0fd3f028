/** Keeps a valid CRL of every scope in the store: signed ahead of need, and anew as soon as something is revoked. */
import type { Store } from "../../db/store.js";
import { buildCrl, encodeCrlEntries } from "../../pki/crl.js";
import { concat } from "../../shared/bytes.js";
import { breathe, type Clock, type Timer } from "../../shared/clock.js";
import { describe } from "../../shared/errors.js";
import type { Logger } from "../../shared/logger.js";
import type { Authorities, Authority } from "./authorities.js";
import { AUTHORITY_NAMES, CRL_CHECK_MINUTES, CRL_DAYS, crlFiles, type VpkiConfig } from "./config.js";
import type { SigningQueue } from "./queue.js";
import type { CrlHead, CrlState, ScopeKey } from "./store/status.js";
import type { VpkiStoreDefinition } from "./store/store.js";

const DAY = 86_400_000;
/** ms by which a list may be ahead of this clock: another replica may have made it. */
const SKEW = 60_000;
/** Entries that are read and encoded in one piece, so that a long list never holds up the event loop. */
const PIECE = 200;
/** Bytes that are turned into base64 or back in one piece; a multiple of 3. */
const SLICE = 196_608;
const BASE64_SLICE = (SLICE / 3) * 4;
/** Lists that one reader waits for while certificates keep being revoked. */
const ROUNDS = 3;

export interface CrlOptions {
  readonly store: Store<VpkiStoreDefinition>;
  readonly authorities: Authorities;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly config: VpkiConfig;
  readonly queue: SigningQueue;
  /** Address of a list, as certificates name it. */
  readonly address: (authority: Authority, file: string) => string;
}

export interface SignedCrl extends Omit<CrlHead, "addresses"> {
  readonly der: Uint8Array;
}

/** One list of one CA. */
class CrlScope {
  #kept: SignedCrl | undefined;
  #making: Promise<void> | undefined;

  constructor(
    private readonly options: CrlOptions,
    readonly authority: Authority,
    readonly file: string,
  ) {}

  get #key(): ScopeKey {
    return { ca: this.authority.name, crl: this.file };
  }

  /** Addresses that the list must name; none where it is the CA's whole list. */
  get #address(): string | undefined {
    return this.authority.wholeCrl ? undefined : this.options.address(this.authority, this.file);
  }

  /**
   * The list that holds now, made where there is none or something was revoked since. Where that fails, the one before, while it is
   * valid.
   */
  async current(): Promise<SignedCrl> {
    try {
      let state = await this.#state();
      for (let round = 0; round < ROUNDS && this.#isDue(state); round++) {
        this.#making ??= this.#make().finally(() => {
          this.#making = undefined;
        });
        await this.#making;
        state = await this.#state();
      }
      if (state.newest === undefined) throw new Error("no list was kept");
      return await this.#load(state.newest);
    } catch (error) {
      return await this.#former(error);
    }
  }

  #state(): Promise<CrlState> {
    return this.options.store.call("crlState", { ...this.#key, now: this.options.clock.now() });
  }

  /** Half of a list's life is kept in reserve for a CA or a store that is away. */
  #isDue({ newest, unlisted }: CrlState): boolean {
    if (newest === undefined || unlisted) return true;
    const address = this.#address;
    if (address !== undefined && !(JSON.parse(newest.addresses) as string[]).includes(address)) return true;
    const now = this.options.clock.now();
    // The clock was set back: to whoever has the right time, that list does not hold yet. Clocks of replicas differ a little.
    if (newest.thisUpdate > now + SKEW) return true;
    return now >= (newest.thisUpdate + newest.nextUpdate) / 2;
  }

  async #former(error: unknown): Promise<SignedCrl> {
    const { clock, logger, store } = this.options;
    logger.error("CRL could not be made", { ...this.#key, what: describe(error) });
    const newest = await store
      .call("crlState", { ...this.#key, now: clock.now() })
      .then((state) => (state.newest === undefined ? undefined : this.#load(state.newest)))
      .catch(() => this.#kept);
    if (newest === undefined || newest.nextUpdate <= clock.now()) throw error;
    return newest;
  }

  async #load({ number, thisUpdate, nextUpdate }: CrlHead): Promise<SignedCrl> {
    if (this.#kept?.number === number) return this.#kept;
    const slices: Uint8Array[] = [];
    for (let from = 0, all = 1; from < all; from += BASE64_SLICE) {
      const part = await this.options.store.call("crlDer", { ...this.#key, number, from, size: BASE64_SLICE });
      if (part === undefined) throw new Error(`list ${number} is not in the store`);
      all = part.all;
      slices.push(Buffer.from(part.text, "base64"));
    }
    this.#kept = { number, thisUpdate, nextUpdate, der: concat(...slices) };
    return this.#kept;
  }

  async #make(): Promise<void> {
    const { store, clock, config, logger, queue } = this.options;
    const { authority } = this;
    const address = this.#address;
    const thisUpdate = Math.floor(clock.now() / 1000) * 1000;
    const nextUpdate = Math.min(thisUpdate + (config.crlDays ?? CRL_DAYS) * DAY, authority.certificate.notAfter);
    const addresses =
      address === undefined ? [] : await store.call("crlAddresses", { ...this.#key, url: address, at: clock.now() });
    const { number, newest } = await store.call("beginCrl", { ...this.#key, now: clock.now() });
    const entries: Uint8Array[] = [];
    for (let after: string | undefined = ""; after !== undefined; ) {
      const args = { ...this.#key, number, after, limit: PIECE, past: newest };
      const piece: Awaited<ReturnType<typeof store.call<"crlEntries">>> = await store.call("crlEntries", args);
      entries.push(encodeCrlEntries(piece));
      after = piece.length < PIECE ? undefined : piece.at(-1)?.serial;
    }
    const { issuer, hash } = authority;
    const sign = (tbs: Uint8Array) => queue.own(() => authority.sign(tbs));
    const der = await buildCrl({ issuer, number, thisUpdate, nextUpdate, entries, addresses, hash, sign, breathe });
    const head = { number, thisUpdate, nextUpdate, addresses: JSON.stringify(addresses) };
    await store.call("saveCrl", { ...this.#key, ...head, der: await toBase64(der) });
    this.#kept = { number, thisUpdate, nextUpdate, der };
    logger.info("CRL made", { ...this.#key, number, bytes: der.length });
  }

  /** Resolves when nothing is being made. */
  async idle(): Promise<void> {
    await this.#making?.catch(() => undefined);
  }
}

async function toBase64(der: Uint8Array): Promise<string> {
  const texts: string[] = [];
  for (let at = 0; at < der.length; at += SLICE) {
    texts.push(Buffer.from(der.subarray(at, at + SLICE)).toString("base64"));
    await breathe();
  }
  return texts.join("");
}

export class CrlPublisher {
  readonly #scopes = new Map<string, CrlScope>();
  #timer: Timer | undefined;
  #closed = false;
  readonly #renewing = new Set<Promise<unknown>>();

  private constructor(private readonly options: CrlOptions) {}

  /** Every list that the settings or certificates issued before name. */
  static async open(options: CrlOptions): Promise<CrlPublisher> {
    const publisher = new CrlPublisher(options);
    const { authorities, store, config } = options;
    for (const name of AUTHORITY_NAMES.filter((each) => authorities.get(each).signs))
      for (const file of crlFiles(authorities.get(name), config)) publisher.#add(authorities.get(name), file);
    for (const { ca, crl } of await store.call("crlScopes", {})) {
      const name = AUTHORITY_NAMES.find((known) => known === ca);
      if (name !== undefined) publisher.#add(authorities.get(name), crl);
    }
    return publisher;
  }

  #add(authority: Authority, file: string): void {
    const key = `${authority.name}/${file}`;
    if (!this.#scopes.has(key)) this.#scopes.set(key, new CrlScope(this.options, authority, file));
  }

  find(ca: string, file: string): { current(): Promise<SignedCrl> } | undefined {
    return this.#scopes.get(`${ca}/${file}`);
  }

  /** `CA/FILE` of every list. */
  names(): string[] {
    return [...this.#scopes.keys()];
  }

  /** Makes what is due now, and looks again from time to time. */
  async start(): Promise<void> {
    await this.#check();
    if (this.#closed) return;
    const every = (this.options.config.crlCheckMinutes ?? CRL_CHECK_MINUTES) * 60_000;
    this.#timer = this.options.clock.timer(every, () => this.#track(this.start()));
  }

  /** Something of these lists was revoked: makes them anew at once, in the background. */
  renew(lists: readonly ScopeKey[]): void {
    for (const { ca, crl } of lists) {
      const scope = this.#scopes.get(`${ca}/${crl}`);
      // A failure is in the log, and the next reader or look at the lists tries again.
      if (scope !== undefined && !this.#closed) this.#track(scope.current().catch(() => undefined));
    }
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#timer?.cancel();
    await Promise.all(this.#renewing);
    await Promise.all([...this.#scopes.values()].map((scope) => scope.idle()));
  }

  async #check(): Promise<void> {
    for (const scope of this.#scopes.values()) {
      if (this.#closed) return;
      await scope.current().catch(() => undefined);
    }
  }

  #track(work: Promise<unknown>): void {
    this.#renewing.add(work);
    void work.finally(() => this.#renewing.delete(work));
  }
}
