import { createHmac, timingSafeEqual } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { openSinks } from "../../../../src/cli/results.js";
import { DEFAULT_OUTBOX_LIMITS } from "../../../../src/records/outbox.js";
import type { OutboxEntry } from "../../../../src/records/types.js";
import { breathe, systemClock } from "../../../../src/shared/clock.js";
import { silentLogger } from "../../../../src/shared/logger.js";
import { bench, credentials, deadUrl, foreignTls, type Peer, type PeerOptions, tls } from "../../clients/helpers.js";
import { finish, OutboxRig, type Process } from "../outbox-rig.js";

const KEY = "5f".repeat(32);
const ROW = "run-1:result:mes";
const { serve } = bench();

let folder: string;
let rig: OutboxRig;
let station: Process | undefined;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "webhook-"));
  const { ca, cert, key } = await credentials();
  for (const [name, text] of Object.entries({ ca, cert, key, secret: `${KEY}\n` }))
    writeFileSync(join(folder, name), text);
});
afterAll(() => rmSync(folder, { recursive: true }));
beforeEach(() => {
  rig = new OutboxRig();
});
afterEach(async () => {
  await station?.close();
  rig.remove();
});

/** One run's result on its way to the address; the outbox has virtual time, the network its own. */
async function owed(url: string, { timeout = 20_000, random = 1 } = {}): Promise<void> {
  const peer = { caFile: join(folder, "ca"), clientCertFile: join(folder, "cert"), clientKeyFile: join(folder, "key") };
  const mes = {
    kind: "webhook",
    url: `${url}/results?line=3`,
    peer,
    secretFile: join(folder, "secret"),
    timeout,
  } as const;
  const sinks = await openSinks(
    { sinks: new Map([["mes", mes]]), limits: DEFAULT_OUTBOX_LIMITS },
    { station: "line-3", clock: systemClock, logger: silentLogger },
  );
  station = await rig.open({ tell: { sinks: ["mes"], station: "line-3" }, sinks, random: () => random });
  await finish(station.records, "run-1", rig.clock.now());
}

/** The row once it was tried so often; the test's own limit bounds it. */
async function tried(times: number): Promise<OutboxEntry> {
  for (;;) {
    const row = await station?.records.store.call("outboxState", ROW);
    if (row && row.attempts >= times) return row;
    await breathe();
  }
}

/** What a receiver checks by the Standard Webhooks specification, from what came over the wire alone. */
function isSigned({ headers, body }: Peer["seen"][number]): boolean {
  const [version, signature = ""] = String(headers["webhook-signature"]).split(",");
  const mac = createHmac("sha256", Buffer.from(KEY, "hex"));
  mac.update(`${headers["webhook-id"]}.${headers["webhook-timestamp"]}.${body}`);
  return version === "v1" && timingSafeEqual(Buffer.from(signature, "base64"), mac.digest());
}

describe("a MES that takes results over TLS", () => {
  it("knows the station by its certificate, and the result by id, time and signature", async () => {
    const { caPem } = await tls();
    const server = await serve(() => ({ status: 202 }), { ca: caPem, requestCert: true, rejectUnauthorized: true });
    const before = Math.floor(Date.now() / 1_000);
    await owed(server.url);
    expect(await tried(1)).toMatchObject({ state: "delivered" });
    const [request] = server.seen;
    if (request === undefined) throw new Error("no request");
    expect(request).toMatchObject({ method: "POST", url: "/results?line=3", client: expect.stringMatching(/CN=/) });
    expect(request.headers).toMatchObject({ "webhook-id": ROW, "idempotency-key": ROW });
    const age = Number(request.headers["webhook-timestamp"]) - before;
    expect(age >= 0 && age <= 60).toBe(true);
    expect(isSigned(request)).toBe(true);
    expect(isSigned({ ...request, body: request.body.replace("PASS", "FAIL") })).toBe(false);
    expect(JSON.parse(request.body)).toMatchObject({ kind: "run", runId: "run-1", outcome: "PASS", station: "line-3" });
  });

  it.each([400, 409, 410, 413, 415, 422])(
    "and answers %i has refused it: it is in quarantine after one try",
    async (status) => {
      const server = await serve(() => ({ status }));
      await owed(server.url);
      expect(await tried(1)).toMatchObject({
        state: "quarantined",
        lastError: expect.stringContaining(`it answered ${status}`),
      });
      await rig.clock.advance(3_600_000);
      expect(server.seen).toHaveLength(1);
    },
  );

  it.each([
    ["answers 500", () => ({ status: 500 })],
    ["answers 503", () => ({ status: 503 })],
    ["answers 401", () => ({ status: 401 })],
    ["sends elsewhere", () => ({ status: 307, headers: { location: "https://127.0.0.1:1/" } })],
    ["cuts the connection", () => "cut" as const],
  ])("and %s is sent it again under one id, with growing pauses, until it takes it", async (_, fault) => {
    const server = await serve((n) => (n < 4 ? fault() : { status: 200 }));
    await owed(server.url, { random: 0.5 });
    const pauses: number[] = [];
    for (const times of [1, 2, 3, 4]) {
      const { nextAt, state } = await tried(times);
      expect(state).toBe("waiting");
      pauses.push(nextAt - rig.clock.now());
      await rig.clock.advance(nextAt - rig.clock.now());
    }
    // Half of each for certain, and of the other half what chance says.
    expect(pauses).toEqual([500, 1_000, 2_000, 4_000].map((full) => full * 0.75));
    expect(await tried(5)).toMatchObject({ state: "delivered" });
    expect(new Set(server.seen.map(({ headers }) => headers["idempotency-key"]))).toEqual(new Set([ROW]));
    expect(new Set(server.seen.map(({ body }) => body)).size).toBe(1);
    expect(server.seen.every(isSigned)).toBe(true);
  });

  it("and does not answer is left after its time limit, and asked again later", async () => {
    const server = await serve(() => "stall");
    await owed(server.url, { timeout: 100 });
    expect(await tried(1)).toMatchObject({
      state: "waiting",
      lastError: expect.stringContaining("no answer within 100 ms"),
    });
  });

  const wrong: readonly (readonly [string, () => Promise<PeerOptions | undefined>])[] = [
    [
      "has another CA's certificate",
      async () => {
        const { certPem: cert, keyPem: key } = await foreignTls();
        return { cert, key };
      },
    ],
    ["has a certificate for another name", async () => ({ host: "127.0.0.2" })],
    [
      "speaks TLS 1.1 at most",
      async () => ({ minVersion: "TLSv1", maxVersion: "TLSv1.1", ciphers: "DEFAULT@SECLEVEL=0" }),
    ],
    ["is down", async () => undefined],
  ];
  it.each(wrong)("but %s gets nothing, and the result waits", async (_, options) => {
    const made = await options();
    const server = made && (await serve(() => ({ status: 200 }), made));
    await owed(server?.url ?? (await deadUrl()));
    expect(await tried(1)).toMatchObject({ state: "waiting", lastError: expect.stringContaining("mes") });
    expect(server?.seen ?? []).toEqual([]);
  });
});
