/** A simulated ECU at a bay: a process of its own, whose units are changed and broken over its control socket. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { freePort } from "../../free-port.js";
import { type Running, start } from "../../system/harness.js";

export interface EcuState {
  readonly ecuId: string | null;
  readonly facts: { readonly lifeCycle: string; readonly vin: string } | null;
}

const HOUR = 3_600_000;

/**
 * Another device at the ECU's bus, in a process of its own, that sends 10,000 frames a second, as many as fit on a bus of 1 Mbit/s: half of
 * them nobody's, half with the identifier of the ECU's responses and no frame type of ISO-TP.
 */
const FLOOD = String.raw`
  const [port, responseId] = process.argv.slice(1);
  const socket = require("node:net").connect(Number(port), "127.0.0.1");
  socket.on("close", () => process.exit(1)).on("error", () => undefined).resume();
  socket.write("C\rS6\rO\r");
  const frames = ["t1238" + "55".repeat(8), "t" + responseId + "8" + "F5".repeat(8)].join("\r") + "\r";
  setInterval(() => socket.write(frames.repeat(50)), 10);
`;

export class BayEcu {
  /** The station's link; the same for each process. Empty before the first. */
  link = "";
  readonly #profile: string;
  readonly #control: string;
  #process: Running | undefined;
  #socket: Socket | undefined;
  #flood: ChildProcess | undefined;
  readonly #answers: ((line: string) => void)[] = [];

  constructor(folder: string, name: string, profile: string) {
    this.#profile = profile;
    this.#control = join(folder, `${name}.control`);
  }

  async start(): Promise<void> {
    this.link ||= `slcan+tcp://127.0.0.1:${await freePort()}`;
    const link = this.link.replace("slcan+tcp:", "slcan+listen:");
    const args = ["--profile", this.#profile, "--link", link, "--control", `unix:${this.#control}`];
    this.#process = start("ecu-sim", args, { limit: HOUR });
    await this.#process.line(() => true);
    this.#socket = connect(this.#control);
    await once(this.#socket, "connect");
    createInterface({ input: this.#socket }).on("line", (line) => this.#answers.shift()?.(line));
  }

  /** One command of docs/ecu-simulator.md; how the ECU is after it. */
  async command(command: Readonly<Record<string, unknown>>): Promise<EcuState> {
    const answered = new Promise<string>((resolve) => this.#answers.push(resolve));
    this.#socket?.write(`${JSON.stringify(command)}\n`);
    const answer = JSON.parse(await answered) as { ok: boolean; ecus: [EcuState]; error?: string };
    if (!answer.ok) throw new Error(answer.error);
    return answer.ecus[0];
  }

  /** Another unit, without faults. */
  async renew(unit: { readonly vin?: string; readonly ecuId?: string } = {}): Promise<EcuState> {
    await this.command({ cmd: "clear" });
    return this.command({ cmd: "insert", ...unit });
  }

  /** The process stands still: whoever talks to it is not answered. */
  freeze(frozen: boolean): void {
    this.#process?.child.kill(frozen ? "SIGSTOP" : "SIGCONT");
  }

  /** Its bus is flooded until that is ended. @param responseId hex digits of the ECU's CAN identifier */
  startFlood(responseId: string): void {
    const port = new URL(this.link.replace("slcan+tcp:", "http:")).port;
    this.#flood = spawn(process.execPath, ["-e", FLOOD, port, responseId], { stdio: ["ignore", "ignore", "inherit"] });
  }

  /** @throws Error where it had ended by itself */
  async endFlood(): Promise<void> {
    const flood = this.#flood;
    this.#flood = undefined;
    if (flood === undefined) return;
    if (flood.exitCode !== null) throw new Error(`the flood has ended with ${flood.exitCode}`);
    const ended = once(flood, "close");
    flood.kill("SIGKILL");
    await ended;
  }

  async kill(): Promise<void> {
    await this.endFlood();
    this.#socket?.destroy();
    await this.#process?.kill();
  }
}
