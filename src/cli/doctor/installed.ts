import { createRequire } from "node:module";

/** Whether a package is installed; it is not loaded. */
export function installed(name: string): boolean {
  try {
    createRequire(import.meta.url).resolve(name);
    return true;
  } catch {
    return false;
  }
}
