import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openOrders } from "../../../../src/cli/orders/config.js";
import { type Clock, VirtualClock } from "../../../../src/shared/clock.js";
import { silentLogger } from "../../../../src/shared/logger.js";
import type { Order } from "../../../../src/station/ports.js";
import {
  bench,
  credentials,
  deadUrl,
  foreignTls,
  never,
  type PeerOptions,
  plainPeer,
  sleepless,
  tls,
} from "../../clients/helpers.js";
import { keysProfile } from "../../station/fakes.js";

const VIN = "KMHC851CFLU061234";
const PROFILE = keysProfile();
const ORDER = { schema: 1, profile: PROFILE.name, inputs: { pcid: "A" } };

const { serve, keep } = bench();
let folder: string;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "orders-"));
  const { ca, cert, key } = await credentials();
  for (const [name, text] of Object.entries({ ca, cert, key })) writeFileSync(join(folder, name), text);
});
afterAll(() => rmSync(folder, { recursive: true }));

/** Asks as a station would whose configuration names this address. */
async function ask(
  url: string,
  {
    clock = sleepless().clock,
    given = { vin: VIN },
    signal = never,
  }: { clock?: Clock; given?: Record<string, string>; signal?: AbortSignal } = {},
): Promise<Order | undefined> {
  const peer = { caFile: join(folder, "ca"), clientCertFile: join(folder, "cert"), clientKeyFile: join(folder, "key") };
  const http = { kind: "http", url, peer, timeout: 5_000, attempts: 3 } as const;
  const orders = keep(await openOrders(http, clock, silentLogger));
  if (orders.source === undefined) throw new Error("no source");
  return orders.source.orderFor(PROFILE, given, ["pcid"], signal);
}

const mes = (reply: Parameters<typeof serve>[0], options?: PeerOptions) => serve(reply, options);
const PATH = "/orders/${vin}?line=3";

describe("orders of a MES", () => {
  it("come by one GET, the unit's values in its address", async () => {
    const server = await mes(() => ({ body: JSON.stringify(ORDER) }));
    const { schema: _, ...order } = ORDER;
    const given = { vin: VIN, note: "a/b?c&ä" };
    const answer = await ask(`${server.url}/orders/\${vin}?note=\${note}`, { given });
    expect(answer).toEqual({ source: `${server.url}/orders/${VIN}?note=a%2Fb%3Fc%26%C3%A4`, ...order });
    expect(server.seen.map(({ method, url, body }) => [method, url, body])).toEqual([
      ["GET", `/orders/${VIN}?note=a%2Fb%3Fc%26%C3%A4`, ""],
    ]);
  });

  it("are not asked for where a value of the address is not known", async () => {
    const server = await mes(() => ({ body: JSON.stringify(ORDER) }));
    expect(await ask(`${server.url}${PATH}`, { given: {} })).toBeUndefined();
    expect(server.seen).toEqual([]);
  });

  it("are none where it answers 404", async () => {
    const server = await mes(() => ({ status: 404, body: "<html>" }));
    expect(await ask(`${server.url}${PATH}`)).toBeUndefined();
    expect(server.seen).toHaveLength(1);
  });

  it("are asked for again while it fails, as often as the configuration says", async () => {
    const recovering = await mes((n) =>
      n === 0 ? { status: 503 } : n === 1 ? "cut" : { body: JSON.stringify(ORDER) },
    );
    expect((await ask(`${recovering.url}${PATH}`))?.inputs).toEqual(ORDER.inputs);
    const broken = await mes(() => ({ status: 500 }));
    await expect(ask(`${broken.url}${PATH}`)).rejects.toMatchObject({ code: "ORDERS_UNREACHABLE" });
    expect(broken.seen).toHaveLength(3);
  });

  it("go to a MES that knows the station's certificate", async () => {
    const { caPem } = await tls();
    const server = await mes(() => ({ status: 404 }), { ca: caPem, requestCert: true, rejectUnauthorized: true });
    await ask(`${server.url}${PATH}`);
    expect(server.seen[0]?.client).toMatch(/CN=/);
  });

  it.each([
    [401, /it answered 401/],
    [403, /it answered 403/],
    [204, /it answered 204/],
    [302, /redirects are not followed/],
    [500, /it answered 500/],
  ])("cannot be read where it answers %i: the text names address and reason", async (status, what) => {
    const elsewhere = await mes(() => ({ body: JSON.stringify(ORDER) }));
    const server = await mes(() => ({ status, headers: { location: elsewhere.url } }));
    await expect(ask(`${server.url}${PATH}`)).rejects.toMatchObject({
      code: "ORDERS_UNREACHABLE",
      details: { source: `${server.url}/orders/${VIN}?line=3`, what: expect.stringMatching(what) },
    });
    expect(elsewhere.seen).toEqual([]);
  });

  it.each([
    ["no JSON", "<html>\n</html>", "it is no JSON"],
    ["nothing", "", "it is no JSON"],
    ["a list", "[]", "the order must be object"],
    ["another schema", '{"schema":2,"inputs":{}}', "schema must be equal to constant"],
    ["a number", '{"schema":1,"inputs":{"pcid":7}}', "inputs.pcid must be string"],
    ["an unknown key", '{"schema":1,"inputs":{},"colour":"red"}', "colour is an unknown key"],
  ])("are not valid where its answer is %s", async (_, body, what) => {
    const server = await mes(() => ({ body }));
    await expect(ask(`${server.url}${PATH}`)).rejects.toMatchObject({ code: "ORDER_INVALID", details: { what } });
    expect(server.seen).toHaveLength(1);
  });

  it("that have no end are not read to their end", async () => {
    const server = await mes(() => ({ body: `"${"x".repeat(2_000_000)}"` }));
    await expect(ask(`${server.url}${PATH}`)).rejects.toMatchObject({
      code: "ORDERS_UNREACHABLE",
      details: { what: expect.stringContaining("longer than 1048576 bytes") },
    });
  });

  it("do not come from a server with another CA's certificate, which is not even asked", async () => {
    const { certPem: cert, keyPem: key } = await foreignTls();
    const server = await mes(() => ({ body: JSON.stringify(ORDER) }), { cert, key });
    await expect(ask(`${server.url}${PATH}`)).rejects.toMatchObject({
      code: "ORDERS_UNREACHABLE",
      details: { what: expect.stringMatching(/certificate|self.signed|issuer/i) },
    });
    expect(server.seen).toEqual([]);
  });

  it("do not come from a server without TLS, nor from one that is down", async () => {
    const plain = keep(await plainPeer());
    for (const url of [plain.url, await deadUrl()])
      await expect(ask(`${url}${PATH}`)).rejects.toMatchObject({ code: "ORDERS_UNREACHABLE" });
  });

  it("of a server that stalls are asked for again after the limit of a try", async () => {
    const clock = new VirtualClock();
    let arrived: () => void = () => undefined;
    const request = new Promise<void>((resolve) => {
      arrived = resolve;
    });
    const server = await mes((n) => (n === 0 ? "stall" : { body: JSON.stringify(ORDER) }), {
      onRequest: () => arrived(),
    });
    const answer = ask(`${server.url}${PATH}`, { clock });
    await request;
    await clock.advance(4_999);
    expect(server.seen).toHaveLength(1);
    // And the pause before the second one.
    await clock.advance(1 + 250);
    expect((await answer)?.inputs).toEqual(ORDER.inputs);
  });

  it("are given up at once when the run is aborted", async () => {
    const abort = new AbortController();
    const server = await mes(() => "stall", { onRequest: () => abort.abort(new Error("enough")) });
    await expect(ask(`${server.url}${PATH}`, { signal: abort.signal })).rejects.toThrow("enough");
  });
});
