/** A KMS with its console on disk, and a browser's part of it: cookies, forms and what a page says. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import Fastify, { type FastifyInstance } from "fastify";
import { inlineStores } from "../../../../../src/db/store.js";
import { USERS_FILE } from "../../../../../src/servers/kms/console/open.js";
import { createKms, type KmsConfig, parseRegistry } from "../../../../../src/servers/kms/index.js";
import { VirtualClock } from "../../../../../src/shared/clock.js";
import { silentLogger } from "../../../../../src/shared/logger.js";
import { hashPassword } from "../../../../../src/shared/password.js";
import { REGISTRY } from "../helpers.js";

export const PASSWORD = "correct horse battery";
/** Hashing takes a tenth of a second: once for all tests of a file. */
const hashed = hashPassword(PASSWORD);

export interface ConsoleBench {
  readonly dir: string;
  readonly clock: VirtualClock;
  readonly app: FastifyInstance;
  /** A browser of its own. */
  browser(language?: string): Browser;
  signedIn(user?: string): Promise<Browser>;
  /** Another process on the same store, file and clock. */
  replica(): Promise<ConsoleBench>;
  close(): Promise<void>;
}

export interface ConsoleBenchOptions {
  readonly registry?: string;
  readonly config?: KmsConfig;
  readonly users?: readonly string[];
  readonly dir?: string;
  readonly clock?: VirtualClock;
}

export async function openConsoleBench(options: ConsoleBenchOptions = {}): Promise<ConsoleBench> {
  const dir = options.dir ?? mkdtempSync(join(tmpdir(), "kms-console-"));
  const clock = options.clock ?? new VirtualClock();
  const password = await hashed;
  const users = (options.users ?? ["kim", "lee"]).map((name) => ({ name, password }));
  if (options.dir === undefined) writeFileSync(join(dir, USERS_FILE), JSON.stringify({ users }));
  const stores = inlineStores();
  const kms = await createKms({
    ...{ stores, dir, clock, logger: silentLogger },
    registry: parseRegistry(options.registry ?? REGISTRY),
    ...(options.config === undefined ? {} : { config: options.config }),
  });
  const app = Fastify();
  await app.register(kms.plugin);
  const browser = (language = "en") => new Browser(app, language);
  const end = async () => {
    await app.close();
    await kms.close();
    await stores.close();
  };
  return {
    ...{ dir, clock, app, browser },
    async signedIn(user = "kim") {
      const made = browser();
      const answer = await made.signIn(user, PASSWORD);
      if (answer.status !== 303) throw new Error(`sign-in was answered with ${answer.status}: ${answer.text}`);
      return made;
    },
    replica: () => openConsoleBench({ ...options, dir, clock }),
    async close() {
      await end();
      if (options.dir === undefined) rmSync(dir, { recursive: true, force: true });
    },
  };
}

export interface Page {
  readonly status: number;
  /** HTML. */
  readonly text: string;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly location: string;
}

type Fields = Readonly<Record<string, string | readonly string[]>>;

export class Browser {
  readonly cookies = new Map<string, string>();
  /** `Set-Cookie` lines as they came. */
  readonly setCookies: string[] = [];

  constructor(
    private readonly app: FastifyInstance,
    private readonly language: string,
  ) {}

  async ask(
    method: "GET" | "POST",
    url: string,
    headers: Record<string, string> = {},
    payload?: string,
  ): Promise<Page> {
    const cookie = [...this.cookies].map(([name, value]) => `${name}=${value}`).join("; ");
    const answer = await this.app.inject({
      method,
      url,
      headers: { host: "kms.example", "accept-language": this.language, cookie, ...headers },
      ...(payload === undefined ? {} : { payload }),
    });
    for (const line of [answer.headers["set-cookie"] ?? []].flat()) {
      this.setCookies.push(line);
      const [, name = "", value = ""] = /^([^=]+)=([^;]*)/.exec(line) ?? [];
      if (line.includes("Max-Age=0")) this.cookies.delete(name);
      else this.cookies.set(name, value);
    }
    const location = String(answer.headers.location ?? "");
    return { status: answer.statusCode, text: answer.body, headers: answer.headers, location };
  }

  get(url: string): Promise<Page> {
    return this.ask("GET", url);
  }

  post(url: string, fields: Fields, headers: Record<string, string> = {}): Promise<Page> {
    const form = new URLSearchParams();
    for (const [name, value] of Object.entries(fields)) for (const one of [value].flat()) form.append(name, one);
    const type = { "content-type": "application/x-www-form-urlencoded", origin: "https://kms.example" };
    return this.ask("POST", url, { ...type, ...headers }, form.toString());
  }

  signIn(user: string, password: string): Promise<Page> {
    return this.post("/console/sign-in", { user, password });
  }

  /** Fills the form of the page at `url` and sends it where it says. */
  async submit(url: string, fields: Fields): Promise<Page> {
    return this.resubmit(await this.get(url), fields);
  }

  /** The same with a page that is there. */
  resubmit(page: Page, fields: Fields): Promise<Page> {
    const { action, values } = formOf(page.text, "entry");
    return this.post(action, { ...values, ...fields });
  }
}

export function unescaped(text: string): string {
  return text
    .replaceAll("&lt;", "<")
    .replaceAll("&gt;", ">")
    .replaceAll("&quot;", '"')
    .replaceAll("&#39;", "'")
    .replaceAll("&amp;", "&");
}

/** What a browser would send of a form that nobody touched. */
export function formOf(page: string, id: string): { action: string; values: Record<string, string[]> } {
  const form = new RegExp(`<form id="${id}"[^>]*action="([^"]*)"[^>]*>(.*?)</form>`, "s").exec(page);
  if (form === null) throw new Error(`no form ${id} on the page`);
  const [, action = "", content = ""] = form;
  const values: Record<string, string[]> = {};
  for (const [input] of content.matchAll(/<input\b[^>]*>/g)) {
    const of = (name: string) => unescaped(new RegExp(` ${name}="([^"]*)"`).exec(input)?.[1] ?? "");
    const ticked = !/type="(?:checkbox|radio)"/.test(input) || / checked/.test(input);
    if (ticked) values[of("name")] = [...(values[of("name")] ?? []), of("value")];
  }
  for (const [, name = "", options = ""] of content.matchAll(/<select[^>]*name="([^"]*)"[^>]*>(.*?)<\/select>/gs))
    values[name] = [/<option value="([^"]*)" selected/.exec(options)?.[1] ?? ""];
  return { action: unescaped(action), values };
}
