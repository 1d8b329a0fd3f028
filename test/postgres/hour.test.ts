/** The servers in this process, on a clock that the test drives, and a database that is stopped for an hour of it. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { postgresStores } from "../../src/db/postgres/store.js";
import { VirtualClock } from "../../src/shared/clock.js";
import { csrPem, freshDn, issueBody, type Served, serve } from "../unit/servers/vpki/helpers.js";
import { Cluster, requirePostgres } from "./cluster.js";

const TYPE = "prov-15118-2";
const MINUTE = 60_000;

describe.runIf(requirePostgres())("a vPKI whose database is away for an hour", () => {
  let cluster: Cluster;
  let served: Served;
  const clock = new VirtualClock();
  beforeAll(async () => {
    cluster = await Cluster.start();
    const stores = postgresStores(await cluster.database());
    served = await serve({ stores, clock, config: { crlCheckMinutes: 1 } });
  });
  afterAll(async () => {
    await served?.end();
    await cluster?.remove();
  });

  const issue = async () =>
    served.post("/api/v1/prov/issue", issueBody(TYPE, await csrPem(TYPE, { dn: freshDn(TYPE) })));
  const crl = () => fetch(`${served.statusUrl}/ECC/CA01001/crl/Crl1p1Dp4.crl`).then(({ status }) => status);

  it("answers 500 to what needs it, gives the CRL that still holds, and goes on when it is back", async () => {
    expect((await issue()).status).toBe(200);
    expect(await crl()).toBe(200);
    await cluster.pause();
    for (let minute = 0; minute < 60; minute++) {
      await clock.advance(MINUTE);
      if (minute % 20 === 0) expect([(await issue()).status, await crl()]).toEqual([500, 200]);
    }
    await cluster.resume();
    expect([(await issue()).status, await crl()]).toEqual([200, 200]);
    await clock.advance(MINUTE);
    expect((await issue()).status).toBe(200);
  });
});
