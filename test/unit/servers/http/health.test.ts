import { expect, it } from "vitest";
import { Health } from "../../../../src/servers/http/health.js";
import { VirtualClock } from "../../../../src/shared/clock.js";
import { StationError } from "../../../../src/shared/errors.js";

function health() {
  const clock = new VirtualClock();
  return { clock, health: new Health({ clock, limit: 3_000, keep: 2_000 }) };
}

it("names each part with the code of its error, and nothing of its text", async () => {
  const { health: h } = health();
  h.add("vpki", {
    store: async () => undefined,
    "key.CA01001": async () => {
      throw new StationError("TOKEN_KEY_MISSING", { details: { token: "plant", what: "PIN 1234" } });
    },
  });
  h.add("kms", {
    store: async () => {
      throw new Error("password");
    },
  });
  expect(await h.readiness()).toEqual({
    ready: false,
    parts: { "vpki.store": "ok", "vpki.key.CA01001": "TOKEN_KEY_MISSING", "kms.store": "FAILED", shutdown: "ok" },
  });
});

it("does not wait for a part longer than its limit", async () => {
  const { health: h, clock } = health();
  h.add("kms", { store: () => new Promise(() => undefined) });
  expect(await clock.drive(h.readiness())).toMatchObject({ ready: false, parts: { "kms.store": "LATE" } });
  expect(clock.monotonic()).toBe(3_000);
});

it("asks a part once for many probes, and again when the outcome is old", async () => {
  const { health: h, clock } = health();
  let asked = 0;
  let works = false;
  h.add("kms", {
    store: async () => {
      asked++;
      if (!works) throw new Error("away");
    },
  });
  await Promise.all([h.readiness(), h.readiness()]);
  works = true;
  expect((await h.readiness()).ready).toBe(false);
  expect(asked).toBe(1);
  await clock.advance(2_000);
  expect((await h.readiness()).ready).toBe(true);
  expect(asked).toBe(2);
});

it("is not ready once the end has begun", async () => {
  const { health: h } = health();
  expect((await h.readiness()).ready).toBe(true);
  h.end();
  expect(await h.readiness()).toEqual({ ready: false, parts: { shutdown: "ENDING" } });
});
