/** Files that the configuration or a command line names. */
import { access } from "node:fs/promises";
import { describe, StationError } from "../shared/errors.js";
import { readSettings } from "../shared/files.js";
import { Secret } from "../shared/secret.js";

/** @throws StationError CONFIG_INVALID */
export async function readText(file: string): Promise<string> {
  return (await readBytes(file)).toString("utf8");
}

/** @throws StationError CONFIG_INVALID */
export async function readBytes(file: string): Promise<Buffer> {
  try {
    return await readSettings(file);
  } catch (error) {
    throw new StationError("CONFIG_INVALID", { details: { what: `${file}: ${reason(error)}` }, cause: error });
  }
}

/** A file that holds hex and white space alone. @throws StationError CONFIG_INVALID */
export async function readHexFile(file: string): Promise<Secret> {
  const text = (await readText(file)).replace(/\s+/g, "");
  if (!/^(?:[0-9a-f]{2}){1,64}$/i.test(text))
    throw new StationError("CONFIG_INVALID", {
      details: { what: `${file}: is not a secret (expected 1–64 bytes of hex)` },
    });
  return Secret.fromHex(text);
}

/** Whether something is there. @throws StationError CONFIG_INVALID where nobody may know */
export async function exists(file: string): Promise<boolean> {
  try {
    await access(file);
    return true;
  } catch (error) {
    if (["ENOENT", "ENOTDIR"].includes((error as NodeJS.ErrnoException).code ?? "")) return false;
    throw new StationError("CONFIG_INVALID", { details: { what: `${file}: ${reason(error)}` }, cause: error });
  }
}

/** A file system error in words. */
export function reason(error: unknown): string {
  const texts: Record<string, string> = {
    ENOENT: "there is no such file",
    EISDIR: "it is a folder",
    EACCES: "it may not be read",
    EPERM: "it may not be read",
  };
  return texts[(error as NodeJS.ErrnoException | undefined)?.code ?? ""] ?? describe(error);
}
