/** The hook for a plant's own seed-and-key algorithm: a JavaScript module that a profile names. */
import { dirname, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { StationError } from "./errors.js";

export interface KeyRequest {
  /** As the ECU sent it. */
  readonly seed: Uint8Array;
  /** Secret of the ECU type; wiped once the key is made, and not to be kept. */
  readonly secret: Uint8Array;
  /** requestSeed sub-function. */
  readonly level: number;
}

/** Makes the key that belongs to a seed. What it gives is wiped after use. */
export type KeyFunction = (request: KeyRequest) => Promise<Uint8Array>;

/**
 * The algorithm of a module that exports `securityKey(request)`, which gives the key, or a promise of it, as a Uint8Array of one byte
 * at least. A relative path counts from the profile's folder.
 * @throws StationError CONFIG_INVALID; the function itself throws it, too, where the module fails or gives something else
 */
export async function loadKeyFunction(module: string, profileFile: string): Promise<KeyFunction> {
  const file = resolve(dirname(profileFile), module);
  const fault = (what: string) => new StationError("CONFIG_INVALID", { details: { what: `${file}: ${what}` } });
  const loaded: unknown = await import(pathToFileURL(file).href).catch((error: unknown) => {
    throw fault(`cannot be loaded (${nameOf(error)})`);
  });
  const securityKey: unknown = (loaded as { readonly securityKey?: unknown }).securityKey;
  if (typeof securityKey !== "function") throw fault("exports no function securityKey");
  return async ({ seed, secret, level }) => {
    // Copies, so that the module cannot change what others still need; its own of the secret is wiped.
    const lent = secret.slice();
    try {
      const key: unknown = await securityKey({ seed: seed.slice(), secret: lent, level });
      if (!(key instanceof Uint8Array) || key.length === 0) throw fault("securityKey gave no Uint8Array with a key");
      return key;
    } catch (error) {
      if (error instanceof StationError) throw error;
      // The text of a strange error may hold the secret.
      throw fault(`securityKey failed (${nameOf(error)})`);
    } finally {
      lent.fill(0);
    }
  };
}

function nameOf(error: unknown): string {
  if (!(error instanceof Error)) return "not an Error";
  return "code" in error && typeof error.code === "string" ? error.code : error.name;
}
