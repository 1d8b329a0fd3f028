/**
 * A broker that takes results by MQTT 5 or 3.1.1: a connection a result, one PUBLISH with QoS 1, delivered when the broker acknowledges it.
 * The codec is mqtt-packet's.
 */
import { on } from "node:events";
import { connect as connectPlain, isIP, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import type { IConnackPacket, IConnectPacket, IPubackPacket, IPublishPacket, Packet } from "mqtt-packet";
import { describe, StationError } from "../../shared/errors.js";
import type { Secret } from "../../shared/secret.js";
import type { OutboxEntry } from "../types.js";
import type { Sink } from "./sink.js";

export interface MqttTls {
  /** CA certificates that the broker's certificate must lead to, PEM; no others count. */
  readonly ca: string;
  /** The station's certificate and private key, PEM. */
  readonly cert?: string;
  readonly key?: string;
}

export interface MqttOptions {
  readonly name: string;
  readonly host: string;
  readonly port: number;
  /** Asked for each connection; left out: plain TCP. */
  tls?(): Promise<MqttTls>;
  readonly version: 4 | 5;
  readonly clientId: string;
  readonly username?: string;
  /** Read for each connection and wiped. @throws StationError CONFIG_INVALID */
  password?(): Promise<Secret>;
  readonly topic: string;
}

/** Most bytes that a broker may answer a publication with. */
const ANSWER_LIMIT = 65_536;
const MESSAGE_ID = 1;
/** Reason codes of PUBACK (MQTT 5, 3.4.2.1). */
const NO_SUBSCRIBERS = 0x10;
const FIRST_FAILURE = 0x80;
const PAYLOAD_FORMAT_INVALID = 0x99;
/** Names of reason codes of CONNACK and PUBACK: MQTT 3.1.1 3.2.2.3 and MQTT 5 3.2.2.2, 3.4.2.1. */
const REASONS: Readonly<Record<number, string>> = {
  1: "unacceptable protocol version",
  2: "client identifier rejected",
  3: "server unavailable",
  4: "bad user name or password",
  5: "not authorized",
  16: "nobody has subscribed to the topic",
  128: "unspecified error",
  132: "unsupported protocol version",
  133: "client identifier not valid",
  134: "bad user name or password",
  135: "not authorized",
  136: "server unavailable",
  137: "server busy",
  138: "banned",
  144: "topic name invalid",
  149: "packet too large",
  151: "quota exceeded",
  153: "payload format invalid",
  155: "QoS not supported",
  159: "connection rate exceeded",
};

class Mqtt implements Sink {
  readonly name: string;
  readonly #options: MqttOptions;

  constructor(options: MqttOptions) {
    this.name = options.name;
    this.#options = options;
  }

  async deliver({ result }: OutboxEntry, signal: AbortSignal): Promise<void> {
    const connection = await this.#open(signal);
    try {
      await connection.send(await this.#connectPacket());
      const { returnCode, reasonCode = returnCode ?? 0 } = await connection.answer<IConnackPacket>("connack");
      if (reasonCode !== 0) throw this.unreachable(`the broker refused the connection: ${reasonText(reasonCode)}`);
      await connection.send(this.#publication(JSON.stringify(result)));
      const { reasonCode: taken = 0 } = await connection.answer<IPubackPacket>("puback");
      await connection.send({ cmd: "disconnect", reasonCode: 0 });
      if (taken === PAYLOAD_FORMAT_INVALID) throw this.#failed("SINK_REJECTED", reasonText(taken));
      // The broker keeps nothing for those who come later.
      if (taken === NO_SUBSCRIBERS || taken >= FIRST_FAILURE) throw this.#failed("SINK_FAULT", reasonText(taken));
    } catch (error) {
      throw error instanceof StationError ? error : this.unreachable(describe(error), error);
    } finally {
      connection.end();
    }
  }

  async #open(signal: AbortSignal): Promise<Connection> {
    const { host, port, version } = this.#options;
    const codec = await import("mqtt-packet");
    const tls = await this.#options.tls?.();
    signal.throwIfAborted();
    // A broker of several names shows the certificate of the one that is asked for (RFC 6066, 3: no addresses).
    const servername = isIP(host) === 0 ? { servername: host } : {};
    const socket =
      tls === undefined
        ? connectPlain({ host, port })
        : connectTls({ host, port, ...servername, minVersion: "TLSv1.2", ...tls });
    return new Connection(socket, codec, version, signal);
  }

  async #connectPacket(): Promise<IConnectPacket> {
    const { clientId, username, password, version } = this.#options;
    const secret = await password?.();
    const bytes = secret?.use((value) => Buffer.from(value));
    secret?.wipe();
    return {
      cmd: "connect",
      protocolId: "MQTT",
      protocolVersion: version,
      clientId,
      clean: true,
      // The connection lasts for one result, and that has a limit.
      keepalive: 0,
      ...(username === undefined ? {} : { username }),
      ...(bytes === undefined ? {} : { password: bytes }),
    };
  }

  #publication(payload: string): IPublishPacket {
    const { topic, version } = this.#options;
    const properties = { payloadFormatIndicator: true, contentType: "application/json" };
    return {
      cmd: "publish",
      messageId: MESSAGE_ID,
      qos: 1,
      dup: false,
      retain: false,
      topic,
      payload,
      ...(version === 5 ? { properties } : {}),
    };
  }

  #failed(code: "SINK_FAULT" | "SINK_REJECTED", what: string): StationError {
    return new StationError(code, { details: { sink: this.name, what } });
  }

  unreachable(what: string, cause?: unknown): StationError {
    return new StationError("SINK_UNREACHABLE", { details: { sink: this.name, what }, cause });
  }

  async close(): Promise<void> {}
}

function reasonText(code: number): string {
  return REASONS[code] ?? `reason code 0x${code.toString(16).padStart(2, "0")}`;
}

/** One connection; whatever ends it ends what waits on it. */
class Connection {
  readonly #socket: Socket;
  readonly #generate: (packet: Packet) => Buffer;
  readonly #packets: AsyncIterator<[Packet], undefined>;
  readonly #over = new AbortController();

  constructor(socket: Socket, codec: typeof import("mqtt-packet"), protocolVersion: 4 | 5, signal: AbortSignal) {
    this.#socket = socket;
    this.#generate = (packet) => codec.generate(packet, { protocolVersion });
    const fail = (error: Error) => {
      this.#over.abort(error);
      socket.destroy();
    };
    const parser = codec.parser({ protocolVersion });
    const either = AbortSignal.any([this.#over.signal, signal]);
    this.#packets = on(parser, "packet", { signal: either }) as AsyncIterator<[Packet], undefined>;
    let received = 0;
    socket.on("data", (data: Buffer) => {
      received += data.length;
      if (received > ANSWER_LIMIT) fail(new Error(`its answer is longer than ${ANSWER_LIMIT} bytes`));
      else parser.parse(data);
    });
    parser.on("error", (error: Error) => fail(new Error(`its answer is no MQTT: ${error.message}`)));
    socket.on("error", fail);
    socket.on("close", () => fail(new Error("it ended the connection")));
    signal.addEventListener("abort", () => socket.destroy(), { once: true, signal: this.#over.signal });
  }

  /** Resolves when the bytes were handed to the system; what went wrong comes with the answer. */
  send(packet: Packet): Promise<void> {
    const bytes = this.#generate(packet);
    return new Promise((resolve) => {
      this.#socket.write(bytes, () => {
        // A CONNECT may hold the password.
        bytes.fill(0);
        if (packet.cmd === "connect") packet.password?.fill(0);
        resolve();
      });
    });
  }

  /** The next packet, which must be of that kind. @throws Error */
  async answer<P extends Packet>(cmd: P["cmd"]): Promise<P> {
    let next: IteratorResult<[Packet], undefined>;
    try {
      next = await this.#packets.next();
    } catch (error) {
      throw this.#over.signal.reason instanceof Error ? this.#over.signal.reason : error;
    }
    const packet = next.done === true ? undefined : next.value[0];
    if (packet?.cmd !== cmd) throw new Error(`it answered ${packet?.cmd ?? "nothing"} where ${cmd} was due`);
    return packet as P;
  }

  end(): void {
    this.#over.abort(new Error("the connection is over"));
    this.#socket.destroySoon();
  }
}

export function mqttSink(options: MqttOptions): Sink {
  return new Mqtt(options);
}
