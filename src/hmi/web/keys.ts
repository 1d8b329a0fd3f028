/** The keyboard: an F-key a bay, Esc back, and a scanner's characters into the field of the bay that was used last. */
import { allowSound } from "./operate/sound.js";
import { setUsedBay, usedBay } from "./operate/used-bay.js";
import { back, go, place } from "./route.js";

/** Mark of a bay's scan field. */
const SCAN_FIELD = "data-scan";

export function listenForKeys(): () => void {
  document.addEventListener("keydown", onKey);
  document.addEventListener("pointerdown", allowSound);
  document.addEventListener("focusin", onUse);
  document.addEventListener("click", onUse);
  return () => {
    document.removeEventListener("keydown", onKey);
    document.removeEventListener("pointerdown", allowSound);
    document.removeEventListener("focusin", onUse);
    document.removeEventListener("click", onUse);
  };
}

/** A touch anywhere on a tile, or the focus within it. */
function onUse({ target }: Event): void {
  const tile = target instanceof Element ? target.closest<HTMLElement>("[data-bay]") : null;
  if (tile?.dataset.bay !== undefined) setUsedBay(tile.dataset.bay);
}

function onKey(event: KeyboardEvent): void {
  allowSound();
  if (event.defaultPrevented || event.isComposing || event.ctrlKey || event.altKey || event.metaKey) return;
  // A dialogue has its own keys.
  if (document.querySelector("dialog[open]") !== null) return;
  if (event.key === "Escape") back();
  else if (/^F[1-9]$/.test(event.key)) bayKey(event);
  else if (isCharacter(event) && !isField(event.target)) scanField()?.focus();
}

/** Does what the bay's main button does. */
function bayKey(event: KeyboardEvent): void {
  const button = document.querySelector(`button[aria-keyshortcuts="${event.key}"]`);
  if (button instanceof HTMLButtonElement) {
    event.preventDefault();
    button.focus();
    button.click();
  } else if (place.value.screen !== "operate") {
    event.preventDefault();
    go("operate");
  }
}

const fieldIn = (tile: string) => document.querySelector<HTMLElement>(`${tile}[${SCAN_FIELD}]`);

function scanField(): HTMLElement | null {
  const name = usedBay.value;
  const own = name === undefined ? null : fieldIn(`[data-bay="${CSS.escape(name)}"] `);
  return own ?? fieldIn("");
}

/** `Process` stands for a key that an input method has taken. */
const isCharacter = ({ key }: KeyboardEvent) => (key.length === 1 && key !== " ") || key === "Process";

const isField = (target: EventTarget | null) =>
  target instanceof HTMLElement && target.closest("input, textarea, select") !== null;
