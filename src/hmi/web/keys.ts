/** The keyboard: an F-key a bay, Esc back, and a scanner's characters into the field of the bay that was used last. */
import { allowSound } from "./operate/sound.js";
import { back, go, place } from "./route.js";

/** Mark of a bay's scan field. */
const SCAN_FIELD = "data-scan";

let lastField: HTMLElement | null = null;

export function listenForKeys(): () => void {
  document.addEventListener("keydown", onKey);
  document.addEventListener("pointerdown", allowSound);
  document.addEventListener("focusin", onFocus);
  return () => {
    document.removeEventListener("keydown", onKey);
    document.removeEventListener("pointerdown", allowSound);
    document.removeEventListener("focusin", onFocus);
  };
}

function onFocus({ target }: Event): void {
  if (!(target instanceof HTMLElement)) return;
  const field = target.closest("[data-bay]")?.querySelector(`[${SCAN_FIELD}]`);
  if (field instanceof HTMLElement) lastField = field;
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

function scanField(): HTMLElement | null {
  if (lastField?.isConnected) return lastField;
  return document.querySelector<HTMLElement>(`[${SCAN_FIELD}]`);
}

/** `Process` stands for a key that an input method has taken. */
const isCharacter = ({ key }: KeyboardEvent) => (key.length === 1 && key !== " ") || key === "Process";

const isField = (target: EventTarget | null) =>
  target instanceof HTMLElement && target.closest("input, textarea, select") !== null;
