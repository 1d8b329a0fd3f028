/** Where the page is: the part of its address behind `#`. */
import type { Right } from "../contract/roles.js";
import { Store } from "./store.js";

export const SCREENS = ["operate", "history", "yield", "profiles", "servers", "trace", "admin", "sign-in"] as const;
export type Screen = (typeof SCREENS)[number];

/** What each screen takes. */
export const SCREEN_RIGHTS: Readonly<Record<Screen, Right | undefined>> = {
  operate: undefined,
  history: "history",
  yield: "history",
  profiles: "history",
  servers: "outbox",
  trace: "trace",
  admin: "adapters",
  "sign-in": undefined,
};

export interface Place {
  readonly screen: Screen;
  /** What of it is shown: a run, a bay; undefined for the screen itself. */
  readonly item: string | undefined;
}

/** The place that a fragment (`#/history/RUN`) names; unknown ones are the first screen. */
export function placeOf(fragment: string): Place {
  const [first = "", ...rest] = fragment.replace(/^#?\/?/, "").split("/");
  const screen = SCREENS.find((name) => name === first) ?? "operate";
  return { screen, item: rest.length === 0 || rest[0] === "" ? undefined : decoded(rest.join("/")) };
}

export const addressOfPlace = (screen: Screen, item?: string): string =>
  item === undefined ? `#/${screen}` : `#/${screen}/${encodeURIComponent(item)}`;

export const place = new Store<Place>({ screen: "operate", item: undefined });

export function go(screen: Screen, item?: string): void {
  location.hash = addressOfPlace(screen, item);
}

/** Up by one: from an item to its screen, from a screen to the bays. Of the address, which has changed before the page is told of it. */
export function back(): void {
  const { screen, item } = placeOf(location.hash);
  if (item !== undefined && screen !== "trace") go(screen);
  else if (screen !== "operate") go("operate");
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
