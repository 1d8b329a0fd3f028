/** The KMS console of the built program, over HTTPS with cookies as a browser has them. */
import { readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { callBuilt, type Servers, startServers, tempFolder } from "./harness.js";
import { hidden, Visitor } from "./visitor.js";

const PASSWORD = "a long password";
const data = tempFolder("console");
const usersFile = join(data, "servers", "kms", "console-users.yaml");

describe("ecustation console passwd", () => {
  it.each([
    ["a password that is too short", ["passwd", "kim"], "short\n", "expected 12 characters"],
    ["no password at all", ["passwd", "kim"], "", "stdin has no password"],
    ["a name that can be none", ["passwd", "a b"], `${PASSWORD}\n`, "is no user name"],
    ["no name", ["passwd"], "", "missing required argument"],
  ])("refuses %s in one line", async (_name, args, input, expected) => {
    const done = await callBuilt("ecustation", ["console", ...args, "--data", data], { input });
    expect(done.code).toBe(2);
    expect(done.stderr).toContain(expected);
    expect(done.stderr.trim().split("\n")).toHaveLength(1);
    expect(done.stderr).not.toContain(PASSWORD);
  });

  it("keeps the password's hash in a file for the servers' account alone", async () => {
    const done = await callBuilt("ecustation", ["console", "passwd", "kim", "--data", data], {
      input: `${PASSWORD}\n`,
    });
    expect([done.code, done.stderr]).toEqual([0, ""]);
    expect(done.stdout).toContain(usersFile);
    expect(readFileSync(usersFile, "utf8")).toMatch(/name: "kim", password: "scrypt\$/);
    expect(readFileSync(usersFile, "utf8")).not.toContain(PASSWORD);
    expect(statSync(usersFile).mode & 0o077).toBe(0);
  });
});

describe("the console of ecustation servers", () => {
  let servers: Servers;
  let visitor: Visitor;
  const begin = async () => {
    servers = await startServers(["--data", data]);
    visitor = new Visitor(servers);
  };
  beforeAll(begin);
  afterAll(async () => {
    await visitor.close();
    await servers.stop();
  });
  const restart = async () => {
    const { cookies } = visitor;
    await visitor.close();
    await servers.kill();
    await begin();
    for (const [name, value] of cookies) visitor.cookies.set(name, value);
  };

  it("leads to a sign-in in the browser's language, and a user in", async () => {
    const first = await visitor.get("/console");
    expect(first.status).toBe(303);
    expect((await visitor.get(first.location)).text).toContain('<html lang="ko">');
    expect((await visitor.post("/console/sign-in", { user: "kim", password: "wrong" })).status).toBe(401);
    expect(
      (await visitor.post("/console/sign-in", { user: "kim", password: PASSWORD }, "https://evil.example")).status,
    ).toBe(403);
    expect((await visitor.post("/console/sign-in", { user: "kim", password: PASSWORD })).location).toBe(
      "/console/suppliers",
    );
    expect((await visitor.get("/console/suppliers")).text).toContain("공급사 추가");
    expect((await visitor.get("/console/suppliers?lang=en")).text).toContain("Add a supplier");
  });

  it("serves a supplier that was added, at once and after a SIGKILL, until it is disabled", async () => {
    expect(await visitor.masterKey("0777")).toBe("The SupplierID is not registerd.");
    const form = await visitor.get("/console/suppliers/new");
    const token = hidden(form, "token");
    expect((await visitor.post("/console/suppliers/new", { id: "0x0777", name: "New" })).status).toBe(403);
    expect((await visitor.post("/console/suppliers/new", { token, id: "0x0777", name: "New" })).status).toBe(303);
    expect(await visitor.masterKey("0777")).toBe("Success");
    await restart();
    expect(await visitor.masterKey("0777")).toBe("Success");
    // The session is in the store: it is still that of before.
    const entry = await visitor.get("/console/suppliers/entry?id=0x0777");
    expect(entry.status).toBe(200);
    const fields = { token, id: "0x0777", version: hidden(entry, "version"), enabled: "no" };
    expect((await visitor.post("/console/suppliers/state", fields)).status).toBe(303);
    expect(await visitor.masterKey("0777")).toBe("The SupplierID is not registerd.");
    expect((await visitor.get(`/console/ecu?phase=Prod&uid=00030777${"0".repeat(21)}1`)).text).toContain("first key");
  });

  it("locks a user after wrong passwords, also over a SIGKILL", async () => {
    const stranger = { user: "kim", password: "wrong" };
    for (let i = 0; i < 5; i++) expect((await visitor.post("/console/sign-in", stranger)).status).toBe(401);
    expect((await visitor.post("/console/sign-in", { user: "kim", password: PASSWORD })).status).toBe(429);
    await restart();
    expect((await visitor.post("/console/sign-in", { user: "kim", password: PASSWORD })).status).toBe(429);
  });

  it("has who did what in an audit chain that holds", async () => {
    const verified = await callBuilt("ecustation", ["records", "verify", "--data", data]);
    expect([verified.code, verified.stderr]).toEqual([0, ""]);
    expect(verified.stdout).toMatch(/^OK +servers\/kms\/kms\.sqlite/m);
  });
});

describe("servers without a user", () => {
  it("have no console", async () => {
    const servers = await startServers(["--data", tempFolder("no-console")]);
    const visitor = new Visitor(servers);
    expect((await visitor.get("/console")).status).toBe(404);
    expect((await visitor.get("/console/sign-in")).status).toBe(404);
    await visitor.close();
    await servers.stop();
  });
});
