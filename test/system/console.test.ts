/** The KMS console of the built program, over HTTPS with cookies as a browser has them. */
import { readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { Agent, request } from "undici";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { KMS_PATHS } from "../../src/contract/kms.js";
import { callBuilt, type Servers, startServers, tempFolder } from "./harness.js";

const PASSWORD = "a long password";
const data = tempFolder("console");
const usersFile = join(data, "servers", "kms", "console-users.yaml");

interface Page {
  readonly status: number;
  readonly location: string;
  readonly text: string;
}

/** Keeps cookies, as a browser does, and speaks TLS with the servers' own CA alone. */
class Visitor {
  readonly #agent: Agent;
  readonly cookies = new Map<string, string>();

  constructor(private readonly servers: Servers) {
    this.#agent = new Agent({ connect: { ca: readFileSync(servers.ca, "utf8") } });
  }

  get(path: string): Promise<Page> {
    return this.#ask("GET", path);
  }

  post(path: string, fields: Record<string, string>, origin = this.servers.kms): Promise<Page> {
    const headers = { "content-type": "application/x-www-form-urlencoded", origin };
    return this.#ask("POST", path, headers, new URLSearchParams(fields).toString());
  }

  /** As a station asks for a master key of an ECU of `supplier`; the answer's ResultMessage or Success. */
  async masterKey(supplier: string): Promise<string> {
    const EcuID = `${"0".repeat(24)}0003${supplier}${"0".repeat(21)}1`;
    const body = JSON.stringify({ ProvisioningType: "EcuMasterKey", EcuID, KeyID: "1" });
    const { text } = await this.#ask("POST", KMS_PATHS.key, { "content-type": "application/json" }, body);
    const { ResultStatus, ResultMessage } = JSON.parse(text) as Record<string, string>;
    return ResultStatus === "Success" ? ResultStatus : (ResultMessage ?? "");
  }

  async #ask(method: "GET" | "POST", path: string, more: Record<string, string> = {}, body?: string): Promise<Page> {
    const cookie = [...this.cookies].map(([name, value]) => `${name}=${value}`).join("; ");
    const answer = await request(`${this.servers.kms}${path}`, {
      ...{ method, dispatcher: this.#agent, headers: { cookie, "accept-language": "ko-KR,ko;q=0.9", ...more } },
      ...(body === undefined ? {} : { body }),
    });
    for (const line of [answer.headers["set-cookie"] ?? []].flat()) {
      expect(line).toMatch(/; Path=\/; Secure; HttpOnly; SameSite=Strict/);
      const [, name = "", value = ""] = /^([^=]+)=([^;]*)/.exec(line) ?? [];
      this.cookies.set(name, value);
    }
    return {
      status: answer.statusCode,
      location: String(answer.headers.location ?? ""),
      text: await answer.body.text(),
    };
  }

  close(): Promise<void> {
    return this.#agent.close();
  }
}

const hidden = (page: Page, name: string) => new RegExp(`name="${name}" value="([^"]*)"`).exec(page.text)?.[1] ?? "";

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
