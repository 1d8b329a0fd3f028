/** One bay: what it is, its verdict or progress, its steps, and what can be done. */
import { useLayoutEffect, useRef, useState } from "preact/hooks";
import type { BayView } from "../../contract/state.js";
import { post, postNow } from "../api.js";
import { bayOf, live } from "../live/live.js";
import { useAction } from "../parts/action.js";
import { Region } from "../parts/region.js";
import { addressOfPlace } from "../route.js";
import { useMay } from "../session.js";
import { useStore } from "../store.js";
import { useTexts } from "../texts/texts.js";
import { AbortQuestion } from "./abort.js";
import { Band } from "./band.js";
import { Groups } from "./groups.js";
import { TileHead } from "./head.js";
import { ScanField } from "./scan-field.js";

interface TileProps {
  readonly name: string;
  readonly number: number;
  readonly shortcut: string;
  /** True for the one of several bays that the next scan goes to. */
  readonly scansHere: boolean;
}

export function Tile({ name, ...rest }: TileProps) {
  const bay = useStore(live, bayOf(name));
  return bay === undefined ? null : <Bay bay={bay} {...rest} />;
}

function Bay({ bay, number, shortcut, scansHere }: Omit<TileProps, "name"> & { readonly bay: BayView }) {
  const { t } = useTexts();
  const field = useRef<HTMLInputElement>(null);
  const { busy, run, refused, forget } = useAction();
  // A question about a run that has ended meanwhile is none any more, least of all one about the next.
  const [asked, setAsked] = useState<number | undefined>(undefined);
  const [notTaken, setNotTaken] = useState<unknown>(undefined);
  // A scan that was refused while a run went on has nothing to do with what comes after it.
  useLayoutEffect(() => {
    if (bay.phase === "idle") setNotTaken(undefined);
  }, [bay.phase]);
  const mayScan = useMay("scan");
  const mayTrace = useMay("trace");
  const active = bay.phase !== "idle";
  const ready = !active && bay.scan.read.length > 0 && bay.scan.missing.length === 0;
  const runId = bay.verdict?.runId ?? bay.run?.runId;
  const order = bay.run?.startedAt ?? 0;
  const asking = asked === order && active && bay.phase !== "aborting";

  const start = (unit: "next" | "last") => run(() => postNow("start", { bay: bay.name }, { unit }));
  const primary = () => {
    if (active) setAsked(order);
    else if (ready) start("next");
    else field.current?.focus();
  };
  const scanned = () => {
    forget();
    setNotTaken(undefined);
  };
  const clear = () => {
    scanned();
    run(() => post("clear", { bay: bay.name }));
  };
  const abort = () => {
    setAsked(undefined);
    run(() => post("abort", { bay: bay.name }));
  };
  return (
    <section
      class={`tile ${scansHere && mayScan ? "next" : ""}`}
      data-bay={bay.name}
      data-phase={bay.phase}
      aria-label={t("bay", { name: bay.name })}
    >
      <TileHead bay={bay} number={number} scansHere={scansHere && mayScan} />
      <Band bay={bay} />
      <Region kind="inside" label={t("steps", { name: bay.name })}>
        {bay.run === undefined ? null : <Groups run={bay.run} running={active} />}
      </Region>
      <div class="actions">
        {mayScan ? (
          <ScanField
            bay={bay}
            field={field}
            error={notTaken}
            onScan={scanned}
            onRefused={setNotTaken}
            onPrimary={primary}
          />
        ) : (
          <a class="button plain" href={addressOfPlace("sign-in")}>
            {t("scan.signIn")}
          </a>
        )}
        <button
          type="button"
          class={active ? "danger" : ready ? "act" : "plain"}
          aria-keyshortcuts={shortcut}
          disabled={!mayScan || busy || bay.phase === "aborting"}
          onClick={primary}
        >
          <kbd>{shortcut}</kbd>{" "}
          <span class="what">
            {t(bay.phase === "aborting" ? "aborting" : active ? "abort" : ready ? "start" : "scan.next")}
          </span>
        </button>
        {!active && mayScan && bay.verdict?.failure !== undefined ? (
          <button type="button" class="act" disabled={busy} onClick={() => start("last")}>
            {t("retry")}
          </button>
        ) : null}
        {!active && bay.scan.read.length > 0 && mayScan ? (
          <button type="button" class="plain" onClick={clear}>
            {t("scan.clear")}
          </button>
        ) : null}
        {runId === undefined || active ? null : (
          <a class="button plain" href={addressOfPlace("history", runId)}>
            {t("record")}
          </a>
        )}
        {mayTrace && bay.verdict?.failure === undefined ? (
          <a class="button plain less" href={addressOfPlace("trace", bay.name)}>
            {t("screen.trace")}
          </a>
        ) : null}
      </div>
      {mayScan || notTaken === undefined ? null : (
        <p class="error" role="alert">
          {t("scan.nobody")}
        </p>
      )}
      {refused === undefined ? null : (
        <p class="error" role="alert">
          {refused}
        </p>
      )}
      <AbortQuestion bay={bay} open={asking} onAbort={abort} onClose={() => setAsked(undefined)} />
    </section>
  );
}
