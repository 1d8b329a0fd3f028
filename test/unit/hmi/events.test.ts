import { describe, expect, it } from "vitest";
import type { PageChange, PageState } from "../../../src/hmi/contract/state.js";
import { type Bench, type Events, openBench, record, VIN } from "./bench.js";

/** What a page shows that has heard all this. */
function shownBy(events: Events): PageState {
  let state: PageState | undefined;
  for (const { event, data } of events.heard) {
    if (event === "state") state = data;
    if (event !== "change" || state === undefined) continue;
    const { bay, number, now, ...rest } = data as PageChange;
    const bays = bay === undefined ? state.bays : state.bays.map((one) => (one.name === bay.name ? bay : one));
    state = { ...state, ...rest, number, now, bays };
  }
  if (state === undefined) throw new Error("no state was heard");
  return state;
}

async function simulated(bench: Bench, bay = "A"): Promise<void> {
  const browser = bench.browser();
  await browser.session();
  expect((await browser.post(`/api/bays/${bay}/simulate`, { fault: null })).status).toBe(204);
}

const ended = (data: PageChange) => data.bay?.verdict !== undefined;

describe("the stream of events", () => {
  it("begins with the whole state, under the epoch's id, and a beat", async () => {
    const bench = await openBench();
    const events = await bench.browser().events();
    const { data, id } = await events.next("state");
    expect(id).toBe(`${data.epoch}:${data.number}`);
    expect(data.bays.map(({ name, phase }: { name: string; phase: string }) => [name, phase])).toEqual([
      ["A", "idle"],
      ["B", "idle"],
    ]);
    expect((await events.next("beat")).data.number).toBe(data.number);
    expect(events.response.headers["content-type"]).toBe("text/event-stream; charset=utf-8");
  });

  it("numbers changes without a gap, and they add up to the whole state", async () => {
    const bench = await openBench();
    const events = await bench.browser().events();
    const { data: first } = await events.next("state");
    await simulated(bench);
    await events.next("change", ended);
    const numbers = events.of("change").map(({ data }) => data.number);
    expect(numbers).toEqual(numbers.map((_, i) => first.number + 1 + i));
    const fresh = await bench.browser().events();
    const { data: whole } = await fresh.next("state");
    expect({ ...shownBy(events), now: 0 }).toEqual({ ...whole, now: 0 });
  });

  it("shows a run's steps in their groups while they go on, its prompt, and its verdict until the next", async () => {
    const bench = await openBench({
      work: async ({ onEvent, operator, signal }, order) => {
        const done = record(order, { outcome: "PASS", owed: 2 });
        onEvent({ kind: "begun", header: done.header, resumed: false });
        onEvent({ kind: "step-started", step: "cert:a", at: 5 });
        await operator.ask({ text: { ko: "전원", en: "Power" }, image: "plug.png" }, signal);
        const facts = { serial: "12", m4: "00" };
        onEvent({ kind: "step-finished", record: { step: "cert:a", state: "done", startedAt: 5, ms: 7, facts } });
        onEvent({ kind: "ended", record: done });
        return done;
      },
    });
    const events = await bench.browser().events();
    await simulated(bench);
    const asked = await events.next("change", ({ bay }) => bay?.prompt !== undefined);
    const { prompt, run } = asked.data.bay;
    expect(prompt).toMatchObject({ text: { en: "Power" }, image: "/pictures/plug.png" });
    expect(run.groups.map(({ group }: { group: string }) => group)).toEqual([
      "prepare",
      "certificates",
      "keys",
      "lock",
    ]);
    const browser = bench.browser();
    await browser.session();
    expect((await browser.post("/api/bays/A/answer", { prompt: prompt.id, value: "on" })).status).toBe(204);
    const { data } = await events.next("change", ended);
    expect(data.bay.verdict).toMatchObject({ outcome: "PASS", runId: "R-A", vin: VIN, owed: 2 });
    const certificates = data.bay.run.groups.find(({ group }: { group: string }) => group === "certificates");
    expect(certificates.steps).toEqual([
      { step: "cert:a", state: "done", startedAt: 5, ms: 7, facts: [{ name: "serial", value: "12" }] },
    ]);
    expect((await browser.post("/api/bays/A/answer", { prompt: prompt.id, value: "on" })).status).toBe(409);
  });

  it("gives a page that comes back what it missed, and nothing twice", async () => {
    const bench = await openBench();
    const first = await bench.browser().events();
    const { id } = await first.next("state");
    first.close();
    await simulated(bench);
    const watching = await bench.browser().events();
    await watching.next("state", (data: PageState) => data.bays[0]?.verdict !== undefined);
    const back = await bench.browser().events(id);
    await back.next("beat");
    expect(back.of("state")).toEqual([]);
    const numbers = back.of("change").map(({ data }) => data.number);
    expect(numbers.length).toBeGreaterThan(0);
    const last = back.of("change").at(-1)?.id;
    const again = await bench.browser().events(last);
    await again.next("beat");
    expect(again.of("change").filter(({ data }) => numbers.includes(data.number))).toEqual([]);
  });

  it("gives the whole state to a page whose number means nothing: of an earlier start, of the future, or none", async () => {
    const bench = await openBench();
    const { data } = await (await bench.browser().events()).next("state");
    for (const last of ["other-epoch:1", `${data.epoch}:999`, "nonsense", `${data.epoch}:-1`]) {
      const events = await bench.browser().events(last);
      await events.next("state");
    }
  });

  it("gives the whole state where more was missed than is kept", async () => {
    const bench = await openBench();
    const { id } = await (await bench.browser().events()).next("state");
    const browser = bench.browser();
    await browser.session();
    for (let i = 0; i < 520; i++) await browser.post("/api/bays/A/scan", { text: `x${i}` });
    const back = await bench.browser().events(id);
    await back.next("beat");
    expect(back.of("state")).toHaveLength(1);
  });

  it("beats each second of the station's clock", async () => {
    const bench = await openBench();
    const events = await bench.browser().events();
    const { data: first } = await events.next("beat");
    await bench.clock.advance(3_000);
    const { data } = await events.next("beat", (beat) => beat.now >= first.now + 3_000);
    expect(data.now).toBe(first.now + 3_000);
    expect(events.of("beat").map((beat) => beat.data.now - first.now)).toEqual([0, 1_000, 2_000, 3_000]);
  });

  it("tells two pages the same", async () => {
    const bench = await openBench();
    const [one, other] = [await bench.browser().events(), await bench.browser().events()];
    await Promise.all([one.next("state"), other.next("state")]);
    await simulated(bench);
    await Promise.all([one.next("change", ended), other.next("change", ended)]);
    expect(shownBy(one)).toEqual(shownBy(other));
  });

  it("shows servers as they are found, without waiting for one that is silent", async () => {
    const bench = await openBench({
      ping: (name, signal) =>
        name === "vPKI"
          ? Promise.resolve()
          : new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason), { once: true })),
    });
    const events = await bench.browser().events();
    const { data } = await events.next("state");
    expect(data.servers).toEqual([
      { name: "vPKI", state: "unknown" },
      { name: "KMS", state: "unknown" },
    ]);
    await bench.clock.advance(4_000);
    const { data: change } = await events.next("change", ({ servers }) => servers !== undefined);
    expect(change.servers).toEqual([
      { name: "vPKI", state: "up" },
      { name: "KMS", state: "down", trouble: expect.objectContaining({ en: expect.stringContaining("KMS") }) },
    ]);
  });
});
