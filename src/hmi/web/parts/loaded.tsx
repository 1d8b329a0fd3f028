/** What a panel shows while its data is on its way, missing, or there. */
import type { ComponentChildren } from "preact";
import { useCallback, useEffect, useState } from "preact/hooks";
import { Refused } from "../api.js";
import type { Texts } from "../texts/texts.js";
import { useTexts } from "../texts/texts.js";

export type Load<T> =
  | { readonly kind: "loading"; readonly value: T | undefined }
  | { readonly kind: "failed"; readonly error: unknown }
  | { readonly kind: "ready"; readonly value: T };

/** Asks anew whenever `key` changes; `reload` asks again and keeps what is shown meanwhile. */
export function useLoad<T>(
  key: string,
  ask: (signal: AbortSignal) => Promise<T>,
): { load: Load<T>; reload: () => void } {
  const [load, setLoad] = useState<Load<T>>({ kind: "loading", value: undefined });
  const [round, setRound] = useState(0);
  useEffect(() => {
    const abort = new AbortController();
    setLoad((before) => ({ kind: "loading", value: before.kind === "failed" ? undefined : before.value }));
    ask(abort.signal).then(
      (value) => abort.signal.aborted || setLoad({ kind: "ready", value }),
      (error: unknown) => abort.signal.aborted || setLoad({ kind: "failed", error }),
    );
    return () => abort.abort();
  }, [key, round]);
  return { load, reload: useCallback(() => setRound((count) => count + 1), []) };
}

/** Codes of the page itself. */
const OWN_WORDS = ["unreachable", "late", "stale"] as const;

/** Why a request came to nothing, for people. */
export function reason(error: unknown, texts: Texts): string {
  if (!(error instanceof Refused)) return texts.t("failed.program");
  if (error.text !== undefined) return texts.local(error.text);
  const own = OWN_WORDS.find((code) => code === error.code);
  return own === undefined ? texts.t("failed.other", { code: error.code }) : texts.t(`failed.${own}`);
}

interface LoadedProps<T> {
  readonly load: Load<T>;
  readonly reload: () => void;
  /** Said in place of nothing. */
  readonly empty?: { readonly when: (value: T) => boolean; readonly text: string };
  readonly children: (value: T) => ComponentChildren;
}

export function Loaded<T>({ load, reload, empty, children }: LoadedProps<T>) {
  const texts = useTexts();
  if (load.kind === "failed") {
    return (
      <div class="note wrong" role="alert">
        <p>{reason(load.error, texts)}</p>
        <button type="button" class="plain" onClick={reload}>
          {texts.t("again")}
        </button>
      </div>
    );
  }
  if (load.value === undefined) {
    return (
      <p class="empty" role="status">
        {texts.t("loading")}
      </p>
    );
  }
  if (empty?.when(load.value)) return <p class="empty">{empty.text}</p>;
  return <>{children(load.value)}</>;
}
