import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { KeptTraces } from "../../../../src/cli/page/kept-traces.js";
import { TraceWriter } from "../../../../src/records/trace/writer.js";
import { fromHex } from "../../../../src/shared/bytes.js";
import { VirtualClock } from "../../../../src/shared/clock.js";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "lives-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

const RUN = "20260101T000000001Z-00000000a1";
const clock = new VirtualClock();
const never = new AbortController().signal;

/** A trace with a step and a request in it. */
async function life(name: string, step: string, request: string): Promise<void> {
  const path = join(folder, name);
  const writer = new TraceWriter({ path, formats: ["log", "pcapng"], program: "test", link: "virtual:", clock });
  writer.note(`step ${step}`);
  writer.frame("tx", { id: 0x7e0, extended: false, data: fromHex(request) }, clock.monotonic());
  await writer.close();
}

it("a run that was taken up shows what passed in all of its lives, and gives the file of the last one", async () => {
  await life(RUN, "identify", "0322f18ccccccccc");
  await life(`${RUN}.2`, "lock", "0431010230cccccc");
  const kept = new KeptTraces({ folder });
  expect(await kept.formatsOf(RUN)).toEqual(["log", "pcapng"]);
  expect(await kept.fileOf(RUN, "pcapng")).toBe(join(folder, `${RUN}.2.pcapng`));
  const steps = (await kept.messages(RUN, undefined, never)).map(({ step }) => step);
  expect(new Set(steps)).toEqual(new Set(["identify", "lock"]));
  expect((await kept.messages(RUN, "lock", never)).length).toBeGreaterThan(0);
  expect(await kept.messages("20260101T000000002Z-00000000a2", undefined, never)).toEqual([]);
  expect(await kept.formatsOf("../lives")).toEqual([]);
});
