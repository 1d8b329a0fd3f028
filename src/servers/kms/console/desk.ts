/** What the console does with one kind of registry entry: its list, its form, and what a sent form says. */
import type { EntryOf, RegistryKind } from "../registry-schema.js";
import { type Html, html, type Part } from "./html.js";
import type { TextKey, Translate } from "./language.js";

/** A mistake in a form: where, and what. The text's first value is the field's label. */
export interface FieldProblem {
  readonly field: string;
  readonly text: TextKey;
  readonly values: readonly string[];
}

/** What a form is drawn with. */
export interface FormView {
  readonly t: Translate;
  /** As the fields shall be filled; of secret fields, nothing. */
  readonly form: URLSearchParams;
  /** Secret fields that were typed before, sealed, by name. */
  readonly kept: ReadonlyMap<string, string>;
  readonly problems: readonly FieldProblem[];
  /** Whether the entry is there already: then its identity is fixed. */
  readonly stored: boolean;
  /** Check values of the entry's secrets, by field. */
  readonly prints: ReadonlyMap<string, string>;
  /** The registry file is the truth. */
  readonly readOnly: boolean;
}

export interface Column<E> {
  readonly label: TextKey;
  cell(entry: E, t: Translate): Part;
}

export interface Desk<K extends RegistryKind = RegistryKind> {
  readonly kind: K;
  /** Part of the address. */
  readonly path: string;
  readonly addTitle: TextKey;
  readonly changeTitle: TextKey;
  readonly columns: readonly Column<EntryOf<K>>[];
  /** Fields whose content is never shown. */
  readonly secrets: readonly string[];
  /** The stored secrets by field, for check values. */
  secretsOf(entry: EntryOf<K>): ReadonlyMap<string, string>;
  fill(entry: EntryOf<K> | undefined): URLSearchParams;
  /** @param former the stored entry, whose secrets stay where none was typed */
  read(form: URLSearchParams, former: EntryOf<K> | undefined): EntryOf<K> | readonly FieldProblem[];
  fields(view: FormView): Html;
}

/** Ties an entry of a desk to it without a cast: what one desk gave goes back to the same. */
export function deskOf<K extends RegistryKind>(desk: Desk<K>): Desk<K> {
  return desk;
}

const NUMBER = /^(?:0x[0-9a-f]{1,12}|[0-9]{1,15})$/i;
const NUMBER_MAX = 0xffffffffffff;

/** A number as forms take it; undefined where it is none. */
export function readNumber(text: string): number | undefined {
  const value = NUMBER.test(text) ? Number(text) : Number.NaN;
  return value <= NUMBER_MAX ? value : undefined;
}

const NAME_MAX = 200;

/** The optional name of an entry. */
export function readName(form: URLSearchParams, problems: FieldProblem[]): { name?: string } {
  const name = form.get("name")?.trim() ?? "";
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is refused.
  if (name.length > NAME_MAX || /[\u0000-\u001f\u007f]/.test(name))
    problems.push({ field: "name", text: "badName", values: [String(NAME_MAX)] });
  return name === "" ? {} : { name };
}

interface TextField {
  readonly name: string;
  readonly label: TextKey;
  readonly hint?: TextKey | undefined;
  /** Cannot be changed. */
  readonly fixed?: boolean;
}

const describedBy = (view: FormView, name: string, hint: boolean): string =>
  [hint ? `${name}-hint` : "", errorOf(view, name) === undefined ? "" : `${name}-error`].filter(Boolean).join(" ");

function errorOf({ problems }: FormView, name: string): FieldProblem | undefined {
  return problems.find(({ field }) => field === name);
}

function errorLine(view: FormView, name: string): Part {
  const problem = errorOf(view, name);
  return problem && html`<p class="error" id="${name}-error">${problemLine(view.t, problem)}</p>`;
}

const LABELS: Readonly<Record<string, TextKey>> = {
  id: "id",
  name: "name",
  value: "value",
  phases: "phases",
  delivery: "delivery",
  factoryMasterKey: "factoryMasterKey",
  blankKey: "blankKey",
  flagBits: "flagBits",
  bank: "bank",
};

/** One line that says where and what. */
export function problemLine(t: Translate, { field, text, values }: FieldProblem): string {
  if (field === "slots" || field === "verifyOnly") return t(text, ...values);
  return t(text, field.startsWith("slot.") ? t("slotOf", field.slice(5)) : t(LABELS[field] ?? "title"), ...values);
}

/** Where on the page the field of a problem is. */
export function problemAnchor({ field }: FieldProblem): string {
  return field in LABELS || field.startsWith("slot.") ? `#${field}` : "#keys";
}

export function textField(view: FormView, { name, label, hint, fixed }: TextField): Html {
  const { t, form } = view;
  const invalid = errorOf(view, name) !== undefined;
  const off = fixed === true || view.readOnly;
  return html`<div class="field"><label for="${name}">${t(label)}</label>
${hint && html`<p class="hint" id="${name}-hint">${t(hint)}</p>`}
<input type="text" id="${name}" name="${name}" value="${form.get(name) ?? ""}" autocomplete="off" spellcheck="false"
 aria-describedby="${describedBy(view, name, hint !== undefined)}"${invalid && html` aria-invalid="true"`}${off && html` readonly`}>
${errorLine(view, name)}</div>`;
}

/** A field that can be written and never read. */
export function secretField(view: FormView, { name, label, hint }: TextField, keep: TextKey): Html {
  const { t, kept, prints } = view;
  const invalid = errorOf(view, name) !== undefined;
  const sealed = kept.get(name);
  const print = prints.get(name);
  return html`<div class="field"><label for="${name}">${t(label)}</label>
<p class="hint" id="${name}-hint">${hint && t(hint)} ${print !== undefined && t(keep)}</p>
${print !== undefined && html`<p class="hint">${t("checkValue")} <code>${print}</code></p>`}
${
  !view.readOnly &&
  html`<input type="password" id="${name}" name="${name}" value="" autocomplete="new-password" spellcheck="false"
 aria-describedby="${describedBy(view, name, true)}"${invalid && html` aria-invalid="true"`}>`
}
${sealed !== undefined && html`<input type="hidden" name="${keptName(name)}" value="${sealed}"><p class="hint">${t("typedKept")}</p>`}
${errorLine(view, name)}</div>`;
}

/** Field that carries what was typed into a secret field, sealed. */
export const keptName = (name: string) => `${name}.kept`;

export interface Choice {
  readonly value: string;
  readonly label: string;
}

/** Several choices under one heading: `radio` takes one, `checkbox` any. */
export function choices(
  view: FormView,
  type: "radio" | "checkbox",
  { name, label }: Pick<TextField, "name" | "label">,
  given: readonly Choice[],
): Html {
  const chosen = view.form.getAll(name);
  return html`<fieldset id="${name}"${errorOf(view, name) && html` aria-describedby="${name}-error"`}><legend>${view.t(label)}</legend>
${given.map(
  ({ value, label: text }) =>
    html`<label class="tick"><input type="${type}" name="${name}" value="${value}"${chosen.includes(value) && html` checked`}${view.readOnly && html` disabled`}> ${text}</label>`,
)}
${errorLine(view, name)}</fieldset>`;
}
