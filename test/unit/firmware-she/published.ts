import { readFileSync } from "node:fs";

type Primitives = {
  aesMp: { message: string; out: string };
  prng: Record<"seedKey" | "seed" | "prngKey" | "state" | "extendedSeed" | "extendedState", string>;
  debug: Record<"kDebug" | "challenge" | "authorization", string>;
  bootMac: Record<"key" | "data" | "mac", string>;
};
export type Vector = Record<"id" | "uid" | "authKey" | "m1" | "m2" | "m3" | "m4star" | "m5", string>;

const file = new URL("../../vectors/she-published.json", import.meta.url);

/** The published values, hex. */
export const { vectors, primitives } = JSON.parse(readFileSync(file, "utf8")) as {
  vectors: Vector[];
  primitives: Primitives;
};
