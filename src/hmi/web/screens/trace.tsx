/** The UDS messages of a bay as they pass. */
import { useEffect, useState } from "preact/hooks";
import { addressOf } from "../../contract/routes.js";
import type { TraceLine } from "../../contract/views.js";
import { every } from "../clock.js";
import { live } from "../live/live.js";
import { whileSeen } from "../live/seen.js";
import { TraceLines } from "../parts/trace-lines.js";
import { addressOfPlace } from "../route.js";
import { useStore } from "../store.js";
import { useTexts } from "../texts/texts.js";

/** Lines that are kept on the screen. */
const KEPT = 1000;
/** ms between renderings: a bus is faster than eyes. */
const RENEWED = 250;

export function Trace({ bay }: { readonly bay: string | undefined }) {
  const { t } = useTexts();
  const names = useStore(live, ({ state }) => state?.bays.map(({ name }) => name).join("\n"))?.split("\n") ?? [];
  const shown = bay ?? names[0];
  return (
    <>
      <nav class="actions" aria-label={t("field.bay")}>
        {names.map((name) => (
          <a
            key={name}
            class="button plain"
            href={addressOfPlace("trace", name)}
            aria-current={name === shown ? "page" : undefined}
          >
            {t("bay", { name })}
          </a>
        ))}
      </nav>
      {shown === undefined ? null : <Lines key={shown} bay={shown} />}
    </>
  );
}

function Lines({ bay }: { readonly bay: string }) {
  const { t } = useTexts();
  const [lines, setLines] = useState<readonly TraceLine[]>([]);
  const [held, setHeld] = useState(false);
  const [lost, setLost] = useState(false);
  useEffect(() => {
    let all: readonly TraceLine[] = [];
    let fresh: TraceLine[] = [];
    let source: EventSource | undefined;
    const open = () => {
      source = new EventSource(addressOf("liveTrace", { bay }));
      // A stream that is opened anew tells the lines of before once more.
      source.addEventListener("open", () => {
        all = [];
        fresh = [];
        setLost(false);
      });
      source.addEventListener("line", ({ data }) => fresh.push(JSON.parse(data) as TraceLine));
      source.addEventListener("error", () => setLost(true));
    };
    const leave = whileSeen(open, () => source?.close());
    const stop = every(RENEWED, () => {
      if (fresh.length === 0) return;
      all = [...all, ...fresh].slice(-KEPT);
      fresh = [];
      setLines(all);
    });
    return () => {
      stop();
      leave();
    };
  }, [bay]);
  const [kept, setKept] = useState<readonly TraceLine[]>([]);
  const seen = held ? kept : lines;
  return (
    <>
      <div class="actions">
        <button
          type="button"
          class="plain"
          aria-pressed={held}
          onClick={() => {
            setKept(lines);
            setHeld(!held);
          }}
        >
          {t(held ? "trace.go" : "trace.hold")}
        </button>
        {lost ? (
          <span class="error" role="alert">
            {t("trace.lost")}
          </span>
        ) : null}
      </div>
      {seen.length === 0 ? (
        <p class="empty">{t("trace.none")}</p>
      ) : (
        <TraceLines lines={seen} label={t("screen.trace")} follow={!held} />
      )}
    </>
  );
}
