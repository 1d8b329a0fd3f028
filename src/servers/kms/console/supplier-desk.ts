import { hexNumber } from "../registry-schema.js";
import { deskOf, type FieldProblem, readName, readNumber, textField } from "./desk.js";
import { html } from "./html.js";

export const supplierDesk = deskOf<"suppliers">({
  kind: "suppliers",
  path: "suppliers",
  addTitle: "addSupplier",
  changeTitle: "changeSupplier",
  secrets: [],
  columns: [{ label: "name", cell: ({ name }) => name }],
  secretsOf: () => new Map(),
  fill: (entry) => new URLSearchParams({ id: entry === undefined ? "" : hexNumber(entry.id), name: entry?.name ?? "" }),
  read(form, former) {
    const problems: FieldProblem[] = [];
    const id = former?.id ?? readNumber(form.get("id")?.trim() ?? "");
    if (id === undefined) problems.push({ field: "id", text: "badNumber", values: [] });
    const name = readName(form, problems);
    if (id === undefined || problems.length > 0) return problems;
    return { id, ...name, enabled: former?.enabled ?? true };
  },
  fields: (view) => html`
${textField(view, { name: "id", label: "id", hint: view.stored ? undefined : "idHint", fixed: view.stored })}
${textField(view, { name: "name", label: "name" })}`,
});
