/** 27 SecurityAccess: the key algorithms by name, and the procedure (ISO 14229-1:2020 §10.4). */
import { cmac } from "@noble/ciphers/aes.js";
import { abortable } from "../../shared/abort.js";
import type { Clock } from "../../shared/clock.js";
import { StationError } from "../../shared/errors.js";
import type { KeyFunction } from "../../shared/key-function.js";
import type { Secret } from "../../shared/secret.js";
import { call, encodeRequest } from "./call.js";
import type { Credentials } from "./certificates.js";
import type { UdsClient } from "./client.js";
import { judgeResponse, nrcOf, unexpectedResponse } from "./messages.js";
import { UDS } from "./tables/messages.js";
import { NRC } from "./tables/nrc.js";
import { SID } from "./tables/services.js";

/** Key from seed, by the names that profiles use. */
const KEY_ALGORITHMS: ReadonlyMap<string, KeyFunction> = new Map([
  /** AES-128-CMAC(secret, seed), 16 bytes (RFC 4493). */
  ["aes-cmac", async ({ seed, secret }) => cmac(seed, secret)],
]);

export interface SecurityKey {
  /** Secret of the ECU type; stays the caller's. */
  readonly key: Secret;
  /** The plant's own algorithm, where the profile names a module. */
  readonly keyFunction?: KeyFunction;
}

/** What opens an ECU: a secret, or a certificate with its key, as its profile wants. */
export type EcuAccess = SecurityKey | { readonly credentials: Credentials };

export interface SecurityAccess {
  readonly kind?: "seed-key";
  /** requestSeed sub-function, odd; the key goes with the next one. */
  readonly level: number;
  /** `aes-cmac`, or the path of a module. */
  readonly algorithm: string;
  /** Bytes of a seed. */
  readonly seedLength: number;
  /** Ms for which the ECU gives no seed (37) behind too many wrong keys, and again after its start. Default 10,000. */
  readonly delay?: number;
}

/** Added to the ECU's delay, ms: its clock and this computer's differ. */
const DELAY_SLACK_MS = 500;

/**
 * Opens a level. A seed of zeros says that it is open already. A delay that the ECU is still in, for the keys of whoever had it before,
 * is waited out, once. A second key, for a new seed, follows a refusal that says nothing of the
 * secret: the ECU judged no key (24, which it does not count), or gave another seed behind the one that was answered, as it does where
 * the request came twice, and so voided that (35). Any other refusal stands: the next key could be the one that starts the delay.
 * @throws StationError UDS_NEGATIVE_RESPONSE, UDS_UNEXPECTED_RESPONSE, CONFIG_INVALID (the module)
 */
export async function securityAccess(
  client: UdsClient,
  { level, algorithm, seedLength, delay = 10_000 }: SecurityAccess,
  { key: secret, keyFunction = KEY_ALGORITHMS.get(algorithm) }: SecurityKey,
  clock: Clock,
  signal: AbortSignal,
): Promise<void> {
  if (keyFunction === undefined)
    throw new StationError("CONFIG_INVALID", {
      details: { what: `securityAccess.algorithm ${algorithm}: not loaded` },
    });
  const request = { securityAccessType: level, securityAccessDataRecord: new Uint8Array(0) };
  const isSeed = (message: Uint8Array) =>
    judgeResponse(encodeRequest(UDS.requestSeed, request), message).kind === "positive";

  const askSeed = () => call(client, UDS.requestSeed, request, { signal });
  const firstSeed = async () => {
    try {
      return await askSeed();
    } catch (error) {
      if (nrcOf(error) !== NRC.requiredTimeDelayNotExpired) throw error;
      await clock.sleep(delay + DELAY_SLACK_MS, signal);
      return askSeed();
    }
  };

  for (let last = false; ; last = true) {
    const { securitySeed: seed } = await (last ? askSeed() : firstSeed());
    if (seed.length !== seedLength)
      throw unexpectedResponse(SID.SecurityAccess, `a seed of ${seed.length} bytes, ${seedLength} wanted`);
    if (seed.every((byte) => byte === 0)) return;
    const key = await abortable(
      secret.use((bytes) => keyFunction({ seed, secret: bytes, level })),
      signal,
    );
    let voided = false;
    const onStray = (message: Uint8Array) => {
      voided ||= isSeed(message);
    };
    try {
      await call(client, UDS.sendKey, { securityAccessType: level + 1, securityKey: key }, { signal, onStray });
      return;
    } catch (error) {
      const nrc = nrcOf(error);
      const unjudged = nrc === NRC.requestSequenceError || (nrc === NRC.invalidKey && voided);
      if (last || !unjudged) throw error;
    } finally {
      key.fill(0);
    }
  }
}
