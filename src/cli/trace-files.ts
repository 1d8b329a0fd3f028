/** The trace files of one run: `RUN.FORMAT`, and `RUN.2.FORMAT` and so on of its later lives. */
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { access, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { TRACE_FORMATS } from "../records/trace/formats.js";
import type { TraceEntry } from "../records/unit-record.js";
import { hasCode } from "../shared/error-code.js";

/** Name of the files of a run's nth life, without their endings. */
export function traceStem(runId: string, life: number): string {
  return life === 1 ? runId : `${runId}.${life}`;
}

/** Names of a run's files, those of its first life in front. */
export async function filesOf(folder: string, runId: string): Promise<string[]> {
  const found: string[] = [];
  for (let life = 1; ; life++) {
    const names = TRACE_FORMATS.map((format) => `${traceStem(runId, life)}.${format}`);
    const there = await Promise.all(names.map((name) => isThere(join(folder, name))));
    if (!there.includes(true)) return found;
    found.push(...names.filter((_, i) => there[i]));
  }
}

const isThere = (file: string) =>
  access(file).then(
    () => true,
    () => false,
  );

/** Size and hash of each; a file that is deleted meanwhile is left out. */
export async function tracesOfRun(folder: string, runId: string): Promise<TraceEntry[]> {
  const entries: TraceEntry[] = [];
  for (const file of await filesOf(folder, runId)) {
    const sha256 = await hashOf(join(folder, file));
    if (sha256 !== undefined) entries.push({ file, bytes: (await stat(join(folder, file))).size, sha256 });
  }
  return entries;
}

/** SHA-256 of a file, hex; undefined where it is not there. */
export async function hashOf(file: string): Promise<string | undefined> {
  const hash = createHash("sha256");
  try {
    for await (const chunk of createReadStream(file)) hash.update(chunk as Buffer);
  } catch (error) {
    if (hasCode(error, "ENOENT")) return undefined;
    throw error;
  }
  return hash.digest("hex");
}

export async function deleteTraces(folder: string, runId: string): Promise<void> {
  for (const file of await filesOf(folder, runId)) await rm(join(folder, file), { force: true });
}
