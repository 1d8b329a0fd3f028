import { afterEach, describe, expect, it } from "vitest";
import { StationError } from "../../../src/shared/errors.js";
import { Bench } from "./bench.js";
import { V7_ANSWER, V7_LOAD } from "./updates.js";

let bench: Bench;
afterEach(() => bench.close());

describe("a memory that refuses a write", () => {
  it("is answered with MEMORY_FAILURE by the SHE and 72 elsewhere, and the ECU goes on with its former state", async () => {
    let full = false;
    const onStep = () => {
      if (full) throw new StationError("STORE_FAILED", { details: { what: "full" } });
    };
    bench = await Bench.start({ flash: { onStep } });
    await bench.unlock();
    full = true;
    expect(await bench.ask(V7_LOAD)).toBe("710102100b");
    expect(await bench.ask("31010230")).toBe("7f3172");
    expect(await bench.ask("2ef1b00000000000000000")).toBe("7f2e72");
    expect(await bench.ask("22f1a2")).toBe("62f1a200000000");
    full = false;
    expect(await bench.ask(V7_LOAD)).toBe(V7_ANSWER);
  });
});
