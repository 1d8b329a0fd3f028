import { describe, expect, it } from "vitest";
import { abortable, withLimit } from "../../../src/shared/abort.js";
import { breathe, systemClock, VirtualClock } from "../../../src/shared/clock.js";

describe("the virtual clock", () => {
  it("fires timers in order of due time, then of creation, and none too early", async () => {
    const clock = new VirtualClock();
    const fired: string[] = [];
    clock.timer(10, () => fired.push(`b@${clock.monotonic()}`));
    clock.timer(5, () => fired.push(`a@${clock.monotonic()}`));
    clock.timer(10, () => fired.push(`c@${clock.monotonic()}`));
    await clock.advance(9);
    expect(fired).toEqual(["a@5"]);
    await clock.advance(1);
    expect(fired).toEqual(["a@5", "b@10", "c@10"]);
  });

  it("drives a chain of sleeps without waiting", async () => {
    const clock = new VirtualClock();
    const chain = async () => {
      for (let i = 0; i < 10; i++) await clock.sleep(60_000);
      return clock.monotonic();
    };
    expect(await clock.drive(chain())).toBe(600_000);
  });

  it("stands still until all that hold it have let go", async () => {
    const clock = new VirtualClock();
    const releases = [clock.hold(), clock.hold()];
    const advancing = clock.advance(10);
    let fired = false;
    clock.timer(5, () => {
      fired = true;
    });
    for (let turn = 0; turn < 5; turn++) await breathe();
    releases[0]?.();
    releases[0]?.();
    await breathe();
    expect([fired, clock.monotonic()]).toEqual([false, 0]);
    releases[1]?.();
    await advancing;
    expect([fired, clock.monotonic()]).toEqual([true, 10]);
  });
});

describe("until", () => {
  it("ends at its time on the virtual clock, and at once when that is past", async () => {
    const clock = new VirtualClock();
    await clock.drive(clock.until(0.3));
    expect(clock.monotonic()).toBe(0.3);
    await clock.until(0.1);
    expect(clock.pending).toBe(0);
  });

  it("never ends too early on the machine's clock", async () => {
    for (let i = 0; i < 40; i++) {
      const at = systemClock.monotonic() + 0.1 + (i % 8) * 0.45;
      await systemClock.until(at);
      expect(systemClock.monotonic()).toBeGreaterThanOrEqual(at);
    }
  });

  it.each([
    ["a timer", 60_000],
    ["the last part", 0.9],
  ])("passes on the caller's reason amid %s", async (_, ms) => {
    const caller = new AbortController();
    const waiting = systemClock.until(systemClock.monotonic() + ms, caller.signal);
    caller.abort(new Error("operator"));
    await expect(waiting).rejects.toThrow("operator");
  });
});

describe("a limit", () => {
  it("ends work that does not listen to its signal", async () => {
    const clock = new VirtualClock();
    const work = withLimit(
      clock,
      50,
      undefined,
      () => new Error("too slow"),
      () => new Promise(() => undefined),
    );
    await expect(clock.drive(work)).rejects.toThrow("too slow");
  });

  it("passes on the caller's reason and leaves no timer behind", async () => {
    const clock = new VirtualClock();
    const caller = new AbortController();
    const work = withLimit(
      clock,
      50,
      caller.signal,
      () => new Error("too slow"),
      (signal) => clock.sleep(1_000, signal),
    );
    work.catch(() => undefined);
    caller.abort(new Error("operator"));
    await expect(work).rejects.toThrow("operator");
    expect(clock.pending).toBe(0);
  });

  it("lets go of work that settles after the abort without an unhandled rejection", async () => {
    const caller = new AbortController();
    caller.abort(new Error("operator"));
    await expect(abortable(Promise.reject(new Error("late")), caller.signal)).rejects.toThrow("operator");
  });
});
