/** Takes what the scanner types, and says what was read, what is missing, and what was not taken. */
import type { RefObject } from "preact";
import { useRef } from "preact/hooks";
import type { BayView } from "../../contract/state.js";
import { postNow } from "../api.js";
import { reason } from "../parts/loaded.js";
import { useTexts } from "../texts/texts.js";
import { asLatin, latinKey } from "./hangul.js";
import { type LastScan, scanOf } from "./scanner.js";

interface ScanFieldProps {
  readonly bay: BayView;
  readonly field: RefObject<HTMLInputElement | null>;
  /** Why the last scan was not taken; the tile keeps it, which stays when this field goes. */
  readonly error: unknown;
  /** Something was scanned. */
  readonly onScan: () => void;
  readonly onRefused: (error: unknown) => void;
  /** Space in the empty field. */
  readonly onPrimary: () => void;
}

export function ScanField({ bay, field, error, onScan, onRefused, onPrimary }: ScanFieldProps) {
  const texts = useTexts();
  const { t, local } = texts;
  const last = useRef<LastScan | undefined>(undefined);
  // Two codes of one unit may be scanned within one request's time: they go out in their order.
  const sent = useRef<Promise<unknown>>(Promise.resolve());
  // An input method in Hangul mode sees the scanner's keys first.
  const pressed = useRef("");
  const enterComes = useRef(false);
  const onKeyDown = (event: KeyboardEvent) => {
    const input = event.currentTarget;
    if (!(input instanceof HTMLInputElement)) return;
    if (event.key === " " && input.value === "") {
      event.preventDefault();
      onPrimary();
    }
    if (event.key === "Enter") {
      event.preventDefault();
      // The last syllable is not in the field before its composition ends.
      if (event.isComposing) enterComes.current = true;
      else send(input);
    } else pressed.current += latinKey(event.code, event.shiftKey !== event.getModifierState("CapsLock"));
  };
  const onCompositionEnd = ({ currentTarget: input }: CompositionEvent) => {
    if (!enterComes.current || !(input instanceof HTMLInputElement)) return;
    enterComes.current = false;
    send(input);
  };
  const send = (input: HTMLInputElement) => {
    const scan = scanOf(asLatin(input.value, pressed.current), performance.now(), last.current);
    input.value = "";
    pressed.current = "";
    if (scan === undefined) return;
    last.current = scan;
    onScan();
    sent.current = postNow("scan", { bay: bay.name }, { text: scan.text }, sent.current).catch(onRefused);
  };
  const { read, missing, refused: notTaken } = bay.scan;
  return (
    <div class="scan">
      <input
        ref={field}
        type="text"
        data-scan
        autoComplete="off"
        autoCapitalize="off"
        spellcheck={false}
        lang="en"
        maxLength={200}
        aria-label={t("scan.field", { name: bay.name })}
        placeholder={missing.map(({ label }) => local(label)).join(" · ") || t("scan")}
        onKeyDown={onKeyDown}
        onCompositionEnd={onCompositionEnd}
      />
      <p class="echo" aria-live="polite">
        {error !== undefined ? (
          <span class="error">✕ {reason(error, texts)}</span>
        ) : notTaken !== undefined ? (
          <span class="error">✕ {local(notTaken.why)}</span>
        ) : (
          read.map(({ name, label, value }) => (
            <span key={name}>
              ✓ {local(label)} <code>{value}</code>{" "}
            </span>
          ))
        )}
      </p>
    </div>
  );
}
