import { createHmac } from "node:crypto";
import { describe, expect, it } from "vitest";
import { signWebhook, type WebhookCaller, webhookSink } from "../../../../src/records/sinks/webhook.js";
import { VirtualClock } from "../../../../src/shared/clock.js";
import { StationError } from "../../../../src/shared/errors.js";
import { Secret } from "../../../../src/shared/secret.js";
import { going, resultRow } from "./rows.js";

const KEY = "00112233445566778899aabbccddeeff0011223344556677";

function sinkOn(call: WebhookCaller["call"]) {
  const caller = { call, close: async () => undefined };
  const secret = async () => Secret.fromHex(KEY);
  return webhookSink({ name: "mes", caller, path: "/in?line=3", secret, clock: new VirtualClock(1_614_265_330_999) });
}

describe("a webhook's signature", () => {
  it("is that of the Standard Webhooks specification's example", () => {
    const secret = new Secret(new Uint8Array(Buffer.from("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "base64")));
    const signature = signWebhook(secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, '{"test": 2432232314}');
    expect(signature).toBe("v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
  });
});

describe("a MES's webhook", () => {
  it("gets the result with its id, the time and a signature over all three", async () => {
    const calls: Parameters<WebhookCaller["call"]>[0][] = [];
    const sink = sinkOn(async (call) => {
      calls.push(call);
      return { status: 204 };
    });
    await sink.deliver(resultRow(), going);
    const [call] = calls;
    const mac = createHmac("sha256", Buffer.from(KEY, "hex"));
    mac.update(`run-1:result:mes.1614265330.${call?.body}`);
    expect(call).toEqual({
      method: "POST",
      path: "/in?line=3",
      body: JSON.stringify(resultRow().result),
      headers: {
        "idempotency-key": "run-1:result:mes",
        "webhook-id": "run-1:result:mes",
        "webhook-timestamp": "1614265330",
        "webhook-signature": `v1,${mac.digest("base64")}`,
      },
    });
  });

  it.each([
    [400, "SINK_REJECTED"],
    [401, "SINK_FAULT"],
    [403, "SINK_FAULT"],
    [404, "SINK_FAULT"],
    [408, "SINK_FAULT"],
    [409, "SINK_REJECTED"],
    [410, "SINK_REJECTED"],
    [413, "SINK_REJECTED"],
    [415, "SINK_REJECTED"],
    [422, "SINK_REJECTED"],
    [425, "SINK_FAULT"],
  ])("that answers %i ends with %s", async (status, code) => {
    const sink = sinkOn(async () => ({ status }));
    await expect(sink.deliver(resultRow(), going)).rejects.toMatchObject({
      code,
      details: { sink: "mes", what: `it answered ${status}` },
    });
  });

  it.each(["SINK_UNREACHABLE", "SINK_FAULT"] as const)(
    "that the caller says %s of is named by its own name",
    async (code) => {
      const sink = sinkOn(async () => {
        throw new StationError(code, { details: { what: "why" } });
      });
      await expect(sink.deliver(resultRow(), going)).rejects.toMatchObject({
        code,
        details: { sink: "mes", what: "why" },
      });
    },
  );
});
