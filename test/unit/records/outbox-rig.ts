/** An outbox over a real store on a virtual clock, as one process has it. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { inlineStores } from "../../../src/db/store.js";
import { openRecords, type Records, type RecordsOptions } from "../../../src/records/journal.js";
import { createOutbox, type Outbox, type OutboxOptions } from "../../../src/records/outbox.js";
import { VirtualClock } from "../../../src/shared/clock.js";
import { silentLogger } from "../../../src/shared/logger.js";
import type { EcuIdentity, KmsResult, RunHeader, RunRecord } from "../../../src/station/ports.js";

export interface Process {
  readonly records: Records;
  readonly outbox: Outbox;
  close(): Promise<void>;
}

type Parts = Partial<Pick<OutboxOptions, "kms" | "sinks" | "limits" | "random">> & Pick<RecordsOptions, "tell">;

/** What survives the processes: the folder and the time. */
export class OutboxRig {
  readonly clock = new VirtualClock();
  readonly #folder = mkdtempSync(join(tmpdir(), "outbox-"));

  /** A new process on the folder, delivering. A KMS that takes everything stands there where none is given. */
  async open({ tell, ...parts }: Parts): Promise<Process> {
    const { clock } = this;
    const stores = inlineStores();
    const file = join(this.#folder, "r.db");
    const records = await openRecords({ stores, file, clock, ...(tell && { tell }) });
    const kms = { report: async () => undefined };
    const outbox = createOutbox({ records, kms, clock, logger: silentLogger, random: () => 1, ...parts });
    outbox.start();
    return {
      records,
      outbox,
      close: async () => {
        await clock.drive(outbox.close());
        await stores.close();
      },
    };
  }

  remove(): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

export function headerOf(runId: string, startedAt = 0): RunHeader {
  const profile = { name: "p", version: 1, hash: "a".repeat(64) };
  return {
    runId,
    bay: runId,
    link: "l",
    profile,
    inputs: {},
    startedAt,
    programVersion: "0",
    plan: [],
  } as unknown as RunHeader;
}

/** Writes what the run owes the KMS. */
export function owe({ runs }: Records, runId: string, id: string, ecuId = "e1"): Promise<void> {
  const result: KmsResult = {
    kind: "key",
    type: "SecOCKey",
    ecuId,
    keyId: "4",
    status: "Success",
    message: "",
    correlationId: undefined,
  };
  return runs.append(runId, { step: id, event: "finished", at: 0, data: {} }, [{ id, result }]);
}

/** A whole run, whose result all receivers are owed. @param failure code */
export async function finish(
  { runs }: Records,
  runId: string,
  at: number,
  ecuId = "e1",
  failure?: string,
): Promise<void> {
  const header = headerOf(runId, at);
  await runs.begin(header);
  await runs.finish({
    schema: 1,
    runId,
    header,
    identity: { ecuId } as EcuIdentity,
    outcome: "PASS",
    ...(failure === undefined
      ? {}
      : { failure: { code: failure, step: "check", retryable: true, text: { ko: "", en: "" } } }),
    steps: [],
    timers: {},
    startedAt: at,
    finishedAt: at,
    resumed: 0,
    owed: 0,
  } as unknown as RunRecord);
}
