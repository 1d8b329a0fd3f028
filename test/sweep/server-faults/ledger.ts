/** What came to the servers under which Idempotency-Key. */
interface Sent {
  readonly request: string;
  readonly key: string;
}

const isResult = ({ request }: Sent): boolean => request.startsWith("PUT ");

export class Ledger {
  readonly #sent: Sent[] = [];

  /** A request that has one. @param set the correlation id of the set that it is about */
  note(method: string, path: string, body: string, set: string, key: string): void {
    this.#sent.push({ request: `${method} ${path} ${set} ${body}`, key });
  }

  clear(): void {
    this.#sent.length = 0;
  }

  /** How often a result came again. */
  get repeats(): number {
    const results = this.#sent.filter(isResult);
    return results.length - new Set(results.map(({ key }) => key)).size;
  }

  /** @param owed ids of the results of the station's outbox */
  faults(owed: ReadonlySet<string>): string[] {
    const found = grouped(this.#sent, "key", "request").map((key) => `${key} was the key of different requests`);
    const results = this.#sent.filter(isResult);
    found.push(...grouped(results, "request", "key").map((request) => `a result came under several keys: ${request}`));
    const foreign = new Set(results.map(({ key }) => key).filter((key) => !owed.has(key)));
    return [...found, ...[...foreign].map((key) => `${key} is no result of the outbox`)];
  }
}

/** What of `by` stands with more than one of `other`. */
function grouped(sent: readonly Sent[], by: keyof Sent, other: keyof Sent): string[] {
  const groups = new Map<string, Set<string>>();
  for (const each of sent) groups.set(each[by], (groups.get(each[by]) ?? new Set()).add(each[other]));
  return [...groups].filter(([, others]) => others.size > 1).map(([text]) => text);
}
