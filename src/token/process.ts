/** Starts a token's process. */
import { fork } from "node:child_process";
import type { TokenAnswer, TokenRequest } from "./protocol.js";

export interface TokenProcess {
  send(request: TokenRequest): void;
  /** Ends it whatever it is doing. */
  kill(): void;
  /** Lets it log out and end; `gone` is called then. */
  end(): void;
}

export interface TokenProcessEvents {
  readonly answer: (answer: TokenAnswer) => void;
  /** It ended. @param what how, e.g. `SIGSEGV` or `exit code 1` */
  readonly gone: (what: string) => void;
}

/** @param sessions calls that it must be able to work on at once */
export type StartTokenProcess = (sessions: number, events: TokenProcessEvents) => TokenProcess;

/** libuv's own default, and as many again as native calls may block. */
const LOOP_THREADS = 4;

/** Starts processes of tokens. @param host the module that they run, which calls `serveToken` */
export const forkHost =
  (host: URL): StartTokenProcess =>
  (sessions, { answer, gone }) => {
    const child = fork(host, {
      execArgv: [],
      serialization: "advanced",
      stdio: ["ignore", "ignore", "ignore", "ipc"],
      env: { ...process.env, UV_THREADPOOL_SIZE: String(LOOP_THREADS + sessions) },
    });
    let ended = false;
    const end = (what: string) => {
      if (!ended) gone(what);
      ended = true;
    };
    child.on("message", (message) => answer(message as TokenAnswer));
    child.on("exit", (code, signal) => end(signal ?? `exit code ${code}`));
    child.on("error", (error) => end(error.message));
    return {
      // What cannot be sent is told by the end of the process.
      send: (request) => void child.send(request, () => undefined),
      kill: () => void child.kill("SIGKILL"),
      end: () => {
        if (child.connected) child.disconnect();
      },
    };
  };

export const forkTokenProcess = forkHost(new URL("./host.js", import.meta.url));
