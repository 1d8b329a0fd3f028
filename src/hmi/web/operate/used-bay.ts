/** The bay that was used last: the next scan goes there. Kept for this tab, so that a reload or another screen changes nothing. */
import { Store } from "../store.js";

const KEY = "bay";

/** By its name; undefined before any was used. */
export const usedBay = new Store<string | undefined>(stored());

export function setUsedBay(name: string): void {
  usedBay.set(name);
  try {
    sessionStorage.setItem(KEY, name);
  } catch {
    // A browser that keeps nothing knows it until the next reload.
  }
}

function stored(): string | undefined {
  try {
    return sessionStorage.getItem(KEY) ?? undefined;
  } catch {
    return undefined;
  }
}
