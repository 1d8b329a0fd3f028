import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { CanLink, ReceivedFrame } from "../../../../src/ecu/link/link.js";
import { openLink } from "../../../../src/ecu/link/open.js";
import { createIsoTp } from "../../../../src/ecu/transport/isotp/isotp.js";
import { systemClock as clock } from "../../../../src/shared/clock.js";
import { isStationError } from "../../../../src/shared/errors.js";
import { type Cable, requireCable, serialCable } from "../../../cable.js";

describe.skipIf(!requireCable())("slcan over a serial device", () => {
  let cable: Cable;
  const open: CanLink[] = [];

  beforeEach(async () => {
    cable = await serialCable();
  });

  afterEach(async () => {
    await Promise.all(open.splice(0).map((link) => link.close()));
    await cable.pull();
  });

  it("carries frames and whole messages both ways, opened again and again", async () => {
    const ecu = await openLink(`slcan-adapter:${cable.far}`, { clock });
    open.push(ecu);
    for (let round = 0; round < 2; round++) {
      const station = await openLink(`slcan:${cable.near}?bitrate=500000&adapter=lawicel`, { clock });
      open.push(station);
      // The ECU's side answers: what it sends by itself is lost while the adapter's channel is not open yet.
      const heard = new Promise<ReceivedFrame>((resolve) => station.onFrame(resolve));
      const silence = ecu.onFrame(({ data }) => void ecu.send({ id: 0x7e8, extended: false, data }));
      await station.send({ id: 0x7e0, extended: false, data: Uint8Array.of(round, 1, 2) });
      expect((await heard).data).toEqual(Uint8Array.of(round, 1, 2));
      silence();
      const tester = createIsoTp(station, { addressing: { format: "normal", txId: 0x7e0, rxId: 0x7e8 } }, clock);
      const server = createIsoTp(ecu, { addressing: { format: "normal", txId: 0x7e8, rxId: 0x7e0 } }, clock);
      const echoed = new Promise<Uint8Array>((resolve) => tester.onMessage((message) => resolve(message.data)));
      server.onMessage((message) => void server.send(message.data));
      const data = Uint8Array.from({ length: 500 }, (_, i) => i * 13);
      await tester.send(data);
      expect(await echoed).toEqual(data);
      tester.close();
      server.close();
      await station.close();
    }
    await ecu.close();
  });

  it("tells within a second that the device is gone, on both sides", async () => {
    const ecu = await openLink(`slcan-adapter:${cable.far}`, { clock });
    const station = await openLink(`slcan:${cable.near}?adapter=lawicel`, { clock });
    open.push(ecu, station);
    const ends = Promise.all(
      [ecu, station].map((link) => new Promise<Error>((resolve) => link.onClosed((error) => resolve(error)))),
    );
    const before = clock.monotonic();
    await cable.pull();
    for (const error of await ends) expect(isStationError(error, "LINK_CLOSED")).toBe(true);
    expect(clock.monotonic() - before).toBeLessThan(1_000);
    await expect(station.send({ id: 1, extended: false, data: new Uint8Array(0) })).rejects.toMatchObject({
      code: "LINK_CLOSED",
    });
  });

  it("says that the adapter does not answer", async () => {
    await expect(openLink(`slcan:${cable.near}?adapter=lawicel`, { clock })).rejects.toMatchObject({
      code: "LINK_OPEN_FAILED",
      message: expect.stringContaining("does not answer"),
    });
  });
});
