/** Where the KMS has its registry from: the file alone, or its store, which the file seeds and the console changes. */

import { Value } from "typebox/value";
import type { AuditEntry } from "../../audit/row.js";
import type { Store } from "../../db/store.js";
import type { Clock } from "../../shared/clock.js";
import { StationError } from "../../shared/errors.js";
import { buildRegistry, type Registry } from "./registry.js";
import { type RegistryProblem, registryProblem } from "./registry-check.js";
import {
  type EntryOf,
  REGISTRY_KINDS,
  type RegistryData,
  type RegistryKind,
  type RegistryLists,
  RegistrySchema,
  registryId,
} from "./registry-schema.js";
import { registryContext, SEED_VERSION, type StoredEntry } from "./store/registry.js";
import type { store as definition } from "./store/store.js";
import type { Vault } from "./vault.js";

/** Who changed an entry last, and to which version. */
export interface EntryMark {
  readonly version: number;
  /** ms since the epoch. */
  readonly at: number;
  readonly by: string;
}

export interface RegistrySnapshot {
  readonly version: number;
  readonly registry: Registry;
  /** Undefined for what the file says. */
  mark(kind: RegistryKind, id: string): EntryMark | undefined;
}

export interface RegistrySource {
  /** The registry as it is now; of a store, as its last committed change left it. */
  current(): Promise<RegistrySnapshot>;
}

/** The registry file as the one truth. */
export function fixedRegistry(registry: Registry): RegistrySource {
  const snapshot: RegistrySnapshot = { version: 0, registry, mark: () => undefined };
  return { current: async () => snapshot };
}

export interface RegistryChange<K extends RegistryKind> {
  readonly kind: K;
  readonly entry: EntryOf<K>;
  /** Version of the entry that was changed; undefined for a new one. */
  readonly expected: number | undefined;
  readonly user: string;
  /** As the audit log calls who did it. */
  readonly actor: string;
}

export type Changed =
  | { readonly done: true }
  /** Somebody else changed the entry since. */
  | { readonly conflict: EntryMark }
  | { readonly problem: RegistryProblem };

/** Tries to write a change while others write theirs. */
const MAX_TRIES = 20;
const SEEDER = "registry file";

export interface StoredRegistryOptions {
  readonly store: Store<typeof definition>;
  readonly vault: Vault;
  readonly clock: Clock;
  /** Phase, UID layout and single ECUs always; suppliers, ECU types and secrets where the store has no registry yet. */
  readonly file: Registry;
}

/** The registry in the store. The entries are sealed, each to its kind, id and version. */
export class StoredRegistry implements RegistrySource {
  readonly #options: StoredRegistryOptions;
  #known: RegistrySnapshot | undefined;

  private constructor(options: StoredRegistryOptions) {
    this.#options = options;
  }

  /** @throws StationError STORE_FAILED; CONFIG_INVALID where the file names an ECU that the stored registry does not know */
  static async open(options: StoredRegistryOptions): Promise<StoredRegistry> {
    const registry = new StoredRegistry(options);
    await registry.#seed();
    await registry.current();
    return registry;
  }

  async current(): Promise<RegistrySnapshot> {
    const known = this.#known;
    const found = await this.#options.store.call("registrySince", known?.version ?? null);
    if (found === "same" && known !== undefined) return known;
    if (found === "same" || found === "none")
      throw new StationError("STORE_FAILED", { details: { what: "the registry is gone from the KMS store" } });
    const marks = new Map<string, EntryMark>();
    const lists: { [K in RegistryKind]: unknown[] } = { suppliers: [], ecuTypes: [], supplierSecrets: [] };
    for (const row of found.entries) {
      const kind = REGISTRY_KINDS.find((name) => name === row.kind);
      if (kind === undefined) continue;
      lists[kind].push(this.#open(row));
      marks.set(`${kind} ${row.id}`, { version: Number(row.version), at: Number(row.changedAt), by: row.changedBy });
    }
    const registry = buildRegistry(this.#whole(lists));
    const snapshot = {
      version: found.version,
      registry,
      mark: (kind: string, id: string) => marks.get(`${kind} ${id}`),
    };
    // An answer that was overtaken by a later one must not replace it.
    if (this.#known === undefined || this.#known.version < snapshot.version) this.#known = snapshot;
    return snapshot;
  }

  /** Adds or changes one entry, durable and audited when it resolves. @throws StationError STORE_FAILED */
  async put<K extends RegistryKind>(change: RegistryChange<K>): Promise<Changed> {
    const { kind, entry, expected, user, actor } = change;
    const { store, vault, clock } = this.#options;
    const id = registryId(entry);
    for (let tries = 0; tries < MAX_TRIES; tries++) {
      const { version: basis, registry, mark } = await this.current();
      const lists: RegistryLists = registry.data;
      const former = lists[kind].find((other) => registryId(other) === id);
      const held = mark(kind, id);
      if (expected !== undefined && held !== undefined && held.version !== expected) return { conflict: held };
      const others = expected === undefined ? lists[kind] : lists[kind].filter((other) => other !== former);
      // The entry stands last, so that whatever it collides with is found at its own place.
      const problem = registryProblem({ ...registry.data, [kind]: [...others, entry] });
      if (problem !== undefined) return { problem };
      const at = clock.now();
      const written = await store.call("registryChange", {
        basis,
        kind,
        id,
        sealed: vault.seal(Buffer.from(JSON.stringify(entry)), registryContext(kind, id, basis + 1)),
        by: user,
        at,
        audit: changeEntry(kind, former, entry, actor, at),
      });
      if (written) return { done: true };
    }
    throw new StationError("STORE_FAILED", { details: { what: "the registry is changed by too many at once" } });
  }

  async #seed(): Promise<void> {
    const { store, vault, clock, file } = this.#options;
    if ((await store.call("registrySince", null)) !== "none") return;
    const lists: RegistryLists = file.data;
    const entries = REGISTRY_KINDS.flatMap((kind) =>
      lists[kind].map((entry) => {
        const id = registryId(entry);
        const plain = Buffer.from(JSON.stringify(entry));
        return { kind, id, sealed: vault.seal(plain, registryContext(kind, id, SEED_VERSION)) };
      }),
    );
    const at = clock.now();
    const counts = Object.fromEntries(REGISTRY_KINDS.map((kind) => [kind, lists[kind].length]));
    const audit: AuditEntry = {
      ...{ at, actor: "ecustation", action: "seed registry", subject: "", outcome: "done" },
      details: counts,
    };
    await store.call("registrySeed", { entries, by: SEEDER, at, audit });
  }

  #open(row: StoredEntry): unknown {
    const secret = this.#options.vault.open(row.sealed, registryContext(row.kind, row.id, Number(row.version)));
    return secret.spend((bytes) => JSON.parse(Buffer.from(bytes).toString("utf8")) as unknown);
  }

  /** The stored lists beside what the file says of everything else. */
  #whole(lists: object): RegistryData {
    const whole: unknown = { ...this.#options.file.data, ...lists };
    if (Value.Check(RegistrySchema, whole)) {
      const problem = registryProblem(whole);
      if (problem === undefined) return whole;
      if (problem.path[0] === "ecus") {
        const what = `ecus[${problem.path[1]}] of the registry file is of a supplier or type that the registry in the store lacks`;
        throw new StationError("CONFIG_INVALID", { details: { what } });
      }
    }
    throw new StationError("STORE_FAILED", { details: { what: "the KMS store holds a registry that is none" } });
  }
}

/** Fields whose values the audit log does not get. */
const SECRET_FIELDS: ReadonlySet<string> = new Set(["factoryMasterKey", "blankKey", "value", "keys"]);

function changeEntry(
  kind: RegistryKind,
  former: EntryOf<RegistryKind> | undefined,
  entry: EntryOf<RegistryKind>,
  actor: string,
  at: number,
): AuditEntry {
  const before = new Map<string, unknown>(Object.entries(former ?? {}));
  const after = new Map<string, unknown>(Object.entries(entry));
  const names = [...new Set([...before.keys(), ...after.keys()])];
  const differ = names.filter((name) => JSON.stringify(before.get(name)) !== JSON.stringify(after.get(name)));
  const details = Object.fromEntries(
    differ.map((name) => [name, SECRET_FIELDS.has(name) ? "changed" : { from: before.get(name), to: after.get(name) }]),
  );
  const switched = former !== undefined && former.enabled !== entry.enabled;
  const verb = former === undefined ? "add" : switched ? (entry.enabled ? "enable" : "disable") : "change";
  return { at, actor, action: `${verb} ${kind}`, subject: registryId(entry), outcome: "done", details };
}
