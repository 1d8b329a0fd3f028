/** The one place that loads pkcs11js, and the one that knows its errors. */
import { describe, type ErrorCode, StationError } from "../shared/errors.js";
import { readSettings } from "../shared/files.js";
import { Secret } from "../shared/secret.js";
import { CKF, type Cryptoki } from "./cryptoki.js";

/** Return values of the standard by what they mean for the caller; any other is TOKEN_FAILED. */
const MEANINGS: Readonly<Record<string, ErrorCode>> = {
  CKR_TOKEN_NOT_PRESENT: "TOKEN_ABSENT",
  CKR_TOKEN_NOT_RECOGNIZED: "TOKEN_ABSENT",
  CKR_DEVICE_REMOVED: "TOKEN_ABSENT",
  CKR_SLOT_ID_INVALID: "TOKEN_ABSENT",
  CKR_PIN_INCORRECT: "TOKEN_PIN_REFUSED",
  CKR_PIN_INVALID: "TOKEN_PIN_REFUSED",
  CKR_PIN_LEN_RANGE: "TOKEN_PIN_REFUSED",
  CKR_PIN_EXPIRED: "TOKEN_PIN_REFUSED",
  CKR_PIN_LOCKED: "TOKEN_PIN_REFUSED",
  CKR_USER_PIN_NOT_INITIALIZED: "TOKEN_PIN_REFUSED",
  CKR_DEVICE_MEMORY: "TOKEN_FULL",
};

/** An error inside a token's process; the token's name, which the texts also want, is put in on the other side (token.ts). */
export function fault(code: ErrorCode, what: string, cause?: unknown): StationError {
  return new StationError(code, { details: { what }, cause });
}

/** An error of a PKCS#11 call as a StationError. @param call name of the call, e.g. `C_Sign` */
export function tokenError(error: unknown, call: string): StationError {
  if (error instanceof StationError) return error;
  const text = describe(error);
  const name = /CKR_\w+/.exec(text)?.[0];
  const code = (name === undefined ? undefined : MEANINGS[name]) ?? "TOKEN_FAILED";
  return fault(code, `${call}: ${name ?? text}`, error);
}

/** Runs one PKCS#11 call; what it throws becomes a StationError that names it. */
export function calling<T>(call: string, run: () => T): T {
  try {
    return run();
  } catch (error) {
    throw tokenError(error, call);
  }
}

/** As `calling`, for a call that does not block. */
export async function awaiting<T>(call: string, run: () => Promise<T>): Promise<T> {
  try {
    return await run();
  } catch (error) {
    throw tokenError(error, call);
  }
}

/**
 * Loads and initialises a PKCS#11 library. Once a process and library: Cryptoki counts one C_Initialize for all.
 * @throws StationError TOKEN_MODULE_MISSING, TOKEN_FAILED
 */
export async function loadModule(library: string): Promise<Cryptoki> {
  let cryptoki: Cryptoki;
  try {
    // An optional dependency: where no compiler was, the build must not need its types either.
    const loaded = (await import("pkcs11js" as string)) as { default: { PKCS11: new () => Cryptoki } };
    cryptoki = new loaded.default.PKCS11();
  } catch (error) {
    throw fault("TOKEN_MODULE_MISSING", `the pkcs11js package cannot be loaded (${describe(error)})`, error);
  }
  try {
    cryptoki.load(library);
  } catch (error) {
    throw fault("TOKEN_MODULE_MISSING", describe(error), error);
  }
  // Without it a library takes all calls to come from one thread; SoftHSM2 then crashes under parallel signatures.
  calling("C_Initialize", () => cryptoki.C_Initialize({ flags: CKF.OS_LOCKING_OK }));
  return cryptoki;
}

/** The PIN of a file: its text without white space around it. @throws StationError CONFIG_INVALID */
export async function readPin(file: string): Promise<Secret> {
  const bytes = await readSettings(file).catch((error: unknown) => {
    throw fault("CONFIG_INVALID", `${file}: ${describe(error)}`, error);
  });
  let [start, end] = [0, bytes.length];
  const blank = (at: number) => [0x09, 0x0a, 0x0d, 0x20].includes(bytes[at] ?? 0);
  while (start < end && blank(start)) start++;
  while (end > start && blank(end - 1)) end--;
  const pin = new Uint8Array(bytes.subarray(start, end));
  bytes.fill(0);
  if (pin.length === 0) throw fault("CONFIG_INVALID", `${file}: holds no PIN`);
  return new Secret(pin);
}
