/** Lists and forms of suppliers, ECU types and supplier secrets: the same routes for each. */

import { isStationError } from "../../../shared/errors.js";
import type { RegistryProblem } from "../registry-check.js";
import { type EntryOf, type RegistryKind, type RegistryLists, registryId } from "../registry-schema.js";
import type { Changed, RegistrySnapshot } from "../registry-store.js";
import { type Desk, type FieldProblem, type FormView, keptName } from "./desk.js";
import { ecuTypeDesk } from "./ecu-type-desk.js";
import { html } from "./html.js";
import { timeText } from "./language.js";
import { entryPage, entryUrl, listPage, messagePage, note, ROOT } from "./pages.js";
import type { AddRoute, Answer, Asked, ConsoleOptions } from "./routing.js";
import { secretDesk } from "./secret-desk.js";
import { actorOf } from "./session.js";
import { supplierDesk } from "./supplier-desk.js";

/** Hex digits of a check value. */
const PRINT_DIGITS = 8;

export function addEntryRoutes(add: AddRoute, options: ConsoleOptions): void {
  addDesk(add, options, supplierDesk);
  addDesk(add, options, ecuTypeDesk);
  addDesk(add, options, secretDesk);
}

function addDesk<K extends RegistryKind>(add: AddRoute, options: ConsoleOptions, desk: Desk<K>): void {
  const routes = new EntryRoutes(options, desk);
  add("GET", `/${desk.path}`, (asked) => routes.list(asked));
  add("GET", `/${desk.path}/new`, (asked) => routes.show(asked));
  add("GET", `/${desk.path}/entry`, (asked) => routes.show(asked));
  add("POST", `/${desk.path}/new`, (asked) => routes.save(asked));
  add("POST", `/${desk.path}/entry`, (asked) => routes.save(asked));
  add("POST", `/${desk.path}/state`, (asked) => routes.switch(asked));
}

interface Stored<E> {
  readonly id: string;
  readonly entry: E;
  readonly version: number;
}

class EntryRoutes<K extends RegistryKind> {
  readonly #options: ConsoleOptions;
  readonly #desk: Desk<K>;

  constructor(options: ConsoleOptions, desk: Desk<K>) {
    this.#options = options;
    this.#desk = desk;
  }

  async list({ visit, query }: Asked, conflict?: { at: number; by: string }): Promise<Answer> {
    const snapshot = await this.#options.registry.current();
    const saved = query.has("saved") && note("done", visit.t("saved"));
    const lost = conflict && note("wrong", visit.t("conflictState", conflict.by, timeText(conflict.at)));
    const page = listPage(visit, this.#desk, {
      entries: this.#entries(snapshot),
      mark: (id) => snapshot.mark(this.#desk.kind, id),
      readOnly: this.#options.writable === undefined,
      notice: [saved, lost],
    });
    return { page, status: conflict === undefined ? 200 : 409 };
  }

  async show(asked: Asked): Promise<Answer> {
    const stored = await this.#stored(asked.query);
    if (stored === "none") return notFound(asked);
    return { page: this.#page(asked, stored, this.#desk.fill(stored?.entry), []) };
  }

  async save(asked: Asked): Promise<Answer> {
    const { writable } = this.#options;
    if (writable === undefined) return readOnly(asked);
    const stored = await this.#stored(asked.query);
    if (stored === "none") return notFound(asked);
    const form = this.#withKept(asked);
    // A form that comes again still says what it was opened on.
    const expected = stored && (Number(form.get("version")) || 0);
    const opened = stored && { ...stored, version: expected ?? 0 };
    // The language was switched: the form comes again as it was.
    if (form.has("lang")) return { page: this.#page(asked, opened, form, []) };
    const entry = this.#desk.read(form, stored?.entry);
    if (isProblems(entry)) return { status: 422, page: this.#page(asked, opened, form, entry) };
    const { kind } = this.#desk;
    const { user } = asked.session;
    const changed = await writable.put({ kind, entry, expected, user, actor: actorOf(user, asked.peer) });
    if ("done" in changed) return { to: `${ROOT}/${this.#desk.path}?saved` };
    if ("problem" in changed)
      return { status: 422, page: this.#page(asked, opened, form, [fieldProblem(changed.problem)]) };
    return this.#conflict(asked, form, changed.conflict);
  }

  async switch(asked: Asked): Promise<Answer> {
    const { writable } = this.#options;
    if (writable === undefined) return readOnly(asked);
    const stored = await this.#stored(asked.form);
    if (stored === undefined || stored === "none") return notFound(asked);
    const { user } = asked.session;
    const changed: Changed = await writable.put({
      kind: this.#desk.kind,
      entry: { ...stored.entry, enabled: asked.form.get("enabled") === "yes" },
      expected: Number(asked.form.get("version")),
      user,
      actor: actorOf(user, asked.peer),
    });
    if ("conflict" in changed) return this.list(asked, changed.conflict);
    if ("problem" in changed) throw new Error(`switching an entry makes it wrong: ${changed.problem.name}`);
    return { to: `${ROOT}/${this.#desk.path}?saved` };
  }

  /** What was typed, over what is stored by now. */
  async #conflict(asked: Asked, form: URLSearchParams, { by, at }: { by: string; at: number }): Promise<Answer> {
    const now = await this.#stored(asked.query);
    if (now === undefined || now === "none") return notFound(asked);
    const { t } = asked.visit;
    const url = entryUrl(this.#desk, now.id);
    const notice = note(
      "wrong",
      html`${t("conflict", by, timeText(at))} <a href="${url}" target="_blank" rel="noopener">${t("storedNow")}</a>`,
    );
    return { status: 409, page: this.#page(asked, now, form, [], notice) };
  }

  #page(
    asked: Asked,
    stored: Stored<EntryOf<K>> | undefined,
    form: URLSearchParams,
    problems: readonly FieldProblem[],
    notice?: ReturnType<typeof note>,
  ) {
    const view: FormView = {
      t: asked.visit.t,
      form,
      kept: this.#kept(asked, form),
      problems,
      stored: stored !== undefined,
      prints: stored === undefined ? new Map() : this.#prints(stored),
      readOnly: this.#options.writable === undefined,
    };
    const shown = stored && { id: stored.id, version: stored.version, enabled: stored.entry.enabled };
    return entryPage(asked.visit, this.#desk, { stored: shown, view, ...(notice && { notice }) });
  }

  #entries(snapshot: RegistrySnapshot): readonly EntryOf<K>[] {
    const lists: RegistryLists = snapshot.registry.data;
    return lists[this.#desk.kind];
  }

  /** The entry that is named by `id`; undefined where none is named. */
  async #stored(named: URLSearchParams): Promise<Stored<EntryOf<K>> | undefined | "none"> {
    const id = named.get("id");
    if (id === null) return undefined;
    const snapshot = await this.#options.registry.current();
    const entry = this.#entries(snapshot).find((candidate) => registryId(candidate) === id);
    if (entry === undefined) return "none";
    return { id, entry, version: snapshot.mark(this.#desk.kind, id)?.version ?? 0 };
  }

  #keptContext({ session }: Asked, field: string): string {
    return `typed|${session.id}|${this.#desk.kind}|${field}`;
  }

  /** The form with the secrets that were typed into an earlier page of it. */
  #withKept(asked: Asked): URLSearchParams {
    const form = new URLSearchParams(asked.form);
    for (const field of this.#desk.secrets) {
      const sealed = form.get(keptName(field));
      if ((form.get(field) ?? "") !== "" || sealed === null) continue;
      form.set(field, this.#unsealed(sealed, this.#keptContext(asked, field)));
    }
    return form;
  }

  /** What is of another session or was changed counts as nothing typed. */
  #unsealed(sealed: string, context: string): string {
    try {
      return this.#options.vault.open(sealed, context).spend((bytes) => Buffer.from(bytes).toString("utf8"));
    } catch (error) {
      if (isStationError(error, "STORE_FAILED")) return "";
      throw error;
    }
  }

  #kept(asked: Asked, form: URLSearchParams): ReadonlyMap<string, string> {
    const typed = this.#desk.secrets.filter((field) => (form.get(field) ?? "") !== "");
    return new Map(
      typed.map((field) => [
        field,
        this.#options.vault.seal(Buffer.from(form.get(field) ?? ""), this.#keptContext(asked, field)),
      ]),
    );
  }

  /** Check values: a keyed hash that is bound to the entry, so that they tell nothing to who lacks the master key. */
  #prints({ id, entry }: Stored<EntryOf<K>>): ReadonlyMap<string, string> {
    const name = (field: string, value: string) =>
      this.#options.vault.nameOf(Buffer.from(`${this.#desk.kind}|${id}|${field}|${value}`)).slice(0, PRINT_DIGITS);
    return new Map([...this.#desk.secretsOf(entry)].map(([field, value]) => [field, name(field, value)]));
  }
}

function isProblems(read: object): read is readonly FieldProblem[] {
  return Array.isArray(read);
}

function notFound({ visit }: Asked): Answer {
  return { status: 404, page: messagePage(visit, "notFound") };
}

function readOnly({ visit }: Asked): Answer {
  return { status: 403, page: messagePage(visit, "readOnly") };
}

/** The registry's finding at its field of the form. */
function fieldProblem({ path, name, values }: RegistryProblem): FieldProblem {
  const field = String(path[2] ?? "");
  if (name === "duplicate" || name === "slotShared" || name === "verifyOnly")
    return { field, text: `problem_${name}`, values: name === "duplicate" ? [] : values };
  return { field, text: "problem_other", values: [] };
}
