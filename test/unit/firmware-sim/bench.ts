/** A tester at a virtual bus that speaks raw UDS bytes to a simulated ECU, in virtual time. */
import { randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import { cmac } from "@noble/ciphers/aes.js";
import { createEcu, type Ecu, type EcuOptions } from "../../../firmware-sim/ecu.js";
import { parseFaults } from "../../../firmware-sim/faults/faults.js";
import { FaultSet } from "../../../firmware-sim/faults/set.js";
import type { FlashOptions } from "../../../firmware-sim/flash/flash.js";
import { type FlashCell, memoryFlash } from "../../../firmware-sim/flash/memory.js";
import { openVirtual } from "../../../src/ecu/link/virtual/bus.js";
import { createIsoTp } from "../../../src/ecu/transport/isotp/isotp.js";
import type { DiagTransport } from "../../../src/ecu/transport/transport.js";
import { loadProfile } from "../../../src/profiles/loader.js";
import { fromHex, toHex } from "../../../src/shared/bytes.js";
import { VirtualClock } from "../../../src/shared/clock.js";

const FILE = new URL("../../../hw-profiles/evcc.yaml", import.meta.url);
export const EVCC = loadProfile(readFileSync(FILE, "utf8"), "evcc.yaml").profile;

const SECRET = fromHex("00112233445566778899aabbccddeeff");
/** EcuID of the bench's unit: 12 leading bytes and the UID. */
export const ECU_ID = "010203040506070801020304000300010000000000000000000002";
export const UID = ECU_ID.slice(24);

/** Most real ms that an answer may take. */
const REAL_LIMIT = 15_000;

export interface BenchOptions {
  readonly cell?: FlashCell;
  readonly flash?: FlashOptions;
  readonly faults?: readonly string[];
  readonly ecu?: Partial<EcuOptions>;
  readonly clock?: VirtualClock;
}

export class Bench {
  readonly clock: VirtualClock;
  readonly cell: FlashCell;
  readonly faults: FaultSet;
  /** Final answers and 0x78s since the last `ask`, hex. */
  heard: string[] = [];
  fatal: unknown;
  #ecu: Ecu | undefined;
  readonly #tester: DiagTransport;
  readonly #options: BenchOptions;
  readonly #bus = `bench-${randomUUID()}`;
  readonly #ecuLink;
  readonly #testerLink;

  private constructor(options: BenchOptions) {
    this.#options = options;
    this.clock = options.clock ?? new VirtualClock();
    this.faults = new FaultSet({ profile: EVCC, clock: this.clock }, parseFaults(options.faults ?? []));
    this.cell = options.cell ?? {};
    const link = openVirtual(this.#bus, this.clock);
    this.#testerLink = link;
    this.#ecuLink = openVirtual(this.#bus, this.clock);
    const addressing = { format: "normal", txId: 0x7e0, rxId: 0x7e8, functionalTxId: 0x7df } as const;
    this.#tester = createIsoTp(link, { addressing, padding: 0xcc }, this.clock);
    this.#tester.onMessage(({ data }) => this.heard.push(toHex(data)));
  }

  static async start(options: BenchOptions = {}): Promise<Bench> {
    const bench = new Bench(options);
    await bench.powerUp();
    return bench;
  }

  get identity() {
    return this.#ecu?.identity;
  }

  async powerUp(): Promise<void> {
    this.#ecu = await createEcu({
      profile: EVCC,
      link: this.#ecuLink,
      clock: this.clock,
      flash: memoryFlash(this.cell, this.#options.flash ?? { onStep: this.faults.onStep }),
      unit: { ecuId: fromHex(ECU_ID), serialNumber: "SN0001" },
      faults: this.faults,
      onFatal: (error) => {
        this.fatal = error;
      },
      ...this.#options.ecu,
    });
  }

  /** A trouble code's test fails, or passes. */
  async setDtc(code: number, failed: boolean): Promise<void> {
    await this.#ecu?.setDtc(code, failed);
  }

  /** Cuts the power and turns it on again on the same flash. */
  async powerCycle(): Promise<void> {
    await this.#ecu?.close();
    await this.powerUp();
  }

  async send(hex: string, functional = false): Promise<void> {
    await this.clock.drive(this.#tester.send(fromHex(hex), { functional }));
  }

  /** Any frame on the bus. */
  async sendFrame(id: number, data: string): Promise<void> {
    await this.clock.drive(this.#testerLink.send({ id, extended: false, data: fromHex(data) }));
  }

  /** The final answer to a request, hex; 0x78s are in `heard`. */
  async ask(hex: string, functional = false): Promise<string> {
    this.heard = [];
    await this.send(hex, functional);
    const isFinal = (answer: string) => !(answer.startsWith("7f") && answer.endsWith("78"));
    const limit = performance.now() + REAL_LIMIT;
    for (let tick = 0; performance.now() < limit; tick++) {
      const answer = this.heard.find(isFinal);
      if (answer !== undefined) return answer;
      // Work of the thread pool takes real time, in which the virtual one is not to run far ahead.
      if (tick > 200) await new Promise((resolve) => setTimeout(resolve, 1));
      await this.clock.advance(1);
    }
    throw new Error(`no answer to ${hex}`);
  }

  /** What is answered within `ms` virtual ms. */
  async hear(hex: string, functional = false, ms = 200): Promise<string[]> {
    this.heard = [];
    await this.send(hex, functional);
    await this.clock.advance(ms);
    return this.heard;
  }

  async unlock(): Promise<void> {
    await this.expect("1003", "5003003201f4");
    const seed = await this.ask("2711");
    await this.expect(`2712${keyFor(seed.slice(4))}`, "6712");
  }

  async expect(request: string, answer: string): Promise<void> {
    const heard = await this.ask(request);
    if (heard !== answer) throw new Error(`${request} was answered ${heard}, expected ${answer}`);
  }

  /** 34, 36…, 37. */
  async download(data: Uint8Array): Promise<void> {
    await this.expect(`34004410000000${data.length.toString(16).padStart(8, "0")}`, "74200ffe");
    let counter = 0;
    for (let at = 0; at < data.length; at += 4092) {
      counter = (counter + 1) % 256;
      const id = counter.toString(16).padStart(2, "0");
      await this.expect(`36${id}${toHex(data.subarray(at, at + 4092))}`, `76${id}`);
    }
    await this.expect("37", "77");
  }

  /** Downloads and installs; the status byte. */
  async install(slot: number, type: number, ...certificates: Uint8Array[]): Promise<string> {
    await this.download(new Uint8Array(Buffer.concat(certificates)));
    const answer = await this.ask(`3101022 1${hex2(slot)}${hex2(type)}`.replace(" ", ""));
    return answer.replace(/^71010221/, "");
  }

  async close(): Promise<void> {
    await this.#ecu?.close();
    this.#tester.close();
  }
}

export function keyFor(seed: string): string {
  return toHex(cmac(fromHex(seed), SECRET));
}

export const hex2 = (value: number): string => value.toString(16).padStart(2, "0");
export const len2 = (hex: string): string => (hex.length / 2).toString(16).padStart(4, "0");
export const asciiHex = (text: string): string => Buffer.from(text, "latin1").toString("hex");
