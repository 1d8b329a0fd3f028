/** Simulator mode: units that can be scanned without a scanner, with a fault of one's choice, and servers that can be cut off. */
import { useId, useRef, useState } from "preact/hooks";
import { SERVER_NAMES } from "../../contract/state.js";
import { get, post } from "../api.js";
import { live } from "../live/live.js";
import { useAction } from "../parts/action.js";
import { useLoad } from "../parts/loaded.js";
import { place } from "../route.js";
import { useMay } from "../session.js";
import { choose, settings } from "../settings.js";
import { useStore } from "../store.js";
import { useTexts } from "../texts/texts.js";

const PANEL = "simulator";
/** Four tiles leave no room below them there, where the panel takes two lines. */
const NARROW = "(height < 860px)";

/** True where the panel is shown; undefined where there is none. */
function useOpen(): boolean | undefined {
  const chosen = useStore(settings, ({ simulator }) => simulator);
  const count = useStore(live, ({ state }) => state?.bays.length ?? 0);
  const simulated = useStore(live, ({ state }) => state?.station.mode === "simulator");
  const screen = useStore(place, (value) => value.screen);
  if (!useMay("simulate") || !simulated || screen !== "operate") return undefined;
  return chosen ?? (count <= 2 || !matchMedia(NARROW).matches);
}

export function Simulator({ bays }: { readonly bays: readonly string[] }) {
  return useOpen() === true ? <Panel bays={bays} /> : null;
}

/** Says in the bar that all is simulated; opens and folds the panel where there is one. */
export function SimulatorMark() {
  const { t } = useTexts();
  const open = useOpen();
  if (open === undefined) return <span class="mode">{t("station.simulator")}</span>;
  const toggle = () => choose({ simulator: !open });
  return (
    <button type="button" class="flat mode" aria-expanded={open} aria-controls={PANEL} onClick={toggle}>
      {t("station.simulator")} <span aria-hidden="true">{open ? "▾" : "▸"}</span>
    </button>
  );
}

function Panel({ bays }: { readonly bays: readonly string[] }) {
  const { t, local } = useTexts();
  const fault = useRef<HTMLSelectElement>(null);
  const [chosen, setChosen] = useState(bays[0] ?? "");
  const id = useId();
  const epoch = useStore(live, ({ state }) => state?.epoch);
  const { load, reload } = useLoad(`simulator ${epoch ?? ""}`, (signal) => get("simulator", {}, {}, signal));
  const { busy, run, refused } = useAction();
  const phase = useStore(live, ({ state }) => state?.bays.find(({ name }) => name === chosen)?.phase);
  const faults = load.kind === "failed" ? [] : (load.value?.faults ?? []);
  const broken = load.kind === "failed" ? [] : (load.value?.broken ?? []);
  return (
    <aside id={PANEL} class="simulator" aria-label={t("simulator")}>
      <strong>{t("simulator")}</strong>
      {bays.map((name) => (
        <button
          key={name}
          type="button"
          class="plain"
          data-bay-choice={name}
          aria-pressed={name === chosen}
          onClick={() => setChosen(name)}
        >
          {t("bay", { name })}
        </button>
      ))}
      <label class="unseen" for={id}>
        {t("simulator.fault")}
      </label>
      <select id={id} ref={fault}>
        <option value="">{t("simulator.noFault")}</option>
        {faults.map(({ spec, text }) => (
          <option key={spec} value={spec}>
            {local(text)}
          </option>
        ))}
      </select>
      <button
        type="button"
        class="act"
        data-simulate
        disabled={busy || phase !== "idle"}
        onClick={() => run(() => post("simulate", { bay: chosen }, { fault: fault.current?.value || null }))}
      >
        {t("simulator.scan")}
      </button>
      {SERVER_NAMES.map((server) => {
        const down = broken.includes(server);
        return (
          <button
            key={server}
            type="button"
            class="plain"
            data-break={server}
            aria-pressed={down}
            disabled={busy}
            onClick={() => run(() => post("breakServer", {}, { server, broken: !down }).then(reload))}
          >
            {t(down ? "simulator.mend" : "simulator.break", { server })}
          </button>
        );
      })}
      {refused === undefined ? null : (
        <span class="error" role="alert">
          {refused}
        </span>
      )}
    </aside>
  );
}
