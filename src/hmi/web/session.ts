/** Who is signed in at this browser. */
import { may, type Right } from "../contract/roles.js";
import type { SessionView } from "../contract/views.js";
import { Store, useStore } from "./store.js";

/** Undefined until the station said it. */
export const session = new Store<SessionView | undefined>(undefined);

export const useMay = (right: Right | undefined): boolean =>
  useStore(session, (value) => right === undefined || may(value?.user?.role, right));
