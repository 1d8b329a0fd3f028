/** An identifier in groups, which one click copies whole. */
import { useState } from "preact/hooks";
import { after } from "../clock.js";
import { grouped } from "../format.js";
import { useTexts } from "../texts/texts.js";

/** ms that the confirmation stays. */
const SHOWN = 1500;

export function Copyable({ value, name }: { readonly value: string; readonly name: string }) {
  const { t } = useTexts();
  const [copied, setCopied] = useState(false);
  const copy = () => {
    void navigator.clipboard?.writeText(value).then(() => {
      setCopied(true);
      after(SHOWN, () => setCopied(false));
    });
  };
  return (
    <button type="button" class="copy" onClick={copy}>
      <span class="unseen">{t("copy", { name })}</span>
      <code>{grouped(value)}</code>
      <span aria-live="polite">{copied ? ` ${t("copied")}` : ""}</span>
    </button>
  );
}
