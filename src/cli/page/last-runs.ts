/** The bays as the program left them when it ended. */
import type { History } from "../../records/history.js";
import type { BayState, Bays } from "../../station/bays/bays.js";

/** A verdict stays until the next unit of its bay, whether the program was started anew since or not. */
export async function recallLastRuns(bays: Bays, history: History): Promise<void> {
  const recall = async ({ name }: BayState) => {
    const [last] = (await history.list({ bay: name, limit: 1 })).runs;
    const record = last && (await history.show(last.runId))?.record;
    if (record !== undefined) bays.recall(name, record);
  };
  await Promise.all(bays.states().map(recall));
}
