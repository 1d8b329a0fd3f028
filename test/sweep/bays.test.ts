import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { parse, stringify } from "yaml";
import { MODULE, requireSoftHsm, SoftHsm } from "../interop/softhsm.js";
import { root, tempFolder } from "../system/harness.js";
import { CASES, type Case, type Kind, type Place } from "./bays/cases.js";
import { BayEcu } from "./bays/ecu.js";
import { type Health, health, ServingStation } from "./bays/station.js";

/** 100 by hand: STATION_ROUNDS=100. */
const ROUNDS = Number(process.env.STATION_ROUNDS ?? 25);
/** Rounds in which caches fill, pools open and code is compiled: nothing is measured. */
const WARM_UP = Math.min(7, Math.floor(ROUNDS / 3));
/** MB that the heap in use may be higher in the last rounds than in the first measured ones. */
const GROWTH = 2;
/** Connections to the servers, and their timers, that the pool may hold at one time and not at another. */
const POOLED = 2;

const withToken = requireSoftHsm();
const KINDS: readonly Kind[] = [
  "evcc",
  "body-she",
  "ccu",
  "body-she",
  "evcc",
  "body-she",
  "ccu",
  withToken ? "ccu-pkcs11" : "body-she",
];

interface Bay {
  readonly name: string;
  readonly kind: Kind;
  readonly ecu: BayEcu;
}

const INPUTS: Readonly<Record<Kind, Readonly<Record<string, string>>>> = {
  evcc: { pcid: "KM8AAAAAAAAA000001", evccid: "KM7AAAAAAAAAAAAA0001" },
  ccu: { hostName: "ccu-000001.plant.example" },
  "ccu-pkcs11": { hostName: "ccu-000001.plant.example" },
  "body-she": {},
};

const folder = tempFolder("bays");
const station = new ServingStation();
const bays: Bay[] = [];

/** Of each profile the first certificate and one key a type: a unit then takes a fifth of the time. */
const KEYS = ["master", "secoc-4", "secoc-5", "supplier"];

/** A profile with the limits of a test: what never ends, ends soon. */
function profileFile(kind: Kind, name: string = kind, change: (text: string) => string = (text) => text): string {
  const text = readFileSync(join(root, "hw-profiles", `${kind}.yaml`), "utf8")
    .replace(/maxResponsePending: \d+/, "maxResponsePending: 3")
    .replace(/P2star: \d+/, "P2star: 500")
    // A machine that is busy with other things, too, fails no unit.
    .replace(/margin: \d+/, "margin: 2000")
    .replace(/N_As: 1000, N_Ar: 1000, N_Bs: 1000,(.*) N_Cr: 1000/, "N_As: 3000, N_Ar: 3000, N_Bs: 3000,$1 N_Cr: 3000");
  const profile = parse(text) as { certificates: unknown[]; keys: { name: string }[] };
  profile.certificates.splice(1);
  profile.keys = profile.keys.filter(({ name: key }) => KEYS.includes(key));
  const file = join(folder, `${name}.yaml`);
  writeFileSync(file, change(stringify(profile)));
  return file;
}

function configFile(): string {
  const file = join(folder, "station.yaml");
  const rows = bays.map(
    ({ name, kind, ecu }) => `    - { name: "${name}", link: "${ecu.link}?adapter=canable", profile: ${kind}.yaml }\n`,
  );
  const hsm = withToken ? new SoftHsm("ccu-hsm") : undefined;
  if (hsm !== undefined) process.env.SOFTHSM2_CONF = hsm.env.SOFTHSM2_CONF;
  const tokens = hsm && `tokens: { ccu-hsm: { module: "${MODULE}", token: ccu-hsm, pinFile: ${hsm.pinFile} } }\n`;
  const secrets = 'secrets: { simulator-cluster: { hex: "53494d554c41544f522d534543524554" } }\n';
  writeFileSync(file, `schema: 1\nmode: simulator\n${secrets}${tokens ?? ""}station:\n  bays:\n${rows.join("")}`);
  return file;
}

beforeAll(async () => {
  for (const kind of new Set(KINDS)) profileFile(kind);
  writeFileSync(join(folder, "throws.mjs"), "export function securityKey() { throw new TypeError('no'); }\n");
  profileFile("body-she", "throws", (text) => text.replace("algorithm: aes-cmac", "algorithm: throws.mjs"));
  for (const [i, kind] of KINDS.entries()) {
    const name = `${i + 1}`;
    bays.push({ name, kind, ecu: new BayEcu(folder, name, join(folder, `${kind}.yaml`)) });
  }
  await Promise.all(bays.map(({ ecu }) => ecu.start()));
  mkdirSync(join(folder, "data"));
  await station.start(["--config", configFile(), "--data", join(folder, "data")]);
});

afterAll(async () => {
  await station.stop();
  await Promise.all(bays.map(({ ecu }) => ecu.kill()));
});

const vinOf = (round: number, bay: Bay) => `KMHAAAAA${bay.name.padStart(3, "A")}${String(round).padStart(6, "0")}`;

/** One unit at one bay; how it ended, as `OUTCOME CODE`, or what of it is not right. */
async function unit(round: number, bay: Bay, failing: Case | undefined): Promise<string> {
  const { ecuId } = await bay.ecu.renew();
  const place: Place = {
    bay: bay.name,
    ecu: bay.ecu,
    ecuId: ecuId ?? "",
    abort: () => station.send({ bay: bay.name, abort: true }),
  };
  await failing?.before?.(place);
  const vin = vinOf(round, bay);
  const profile = failing?.order?.profile;
  const order = {
    bay: bay.name,
    inputs: { vin, ...INPUTS[bay.kind] },
    ...failing?.order,
    ...(typeof profile === "string" ? { profile: join(folder, profile) } : {}),
  };
  let acted = false;
  const ended = await station.unit(order, (event) => {
    if (acted || failing?.during === undefined) return;
    failing.during(
      {
        ...place,
        abort: () => {
          acted = true;
          place.abort();
        },
      },
      event,
    );
  });
  await failing?.after?.(place);
  const end = [ended.outcome, ended.failure?.code].filter((part) => part !== undefined).join(" ");
  if (end !== "PASS") return end;
  const { facts } = await bay.ecu.command({ cmd: "status" });
  return facts?.vin === vin && facts.lifeCycle === "locked" ? end : `PASS, but the unit is ${JSON.stringify(facts)}`;
}

/** The bay of a round at which the case can happen: another one each time. */
function placeOf(round: number, { kinds = KINDS }: Case): Bay {
  const fitting = bays.filter(({ kind }) => kinds.includes(kind));
  const bay = fitting[round % fitting.length];
  if (bay === undefined) throw new Error("no bay fits");
  return bay;
}

const median = (values: readonly number[]) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;

describe(`8 bays, one of them failing in another way each round, ${ROUNDS} rounds`, () => {
  const measured: Health[] = [];

  /** In the first and the last third of the rounds that were measured. */
  function beginAndEnd(of: (health: Health) => number): [number, number] {
    const values = measured.map(of);
    const third = Math.max(1, Math.floor(values.length / 3));
    return [median(values.slice(0, third)), median(values.slice(-third))];
  }

  it("end as the table says, and all the others pass", async () => {
    const began = performance.now();
    const wrong: string[] = [];
    const ends = new Map<string, number>();
    for (let round = 0; round < ROUNDS; round++) {
      const failing = CASES[round % CASES.length];
      if (failing === undefined) throw new Error("no case");
      const place = placeOf(round, failing);
      const results = await Promise.all(
        bays.map(async (bay) => {
          const own = bay === place ? failing : undefined;
          const end = await unit(round, bay, own);
          ends.set(end, (ends.get(end) ?? 0) + 1);
          const expected = own?.ends ?? ["PASS"];
          return expected.includes(end)
            ? []
            : [
                `round ${round}, bay ${bay.name} (${bay.kind})${own ? `, ${own.name}` : ""}: ${end}, expected ${expected.join(" or ")}`,
              ];
        }),
      );
      wrong.push(...results.flat());
      if (round >= WARM_UP) measured.push(health());
    }
    const seconds = (performance.now() - began) / 1_000;
    console.log(
      `bays: ${ROUNDS} rounds, ${ROUNDS * bays.length} units in ${seconds.toFixed(0)} s: ${[...ends].map(([end, count]) => `${count} ${end}`).join(", ")}`,
    );
    expect(wrong).toEqual([]);
  });

  it("leave the heap level", () => {
    const heaps = measured.map(({ heap }) => heap);
    const [first, last] = beginAndEnd(({ heap }) => heap);
    console.log(`bays: heap in use after each round, MB: ${heaps.map((heap) => heap.toFixed(1)).join(" ")}`);
    expect(last - first).toBeLessThan(GROWTH);
  });

  it("leave as many handles as before", () => {
    const kinds = [...new Set(measured.flatMap(({ handles }) => Object.keys(handles)))];
    for (const kind of kinds) {
      const [first, last] = beginAndEnd(({ handles }) => handles[kind] ?? 0);
      console.log(`bays: ${kind} ${first} then ${last}`);
      expect(last - first, kind).toBeLessThanOrEqual(POOLED);
    }
  });

  it("say nothing on stderr", () => {
    expect(station.stderr).toBe("");
  });
});
