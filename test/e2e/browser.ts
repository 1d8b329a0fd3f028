/** Drives a headless Chromium by its DevTools protocol: pages, clicks and typing as a person does them. */
import { type ChildProcess, spawn } from "node:child_process";
import { createHash, X509Certificate } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { WebSocket } from "undici";

const ENDPOINT = /^DevTools listening on (ws:\/\/\S+)$/;
/** ms that a page or a browser may take on a busy machine. */
const LIMIT = 60_000;

/** Keys that are no characters, and what the browser needs to know of them. */
const KEYS: Readonly<Record<string, object>> = {
  Enter: { windowsVirtualKeyCode: 13, text: "\r" },
  Tab: { windowsVirtualKeyCode: 9 },
  Escape: { windowsVirtualKeyCode: 27 },
  F1: { windowsVirtualKeyCode: 112 },
  F2: { windowsVirtualKeyCode: 113 },
};

/** An event of the browser's trace; times in µs, `tdur` of the thread's own processor time. */
export interface TraceEvent {
  readonly name: string;
  readonly cat: string;
  readonly ph: string;
  readonly pid: number;
  readonly tid: number;
  readonly dur?: number;
  readonly tdur?: number;
  readonly args?: { readonly name?: string };
}

interface Message {
  id?: number;
  method?: string;
  params?: Record<string, unknown>;
  sessionId?: string;
  result?: Record<string, unknown>;
  error?: { message: string };
}

export class Chromium {
  readonly #waiting = new Map<number, (message: Message) => void>();
  readonly #events: ((message: Message) => void)[] = [];
  #lastId = 0;
  #session = "";

  private constructor(
    private readonly child: ChildProcess,
    private readonly folder: string,
    private readonly socket: WebSocket,
  ) {
    socket.addEventListener("message", ({ data }) => {
      const message = JSON.parse(String(data)) as Message;
      if (message.id === undefined) for (const listen of [...this.#events]) listen(message);
      else this.#waiting.get(message.id)?.(message);
    });
  }

  /** Opens a browser with one empty page. @param trusted PEM of the one TLS certificate that it takes; left out, it takes any */
  static async open(trusted?: string): Promise<Chromium> {
    const folder = mkdtempSync(join(tmpdir(), "chromium-"));
    const child = spawn(
      "chromium",
      [
        ...["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run"],
        ...[
          "--remote-debugging-port=0",
          `--user-data-dir=${folder}`,
          trusted === undefined
            ? "--ignore-certificate-errors"
            : `--ignore-certificate-errors-spki-list=${pinOf(trusted)}`,
          "--accept-lang=ko-KR,ko",
          "about:blank",
        ],
      ],
      { stdio: ["ignore", "ignore", "pipe"] },
    );
    const lines = createInterface({ input: child.stderr });
    const endpoint = await limited("Chromium's start", async () => {
      for await (const line of lines) {
        const found = ENDPOINT.exec(line)?.[1];
        if (found !== undefined) return found;
      }
      throw new Error("Chromium ended before it listened");
    });
    child.stderr.resume();
    const socket = new WebSocket(endpoint);
    await limited("the connection", () => new Promise((resolve) => socket.addEventListener("open", resolve)));
    const browser = new Chromium(child, folder, socket);
    const { targetId } = await browser.#ask("Target.createTarget", { url: "about:blank" });
    const { sessionId } = await browser.#ask("Target.attachToTarget", { targetId, flatten: true });
    browser.#session = String(sessionId);
    await browser.#ask("Page.enable");
    await browser.#ask("Log.enable");
    return browser;
  }

  /** Does what makes the browser load a page, and waits for that page. */
  async loading(work: () => Promise<unknown>): Promise<void> {
    const loaded = this.#once("Page.loadEventFired");
    await work();
    await limited("a page", () => loaded);
  }

  goto(url: string): Promise<void> {
    return this.loading(() => this.#ask("Page.navigate", { url }));
  }

  /** What an expression comes to within the page, a promise of it too; it must survive JSON. */
  async evaluate<T>(expression: string): Promise<T> {
    const { result, exceptionDetails } = await this.#ask("Runtime.evaluate", {
      expression,
      returnByValue: true,
      awaitPromise: true,
    });
    if (exceptionDetails !== undefined) throw new Error(JSON.stringify(exceptionDetails));
    return (result as { value: T }).value;
  }

  /** Types into the field as a keyboard does. */
  async type(selector: string, text: string): Promise<void> {
    await this.evaluate(`document.querySelector(${JSON.stringify(selector)}).focus()`);
    await this.composed(text);
  }

  /** Presses a key, with what the page makes of it by itself: a character, or a key by its name. */
  async press(key: string): Promise<void> {
    const code = KEYS[key] ?? (key.length === 1 ? { text: key, windowsVirtualKeyCode: key.charCodeAt(0) } : {});
    await this.#ask("Input.dispatchKeyEvent", { type: "keyDown", key, code: key, ...code });
    await this.#ask("Input.dispatchKeyEvent", { type: "keyUp", key, code: key });
  }

  /** What an input method shows of the keys so far, in place of what it showed of them before. */
  async composing(text: string): Promise<void> {
    await this.#ask("Input.imeSetComposition", { text, selectionStart: text.length, selectionEnd: text.length });
  }

  /** What an input method makes of the keys in the end. */
  async composed(text: string): Promise<void> {
    await this.#ask("Input.insertText", { text });
  }

  /** What a keyboard-wedge scanner does: the characters one by one wherever the focus is, then Enter. */
  async scan(text: string): Promise<void> {
    for (const character of text) await this.press(character);
    await this.press("Enter");
  }

  /** What the browser traces of these categories while `work` goes on. */
  async trace(includedCategories: readonly string[], work: () => Promise<unknown>): Promise<readonly TraceEvent[]> {
    const events: TraceEvent[] = [];
    const collect = ({ method, params }: Message) => {
      if (method === "Tracing.dataCollected") events.push(...((params?.value ?? []) as TraceEvent[]));
    };
    this.#events.push(collect);
    const ended = this.#once("Tracing.tracingComplete").finally(() => this.#forget(collect));
    await this.#ask("Tracing.start", { transferMode: "ReportEvents", traceConfig: { includedCategories } });
    await work();
    await this.#ask("Tracing.end");
    await limited("the trace", () => ended);
    return events;
  }

  /** Waits until an expression is true within the page. */
  async until(what: string, expression: string): Promise<void> {
    const end = performance.now() + LIMIT;
    while (!(await this.evaluate<boolean>(`Boolean(${expression})`))) {
      if (performance.now() > end) {
        const text = await this.evaluate<string>("document.body.innerText");
        throw new Error(`${what}: not within ${LIMIT} ms; the page says:\n${text}`);
      }
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  /** Waits until an element, or the page, shows these words. */
  shows(words: string, selector = "body"): Promise<void> {
    const element = `document.querySelector(${JSON.stringify(selector)})`;
    return this.until(`"${words}" in ${selector}`, `${element}?.innerText.includes(${JSON.stringify(words)})`);
  }

  /** What an element, or the page, shows; empty where it is not there. */
  text(selector = "body"): Promise<string> {
    return this.evaluate<string>(`document.querySelector(${JSON.stringify(selector)})?.innerText ?? ""`);
  }

  /** Follows a link or presses a button within the page, by its selector. */
  async tap(selector: string): Promise<void> {
    await this.until(selector, `document.querySelector(${JSON.stringify(selector)})`);
    await this.evaluate(`document.querySelector(${JSON.stringify(selector)}).click()`);
  }

  /** Has files saved in a folder. */
  async saveTo(downloadPath: string): Promise<void> {
    await this.#ask("Browser.setDownloadBehavior", { behavior: "allow", downloadPath, eventsEnabled: true });
  }

  /** Does what makes the browser save a file, and waits for it; its name. */
  async downloading(work: () => Promise<unknown>): Promise<string> {
    const begun = this.#once("Browser.downloadWillBegin");
    const ended = this.#once("Browser.downloadProgress", ({ params }) => params?.state === "completed");
    await work();
    const { params } = await limited("a download", () => begun);
    await limited("a whole file", () => ended);
    return String(params?.suggestedFilename);
  }

  /** What an expression comes to within the page as it is printed, and the print. */
  async printed<T>(expression: string): Promise<{ readonly shown: T; readonly pdf: Buffer }> {
    await this.#ask("Emulation.setEmulatedMedia", { media: "print" });
    const shown = await this.evaluate<T>(expression);
    const { data } = await this.#ask("Page.printToPDF");
    await this.#ask("Emulation.setEmulatedMedia", { media: "" });
    return { shown, pdf: Buffer.from(String(data), "base64") };
  }

  /** The page as a PNG. */
  async picture(): Promise<Buffer> {
    const { data } = await this.#ask("Page.captureScreenshot", { format: "png" });
    return Buffer.from(String(data), "base64");
  }

  /** Runs a script in each page before its own. */
  async before(source: string): Promise<void> {
    await this.#ask("Page.addScriptToEvaluateOnNewDocument", { source });
  }

  /** Follows a link or sends a form by a click, and waits for the page that comes. */
  click(selector: string): Promise<void> {
    return this.loading(() => this.evaluate(`document.querySelector(${JSON.stringify(selector)}).click()`));
  }

  /** Renders with this width, px, in the light or the dark palette. */
  async show(width: number, scheme: "light" | "dark", height = 720): Promise<void> {
    await this.#ask("Emulation.setDeviceMetricsOverride", { width, height, deviceScaleFactor: 1, mobile: false });
    await this.#ask("Emulation.setEmulatedMedia", { features: [{ name: "prefers-color-scheme", value: scheme }] });
  }

  async close(): Promise<void> {
    const ended = new Promise((resolve) => this.child.once("exit", resolve));
    await this.#ask("Browser.close").catch(() => this.child.kill("SIGKILL"));
    await ended;
    this.socket.close();
    rmSync(this.folder, { recursive: true, force: true });
  }

  /** The next event of that name that fits. */
  #once(name: string, fits: (message: Message) => boolean = () => true): Promise<Message> {
    return new Promise((resolve) => {
      const listen = (message: Message) => {
        if (message.method !== name || !fits(message)) return;
        this.#forget(listen);
        resolve(message);
      };
      this.#events.push(listen);
    });
  }

  #forget(listen: (message: Message) => void): void {
    this.#events.splice(this.#events.indexOf(listen), 1);
  }

  async #ask(method: string, params: object = {}): Promise<Record<string, unknown>> {
    const id = ++this.#lastId;
    const answer = new Promise<Message>((resolve) => this.#waiting.set(id, resolve));
    const ofBrowser = this.#session === "" || /^(?:Browser|Tracing)\./.test(method);
    const session = ofBrowser ? {} : { sessionId: this.#session };
    this.socket.send(JSON.stringify({ id, method, params, ...session }));
    const { result, error } = await limited(method, () => answer);
    this.#waiting.delete(id);
    if (error !== undefined) throw new Error(`${method}: ${error.message}`);
    return result ?? {};
  }
}

/** SHA-256 of the certificate's key, base64. */
function pinOf(certificate: string): string {
  const spki = new X509Certificate(certificate).publicKey.export({ type: "spki", format: "der" });
  return createHash("sha256").update(spki).digest("base64");
}

async function limited<T>(what: string, work: () => Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what} took longer than ${LIMIT} ms`)), LIMIT);
  });
  try {
    return await Promise.race([work(), late]);
  } finally {
    clearTimeout(timer);
  }
}
