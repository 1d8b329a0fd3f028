import { isHex } from "../../../shared/bytes.js";
import { type EcuTypeEntry, hexNumber, REGISTRY_KEY_IDS, slotRules } from "../registry-schema.js";
import {
  choices,
  deskOf,
  type FieldProblem,
  type FormView,
  problemLine,
  readName,
  readNumber,
  secretField,
  textField,
} from "./desk.js";
import { type Html, html } from "./html.js";

/** SHE flags by their bit, first bit first. */
export const FLAGS: readonly (readonly [bit: number, name: string])[] = [
  [16, "WRITE_PROTECTION"],
  [8, "BOOT_PROTECTION"],
  [4, "DEBUGGER_PROTECTION"],
  [2, "KEY_USAGE"],
  [1, "WILDCARD"],
];
const VERIFY_ONLY = "VERIFY_ONLY";
const BANKS = 8;
/** VERIFY_ONLY belongs to KEY_n alone. */
const FIRST_VERIFY_ONLY = 4;
const ZEROS = "0".repeat(32);

const digit = (value: number) => value.toString(16).toUpperCase();
/** An entry without slots and flags of its own: what it leaves out is the default. */
const PLAIN: EcuTypeEntry = { id: 0, enabled: true, blankKey: ZEROS, flagBits: 5, verifyOnly: [], bank: 0 };

export const ecuTypeDesk = deskOf<"ecuTypes">({
  kind: "ecuTypes",
  path: "ecu-types",
  addTitle: "addEcuType",
  changeTitle: "changeEcuType",
  secrets: ["factoryMasterKey"],
  columns: [
    { label: "name", cell: ({ name }) => name },
    {
      label: "delivery",
      cell: ({ factoryMasterKey }, t) => t(factoryMasterKey === undefined ? "deliveryBlank" : "deliveryFactory"),
    },
    { label: "flagBits", cell: ({ flagBits }, t) => t(flagBits === 6 ? "flagBits6" : "flagBits5") },
    { label: "bank", cell: ({ bank }) => bank },
  ],
  secretsOf: ({ factoryMasterKey }) =>
    new Map(factoryMasterKey === undefined ? [] : [["factoryMasterKey", factoryMasterKey]]),
  fill,
  read,
  fields: (view) => html`
${textField(view, { name: "id", label: "id", hint: view.stored ? undefined : "idHint", fixed: view.stored })}
${textField(view, { name: "name", label: "name" })}
${choices(view, "radio", { name: "delivery", label: "delivery" }, [
  { value: "blank", label: view.t("deliveryBlank") },
  { value: "factory", label: view.t("deliveryFactory") },
])}
${secretField(view, { name: "factoryMasterKey", label: "factoryMasterKey", hint: "factoryMasterKeyHint" }, "keepStored")}
${textField(view, { name: "blankKey", label: "blankKey", hint: "blankKeyHint" })}
${choices(view, "radio", { name: "flagBits", label: "flagBits" }, [
  { value: "5", label: view.t("flagBits5") },
  { value: "6", label: view.t("flagBits6") },
])}
${bankField(view)}
${keyTable(view)}`,
});

function fill(entry: EcuTypeEntry | undefined): URLSearchParams {
  const shown = entry ?? PLAIN;
  const form = new URLSearchParams({
    id: entry === undefined ? "" : hexNumber(entry.id),
    name: shown.name ?? "",
    delivery: shown.factoryMasterKey === undefined ? "blank" : "factory",
    blankKey: shown.blankKey,
    flagBits: String(shown.flagBits),
    bank: String(shown.bank),
  });
  for (const [keyId, rule] of slotRules(shown)) {
    form.set(`slot.${digit(keyId)}`, digit(rule.slot));
    for (const [bit] of FLAGS) if ((rule.flags & bit) !== 0) form.append(`flags.${digit(keyId)}`, String(bit));
    if (rule.verifyOnly) form.append("verifyOnly", digit(keyId));
  }
  return form;
}

function read(form: URLSearchParams, former: EcuTypeEntry | undefined): EcuTypeEntry | readonly FieldProblem[] {
  const problems: FieldProblem[] = [];
  const wrong = (field: string, text: FieldProblem["text"], ...values: string[]) =>
    problems.push({ field, text, values });
  const id = former?.id ?? readNumber(form.get("id")?.trim() ?? "");
  if (id === undefined) wrong("id", "badNumber");
  const name = readName(form, problems);
  const delivery = form.get("delivery");
  if (delivery !== "blank" && delivery !== "factory") wrong("delivery", "badChoice");
  const typed = form.get("factoryMasterKey")?.trim() ?? "";
  const factory = typed === "" ? former?.factoryMasterKey : typed;
  if (delivery === "factory") {
    if (factory === undefined) wrong("factoryMasterKey", "missing");
    else if (!isHex(factory, 16)) wrong("factoryMasterKey", "badHex", String(factory.length));
  }
  const blankKey = form.get("blankKey")?.trim() ?? "";
  if (!isHex(blankKey, 16)) wrong("blankKey", "badHex", String(blankKey.length));
  const bits = form.get("flagBits");
  if (bits !== "5" && bits !== "6") wrong("flagBits", "badChoice");
  const bank = Number(form.get("bank") ?? "");
  if (!Number.isInteger(bank) || bank < 0 || bank > BANKS) wrong("bank", "badChoice");
  const rules = keyRules(form, problems);
  if (id === undefined || problems.length > 0) return problems;
  return {
    id,
    ...name,
    enabled: former?.enabled ?? true,
    ...(delivery === "factory" && factory !== undefined ? { factoryMasterKey: factory } : {}),
    blankKey,
    flagBits: bits === "6" ? 6 : 5,
    bank,
    ...rules,
  };
}

function keyRules(form: URLSearchParams, problems: FieldProblem[]) {
  const plain = slotRules(PLAIN);
  const slots: Record<string, number> = {};
  const flags: Record<string, number> = {};
  for (const keyId of REGISTRY_KEY_IDS) {
    const key = digit(keyId);
    const text = form.get(`slot.${key}`)?.trim() ?? "";
    const slot = Number.parseInt(text, 16);
    if (!/^[0-9a-f]$/i.test(text)) problems.push({ field: `slot.${key}`, text: "badSlot", values: [] });
    else if (slot !== plain.get(keyId)?.slot) slots[key] = slot;
    const ticked = form.getAll(`flags.${key}`);
    const sum = FLAGS.reduce((all, [bit]) => (ticked.includes(String(bit)) ? all | bit : all), 0);
    if (sum !== plain.get(keyId)?.flags) flags[key] = sum;
  }
  const verifyOnly = REGISTRY_KEY_IDS.filter((keyId) => keyId >= FIRST_VERIFY_ONLY)
    .map(digit)
    .filter((key) => form.getAll("verifyOnly").includes(key));
  return {
    verifyOnly,
    ...(Object.keys(slots).length === 0 ? {} : { slots }),
    ...(Object.keys(flags).length === 0 ? {} : { flags }),
  };
}

function bankField({ t, form, readOnly }: FormView): Html {
  const chosen = form.get("bank");
  const banks = Array.from({ length: BANKS + 1 }, (_, bank) => String(bank));
  return html`<div class="field"><label for="bank">${t("bank")}</label><p class="hint" id="bank-hint">${t("bankHint")}</p>
<select id="bank" name="bank" aria-describedby="bank-hint"${readOnly && html` disabled`}>
${banks.map((bank) => html`<option value="${bank}"${bank === chosen && html` selected`}>${bank}</option>`)}
</select></div>`;
}

function keyTable(view: FormView): Html {
  const { t, form, problems, readOnly } = view;
  const off = readOnly && html` disabled`;
  const tick = (name: string, value: string, flag: string, key: string) =>
    html`<td><label class="tick"><input type="checkbox" name="${name}" value="${value}" aria-label="${t("flagOf", flag, key)}"${form.getAll(name).includes(value) && html` checked`}${off}></label></td>`;
  const wrong = problems.filter(({ field }) => field.startsWith("slot") || field === "verifyOnly");
  return html`<h2 id="keys">${t("keys")}</h2><p class="hint">${t("keysHint")}</p>
${wrong.map((problem) => html`<p class="error">${problemLine(t, problem)}</p>`)}
<div class="wide"><table class="slots" aria-labelledby="keys"><thead><tr><th scope="col">${t("keyId")}</th><th scope="col">${t("slot")}</th>
${[...FLAGS.map(([, name]) => name), VERIFY_ONLY].map((name) => html`<th scope="col">${name.replace("_", " ")}</th>`)}</tr></thead><tbody>
${REGISTRY_KEY_IDS.map((keyId) => {
  const key = digit(keyId);
  const invalid = wrong.some(({ field }) => field === `slot.${key}` || field === "slots");
  return html`<tr><th scope="row">${key}</th><td><input type="text" id="slot.${key}" name="slot.${key}" value="${form.get(`slot.${key}`) ?? ""}" maxlength="1" autocomplete="off" aria-label="${t("slotOf", key)}"${invalid && html` aria-invalid="true"`}${readOnly && html` readonly`}></td>
${FLAGS.map(([bit, flag]) => tick(`flags.${key}`, String(bit), flag, key))}
${keyId < FIRST_VERIFY_ONLY ? html`<td></td>` : tick("verifyOnly", key, VERIFY_ONLY, key)}</tr>`;
})}</tbody></table></div>`;
}
