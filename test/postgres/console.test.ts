/** The KMS console of two replicas: one registry, one session, one lock. */
import { cpSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { setPassword } from "../../src/servers/kms/console/users.js";
import { tempFolder } from "../system/harness.js";
import { hidden, Visitor } from "../system/visitor.js";
import { Cluster, requirePostgres } from "./cluster.js";
import { type Replica, shareWith, startReplica, stopAll } from "./replicas.js";

const PASSWORD = "a long password";
const USERS = "servers/kms/console-users.yaml";

describe.runIf(requirePostgres())("the console of two replicas on PostgreSQL", () => {
  let cluster: Cluster;
  const replicas: Replica[] = [];
  const visitors: Visitor[] = [];
  let here: Visitor;
  let there: Visitor;
  let token: string;
  beforeAll(async () => {
    cluster = await Cluster.start();
    const postgres = await cluster.database();
    const data = tempFolder("replica");
    await setPassword(join(data, USERS), "kim", PASSWORD);
    replicas.push(await startReplica(data, postgres));
    const second = shareWith(data, "replica");
    cpSync(join(data, USERS), join(second, USERS));
    replicas.push(await startReplica(second, postgres));
    visitors.push(...replicas.map(({ servers }) => new Visitor(servers)));
    const [first, other] = visitors;
    if (first === undefined || other === undefined) throw new Error("no replica");
    [here, there] = [first, other];
    expect((await here.post("/console/sign-in", { user: "kim", password: PASSWORD })).status).toBe(303);
    for (const [name, value] of here.cookies) there.cookies.set(name, value);
    token = hidden(await here.get("/console/suppliers/new"), "token");
  });
  afterAll(async () => {
    await Promise.all(visitors.map((visitor) => visitor.close()));
    await stopAll(replicas);
    await cluster?.remove();
  });

  it("has one session on both", async () => {
    expect((await there.get("/console/suppliers")).status).toBe(200);
  });

  it("has each replica see the other's change with its next request", async () => {
    expect(await there.masterKey("0777")).toBe("The SupplierID is not registerd.");
    expect((await here.post("/console/suppliers/new", { token, id: "0x0777" })).status).toBe(303);
    expect(await there.masterKey("0777")).toBe("Success");
    const version = hidden(await there.get("/console/suppliers/entry?id=0x0777"), "version");
    const off = { token, id: "0x0777", version, enabled: "no" };
    expect((await there.post("/console/suppliers/state", off)).status).toBe(303);
    expect(await here.masterKey("0777")).toBe("The SupplierID is not registerd.");
    expect((await here.post("/console/suppliers/state", { ...off, enabled: "yes" })).status).toBe(409);
  });

  it("takes each of many entries once that are added on both at once", async () => {
    const added = await Promise.all(
      Array.from({ length: 16 }, (_, i) =>
        (i % 2 === 0 ? here : there).post("/console/suppliers/new", { token, id: String(4096 + (i >> 1)) }),
      ),
    );
    expect(added.filter(({ status }) => status === 303)).toHaveLength(8);
    expect(added.filter(({ status }) => status === 422)).toHaveLength(8);
    expect((await there.get("/console/suppliers")).text.match(/entry\?id=0x100/g)).toHaveLength(8);
  });

  it("shows the ledger", async () => {
    expect((await there.get(`/console/ecu?phase=Prod&uid=00030777${"0".repeat(21)}1`)).status).toBe(200);
    expect((await here.get("/console/ecus?uid=0003")).text).toContain("0003 0777");
  });

  it("counts wrong passwords on both together", async () => {
    const wrong = { user: "kim", password: "wrong" };
    const tries = [here, there, here, there, here];
    for (const visitor of tries) expect((await visitor.post("/console/sign-in", wrong)).status).toBe(401);
    expect((await there.post("/console/sign-in", { user: "kim", password: PASSWORD })).status).toBe(429);
  });
});
