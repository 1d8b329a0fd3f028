/**
 * A MES that takes results by HTTPS: one POST a result, signed as the Standard Webhooks specification 1.0 has it (symmetric keys), so that
 * its libraries can check them.
 */
import { createHmac } from "node:crypto";
import type { Clock } from "../../shared/clock.js";
import { isStationError, StationError } from "../../shared/errors.js";
import type { Secret } from "../../shared/secret.js";
import type { Sink } from "./sink.js";

/** One POST to the receiver: its certificate is checked, no proxy, no redirect, no retry. */
export interface WebhookCaller {
  /** @throws StationError SINK_UNREACHABLE; SINK_FAULT for 5xx, 429 and redirects; without the name of the receiver */
  call(
    call: {
      readonly method: "POST";
      readonly path: string;
      readonly body: string;
      readonly headers: Readonly<Record<string, string>>;
    },
    signal: AbortSignal,
  ): Promise<{ readonly status: number }>;
  close(): Promise<void>;
}

export interface WebhookOptions {
  readonly name: string;
  readonly caller: WebhookCaller;
  /** Path and query of the URL. */
  readonly path: string;
  /** The key that results are signed with; read for each of them and wiped. @throws StationError CONFIG_INVALID */
  secret(): Promise<Secret>;
  readonly clock: Clock;
}

/** Statuses that speak of this very result: sending it again would not help. Others may pass once the receiver or its list is mended. */
const REFUSALS: ReadonlySet<number> = new Set([400, 409, 410, 413, 415, 422]);

/** `v1,` and the base64 of HMAC-SHA256 over `id.timestamp.body`. @param timestamp s since the epoch */
export function signWebhook(secret: Secret, id: string, timestamp: number, body: string): string {
  const mac = secret.use((key) => createHmac("sha256", key).update(`${id}.${timestamp}.${body}`).digest("base64"));
  return `v1,${mac}`;
}

export function webhookSink({ name, caller, path, secret, clock }: WebhookOptions): Sink {
  const failed = (code: "SINK_UNREACHABLE" | "SINK_FAULT" | "SINK_REJECTED", what: string, cause?: unknown) =>
    new StationError(code, { details: { sink: name, what }, cause });
  return {
    name,
    async deliver({ id, result }, signal) {
      const body = JSON.stringify(result);
      const timestamp = Math.floor(clock.now() / 1_000);
      const key = await secret();
      const signature = signWebhook(key, id, timestamp, body);
      key.wipe();
      const headers = {
        "idempotency-key": id,
        "webhook-id": id,
        "webhook-timestamp": String(timestamp),
        "webhook-signature": signature,
      };
      let status: number;
      try {
        ({ status } = await caller.call({ method: "POST", path, body, headers }, signal));
      } catch (error) {
        if (!isStationError(error)) throw error;
        if (error.code !== "SINK_UNREACHABLE" && error.code !== "SINK_FAULT") throw error;
        throw failed(error.code, String(error.details.what), error);
      }
      if (status < 300) return;
      throw failed(REFUSALS.has(status) ? "SINK_REJECTED" : "SINK_FAULT", `it answered ${status}`);
    },
    unreachable: (what) => failed("SINK_UNREACHABLE", what),
    close: () => caller.close(),
  };
}
