/** Simulator mode: units that can be scanned without a scanner, with a fault of one's choice, and servers that can be cut off. */
import { useId, useRef, useState } from "preact/hooks";
import { SERVER_NAMES } from "../../contract/state.js";
import { get, post } from "../api.js";
import { live } from "../live/live.js";
import { useAction } from "../parts/action.js";
import { useLoad } from "../parts/loaded.js";
import { useMay } from "../session.js";
import { useStore } from "../store.js";
import { useTexts } from "../texts/texts.js";

export function Simulator({ bays }: { readonly bays: readonly string[] }) {
  return useMay("simulate") ? <Panel bays={bays} /> : null;
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
    <aside class="simulator" aria-label={t("simulator")}>
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
