/** What a fault spec `NAME[:VALUE…]` may say: its parameters as a table, from which it is read, shown in messages and compared with the documents. */

/** One value of a fault. Positional unless `named`; each may also be written `name=VALUE`. */
export interface Parameter<T> {
  /** What may stand there, with its unit. */
  readonly range: string;
  readonly optional: boolean;
  /** Only as `name=VALUE`. */
  readonly named: boolean;
  /** @throws RangeError that ends the sentence "NAME must be …" */
  read(text: string): T;
  /** Where nothing was given. */
  readonly fallback?: T;
}

export type Parameters = Readonly<Record<string, Parameter<unknown>>>;
/** What the parameters of a table row hold once they are read. */
export type ValuesOf<P extends Parameters> = { readonly [K in keyof P]: P[K] extends Parameter<infer T> ? T : never };

const grouped = (value: number): string => value.toLocaleString("en");

/** A whole decimal number. */
export function whole(minimum: number, maximum: number, unit = ""): Parameter<number> {
  return {
    range: `${grouped(minimum)}–${grouped(maximum)}${unit === "" ? "" : ` ${unit}`}`,
    optional: false,
    named: false,
    read(text) {
      const value = /^-?\d{1,10}$/.test(text) ? Number(text) : Number.NaN;
      if (value >= minimum && value <= maximum) return value;
      throw new RangeError(`a whole number from ${minimum} to ${maximum}`);
    },
  };
}

/** Hex digits, with or without 0x. */
export function hex(maximum: number): Parameter<number> {
  const limit = maximum.toString(16).toUpperCase();
  return {
    range: `hex, at most ${limit}`,
    optional: false,
    named: false,
    read(text) {
      const value = /^(0x)?[0-9a-f]{1,4}$/i.test(text) ? Number.parseInt(text, 16) : Number.NaN;
      if (value <= maximum) return value;
      throw new RangeError(`hex, at most ${limit}`);
    },
  };
}

/** A share of 1, e.g. 0.01. */
export function share(): Parameter<number> {
  return {
    range: "0–1",
    optional: false,
    named: false,
    read(text) {
      const value = /^(\d{1,3}(\.\d{1,9})?|\.\d{1,9})$/.test(text) ? Number(text) : Number.NaN;
      if (value >= 0 && value <= 1) return value;
      throw new RangeError("a number from 0 to 1");
    },
  };
}

export function choice<const T extends string>(names: readonly T[]): Parameter<T> {
  return {
    range: names.join(", "),
    optional: false,
    named: false,
    read(text) {
      const name = names.find((known) => known === text);
      if (name !== undefined) return name;
      throw new RangeError(`one of ${names.join(", ")}`);
    },
  };
}

/** May be left out, which stands for `fallback`. */
export function optional<T, F>(parameter: Parameter<T>, fallback: F): Parameter<T | F> {
  return { ...parameter, optional: true, fallback };
}

/** The same, and only as `name=VALUE`. */
export function named<T, F>(parameter: Parameter<T>, fallback: F): Parameter<T | F> {
  return { ...optional(parameter, fallback), named: true };
}

/** How a spec is written, e.g. `nrc:SID:NRC[:TIMES]`. */
export function formOf(name: string, parameters: Parameters): string {
  const parts = Object.entries(parameters).map(([key, parameter]) => {
    const part = parameter.named ? `:${key.toLowerCase()}=${key}` : `:${key}`;
    return parameter.optional ? `[${part}]` : part;
  });
  return `${name}${parts.join("")}`;
}

/**
 * The values of one spec.
 * @param texts what stands behind the fault's name, apart at the colons
 * @throws RangeError saying which value is wrong, or that there is one too many
 */
export function readValues<P extends Parameters>(parameters: P, texts: readonly string[], form: string): ValuesOf<P> {
  const given = new Map<string, string>();
  const places = Object.keys(parameters).filter((key) => parameters[key]?.named === false);
  for (const text of texts) {
    const [, name, value = text] = /^([a-z]+)=(.*)$/.exec(text) ?? [];
    const key = name === undefined ? places.shift() : name.toUpperCase();
    if (key === undefined || !Object.hasOwn(parameters, key) || given.has(key))
      throw new RangeError(`expected ${form}`);
    if (name !== undefined && places.includes(key)) places.splice(places.indexOf(key), 1);
    given.set(key, value);
  }
  const values = Object.entries(parameters).map(([key, parameter]) => {
    const text = given.get(key);
    if (text === undefined && parameter.optional) return [key, parameter.fallback] as const;
    try {
      return [key, parameter.read(text ?? "")] as const;
    } catch (error) {
      if (error instanceof RangeError) throw new RangeError(`${key} must be ${error.message}`);
      throw error;
    }
  });
  return Object.fromEntries(values) as ValuesOf<P>;
}
