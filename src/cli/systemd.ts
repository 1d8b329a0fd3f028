/**
 * What systemd hears of a service (sd_notify(3)): that it is ready, that it ends, and that it lives. Node cannot send unix datagrams, and a
 * native module would have to be compiled; systemd's own `systemd-notify` is there wherever systemd is, so a child process of it says each
 * word. The unit needs `NotifyAccess=all` for that.
 */
import { spawn } from "node:child_process";
import { fstatSync } from "node:fs";
import type { Clock, Timer } from "../shared/clock.js";
import { describe } from "../shared/errors.js";
import type { Level, Logger } from "../shared/logger.js";

type Word = "READY=1" | "STOPPING=1" | "WATCHDOG=1";

export interface SystemdOptions {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Says nothing where the program was not started by systemd (no NOTIFY_SOCKET). */
export class Systemd {
  readonly #env: SystemdOptions["env"];
  readonly #clock: Clock;
  readonly #logger: Logger;
  #words: Promise<void> = Promise.resolve();
  #watchdog: Timer | undefined;
  #ending = false;
  /** False once a word could not be said: the next one could not be, either. */
  #heard: boolean;

  constructor({ env, clock, logger }: SystemdOptions) {
    this.#env = env;
    this.#clock = clock;
    this.#logger = logger;
    this.#heard = (env.NOTIFY_SOCKET ?? "") !== "";
  }

  /** The service can be used. From now on each half of WATCHDOG_USEC says that this thread's event loop turns. */
  ready(): void {
    if (this.#ending) return;
    this.#say("READY=1");
    const period = this.#period();
    if (period !== undefined) this.#watch(period);
  }

  stopping(): void {
    if (this.#ending) return;
    this.#ending = true;
    this.#watchdog?.cancel();
    this.#say("STOPPING=1");
  }

  /** Ends what is going on; resolves when the last word is said. */
  async close(): Promise<void> {
    this.stopping();
    await this.#words;
  }

  #watch(period: number): void {
    this.#watchdog = this.#clock.timer(period, () => {
      this.#say("WATCHDOG=1");
      // Behind that word, so that slow ones do not pile up.
      void this.#words.then(() => {
        if (!this.#ending) this.#watch(period);
      });
    });
  }

  /** ms between two signs of life; undefined where nobody waits for them, or not for those of this process. */
  #period(): number | undefined {
    const { WATCHDOG_USEC: microseconds, WATCHDOG_PID: pid } = this.#env;
    if (microseconds === undefined || !/^[1-9]\d*$/.test(microseconds)) return undefined;
    if (pid !== undefined && pid !== String(process.pid)) return undefined;
    return Number(microseconds) / 2_000;
  }

  /** Words are said one behind the other. */
  #say(word: Word): void {
    this.#words = this.#words.then(async () => {
      if (!this.#heard) return;
      try {
        await systemdNotify(word, this.#env);
      } catch (error) {
        this.#heard = false;
        this.#logger.warn("systemd cannot be told", { word, error: describe(error) });
      }
    });
  }
}

/** Most ms that systemd-notify may take. */
const LIMIT = 10_000;

function systemdNotify(word: Word, env: SystemdOptions["env"]): Promise<void> {
  return new Promise((resolve, reject) => {
    const { NOTIFY_SOCKET, PATH } = env;
    const child = spawn("systemd-notify", [word], { env: { NOTIFY_SOCKET, PATH }, stdio: "ignore", timeout: LIMIT });
    child.on("error", reject);
    child.on("exit", (code, signal) => {
      if (code === 0) resolve();
      else reject(new Error(`systemd-notify ended with ${code ?? signal}`));
    });
  });
}

/** Priorities of syslog(3). */
const PRIORITIES: Readonly<Record<Level, number>> = { error: 3, warn: 4, info: 6 };

/**
 * What the journal wants before a line of the log, so that it has the line's priority (sd-daemon(3)); empty where standard error does not go
 * there (`JOURNAL_STREAM`, systemd.exec(5)).
 */
export function journalPrefix(env: Readonly<Record<string, string | undefined>>): (level: Level) => string {
  const { JOURNAL_STREAM: journal } = env;
  if (journal === undefined) return () => "";
  const { dev, ino } = fstatSync(process.stderr.fd);
  return journal === `${dev}:${ino}` ? (level) => `<${PRIORITIES[level]}>` : () => "";
}
