import { expect, test } from "vitest";
import { VirtualClock } from "../../../../src/shared/clock.js";
import { masterPost, openKms, result } from "./helpers.js";

const DAY = 86_400_000;

test("an Idempotency-Key is kept for its days and forgotten behind them, when a newer one comes", async () => {
  const clock = new VirtualClock();
  const kms = await openKms({ clock, config: { idempotencyDays: 3 } });
  const post = (serial: number, key: string) => kms.send("POST", "key", masterPost(serial), { "idempotency-key": key });
  const put = (status: string, key: string) =>
    kms.send("PUT", "key", result("EcuMasterKey", 1, status), { "idempotency-key": key });
  const first = await post(1, "set");
  await put("OperationFailed", "result");
  await clock.advance(3 * DAY - 1);
  expect((await post(2, "newer")).body.ResultStatus).toBe("Success");
  expect((await put("OperationFailed", "newer-result")).body).toMatchObject({ ResultStatus: "Success" });
  expect((await post(1, "set")).body).toEqual(first.body);
  expect((await put("Success", "result")).body.ResultMessage).toMatch(/used for another request/);
  await clock.advance(2);
  await post(3, "newest");
  await put("OperationFailed", "newest-result");
  const again = await post(1, "set");
  expect(again.body.ResultStatus).toBe("Success");
  expect(again.body.Records?.M2).not.toBe(first.body.Records?.M2);
  expect((await put("Success", "result")).body.ResultStatus).toBe("Success");
  await kms.close();
});
