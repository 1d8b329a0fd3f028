/** A little ECU at the other end of a virtual bus, written from the interface page: answers by request, by table. */
import { openVirtual, type VirtualLink } from "../../../../src/ecu/link/virtual/bus.js";
import { createIsoTp } from "../../../../src/ecu/transport/isotp/isotp.js";
import { createUdsClient } from "../../../../src/ecu/uds/client.js";
import type { EcuMap } from "../../../../src/ecu/uds/map.js";
import { createEcuSession, type EcuSessionParts } from "../../../../src/ecu/uds/session.js";
import { fromHex, toHex } from "../../../../src/shared/bytes.js";
import { VirtualClock } from "../../../../src/shared/clock.js";
import type { KeyFunction } from "../../../../src/shared/key-function.js";
import { Secret } from "../../../../src/shared/secret.js";
import { OPTIONS } from "./bench.js";

export const MAP: EcuMap = {
  uds: { ...OPTIONS, session: 3, resetTime: 1_000 },
  securityAccess: { level: 0x11, algorithm: "aes-cmac", seedLength: 16 },
  dids: {
    partNumber: 0xf187,
    hwVersion: 0xf191,
    swVersion: 0xf195,
    systemName: 0xf197,
    serialNumber: 0xf18c,
    vin: 0xf190,
    ecuId: 0xf1a0,
    provisioningState: 0xf1a2,
    certificate: 0xf1c0,
    csr: 0xf1d0,
    clock: 0xf1b0,
  },
  routines: {
    loadKey: 0x0210,
    generateMac: 0x0211,
    getId: 0x0212,
    makeKeyPair: 0x0220,
    installCertificate: 0x0221,
    provePossession: 0x0222,
    lock: 0x0230,
  },
  download: { address: 0x10000000, maxLength: 0x4000 },
};

/** The key of RFC 4493, whose CMACs are published. */
export const RFC4493_KEY = "2b7e151628aed2a6abf7158809cf4f3c";

/** What the ECU says to a request (hex): one or more answers, or nothing. */
export type Say = (request: string) => string | readonly string[] | undefined;

let buses = 0;

export function ecuBench(
  say: Say,
  map: EcuMap = MAP,
  parts: Partial<Pick<EcuSessionParts, "access" | "random" | "resetPoll">> & {
    readonly keyFunction?: KeyFunction;
  } = {},
) {
  const clock = new VirtualClock();
  const name = `ecu-bench-${buses++}`;
  const stationLink: VirtualLink = openVirtual(name, clock);
  const ecuLink = openVirtual(name, clock);
  const station = createIsoTp(
    stationLink,
    { addressing: { format: "normal", txId: 0x7e0, rxId: 0x7e8 }, padding: 0xcc },
    clock,
  );
  const ecu = createIsoTp(
    ecuLink,
    { addressing: { format: "normal", txId: 0x7e8, rxId: 0x7e0 }, padding: 0xaa },
    clock,
  );
  const requests: { hex: string; at: number }[] = [];
  const script = { say };
  ecu.onMessage(({ data }) => {
    const hex = toHex(data);
    requests.push({ hex, at: clock.monotonic() });
    const answers = script.say(hex) ?? [];
    const answerAll = async () => {
      for (const answer of typeof answers === "string" ? [answers] : answers) await ecu.send(fromHex(answer));
    };
    void answerAll();
  });
  const client = createUdsClient(station, map.uds, clock);
  const key = Secret.fromHex(RFC4493_KEY);
  const { keyFunction, ...given } = parts;
  const access = { key, ...(keyFunction && { keyFunction }) };
  const session = createEcuSession({ link: stationLink, transport: station, client, map, access, clock, ...given });
  const signal = new AbortController().signal;
  return {
    clock,
    session,
    key,
    requests,
    script,
    signal,
    stationLink,
    ecuLink,
    get wire() {
      return requests.map((request) => request.hex);
    },
    drive: <T>(work: Promise<T>) => clock.drive(work),
  };
}

/** Answers by exact request; anything else NRC 11. */
export function table(rows: Readonly<Record<string, string | readonly string[]>>): Say {
  return (request) => rows[request] ?? `7f${request.slice(0, 2)}11`;
}

export const text = (value: string): string => toHex(new TextEncoder().encode(value));
