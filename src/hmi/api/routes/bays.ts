/** What is done at the bays. */
import { StationError } from "../../../shared/errors.js";
import type { BayRow, SimulatorView } from "../../contract/views.js";
import type { PagePorts } from "../ports.js";
import type { AddRoute } from "../routing.js";
import type { ScanDesk } from "../scan/desk.js";
import { EventReader, eventText } from "../state/sse.js";
import type { Watch } from "../state/watch.js";

export function addBayRoutes(add: AddRoute, ports: PagePorts, desk: ScanDesk): void {
  const { bays, places, users } = ports;
  const note = (actor: string, action: string, bay: string, details: Record<string, unknown>) =>
    users.note({ actor, action, subject: bay, outcome: "asked", details });
  add(
    "bays",
    async (): Promise<readonly BayRow[]> =>
      places.map(({ name, link, power, takt }) => {
        const { profile } = desk.next(name);
        return { name, link, profile: profile?.name, target: profile?.target, power, takt };
      }),
  );
  add("scan", ({ path, given, visitor }) => desk.scan(path.bay, given.text, visitor.name, given.heard));
  add("clear", ({ path }) => desk.clear(path.bay));
  add("start", ({ path, given, visitor }) =>
    given.unit === "last"
      ? desk.repeat(path.bay, visitor.name, given.heard)
      : desk.start(path.bay, visitor.name, given.heard),
  );
  add("abort", async ({ path, person }) => {
    if (!bays.abort(path.bay)) throw tooLate(path.bay);
    await note(person, "abort", path.bay, {});
  });
  add("answer", async ({ path, given, person }) => {
    if (!bays.answer(path.bay, given.prompt, given.value)) throw tooLate(path.bay);
    await note(person, "answer", path.bay, { value: given.value });
  });
  add("chooseProfile", async ({ path, given, person }) => {
    await desk.choose(path.bay, given.profile);
    await note(person, "choose profile", path.bay, { profile: given.profile });
  });
}

function tooLate(bay: string): StationError {
  return new StationError("PAGE_NOT_NOW", { details: { what: bay } });
}

export function addSimulatorRoutes(add: AddRoute, { simulator }: PagePorts, desk: ScanDesk, watch: Watch): void {
  add(
    "simulator",
    async (): Promise<SimulatorView> => ({
      faults: simulator?.faults ?? [],
      broken: simulator?.broken() ?? [],
    }),
  );
  add("simulate", ({ path, given, visitor }) => desk.simulate(path.bay, given.fault ?? undefined, visitor.name));
  add("breakServer", async ({ given }) => {
    if (simulator === undefined) throw new StationError("PAGE_NOT_NOW", { details: { what: given.server } });
    simulator.breakServer(given.server, given.broken);
    watch.look();
  });
}

/** Lines of a bay's bus as they come. @param end ends the streams */
export function addLiveTrace(add: AddRoute, { bays, traces }: PagePorts, end: AbortSignal): void {
  add("liveTrace", async ({ path, reply }) => {
    // Refuses a bay that there is not.
    bays.state(path.bay);
    const { recent, added } = traces.live(path.bay);
    const reader = new EventReader(reply);
    const tell = (line: object) => reader.send(eventText("line", JSON.stringify(line)));
    for (const line of recent) tell(line);
    const forget = added.add(tell);
    const onEnd = () => reader.end();
    end.addEventListener("abort", onEnd, { once: true });
    void reader.gone.then(() => {
      forget();
      end.removeEventListener("abort", onEnd);
    });
  });
}
