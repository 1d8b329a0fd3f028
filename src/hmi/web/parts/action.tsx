/** A button that asks the station for something, and says so where it was refused. */
import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import { useTexts } from "../texts/texts.js";
import { reason } from "./loaded.js";

/** Does `work` one at a time, and keeps why it was refused until the next time. */
export function useAction() {
  const texts = useTexts();
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>(undefined);
  const run = (work: () => Promise<unknown>): void => {
    if (busy) return;
    setBusy(true);
    setError(undefined);
    work()
      .catch(setError)
      .finally(() => setBusy(false));
  };
  return {
    busy,
    run,
    refused: error === undefined ? undefined : reason(error, texts),
    forget: () => setError(undefined),
  };
}

interface ActionProps {
  readonly kind?: string;
  readonly work: () => Promise<unknown>;
  readonly disabled?: boolean;
  readonly children: ComponentChildren;
}

export function Action({ kind, work, disabled, children }: ActionProps) {
  const { busy, run, refused } = useAction();
  return (
    <span class="action">
      <button type="button" class={kind ?? "plain"} disabled={busy || disabled === true} onClick={() => run(work)}>
        {children}
      </button>
      {refused === undefined ? null : (
        <span class="error" role="alert">
          {refused}
        </span>
      )}
    </span>
  );
}
