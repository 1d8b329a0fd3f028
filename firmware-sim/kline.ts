/** The simulated ECU at the end of a K-Line. */
import type { KlineLink } from "../src/ecu/link/link.js";
import { KEY_BYTES_ALL } from "../src/ecu/transport/kline/codec.js";
import { createKline } from "../src/ecu/transport/kline/kline.js";
import { klineOptionsOf } from "../src/ecu/transport/kline/options.js";
import type { DiagTransport } from "../src/ecu/transport/transport.js";
import { concat } from "../src/shared/bytes.js";
import { StationError } from "../src/shared/errors.js";
import { createEcuOn, type Ecu, type EcuOptions } from "./ecu.js";

/** ms that the tester's computer may be late amid a message, beyond P4max. */
const LATENCY = 200;

/** Communication services of ISO 14230-2: request to positive response. They are answered before, and beside, UDS. */
const COMMUNICATION: ReadonlyMap<number, Uint8Array> = new Map([
  [0x81, concat(Uint8Array.of(0xc1), KEY_BYTES_ALL)],
  [0x82, Uint8Array.of(0xc2)],
]);

export interface KlineEcuOptions extends Omit<EcuOptions, "link"> {
  /** The line; the ECU neither opens nor closes it. */
  readonly link: KlineLink;
}

/**
 * Starts an ECU on a K-Line, by the profile's addresses and timing. It answers whoever asks, woken up or not: no pty carries a pulse.
 * @throws StationError as createEcu, PROFILE_INVALID (no kline section)
 */
export async function createKlineEcu({ link, ...options }: KlineEcuOptions): Promise<Ecu> {
  const { kline, name } = options.profile;
  if (kline === undefined)
    throw new StationError("PROFILE_INVALID", {
      details: { what: `${name} has no kline section, which the link needs` },
    });
  const transport = withCommunication(createKline(link, klineOptionsOf(kline, "ecu", LATENCY), options.clock));
  try {
    return await createEcuOn(transport, options);
  } catch (error) {
    transport.close();
    throw error;
  }
}

function withCommunication(transport: DiagTransport): DiagTransport {
  return {
    maxMessage: transport.maxMessage,
    send: (data, options) => transport.send(data, options),
    onMessage: (listener) =>
      transport.onMessage((message) => {
        const answer = message.data.length === 1 ? COMMUNICATION.get(message.data[0] ?? 0) : undefined;
        // A tester that is gone needs no answer.
        if (answer !== undefined) transport.send(answer).catch(() => undefined);
        else listener(message);
      }),
    onStart: (listener) => transport.onStart(listener),
    onError: (listener) => transport.onError(listener),
    onClosed: (listener) => transport.onClosed(listener),
    close: () => transport.close(),
  };
}
