/** The commands of the control socket, as a table: what each takes, and what it does to one place. */
import { StationError } from "../../src/shared/errors.js";
import { FAULTS, faultForm, parseFaults } from "../faults/faults.js";
import type { UnitOptions } from "../identity.js";
import { readEcuId, readVin } from "../inputs.js";
import { newUnit } from "../places.js";
import type { Place } from "./place.js";

export interface ControlTarget {
  readonly places: readonly Place[];
  /** What a new unit is to be where the command does not say. */
  readonly unit: UnitOptions;
}

type FieldType = "string" | "boolean" | "number";

interface Field {
  readonly type: FieldType;
  readonly required?: true;
  readonly about: string;
}

/** Fields of one request, each of the type that the table says. */
class Fields {
  readonly #json: Readonly<Record<string, unknown>>;

  constructor(json: Readonly<Record<string, unknown>>) {
    this.#json = json;
  }

  text(name: string): string | undefined {
    const value = this.#json[name];
    return typeof value === "string" ? value : undefined;
  }

  flag(name: string): boolean {
    return this.#json[name] === true;
  }

  number(name: string): number | undefined {
    const value = this.#json[name];
    return typeof value === "number" ? value : undefined;
  }
}

export interface ControlCommand {
  readonly about: string;
  readonly fields: Readonly<Record<string, Field>>;
  /** Done to each place that the request names. */
  run(place: Place, fields: Fields, target: ControlTarget): Promise<void>;
  /** What the answer has beside the places. */
  more?(): object;
}

const BYTES_PER_MB = 1_000_000;
const nothing = async (): Promise<void> => undefined;

export const COMMANDS: Readonly<Record<string, ControlCommand>> = {
  status: {
    about: "changes nothing; the answer has the program's `memory`, too, in MB",
    fields: {},
    run: nothing,
    more: () => ({ memory: memory() }),
  },
  faults: {
    about: "changes nothing; the answer has the faults that there are, too, in `known`",
    fields: {},
    run: nothing,
    more: () => ({ known: knownFaults() }),
  },
  set: {
    about: "sets faults beside those that are set",
    fields: { fault: { type: "string", required: true, about: "as for `--fault`" } },
    run: async (place, fields) => {
      place.faults.add(...parseFaults([fields.text("fault") ?? ""]));
    },
  },
  clear: {
    about: "clears faults",
    fields: { fault: { type: "string", about: "a spec as it was set, or the name of a fault; left out, all" } },
    run: async (place, fields) => {
      const which = fields.text("fault");
      if (place.faults.clear(which) === 0 && which !== undefined) throw refused(`fault: ${which} is not set`);
    },
  },
  power: {
    about: "the unit is unplugged, at once, whatever it does, and plugged in: RAM is lost, the flash kept",
    fields: { on: { type: "boolean", required: true, about: "" } },
    run: (place, fields) => place.power(fields.flag("on")),
  },
  remove: { about: "takes the unit out of its place", fields: {}, run: (place) => place.remove() },
  insert: {
    about: "puts another unit there and turns its power on",
    fields: {
      state: { type: "string", about: "its flash file; left out, it is new and forgotten once it is taken out" },
      vin: { type: "string", about: "as `--vin`" },
      ecuId: { type: "string", about: "as `--ecu-id`" },
      seed: { type: "string", about: "as `--seed`" },
    },
    run(place, fields, { places, unit }) {
      const [state, vin, ecuId] = ["state", "vin", "ecuId"].map((name) => fields.text(name));
      if (places.length > 1 && fields.number("ecu") === undefined && (state ?? ecuId) !== undefined)
        throw refused("ecu: missing; one unit has one place");
      // What the program was given for its first units (a VIN, an EcuID) is not another one's.
      const { vin: _vin, ecuId: _ecuId, ...kind } = unit;
      const options = {
        ...kind,
        ...(vin === undefined ? {} : { vin: readVin("vin", vin) }),
        ...(ecuId === undefined ? {} : { ecuId: readEcuId("ecuId", ecuId) }),
      };
      return place.insert(newUnit(options, state, fields.text("seed")));
    },
  },
  dtc: {
    about: "a trouble code's test fails, or passes",
    fields: {
      code: { type: "string", required: true, about: "three bytes, hex" },
      failed: { type: "boolean", required: true, about: "" },
    },
    run(place, fields) {
      const code = fields.text("code") ?? "";
      if (!/^[0-9a-f]{6}$/i.test(code)) throw refused("code: three bytes of hex are wanted");
      return place.setDtc(Number.parseInt(code, 16), fields.flag("failed"));
    },
  },
};

/** Of every command, beside its own. */
const COMMON_FIELDS: Readonly<Record<string, Field>> = {
  cmd: { type: "string", required: true, about: "the command" },
  ecu: { type: "number", about: "which ECU, from 0; left out, all" },
  id: { type: "string", about: "comes back in the answer" },
};

const refused = (what: string): StationError => new StationError("USAGE", { details: { what } });

/**
 * Does what one request asks for.
 * @returns the answer: `{"ecus":[…]}` with the status of each place that was named, after the command
 * @throws StationError
 */
export async function perform(request: Readonly<Record<string, unknown>>, target: ControlTarget): Promise<object> {
  const name = request.cmd;
  if (typeof name !== "string") throw refused('cmd: missing, e.g. {"cmd":"status"}');
  const command = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  if (command === undefined)
    throw refused(`cmd: no command is called ${JSON.stringify(name)} (${Object.keys(COMMANDS).join(", ")})`);
  checkFields(request, { ...COMMON_FIELDS, ...command.fields });
  const fields = new Fields(request);
  const named = placesOf(fields.number("ecu"), target.places);
  for (const [, place] of named) await command.run(place, fields, target);
  return { ...(command.more?.() ?? {}), ecus: named.map(([ecu, place]) => ({ ecu, ...place.status })) };
}

function checkFields(request: Readonly<Record<string, unknown>>, fields: Readonly<Record<string, Field>>): void {
  for (const [name, value] of Object.entries(request)) {
    const field = Object.hasOwn(fields, name) ? fields[name] : undefined;
    if (field === undefined) throw refused(`${name}: unknown (there are ${Object.keys(fields).join(", ")})`);
    if (typeof value !== field.type) throw refused(`${name}: a ${field.type} is wanted`);
  }
  const missing = Object.keys(fields).find((name) => fields[name]?.required === true && !Object.hasOwn(request, name));
  if (missing !== undefined) throw refused(`${missing}: missing`);
}

function placesOf(ecu: number | undefined, places: readonly Place[]): (readonly [number, Place])[] {
  const all = places.map((place, index) => [index, place] as const);
  if (ecu === undefined) return all;
  const [found] = all.filter(([index]) => index === ecu);
  if (found === undefined) throw refused(`ecu: there is no ECU ${ecu} (0 to ${places.length - 1})`);
  return [found];
}

function memory(): object {
  const { rss, heapUsed } = process.memoryUsage();
  return { rss: Math.round(rss / BYTES_PER_MB), heap: Math.round(heapUsed / BYTES_PER_MB) };
}

function knownFaults(): object[] {
  return Object.entries(FAULTS).map(([name, { about, wire }]) => ({ name, form: faultForm(name), about, wire }));
}
