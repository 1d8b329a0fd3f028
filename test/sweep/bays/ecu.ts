/** A simulated ECU at a bay: a process of its own, whose units are changed and broken over its control socket. */
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { type Running, start } from "../../system/harness.js";

export interface EcuState {
  readonly ecuId: string | null;
  readonly facts: { readonly lifeCycle: string; readonly vin: string } | null;
}

const HOUR = 3_600_000;

export class BayEcu {
  /** The station's link; the same for each process. */
  link = "slcan+listen://127.0.0.1:0";
  readonly #profile: string;
  readonly #control: string;
  #process: Running | undefined;
  #socket: Socket | undefined;
  readonly #answers: ((line: string) => void)[] = [];

  constructor(folder: string, name: string, profile: string) {
    this.#profile = profile;
    this.#control = join(folder, `${name}.control`);
  }

  async start(): Promise<void> {
    const link = this.link.replace("slcan+tcp:", "slcan+listen:");
    const args = ["--profile", this.#profile, "--link", link, "--control", `unix:${this.#control}`];
    this.#process = start("ecu-sim", args, { limit: HOUR });
    this.link = (JSON.parse(await this.#process.line(() => true)) as { listening: string }).listening;
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

  async kill(): Promise<void> {
    this.#socket?.destroy();
    await this.#process?.kill();
  }
}
