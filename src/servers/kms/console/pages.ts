/** The pages of the console. Each is whole by itself and needs no script. */
import { type EntryOf, type RegistryKind, registryId } from "../registry-schema.js";
import type { EntryMark } from "../registry-store.js";
import { type Desk, type FormView, problemAnchor, problemLine } from "./desk.js";
import { type Html, html, type Part } from "./html.js";
import { type Language, type TextKey, type Translate, timeText } from "./language.js";

/** Where everything is; also of the links in `next`. */
export const ROOT = "/console";

/** What every page needs of its request. */
export interface Visit {
  readonly t: Translate;
  readonly language: Language;
  /** Undefined while nobody is signed in. */
  readonly user?: { readonly name: string; readonly formToken: string } | undefined;
  /** Path and query of the page, for the switch of the language. */
  readonly here: string;
}

export type Section = "suppliers" | "ecuTypes" | "supplierSecrets" | "ecus";

const SECTIONS: readonly (readonly [section: Section, path: string])[] = [
  ["suppliers", "suppliers"],
  ["ecuTypes", "ecu-types"],
  ["supplierSecrets", "secrets"],
  ["ecus", "ecus"],
];

export interface PageParts {
  readonly heading: string;
  readonly section?: Section;
  readonly body: Part;
  /** Id of a form whose fields the switch of the language keeps. */
  readonly form?: string;
}

const tokenField = ({ user }: Visit) => html`<input type="hidden" name="token" value="${user?.formToken ?? ""}">`;

export function page(visit: Visit, { heading, section, body, form }: PageParts): Html {
  const { t, language, user } = visit;
  return html`<!DOCTYPE html>
<html lang="${language}"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>${heading} · KMS ${t("title")}</title><link rel="stylesheet" href="${ROOT}/style.css"></head>
<body><a class="skip" href="#main">${t("skip")}</a>
<header class="bar"><strong>KMS ${t("title")}</strong>
${
  user &&
  html`<nav aria-label="${t("menu")}">${SECTIONS.map(
    ([name, path]) => html`<a href="${ROOT}/${path}"${name === section && html` aria-current="page"`}>${t(name)}</a>`,
  )}</nav>
<form method="post" action="${ROOT}/sign-out">${tokenField(visit)}<span>${user.name}</span><button type="submit">${t("signOut")}</button></form>`
}</header>
<main id="main"><h1>${heading}</h1>
${body}
</main>
${languages(visit, form)}
</body></html>`;
}

/** Last in the document, so that Enter in a form never means it; the style puts it into the bar. */
function languages({ t, language, here }: Visit, form: string | undefined): Html {
  const names: readonly (readonly [Language, string])[] = [
    ["ko", "한국어"],
    ["en", "English"],
  ];
  return html`<nav class="language" aria-label="${t("language")}">${names.map(([code, name]) => {
    const current = code === language && html` aria-current="true"`;
    if (form !== undefined)
      return html`<button type="submit" form="${form}" name="lang" value="${code}" lang="${code}" formnovalidate${current}>${name}</button>`;
    return html`<a href="${withLanguage(here, code)}" lang="${code}"${current}>${name}</a>`;
  })}</nav>`;
}

function withLanguage(here: string, language: Language): string {
  const [path, query] = here.split("?", 2);
  const params = new URLSearchParams(query);
  params.set("lang", language);
  return `${path}?${params}`;
}

export function note(kind: "done" | "wrong" | "attention", content: Part): Html {
  return html`<div class="note ${kind}" role="${kind === "done" ? "status" : "alert"}">${content}</div>`;
}

export function messagePage(visit: Visit, text: TextKey): Html {
  return page(visit, { heading: visit.t("title"), body: note("wrong", visit.t(text)) });
}

export interface SignInParts {
  readonly name: string;
  /** Where to go afterwards. */
  readonly next: string;
  readonly problem?: string;
}

export function signInPage(visit: Visit, { name, next, problem }: SignInParts): Html {
  const { t } = visit;
  const body = html`${problem !== undefined && note("wrong", problem)}
<form method="post" action="${ROOT}/sign-in"><input type="hidden" name="next" value="${next}">
<div class="field"><label for="user">${t("user")}</label><input type="text" id="user" name="user" value="${name}" autocomplete="username" maxlength="64" required></div>
<div class="field"><label for="password">${t("password")}</label><input type="password" id="password" name="password" autocomplete="current-password" required></div>
<div class="actions"><button class="button" type="submit">${t("signIn")}</button></div></form>`;
  return page(visit, { heading: t("signIn"), body });
}

export interface ListParts<K extends RegistryKind> {
  readonly entries: readonly EntryOf<K>[];
  mark(id: string): EntryMark | undefined;
  readonly readOnly: boolean;
  readonly notice?: Part;
}

export function listPage<K extends RegistryKind>(visit: Visit, desk: Desk<K>, parts: ListParts<K>): Html {
  const { t } = visit;
  const { entries, mark, readOnly, notice } = parts;
  const add = html`<a class="button" href="${ROOT}/${desk.path}/new">${t(desk.addTitle)}</a>`;
  const rows = entries.map((entry) => {
    const id = registryId(entry);
    const changed = mark(id);
    return html`<tr><th scope="row"><a href="${entryUrl(desk, id)}">${id}</a></th>
${desk.columns.map(({ cell }) => html`<td>${cell(entry, t)}</td>`)}
<td class="${entry.enabled ? "on" : "off"}">${t(entry.enabled ? "enabled" : "disabled")}</td>
<td>${changed && t("changedBy", timeText(changed.at), changed.by)}</td></tr>`;
  });
  const first = desk.kind === "supplierSecrets" ? t("secretName") : t("id");
  const heads = [first, ...desk.columns.map(({ label }) => t(label)), t("state"), t("changed")];
  const table = html`<div class="wide"><table><thead><tr>${heads.map((head) => html`<th scope="col">${head}</th>`)}</tr></thead>
<tbody>${rows}</tbody></table></div>`;
  return page(visit, {
    heading: t(desk.kind),
    section: desk.kind,
    body: html`${notice}${readOnly && note("attention", t("readOnly"))}
${!readOnly && html`<div class="actions">${add}</div>`}${entries.length === 0 ? html`<p class="empty">${t("none")}</p>` : table}`,
  });
}

export const entryUrl = (desk: Pick<Desk, "path">, id: string) =>
  `${ROOT}/${desk.path}/entry?${new URLSearchParams({ id })}`;

export interface EntryParts {
  /** Undefined for a new one. */
  readonly stored: { readonly id: string; readonly version: number; readonly enabled: boolean } | undefined;
  readonly view: FormView;
  readonly notice?: Part;
}

export function entryPage(visit: Visit, desk: Desk, { stored, view, notice }: EntryParts): Html {
  const { t } = visit;
  const { problems, readOnly } = view;
  const action = stored === undefined ? `${ROOT}/${desk.path}/new` : entryUrl(desk, stored.id);
  const summary =
    problems.length > 0 &&
    note(
      "wrong",
      html`${t("check", problems.length)}<ul>${problems.map((problem) => html`<li><a href="${problemAnchor(problem)}">${problemLine(t, problem)}</a></li>`)}</ul>`,
    );
  const form = html`<form id="entry" method="post" action="${action}">${tokenField(visit)}
<input type="hidden" name="version" value="${stored?.version ?? ""}">${desk.fields(view)}
${
  !readOnly &&
  html`<div class="actions"><button class="button" type="submit">${t(stored === undefined ? "add" : "save")}</button>
<a class="button plain" href="${ROOT}/${desk.path}">${t("back")}</a></div>`
}</form>`;
  return page(visit, {
    heading: stored === undefined ? t(desk.addTitle) : t(desk.changeTitle, stored.id),
    section: desk.kind,
    body: html`${notice}${readOnly && note("attention", t("readOnly"))}${summary}${form}
${stored !== undefined && !readOnly && switchForm(visit, desk, stored)}`,
    ...(readOnly ? {} : { form: "entry" }),
  });
}

function switchForm(visit: Visit, desk: Desk, stored: { id: string; version: number; enabled: boolean }): Html {
  const { t } = visit;
  const { id, version, enabled } = stored;
  return html`<h2>${t("state")}: <span class="${enabled ? "on" : "off"}">${t(enabled ? "enabled" : "disabled")}</span></h2>
<p class="hint">${t("disableHint")}</p>
<form method="post" action="${ROOT}/${desk.path}/state">${tokenField(visit)}<input type="hidden" name="id" value="${id}">
<input type="hidden" name="version" value="${version}"><input type="hidden" name="enabled" value="${enabled ? "no" : "yes"}">
<div class="actions"><button class="button ${enabled ? "danger" : "plain"}" type="submit">${t(enabled ? "disable" : "enable")}</button></div></form>`;
}
