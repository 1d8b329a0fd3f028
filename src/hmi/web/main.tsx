/** Starts the page. */
import { render } from "preact";
import { loadSession } from "./api.js";
import { App } from "./app.js";
import { listenForKeys } from "./keys.js";
import { follow } from "./live/live.js";
import { soundVerdicts } from "./operate/sound.js";
import { place, placeOf } from "./route.js";
import { dress } from "./settings.js";

const root = document.getElementById("page");
const arrive = () => place.set(placeOf(location.hash));

dress();
arrive();
addEventListener("hashchange", arrive);
listenForKeys();
soundVerdicts();
// Until the station answers there is nobody; its first word asks once more.
const askWho = () => void loadSession().catch(() => undefined);
askWho();
follow({
  onRestart: (before, now) => {
    // Another program has another page.
    if (before.station.programVersion !== now.station.programVersion) location.reload();
    askWho();
  },
});
if (root !== null) render(<App />, root);
