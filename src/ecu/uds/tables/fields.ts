/** Parts of UDS messages as data: each reads itself from bytes, writes itself, and shows itself to people. Pure. */
import { concat, readUintBE, toHex, uintBE } from "../../../shared/bytes.js";

/** What a message has not, or has too much of. */
export class Malformed extends Error {
  constructor(what: string) {
    super(what);
    this.name = "Malformed";
  }
}

/** Bytes that are read from the front. */
export class Reader {
  readonly #bytes: Uint8Array;
  #at: number;

  constructor(bytes: Uint8Array, at = 0) {
    this.#bytes = bytes;
    this.#at = at;
  }

  get left(): number {
    return this.#bytes.length - this.#at;
  }

  /** A copy of the next `length` bytes. @throws Malformed when there are fewer */
  take(length: number, name: string): Uint8Array {
    if (this.left < length) throw new Malformed(`${name}: ${Math.max(0, this.left)} bytes, ${length} wanted`);
    this.#at += length;
    return this.#bytes.slice(this.#at - length, this.#at);
  }

  uint(length: number, name: string): number {
    return readUintBE(this.take(length, name), 0, length);
  }
}

/** A parameter as people read it. */
export interface Shown {
  readonly name: string;
  readonly value: string;
}

export interface Field<Name extends string, Value> {
  /** The standard's name of the parameter, in camel case. */
  readonly name: Name;
  /** @throws Malformed */
  read(reader: Reader): Value;
  write(value: Value): Uint8Array;
  show(value: Value): readonly Shown[];
}

export type Fields = readonly Field<string, unknown>[];

/** The values of a message by the names of its fields. */
export type Values<F extends Fields> = {
  readonly [K in F[number] as K["name"]]: K extends Field<string, infer Value> ? Value : never;
};

export function encode<F extends Fields>(fields: F, values: Values<F>): Uint8Array {
  const named: Readonly<Record<string, unknown>> = values;
  return concat(...fields.map((field) => field.write(named[field.name])));
}

/** Reads `fields` from `at` to the end of `bytes`. @throws Malformed, also for bytes that are left */
export function decode<F extends Fields>(fields: F, bytes: Uint8Array, at: number): Values<F> {
  const reader = new Reader(bytes, at);
  const values = readFields(fields, reader);
  if (reader.left > 0) throw new Malformed(`${reader.left} bytes too many`);
  return values;
}

function readFields<F extends Fields>(fields: F, reader: Reader): Values<F> {
  return Object.fromEntries(fields.map((field) => [field.name, field.read(reader)])) as Values<F>;
}

export function show<F extends Fields>(fields: F, values: Values<F>): Shown[] {
  const named: Readonly<Record<string, unknown>> = values;
  return fields.flatMap((field) => field.show(named[field.name]));
}

/** @throws RangeError for a number that `length` bytes cannot hold */
function written(value: number, length: number, name: string): Uint8Array {
  if (!Number.isInteger(value) || value < 0 || value >= 256 ** length)
    throw new RangeError(`${name}: ${value} does not fit ${length} bytes`);
  return uintBE(value, length);
}

const hexOf = (value: number, bytes: number) => toHex(uintBE(value, bytes)).toUpperCase();

/** A name for a number, e.g. of a table; undefined where there is none. */
export type NameOf = (value: number) => string | undefined;

/** An unsigned number of `bytes` bytes (1–6), big endian. */
export function uint<N extends string>(name: N, bytes: number, nameOf: NameOf = () => undefined): Field<N, number> {
  return {
    name,
    read: (reader) => reader.uint(bytes, name),
    write: (value) => written(value, bytes, name),
    show: (value) => [{ name, value: [hexOf(value, bytes), nameOf(value)].filter(Boolean).join(" ") }],
  };
}

/** A number that may be left out at the end of a message. */
export function optional<N extends string>(field: Field<N, number>): Field<N, number | undefined> {
  return {
    name: field.name,
    read: (reader) => (reader.left === 0 ? undefined : field.read(reader)),
    write: (value) => (value === undefined ? new Uint8Array(0) : field.write(value)),
    show: (value) => (value === undefined ? [] : field.show(value)),
  };
}

/** A sub-function byte: bit 7 (suppressPosRspMsgIndicationBit) is no part of the value. */
export function subFunction<N extends string>(name: N, nameOf?: NameOf): Field<N, number> {
  const byte = uint(name, 1, nameOf);
  return { ...byte, read: (reader) => byte.read(reader) & 0x7f };
}

function shownBytes(name: string, value: Uint8Array): Shown[] {
  return value.length === 0 ? [] : [{ name, value: toHex(value) }];
}

export function bytes<N extends string>(name: N, length: number): Field<N, Uint8Array> {
  return {
    name,
    read: (reader) => reader.take(length, name),
    write(value) {
      if (value.length !== length) throw new RangeError(`${name}: ${value.length} bytes, ${length} wanted`);
      return value;
    },
    show: (value) => shownBytes(name, value),
  };
}

/** Everything up to the end of the message, at least `least` bytes. */
export function rest<N extends string>(name: N, least = 0): Field<N, Uint8Array> {
  return {
    name,
    read: (reader) => reader.take(Math.max(least, reader.left), name),
    write: (value) => value,
    show: (value) => shownBytes(name, value),
  };
}

/** Bytes behind their length, which has two bytes. */
export function sized<N extends string>(name: N): Field<N, Uint8Array> {
  return {
    name,
    read: (reader) => reader.take(reader.uint(2, `length of ${name}`), name),
    write: (value) => concat(written(value.length, 2, `length of ${name}`), value),
    show: (value) => shownBytes(name, value),
  };
}

/** Records of the same fields up to the end, at least `least` of them. */
export function list<N extends string, F extends Fields>(
  name: N,
  fields: F,
  least = 0,
): Field<N, readonly Values<F>[]> {
  return {
    name,
    read(reader) {
      const records: Values<F>[] = [];
      while (reader.left > 0 || records.length < least) records.push(readFields(fields, reader));
      return records;
    },
    write: (records) => concat(...records.map((record) => encode(fields, record))),
    show: (records) =>
      records.map((record) => ({
        name,
        value: show(fields, record)
          .map((part) => (fields.length === 1 ? part.value : `${part.name} ${part.value}`))
          .join(", "),
      })),
  };
}

export interface MemoryArea {
  readonly address: number;
  readonly size: number;
  /** Bytes of the two, 1–6 each; addressAndLengthFormatIdentifier has size first. Default 4 and 4. */
  readonly addressBytes?: number;
  readonly sizeBytes?: number;
}

/** addressAndLengthFormatIdentifier, memoryAddress and memorySize (ISO 14229-1:2020 Annex H). */
export function memory<N extends string>(name: N): Field<N, MemoryArea> {
  return {
    name,
    read(reader) {
      const format = reader.uint(1, "addressAndLengthFormatIdentifier");
      const [sizeBytes, addressBytes] = [format >> 4, format & 0x0f];
      if (sizeBytes < 1 || sizeBytes > 6 || addressBytes < 1 || addressBytes > 6)
        throw new Malformed(`addressAndLengthFormatIdentifier ${hexOf(format, 1)}`);
      const address = reader.uint(addressBytes, "memoryAddress");
      return { address, size: reader.uint(sizeBytes, "memorySize"), addressBytes, sizeBytes };
    },
    write: ({ address, size, addressBytes = 4, sizeBytes = 4 }) =>
      concat(
        Uint8Array.of((sizeBytes << 4) | addressBytes),
        written(address, addressBytes, "memoryAddress"),
        written(size, sizeBytes, "memorySize"),
      ),
    show: ({ address, size, addressBytes = 4 }) => [
      { name: "memoryAddress", value: hexOf(address, addressBytes) },
      { name: "memorySize", value: String(size) },
    ],
  };
}

/**
 * A number behind a byte that says how many bytes it has (1–6), in its high nibble (lengthFormatIdentifier of 34 and 35) or as it is
 * (38).
 */
export function formatted<N extends string>(name: N, shift: 0 | 4): Field<N, number> {
  return {
    name,
    read(reader) {
      const length = reader.uint(1, "lengthFormatIdentifier") >> shift;
      if (length < 1 || length > 6) throw new Malformed(`lengthFormatIdentifier of ${length} bytes`);
      return reader.uint(length, name);
    },
    write(value) {
      const length = Math.max(1, Math.ceil(value.toString(16).length / 2));
      return concat(Uint8Array.of(length << shift), uintBE(value, length));
    },
    show: (value) => [{ name, value: String(value) }],
  };
}

export interface FileSizes {
  readonly uncompressed: number;
  /** Undefined for a directory. */
  readonly compressed?: number;
}

/** Sizes behind the number of bytes of each, which itself has `prefix` bytes; a directory has one. */
export function fileSizes<N extends string>(name: N, prefix: 1 | 2, directory = false): Field<N, FileSizes> {
  return {
    name,
    read(reader) {
      const length = reader.uint(prefix, `length of ${name}`);
      if (length < 1 || length > 6) throw new Malformed(`${name} of ${length} bytes`);
      const uncompressed = reader.uint(length, name);
      return directory ? { uncompressed } : { uncompressed, compressed: reader.uint(length, name) };
    },
    write({ uncompressed, compressed = 0 }) {
      const length = Math.max(1, Math.ceil(Math.max(uncompressed, compressed).toString(16).length / 2));
      const sizes = directory ? [uncompressed] : [uncompressed, compressed];
      return concat(uintBE(length, prefix), ...sizes.map((size) => uintBE(size, length)));
    },
    show: ({ uncompressed, compressed }) => [
      { name, value: compressed === undefined ? `${uncompressed}` : `${uncompressed}, compressed ${compressed}` },
    ],
  };
}

export interface SecuredMessage {
  readonly antiReplayCounter: number;
  /** SID and parameters of the service inside. */
  readonly message: Uint8Array;
  readonly signature: Uint8Array;
}

/** signatureLength, antiReplayCounter, the message inside and its signature (84). */
export function secured<N extends string>(name: N): Field<N, SecuredMessage> {
  return {
    name,
    read(reader) {
      const signatureLength = reader.uint(2, "signatureLength");
      const antiReplayCounter = reader.uint(2, "antiReplayCounter");
      const length = reader.left - signatureLength;
      if (length < 1) throw new Malformed(`signatureLength ${signatureLength} leaves no message`);
      return {
        antiReplayCounter,
        message: reader.take(length, "internal message"),
        signature: reader.take(signatureLength, "signature"),
      };
    },
    write: ({ antiReplayCounter, message, signature }) =>
      concat(uintBE(signature.length, 2), uintBE(antiReplayCounter, 2), message, signature),
    show: ({ antiReplayCounter, message, signature }) => [
      { name: "antiReplayCounter", value: String(antiReplayCounter) },
      { name: "internal message", value: toHex(message) },
      ...shownBytes("signature", signature),
    ],
  };
}
