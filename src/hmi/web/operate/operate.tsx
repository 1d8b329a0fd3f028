/** The bays, a tile each; in simulator mode what can be provoked below them. */
import { live } from "../live/live.js";
import { Connecting } from "../parts/connecting.js";
import { useStore } from "../store.js";
import { useTexts } from "../texts/texts.js";
import { Simulator } from "./simulator.js";
import { Tile } from "./tile.js";
import { usedBay } from "./used-bay.js";

export function Operate() {
  const { t } = useTexts();
  // Names as one string: a bay that changes is its tile's concern alone.
  const names = useStore(live, ({ state }) => state?.bays.map(({ name }) => name).join("\n"));
  const used = useStore(usedBay, (value) => value);
  if (names === undefined) return <Connecting />;
  if (names === "") return <p class="empty">{t("bays.none")}</p>;
  const bays = names.split("\n");
  const next = bays.find((name) => name === used) ?? bays[0];
  return (
    <>
      <div class={`bays of${Math.min(bays.length, 8)}`}>
        {bays.map((name, index) => (
          <Tile
            key={name}
            name={name}
            shortcut={`F${index + 1}`}
            number={index + 1}
            scansHere={bays.length > 1 && name === next}
          />
        ))}
      </div>
      <Simulator bays={bays} />
    </>
  );
}
