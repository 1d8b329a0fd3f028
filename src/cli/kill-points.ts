/**
 * Named points at which a reliability test may kill the station: before and after every journal commit and between each server answer
 * and what is done with it. In simulator mode `ECUSTATION_KILL_AT` names one (its number from 1, or its name) for a real SIGKILL, or is
 * `list` to print the points to stderr as they pass. A name that comes again has its count behind it: `after append key:a noted #2`.
 */
import type { Records } from "../records/journal.js";
import type { KmsClient, RunStore, VpkiClient } from "../station/ports.js";

export interface KillPoints {
  /** For the outbox: the commit of a delivery. The answer before it is one of `kms`. */
  records(records: Records): Records;
  runs(store: RunStore): RunStore;
  vpki(client: VpkiClient): VpkiClient;
  kms(client: KmsClient): KmsClient;
}

type Pass = (point: string) => void;

export function killPoints(at: string, print: (line: string) => void): KillPoints {
  let passed = 0;
  const counts = new Map<string, number>();
  const pass: Pass = (name) => {
    passed++;
    const count = (counts.get(name) ?? 0) + 1;
    counts.set(name, count);
    const point = count === 1 ? name : `${name} #${count}`;
    if (at === "list") print(`${passed} ${point}\n`);
    else if (at === point || at === String(passed)) process.kill(process.pid, "SIGKILL");
  };
  const around = async <T>(name: string, work: Promise<T> | (() => Promise<T>)): Promise<T> => {
    if (typeof work === "function") pass(`before ${name}`);
    const result = await (typeof work === "function" ? work() : work);
    pass(`after ${name}`);
    return result;
  };
  return {
    records: (records) => ({
      ...records,
      store: {
        async call(name, args) {
          const result = await records.store.call(name, args);
          if (name === "outboxDelivered") pass(`after ${name} ${reportName(args)}`);
          return result;
        },
      },
    }),
    runs: (store) => ({
      begin: (header) => around("begin", () => store.begin(header)),
      append: (runId, entry, outbox) =>
        around(`append ${entry.step} ${entry.event}`, () => store.append(runId, entry, outbox)),
      finish: (record) => around("finish", () => store.finish(record)),
      interrupted: (bay) => store.interrupted(bay),
      resume: (runId) => around("resume", () => store.resume(runId)),
    }),
    vpki: (client) => ({
      ping: (signal) => client.ping(signal),
      issue: (request, key, signal) => around(`issue ${request.type}`, client.issue(request, key, signal)),
      reissue: (request, key, signal) => around(`reissue ${request.type}`, client.reissue(request, key, signal)),
      revoke: (type, dn, signal) => around(`revoke ${type}`, client.revoke(type, dn, signal)),
      chain: (leaf, signal) => client.chain(leaf, signal),
    }),
    kms: (client) => ({
      ping: (signal) => client.ping(signal),
      requestKey: (request, key, signal) =>
        around(`requestKey ${request.keyId}`, client.requestKey(request, key, signal)),
      requestSync: (type, ecuId, keyId, signal) =>
        around(`requestSync ${keyId}`, client.requestSync(type, ecuId, keyId, signal)),
      report: (result, key, signal) =>
        around(`report ${result.kind} ${result.keyId}`, client.report(result, key, signal)),
    }),
  };
}

/** A report's id without that of its run. */
function reportName(args: unknown): string {
  const { id } = args as { readonly id: string };
  return id.slice(id.indexOf(":") + 1);
}
