/** The page: its bar, the screen, and what lies over it. */
import { useLayoutEffect } from "preact/hooks";
import { Announcer } from "./announcer.js";
import { Bar } from "./bar.js";
import { UnitRecord } from "./history/unit-record.js";
import { live } from "./live/live.js";
import { Operate } from "./operate/operate.js";
import { Connecting } from "./parts/connecting.js";
import { place, SCREEN_RIGHTS, type Screen } from "./route.js";
import { Admin } from "./screens/admin.js";
import { History } from "./screens/history.js";
import { Profiles } from "./screens/profiles.js";
import { Servers } from "./screens/servers.js";
import { SignIn } from "./screens/sign-in.js";
import { Trace } from "./screens/trace.js";
import { Yield } from "./screens/yield.js";
import { session, useMay } from "./session.js";
import { Stale } from "./stale.js";
import { useStore } from "./store.js";
import { useTexts } from "./texts/texts.js";

export function App() {
  const { t, language } = useTexts();
  const screen = useStore(place, (value) => value.screen);
  const station = useStore(live, ({ state }) => state?.station.id);
  useLayoutEffect(() => {
    document.documentElement.lang = language;
    document.title = [t(`screen.${screen}`), station].filter((part) => part !== undefined).join(" · ");
  }, [t, language, screen, station]);
  return (
    <>
      <Stale />
      <Announcer />
      <Bar />
      <main id="main" class={screen} tabIndex={-1}>
        <h1 class={screen === "operate" ? "unseen" : ""}>{t(`screen.${screen}`)}</h1>
        <Guarded screen={screen} />
      </main>
    </>
  );
}

function Guarded({ screen }: { readonly screen: Screen }) {
  const { t } = useTexts();
  const right = SCREEN_RIGHTS[screen];
  const known = useStore(session, (value) => value !== undefined);
  const allowed = useMay(right);
  // What a person may do shows on every screen: none is shown before that is known.
  if (!known) return <Connecting />;
  if (allowed) return <Shown screen={screen} />;
  return (
    <div class="note attention" role="alert">
      <p>{t("role.needed")}</p>
      <a class="button" href="#/sign-in">
        {t("screen.sign-in")}
      </a>
    </div>
  );
}

function Shown({ screen }: { readonly screen: Screen }) {
  const item = useStore(place, (value) => value.item);
  switch (screen) {
    case "operate":
      return <Operate />;
    case "history":
      return item === undefined ? <History /> : <UnitRecord key={item} runId={item} />;
    case "yield":
      return <Yield />;
    case "profiles":
      return <Profiles hash={item} />;
    case "servers":
      return <Servers />;
    case "trace":
      return <Trace bay={item} />;
    case "admin":
      return <Admin />;
    case "sign-in":
      return <SignIn />;
  }
}
