/** The traces of runs that are over, in the folder of traces. */
import { join } from "node:path";
import type { TraceLine } from "../../hmi/contract/views.js";
import { TRACE_FORMATS } from "../../records/trace/formats.js";
import { readTrace } from "../../records/trace/read.js";
import { filesOf } from "../trace-files.js";
import type { TracesConfig } from "../traces.js";
import { LineMaker } from "./trace-lines.js";

/** Run ids are parts of file names: nothing else is looked for. */
const RUN = /^[A-Za-z0-9_-]{1,80}$/;
/** Lines of one answer: a run has some hundreds. */
const MOST_LINES = 20_000;

const isOf = (format: string) => (file: string) => file.endsWith(`.${format}`);

export class KeptTraces {
  constructor(private readonly config: Pick<TracesConfig, "folder">) {}

  async formatsOf(runId: string): Promise<readonly string[]> {
    const files = await this.#filesOf(runId);
    return TRACE_FORMATS.filter((format) => files.some(isOf(format)));
  }

  /** That of the run's last life. */
  async fileOf(runId: string, format: string): Promise<string | undefined> {
    return (await this.#filesOf(runId)).findLast(isOf(format));
  }

  /** Those of one step, where one is named. @throws StationError TRACE_UNREADABLE */
  async messages(runId: string, step: string | undefined, signal: AbortSignal): Promise<readonly TraceLine[]> {
    const files = await this.#filesOf(runId);
    // candump's log, the first of them, has no notes, and so no steps.
    const format = TRACE_FORMATS.findLast((each) => files.some(isOf(each)));
    const found: TraceLine[] = [];
    for (const file of files.filter(isOf(format ?? ""))) {
      const maker = new LineMaker();
      for await (const records of readTrace(file, signal)) {
        const lines = records.flatMap((record) => maker.lines(record));
        found.push(...lines.filter((line) => step === undefined || line.step === step));
        if (found.length >= MOST_LINES) return found;
      }
    }
    return found;
  }

  /** Paths, that of the run's first life in front. */
  async #filesOf(runId: string): Promise<string[]> {
    if (!RUN.test(runId)) return [];
    const names = await filesOf(this.config.folder, runId);
    return names.map((name) => join(this.config.folder, name));
  }
}
