/** Who is behind a command, for decisions that a person answers for. */
import { userInfo } from "node:os";
import { StationError } from "../shared/errors.js";
import type { Io } from "./io.js";

export interface Person {
  readonly person: string;
  /** How the program knows. */
  readonly proof: string;
}

/** What the system says of the process. */
export interface Account {
  readonly name: string;
  readonly isRoot: boolean;
}

export function ownAccount(): Account {
  const uid = process.geteuid?.();
  return { name: nameOf(uid), isRoot: uid === 0 };
}

function nameOf(uid: number | undefined): string {
  try {
    return userInfo().username;
  } catch {
    // A service or container may run under a number that no account has.
    return `uid ${uid ?? "unknown"}`;
  }
}

/** Name of the person who acts, for the audit log and records. */
export function actingPerson(env: Io["env"]): string {
  return personOf(undefined, env, ownAccount()).person;
}

/**
 * The person is the account's, behind sudo the one that called it. Only root itself may name somebody else, as nothing could keep it from
 * becoming that account.
 * @param by name that was given; left out, the account's
 * @throws StationError USAGE for another name
 */
export function personOf(by: string | undefined, env: Io["env"], account: Account): Person {
  const caller = env.SUDO_USER === undefined || env.SUDO_USER === "" ? undefined : env.SUDO_USER;
  const self = caller ?? account.name;
  if (by === undefined || by.toLowerCase() === self.toLowerCase())
    return { person: self, proof: caller === undefined ? `account ${self}` : `account ${self}, by sudo` };
  if (account.isRoot && caller === undefined) return { person: by, proof: `named by ${account.name}` };
  const what = `--by ${by}: this command runs as ${self} (expected ${self}; others approve from their own accounts)`;
  throw new StationError("USAGE", { details: { what } });
}
