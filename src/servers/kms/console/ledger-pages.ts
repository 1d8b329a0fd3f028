/** What the console shows of the ledger: which ECUs there are, and what each was given. Never a key, nor what one could be made of. */
import { PHASES } from "../../../contract/kms.js";
import type { EcuRow, Ledger, LedgerSet } from "../store/view.js";
import { FLAGS } from "./ecu-type-desk.js";
import { type Html, html } from "./html.js";
import { type Translate, timeText } from "./language.js";
import { note, page, ROOT, type Visit } from "./pages.js";

/** ECUs on one page. */
export const ECUS_PAGE = 50;
/** Sets and results that an ECU's page shows. */
export const LEDGER_LIMIT = 500;

export interface EcusParts {
  readonly phase: string;
  readonly typed: string;
  readonly rows: readonly EcuRow[];
  readonly more: boolean;
  readonly problem: boolean;
}

const ecusUrl = (query: Record<string, string>) => `${ROOT}/ecus?${new URLSearchParams(query)}`;

const ecuUrl = (phase: string, uid: string) => `${ROOT}/ecu?${new URLSearchParams({ phase, uid })}`;

export function ecusPage(visit: Visit, { phase, typed, rows, more, problem }: EcusParts): Html {
  const { t } = visit;
  const last = rows.at(-1)?.uid;
  const body = html`<form class="search" method="get" action="${ROOT}/ecus">
<div class="field"><label for="uid">${t("ecuSearch")}</label><p class="hint" id="uid-hint">${t("ecuSearchHint")}</p>
<input type="search" id="uid" name="uid" value="${typed}" autocomplete="off" spellcheck="false" aria-describedby="uid-hint"${problem && html` aria-invalid="true"`}></div>
<div class="field"><label for="phase">${t("phase")}</label><select id="phase" name="phase">
${PHASES.map((name) => html`<option${name === phase && html` selected`}>${name}</option>`)}</select></div>
<div class="actions"><button class="button plain" type="submit">${t("find")}</button></div></form>
${problem && note("wrong", t("badUid"))}
${
  rows.length === 0
    ? html`<p class="empty">${t("noEcus")}</p>`
    : html`<div class="wide"><table><thead><tr><th scope="col">${t("uid")}</th><th scope="col">${t("sets")}</th><th scope="col">${t("lastIssued")}</th></tr></thead>
<tbody>${rows.map(
        ({ uid, sets, last: at }) =>
          html`<tr><th scope="row"><a href="${ecuUrl(phase, uid)}">${grouped(uid)}</a></th><td>${sets}</td><td>${time(at)}</td></tr>`,
      )}</tbody></table></div>`
}
${more && last !== undefined && html`<div class="actions"><a class="button plain" href="${ecusUrl({ phase, uid: typed, after: last })}">${t("next")}</a></div>`}`;
  return page(visit, { heading: t("ecus"), section: "ecus", body });
}

const grouped = (uid: string) => (uid.match(/.{1,4}/g) ?? []).join(" ");
const time = (at: number) => html`<time datetime="${new Date(at).toISOString()}">${timeText(at)}</time>`;
const slotName = (slot: number) => slot.toString(16).toUpperCase();

export function ecuPage(visit: Visit, phase: string, uid: string, ledger: Ledger): Html {
  const { t } = visit;
  const { slots, sets, reports } = ledger;
  const body = html`<p class="muted">${t("uid")} <code>${uid}</code> · ${t("phase")} ${phase}</p>
<h2 id="slots">${t("slots")}</h2>
${table(
  t,
  "slots",
  ["slot", "lastCounter", "currentCounter"],
  slots.map(
    ({ slot, lastCounter, currentCounter }) =>
      html`<tr><th scope="row">${slotName(slot)}</th><td>${lastCounter}</td><td>${currentCounter < 0 ? t("nothingConfirmed") : currentCounter}</td></tr>`,
  ),
)}
<h2 id="sets">${t("issuedSets")}</h2>${newest(t, sets.length)}
${table(
  t,
  "sets",
  ["issuedAt", "slot", "bank", "counter", "flags", "setState", "resolvedAt", "authoriser", "setId"],
  sets.map((set) => setRow(t, set)),
)}
<h2 id="reports">${t("reports")}</h2>${newest(t, reports.length)}
${
  reports.length === 0
    ? html`<p class="empty">${t("noReports")}</p>`
    : table(
        t,
        "reports",
        ["at", "slot", "kind", "status", "message", "setId"],
        reports.map(
          ({ at, slot, kind, status, message, setId }) =>
            html`<tr><td>${time(at)}</td><td>${slotName(slot)}</td><td>${t(`kind_${kind}`)}</td><td>${status}</td><td>${withoutHex(message)}</td><td>${setId === null ? t("ofNoSet") : html`<code>${setId}</code>`}</td></tr>`,
        ),
      )
}
<div class="actions"><a class="button plain" href="${ecusUrl({ phase })}">${t("back")}</a></div>`;
  return page(visit, { heading: t("ledgerOf", grouped(uid)), section: "ecus", body });
}

function setRow(t: Translate, set: LedgerSet): Html {
  const { issuedAt, slot, bank, counter, flags, verifyOnly, state, resolvedAt, authCounter, id } = set;
  const names = FLAGS.filter(([bit]) => (flags & bit) !== 0).map(([, name]) => name);
  if (verifyOnly !== 0) names.push("VERIFY_ONLY");
  return html`<tr><td>${time(issuedAt)}</td><td>${slotName(slot)}</td><td>${bank}</td><td>${counter}</td><td>${names.join(", ")}</td>
<td>${t(`state_${state}`)}</td><td>${resolvedAt !== null && time(resolvedAt)}</td><td>${authCounter === null ? t("firstKey") : t("masterSet", authCounter)}</td><td><code>${id}</code></td></tr>`;
}

type Head = Parameters<Translate>[0];

function table(t: Translate, id: string, heads: readonly Head[], rows: readonly Html[]): Html {
  return html`<div class="wide"><table aria-labelledby="${id}"><thead><tr>${heads.map((head) => html`<th scope="col">${t(head)}</th>`)}</tr></thead><tbody>${rows}</tbody></table></div>`;
}

const newest = (t: Translate, shown: number) =>
  shown >= LEDGER_LIMIT && html`<p class="hint">${t("newest", LEDGER_LIMIT)}</p>`;

/** A station's message, without runs of hex digits long enough to be part of a key. */
function withoutHex(message: string): string {
  return message.replace(/[0-9a-f]{16,}/gi, "…");
}
