import { expect, it } from "vitest";
import { inlineStores } from "../../../src/db/store.js";
import { openRecords } from "../../../src/records/journal.js";
import { VirtualClock } from "../../../src/shared/clock.js";
import { BODY, header, record, VIN } from "../hmi/bench.js";

it("a free text is found anywhere in what a run is told by, small letters or capitals, and taken as it stands", async () => {
  const stores = inlineStores();
  const { runs, history } = await openRecords({ stores, file: ":memory:", clock: new VirtualClock() });
  const put = async (runId: string, vin: string, serialNumber: string) => {
    const head = { ...header({ bay: "1", profile: BODY, inputs: { vin } }), runId };
    await runs.begin(head);
    const identity = { ecuId: "0a".repeat(27), serialNumber } as never;
    await runs.finish({ ...record({ bay: "1", profile: BODY, inputs: { vin } }), runId, header: head, identity });
  };
  await put("R1", VIN, "SN-100%");
  await put("R2", "KMHAA00AAAA000017", "SN_200");
  const found = async (text: string) => (await history.list({ text })).runs.map(({ runId }) => runId).sort();
  expect(await found(VIN.slice(-6).toLowerCase())).toEqual(["R1"]);
  expect(await found("0A0A")).toEqual(["R1", "R2"]);
  expect(await found("r2")).toEqual(["R2"]);
  expect(await found("100%")).toEqual(["R1"]);
  expect(await found("%")).toEqual(["R1"]);
  expect(await found("N_2")).toEqual(["R2"]);
  expect(await found("\\")).toEqual([]);
  await stores.close();
});
