/** A user of the KMS console over HTTPS, who is a station, too. */
import { readFileSync } from "node:fs";
import { Agent, request } from "undici";
import { expect } from "vitest";
import { KMS_PATHS } from "../../src/contract/kms.js";
import type { Servers } from "./harness.js";

export interface Page {
  readonly status: number;
  readonly location: string;
  readonly text: string;
}

/** Keeps cookies, as a browser does, and speaks TLS with the servers' own CA alone. */
export class Visitor {
  readonly #agent: Agent;
  readonly cookies = new Map<string, string>();

  constructor(private readonly servers: Pick<Servers, "kms" | "ca">) {
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

/** Content of a hidden field of a page. */
export const hidden = (page: Page, name: string) =>
  new RegExp(`name="${name}" value="([^"]*)"`).exec(page.text)?.[1] ?? "";
