/** The steps of a run, from its profile. Pure. */
import type { Profile, ProfileCertificate, ProfileKey } from "../../profiles/schema.js";

/** States of the machine that work on the unit by the profile's order. */
export type Phase = "preparing" | "certificates" | "keys" | "sync" | "locking" | "verifying";

/** Done in every life of a run, whatever its journal says. */
export const OPENING_STEPS = ["open", "identify", "unlock"] as const;

/** Ids of the steps in their order: `open`, `identify`, `unlock`, the profile's own, `verify`. */
export function planOf(profile: Profile): string[] {
  const own = profile.order.flatMap((item): string[] => {
    switch (item) {
      case "certificates":
        return profile.certificates.map(({ name }) => `cert:${name}`);
      case "keys":
        return profile.keys.map(({ name }) => `key:${name}`);
      case "sync":
        return profile.keys.filter(({ syncValue }) => syncValue).map(({ name }) => `sync:${name}`);
      default:
        return [item];
    }
  });
  return [...OPENING_STEPS, ...own, "verify"];
}

const PHASES: Readonly<Record<string, Phase>> = {
  vin: "preparing",
  clock: "preparing",
  cert: "certificates",
  key: "keys",
  sync: "sync",
  lock: "locking",
  "power-cycle": "verifying",
  verify: "verifying",
};

/** Kind and name of a step id, e.g. `key` and `secoc-4`. */
export function parseStep(step: string): { kind: string; name: string } {
  const at = step.indexOf(":");
  return at < 0 ? { kind: step, name: "" } : { kind: step.slice(0, at), name: step.slice(at + 1) };
}

/** The phase that a step belongs to; undefined for the opening steps. */
export function phaseOf(step: string): Phase | undefined {
  const { kind } = parseStep(step);
  return Object.hasOwn(PHASES, kind) ? PHASES[kind] : undefined;
}

/** The certificate of a `cert:` step. */
export function certificateOf(profile: Profile, step: string): ProfileCertificate | undefined {
  return profile.certificates.find(({ name }) => `cert:${name}` === step);
}

/** The key of a `key:` or `sync:` step. */
export function keyOf(profile: Profile, step: string): ProfileKey | undefined {
  return profile.keys.find(({ name }) => name === parseStep(step).name);
}

/** True where this program can do every step of a plan with that profile. */
export function knowsPlan(profile: Profile, plan: readonly string[]): boolean {
  return plan.every((step) => {
    if (OPENING_STEPS.some((opening) => opening === step)) return true;
    const { kind } = parseStep(step);
    if (kind === "cert") return certificateOf(profile, step) !== undefined;
    if (kind === "key" || kind === "sync") return keyOf(profile, step) !== undefined;
    return phaseOf(step) !== undefined;
  });
}
