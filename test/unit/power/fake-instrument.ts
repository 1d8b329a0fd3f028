/** A power supply that speaks SCPI over TCP or a serial device, and what may be wrong with it. */
import { openSerial } from "../../../src/ecu/link/serial.js";
import type { ByteStream } from "../../../src/ecu/link/stream.js";
import { listenTcp, type TcpListener } from "../../../src/ecu/link/tcp.js";
import { systemClock } from "../../../src/shared/clock.js";

interface Channel {
  on: boolean;
  voltage: number;
  current: number;
}

export class FakeInstrument {
  readonly lines: string[] = [];
  readonly channels: Channel[] = [1, 2, 3].map(() => ({ on: false, voltage: 0, current: 0 }));
  /** A that flow while an output is on. */
  load = 0.4;
  /** V that are missing at the output. */
  drop = 0;
  /** Commands without an answer or an effect. */
  deafTo: RegExp | undefined;
  /** Answers in place of the right ones, by the question. */
  readonly lies = new Map<string, string>();
  readonly #errors: string[] = [];
  #selected = 0;
  #listener: TcpListener | undefined;
  #streams: ByteStream[] = [];

  get connections(): number {
    return this.#streams.length;
  }

  async listen(): Promise<string> {
    this.#listener = await listenTcp("127.0.0.1", 0, systemClock);
    this.#listener.onClient.add((stream) => this.#serve(stream));
    return `scpi+tcp://127.0.0.1:${this.#listener.port}`;
  }

  async plug(device: string): Promise<void> {
    this.#serve(await openSerial(device, { baudRate: 9_600 }, systemClock));
  }

  /** Cuts all connections. */
  async cut(): Promise<void> {
    await Promise.all(this.#streams.splice(0).map((stream) => stream.close()));
  }

  async close(): Promise<void> {
    await this.cut();
    await this.#listener?.close();
  }

  #serve(stream: ByteStream): void {
    this.#streams.push(stream);
    stream.onClosed(() => undefined);
    let rest = "";
    stream.onData((chunk) => {
      const parts = (rest + new TextDecoder().decode(chunk)).split("\n");
      rest = parts.pop() ?? "";
      for (const line of parts) {
        const answer = this.#do(line.trim());
        if (answer !== undefined) void stream.write(new TextEncoder().encode(`${answer}\r\n`)).catch(() => undefined);
      }
    });
  }

  #do(line: string): string | undefined {
    this.lines.push(line);
    if (this.deafTo?.test(line) === true) return undefined;
    const lie = this.lies.get(line);
    if (lie !== undefined) return lie;
    const channel = this.channels[this.#selected];
    if (channel === undefined) throw new Error("no channel");
    const [command = "", value = ""] = line.split(" ");
    switch (command) {
      case "*CLS":
        this.#errors.splice(0);
        return undefined;
      case "INST:NSEL":
        this.#selected = Number(value) - 1;
        return undefined;
      case "VOLT":
        channel.voltage = Number(value);
        return undefined;
      case "CURR":
        channel.current = Number(value);
        return undefined;
      case "OUTP":
        channel.on = value === "ON";
        return undefined;
      case "OUTP?":
        return channel.on ? "1" : "0";
      case "VOLT?":
        return channel.voltage.toExponential(6);
      case "CURR?":
        return channel.current.toFixed(3);
      case "MEAS:VOLT?":
        return (channel.on ? channel.voltage - this.drop : 0).toFixed(4);
      case "MEAS:CURR?":
        return `+${(channel.on ? this.load : 0).toExponential(8).toUpperCase()}`;
      case "SYST:ERR?":
        return this.#errors.shift() ?? '+0,"No error"';
      default:
        this.#errors.push('-113,"Undefined header"');
        return undefined;
    }
  }
}
