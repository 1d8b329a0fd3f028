import { PHASES } from "../../../contract/kms.js";
import { choices, deskOf, type FieldProblem, secretField, textField } from "./desk.js";
import { html } from "./html.js";

const NAME_MAX = 64;
const VALUE_MAX = 1024;

export const secretDesk = deskOf<"supplierSecrets">({
  kind: "supplierSecrets",
  path: "secrets",
  addTitle: "addSecret",
  changeTitle: "changeSecret",
  secrets: ["value"],
  columns: [
    { label: "phases", cell: ({ phases }) => phases.join(", ") },
    { label: "givenKeys", cell: ({ keys }) => Object.keys(keys ?? {}).join(", ") },
  ],
  secretsOf: ({ value }) => new Map([["value", value]]),
  fill(entry) {
    const form = new URLSearchParams({ name: entry?.name ?? "" });
    for (const phase of entry?.phases ?? PHASES) form.append("phases", phase);
    return form;
  },
  read(form, former) {
    const problems: FieldProblem[] = [];
    const name = former?.name ?? form.get("name")?.trim() ?? "";
    if (name === "") problems.push({ field: "name", text: "missing", values: [] });
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is refused.
    else if (name.length > NAME_MAX || /[\u0000-\u001f\u007f]/.test(name))
      problems.push({ field: "name", text: "badName", values: [String(NAME_MAX)] });
    const typed = form.get("value") ?? "";
    const value = typed === "" ? former?.value : typed;
    if (value === undefined) problems.push({ field: "value", text: "missing", values: [] });
    else if (value.length > VALUE_MAX) problems.push({ field: "value", text: "badValue", values: [] });
    const phases = PHASES.filter((phase) => form.getAll("phases").includes(phase));
    if (phases.length === 0) problems.push({ field: "phases", text: "noPhase", values: [] });
    if (value === undefined || problems.length > 0) return problems;
    const keys = former?.keys;
    return { name, enabled: former?.enabled ?? true, value, phases, ...(keys === undefined ? {} : { keys }) };
  },
  fields: (view) => html`
${textField(view, { name: "name", label: "secretName", hint: view.stored ? undefined : "secretNameHint", fixed: view.stored })}
${secretField(view, { name: "value", label: "value", hint: "valueHint" }, "valueKeep")}
${choices(
  view,
  "checkbox",
  { name: "phases", label: "phases" },
  PHASES.map((phase) => ({ value: phase, label: phase })),
)}`,
});
