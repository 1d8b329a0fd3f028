/** What this browser keeps of its user's choices: language, palette, sound. */
import { Store } from "./store.js";

export type Language = "ko" | "en";
export type Palette = "system" | "light" | "dark";

export interface Settings {
  /** Undefined: the station's own. */
  readonly language: Language | undefined;
  readonly palette: Palette;
  readonly sound: boolean;
  /** Whether the simulator's panel is open; undefined: where there is room for it. */
  readonly simulator: boolean | undefined;
}

const KEY = "settings";
const FIRST: Settings = { language: undefined, palette: "system", sound: true, simulator: undefined };

export const settings = new Store<Settings>(stored());

/** Changes a setting, shows it at once and keeps it. */
export function choose(change: Partial<Settings>): void {
  settings.set({ ...settings.value, ...change });
  try {
    localStorage.setItem(KEY, JSON.stringify(settings.value));
  } catch {
    // A browser that keeps nothing shows it all the same.
  }
  dress();
}

/** Puts the palette on the document. */
export function dress(): void {
  const { palette } = settings.value;
  if (palette === "system") delete document.documentElement.dataset.palette;
  else document.documentElement.dataset.palette = palette;
}

function stored(): Settings {
  try {
    return { ...FIRST, ...(JSON.parse(localStorage.getItem(KEY) ?? "{}") as Partial<Settings>) };
  } catch {
    return FIRST;
  }
}
