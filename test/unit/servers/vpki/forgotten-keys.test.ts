import { expect, it } from "vitest";
import { VirtualClock } from "../../../../src/shared/clock.js";
import { csrPem, freshDn, issueBody, serve } from "./helpers.js";

const TYPE = "prov-15118-2";
const DAY = 86_400_000;

it("an Idempotency-Key is kept for its days and forgotten behind them, when a newer one comes", async () => {
  const clock = new VirtualClock();
  const served = await serve({ clock, config: { idempotencyDays: 3 } });
  const bodyOf = async () => issueBody(TYPE, await csrPem(TYPE, { dn: freshDn(TYPE) }));
  const issue = (body: object, key: string) => served.post("/api/v1/prov/issue", body, { "idempotency-key": key });
  const [first, second] = [await bodyOf(), await bodyOf()];
  const answer = await issue(first, "key");
  expect(answer.status).toBe(200);
  await clock.advance(3 * DAY - 1);
  expect((await issue(await bodyOf(), "newer")).status).toBe(200);
  expect(await issue(first, "key")).toEqual(answer);
  expect((await issue(second, "key")).status).toBe(406);
  await clock.advance(2);
  expect((await issue(await bodyOf(), "newest")).status).toBe(200);
  expect((await issue(second, "key")).status).toBe(200);
  await served.end();
});
