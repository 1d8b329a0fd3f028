/** Entry of the process of a token that units' keys go into. One unit's tasks are done one after the other, those of several side by side. */
import { serveToken } from "../../token/serve.js";
import type { UnitTask } from "./calls.js";
import { performTask } from "./work.js";

/** Last task of each unit that is under way. */
const under = new Map<string, Promise<unknown>>();

serveToken((device, given) => {
  const task = given as UnitTask;
  const { uid } = task.unit;
  const former = under.get(uid) ?? Promise.resolve();
  const done = former.then(() => device.work((bench) => performTask(bench, task)));
  const settled = done.catch(() => undefined);
  under.set(uid, settled);
  void settled.then(() => {
    if (under.get(uid) === settled) under.delete(uid);
  });
  return done;
});
