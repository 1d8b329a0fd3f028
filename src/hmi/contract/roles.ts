/** Who may do what. */

export const ROLES = ["operator", "engineer", "admin"] as const;
/** Each may do what those before it may. */
export type Role = (typeof ROLES)[number];

/** Everything that a page can ask for beyond looking at the bays, and the least role for it. */
export const RIGHTS = {
  scan: "operator",
  abort: "operator",
  answer: "operator",
  simulate: "operator",
  history: "operator",
  chooseProfile: "engineer",
  trace: "engineer",
  export: "engineer",
  outbox: "engineer",
  adapters: "engineer",
  approve: "engineer",
  waive: "admin",
  users: "admin",
} as const satisfies Readonly<Record<string, Role>>;

export type Right = keyof typeof RIGHTS;

export function may(role: Role | undefined, right: Right): boolean {
  return role !== undefined && ROLES.indexOf(role) >= ROLES.indexOf(RIGHTS[right]);
}
