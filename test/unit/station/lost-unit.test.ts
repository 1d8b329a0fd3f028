import { afterEach, expect, it } from "vitest";
import { FakeEcu } from "./fake-ecu.js";
import { Killer, Plant, smallProfile } from "./fakes.js";

let plant: Plant;
afterEach(() => plant.remove());

const profile = () => smallProfile({ order: ["clock", "certificates", "keys"] });

/** The unit's names that are certified, by the vPKI and by the station's records. */
async function names(station: Awaited<ReturnType<Plant["start"]>>, ecuId: string) {
  const known = await station.records.store.call("unitCertificates", ecuId);
  const issued = new Set(plant.vpki.issued.map(({ dn }) => dn));
  return { issued: [...issued].sort(), known: known.map(({ type, dn }) => `${type} ${dn}`).sort() };
}

/** Cuts a run at its point `n`; its name, undefined where it has none. */
async function cut(n: number): Promise<string | undefined> {
  plant = new Plant();
  plant.profile = profile();
  const killer = new Killer(n);
  const first = await plant.start({ killer });
  await first.run().catch(() => undefined);
  await first.stop();
  return killer.dead ? killer.points.at(-1) : undefined;
}

it("a unit that never comes back is known by the records with all that it was certified, wherever its run was cut", async () => {
  let certified = 0;
  for (let n = 1; ; n++) {
    const at = await cut(n);
    if (at === undefined) break;
    const { ecuId } = plant.ecu;
    plant.ecu = new FakeEcu(9);
    const second = await plant.start();
    const open = await names(second, ecuId);
    expect(open.known, `${at}: before it is taken up`).toEqual(expect.arrayContaining(open.issued));
    const before = open.issued.length;
    const record = await second.run({}, { resumeOnly: true });
    expect(record.outcome, at).not.toBe("PASS");
    const closed = await names(second, ecuId);
    expect(closed.issued.length, at).toBe(before);
    expect(closed.known, `${at}: once it is closed`).toEqual(expect.arrayContaining(closed.issued));
    if (before > 0 && at !== "after finish") expect(record.identity?.ecuId, at).toBe(ecuId);
    certified = Math.max(certified, before);
    await second.stop();
    plant.remove();
  }
  expect(certified).toBe(2);
}, 120_000);
