/** A service, or one sub-function of it, as the fields of its request and of its positive response. */
import type { Field, Fields } from "./fields.js";

export interface Layout<Q extends Fields, R extends Fields> {
  readonly sid: number;
  /** Second byte of both messages where the row is for that value alone; it is no field then. */
  readonly sub?: number;
  /** Values of the second byte that the row is for, where it is a field. */
  readonly subs?: readonly number[];
  /** Name of the sub-function where `sub` is given. */
  readonly name?: string;
  /** Fields behind the SID (and `sub`). */
  readonly request: Q;
  readonly response: R;
}

export type AnyLayout = Layout<Fields, Fields>;

const NONE: readonly Field<never, never>[] = [];

/** A service whose messages are alike for every sub-function; `subs` where they are for some. */
export function service<const Q extends Fields, const R extends Fields>(
  sid: number,
  request: Q,
  response: R,
  subs?: readonly number[],
): Layout<Q, R> {
  return { sid, request, response, ...(subs && { subs }) };
}

/** One sub-function of a service that has others. */
export function task<const Q extends Fields = typeof NONE, const R extends Fields = typeof NONE>(
  sid: number,
  sub: number,
  name: string,
  request: Q,
  response: R,
): Layout<Q, R> {
  return { sid, sub, name, request, response };
}

/** Names of a table `{ name: number }` by their number. */
export function namesOf(table: Readonly<Record<string, number>>): (value: number) => string | undefined {
  const names = new Map(Object.entries(table).map(([name, value]) => [value, name]));
  return (value) => names.get(value);
}
