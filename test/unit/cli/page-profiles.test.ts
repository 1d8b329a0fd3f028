import { expect, it } from "vitest";
import { parseConfig } from "../../../src/cli/config.js";
import { ProfileDesk } from "../../../src/cli/page/profiles.js";
import type { Profiles } from "../../../src/records/profiles.js";

/** What has to be scanned at each bay of a configuration for an EVCC, by the bays' names. */
async function scannedAt(config: string): Promise<Record<string, string[]>> {
  const parsed = parseConfig(config, "/etc/st/station.yaml", "/data", {});
  const desk = new ProfileDesk(parsed, { versions: async () => [] } as unknown as Profiles);
  const wanted = async (bay: string) =>
    (await desk.find("evcc", bay)).inputs.filter((input) => input.wanted).map(({ name }) => name);
  return Object.fromEntries(await Promise.all(parsed.station.bays.map(async ({ name }) => [name, await wanted(name)])));
}

const BAYS =
  "station: { bays: [{ name: none }, { name: sim, link: 'sim:?state=unit' }, { name: real, link: slcan:/dev/ttyACM0 }] }";
const ALL = ["vin", "pcid", "evccid"];

it("in simulator mode a simulated unit is told by its VIN, of a real one everything is scanned", async () => {
  const config = `schema: 1\nmode: simulator\n${BAYS}\n`;
  expect(await scannedAt(config)).toEqual({ none: ["vin"], sim: ["vin"], real: ALL });
});

it("where nobody brings orders everything is scanned, where a MES does the VIN alone", async () => {
  const nobody = `schema: 1\nmode: simulator\norders: none\n${BAYS}\n`;
  expect(await scannedAt(nobody)).toEqual({ none: ALL, sim: ALL, real: ALL });
  const mes = `schema: 1\nmode: simulator\norders: { kind: folder, path: /orders }\n${BAYS}\n`;
  expect(await scannedAt(mes)).toEqual({ none: ["vin"], sim: ["vin"], real: ["vin"] });
});
