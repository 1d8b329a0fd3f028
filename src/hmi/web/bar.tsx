/** The bar: which station, how its servers are, who is signed in, the time, the language; and the menu. */
import { useState } from "preact/hooks";
import { may } from "../contract/roles.js";
import type { ServerView } from "../contract/state.js";
import { loadSession, post } from "./api.js";
import { timeOfDay } from "./format.js";
import { live } from "./live/live.js";
import { SimulatorMark } from "./operate/simulator.js";
import { Action } from "./parts/action.js";
import { Modal } from "./parts/modal.js";
import { useNow } from "./parts/now.js";
import { addressOfPlace, go, place, SCREEN_RIGHTS, SCREENS } from "./route.js";
import { session } from "./session.js";
import { choose, type Language, type Palette, settings } from "./settings.js";
import { useStore } from "./store.js";
import { useTexts } from "./texts/texts.js";

export function Bar() {
  const { t } = useTexts();
  const station = useStore(live, ({ state }) => state?.station);
  const [open, setOpen] = useState(false);
  return (
    <header class="bar">
      <button type="button" class="flat" aria-haspopup="dialog" onClick={() => setOpen(true)}>
        <span aria-hidden="true">☰</span> {t("menu")}
      </button>
      <a class="station" href={addressOfPlace("operate")}>
        {station?.id ?? t("station.none")}
      </a>
      {station?.mode === "simulator" ? <SimulatorMark /> : null}
      <Health />
      <span class="space" />
      <Who />
      <Time />
      <Languages />
      <Modal open={open} kind="menu" label={t("menu")} onClose={() => setOpen(false)}>
        <Menu onDone={() => setOpen(false)} />
      </Modal>
    </header>
  );
}

const MARKS: Readonly<Record<ServerView["state"], string>> = { up: "●", down: "✕", unknown: "○" };

function Health() {
  const { t, local } = useTexts();
  const servers = useStore(live, ({ state }) => state?.servers) ?? [];
  const outbox = useStore(live, ({ state }) => state?.outbox);
  const alarmed = outbox !== undefined && (outbox.full || outbox.quarantined > 0);
  return (
    <a class="health" href={addressOfPlace("servers")}>
      {servers.map(({ name, state, trouble }) => (
        <span key={name} class={`server ${state}`} title={trouble === undefined ? undefined : local(trouble)}>
          {name} <span aria-hidden="true">{MARKS[state]}</span> <span class="word">{t(`server.${state}`)}</span>
        </span>
      ))}
      {outbox === undefined ? null : (
        <span class={alarmed ? "down" : ""}>
          {t("outbox.short", { waiting: outbox.waiting })}
          {outbox.quarantined > 0 ? ` · ${t("outbox.quarantined", { count: outbox.quarantined })}` : ""}
        </span>
      )}
    </a>
  );
}

function Who() {
  const { t } = useTexts();
  const user = useStore(session, (value) => value?.user);
  if (user === undefined) {
    return (
      <a class="flat" href={addressOfPlace("sign-in")}>
        {t("screen.sign-in")}
      </a>
    );
  }
  return (
    <span class="who">
      {user.name ?? t("user.nobody")} <span class="muted">{t(`role.${user.role}`)}</span>
    </span>
  );
}

const Time = () => <time class="time">{timeOfDay(useNow(1000))}</time>;

const LANGUAGES: readonly (readonly [Language, string])[] = [
  ["ko", "한"],
  ["en", "EN"],
];

function Languages() {
  const { t, language } = useTexts();
  return (
    <fieldset class="languages" aria-label={t("language")}>
      {LANGUAGES.map(([code, short]) => (
        <button
          key={code}
          type="button"
          lang={code}
          class="flat"
          aria-pressed={language === code}
          onClick={() => choose({ language: code })}
        >
          {short}
          <span class="unseen"> {t(`language.${code}`)}</span>
        </button>
      ))}
    </fieldset>
  );
}

const PALETTES: readonly Palette[] = ["system", "light", "dark"];

function Menu({ onDone }: { readonly onDone: () => void }) {
  const { t } = useTexts();
  const role = useStore(session, (value) => value?.user?.role);
  const named = useStore(session, (value) => value?.user?.name !== undefined);
  const screen = useStore(place, (value) => value.screen);
  const { palette, sound } = useStore(settings, (value) => value);
  const shown = SCREENS.filter((name) => name !== "sign-in");
  const signOut = async () => {
    await post("signOut", {});
    await loadSession();
    onDone();
    go("operate");
  };
  return (
    <>
      <nav aria-label={t("menu")}>
        {shown.map((name) => {
          const right = SCREEN_RIGHTS[name];
          const open = right === undefined || may(role, right);
          return (
            <a
              key={name}
              href={addressOfPlace(name)}
              aria-current={name === screen ? "page" : undefined}
              class={open ? "" : "muted"}
              onClick={onDone}
            >
              {t(`screen.${name}`)}
              {open || right === undefined ? "" : ` · ${t("role.needed.short")}`}
            </a>
          );
        })}
      </nav>
      <fieldset class="choices">
        <legend>{t("palette")}</legend>
        {PALETTES.map((name) => (
          <button
            key={name}
            type="button"
            class="plain"
            aria-pressed={palette === name}
            onClick={() => choose({ palette: name })}
          >
            {t(`palette.${name}`)}
          </button>
        ))}
      </fieldset>
      <button type="button" class="plain" aria-pressed={sound} onClick={() => choose({ sound: !sound })}>
        {t(sound ? "sound.on" : "sound.off")}
      </button>
      {named ? (
        <Action work={signOut}>{t("signOut")}</Action>
      ) : (
        <a class="button plain" href={addressOfPlace("sign-in")} onClick={onDone}>
          {t("screen.sign-in")}
        </a>
      )}
      <button type="button" class="act" onClick={onDone}>
        {t("close")}
      </button>
    </>
  );
}
