/** What `ecu-sim` does once its command line is read. */
import { type Clock, systemClock } from "../src/shared/clock.js";
import { describe } from "../src/shared/errors.js";
import { type ControlSocket, openControl, parseControlAddress } from "./control/socket.js";
import { readInputs } from "./inputs.js";
import type { Process, RunSettings } from "./main.js";
import { closePlaces, openPlaces, type RunningEcu } from "./places.js";

export { isUsage } from "./inputs.js";

/** Runs until it is told to stop, or until every link has ended. @throws StationError */
export async function run(settings: RunSettings, io: Process, clock: Clock = systemClock): Promise<void> {
  const address = settings.control === undefined ? undefined : parseControlAddress(settings.control);
  const inputs = await readInputs(settings, clock);
  const ending = new Ending(io, settings.withParent === true);
  const complain = (error: unknown) => io.stderr.write(`ecu-sim: the ECU stopped: ${describe(error)}\n`);
  let running: readonly RunningEcu[] = [];
  let control: ControlSocket | undefined;
  try {
    running = await openPlaces(settings, inputs, complain);
    const places = running.map(({ place }) => place);
    if (address !== undefined) control = await openControl(address, { places, unit: inputs.unit });
    io.stdout.write(`${JSON.stringify(firstLine(running, control))}\n`);
    await Promise.race([ending.told, allClosed(running)]);
  } finally {
    ending.stop();
    await control?.close();
    await closePlaces(running);
    inputs.common.securityKey?.wipe();
  }
}

/** Where the ECUs listen, and who they are where there are several. */
function firstLine(running: readonly RunningEcu[], control: ControlSocket | undefined): object {
  const ecus = running.map(({ place, bus: { link }, ids }) => ({
    listening: link.listening ?? link.url,
    ecuId: place.status.ecuId,
    ...ids,
  }));
  return {
    listening: ecus[0]?.listening,
    ...(control === undefined ? {} : { control: control.url }),
    ...(ecus.length > 1 ? { ecus } : {}),
  };
}

/** The links that end by themselves have; one that goes on waiting for testers never does. */
function allClosed(running: readonly RunningEcu[]): Promise<void> {
  const closed = running.map(({ bus }) => new Promise<void>((resolve) => bus.link.onClosed(() => resolve())));
  return Promise.all(closed).then(() => undefined);
}

/** Signals, and where asked for the end of stdin: its writer is gone. */
class Ending {
  readonly told: Promise<void>;
  readonly #stdin: NodeJS.ReadableStream | undefined;

  constructor(io: Process, withParent: boolean) {
    if (!withParent) {
      this.told = io.stopped;
      return;
    }
    const { stdin } = io;
    this.#stdin = stdin;
    const closed = new Promise<void>((resolve) => {
      for (const event of ["end", "close", "error"]) stdin.once(event, () => resolve());
      stdin.resume();
    });
    this.told = Promise.race([io.stopped, closed]);
  }

  stop(): void {
    this.#stdin?.pause();
  }
}
