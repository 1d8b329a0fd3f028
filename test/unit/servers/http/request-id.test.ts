import fc from "fast-check";
import { expect, it } from "vitest";
import { createHttp } from "../../../../src/servers/http/https.js";
import { requestIdOf } from "../../../../src/servers/http/request-id.js";
import { systemClock } from "../../../../src/shared/clock.js";
import { jsonLogger } from "../../../../src/shared/logger.js";

const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

it.each(["a", "0f6c2a6e-9f43-4d51-a0a5-63a9c7f5f1aa", "line-3.bay:A_17", "x".repeat(64)])("takes %s", (id) => {
  expect(requestIdOf({ headers: { "x-request-id": id } })).toBe(id);
});

it.each(["", " a", "a b", "x".repeat(65), "ä", 'a"b', "a,b"])("makes its own in place of %j", (id) => {
  expect(requestIdOf({ headers: { "x-request-id": id } })).toMatch(UUID);
});

it("never gives an id that a log or a header could not hold", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), (id) => {
      expect(requestIdOf({ headers: { "x-request-id": id } })).toMatch(/^[A-Za-z0-9._:-]{1,64}$/);
    }),
  );
});

it("the answer and the log's line of a request have its id, also where nothing takes the path", async () => {
  const lines: Record<string, unknown>[] = [];
  const logger = jsonLogger(
    (line) => lines.push(JSON.parse(line) as Record<string, unknown>),
    () => 0,
  );
  const app = createHttp({ clock: systemClock, logger, name: "status" });
  app.get("/a/:b", async () => "secret");
  const headers = { "x-request-id": "own-1" };
  const found = await app.inject({ url: "/a/planted?x=planted", headers });
  const lost = await app.inject({ url: "/nowhere" });
  expect(found.headers["x-request-id"]).toBe("own-1");
  expect(lost.headers["x-request-id"]).toMatch(UUID);
  expect(lines).toEqual([
    expect.objectContaining({ requestId: "own-1", method: "GET", route: "/a/:b", status: 200, client: "127.0.0.1" }),
    expect.objectContaining({ requestId: lost.headers["x-request-id"], route: "none", status: 404 }),
  ]);
  expect(JSON.stringify(lines)).not.toMatch(/planted|secret/);
});
