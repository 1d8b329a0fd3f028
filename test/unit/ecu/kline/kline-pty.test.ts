import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { openKline } from "../../../../src/ecu/link/kline/open.js";
import type { KlineLink } from "../../../../src/ecu/link/link.js";
import { createKline } from "../../../../src/ecu/transport/kline/kline.js";
import { systemClock as clock } from "../../../../src/shared/clock.js";
import { isStationError } from "../../../../src/shared/errors.js";
import { type Cable, requireCable, serialCable } from "../../../cable.js";

/** ms: a machine under load may hold a process, or the one between the ends, amid a message. */
const LATENCY = 10_000;
const PROFILE = { baud: 10_400, init: "fast", echo: "line" } as const;

describe.skipIf(!requireCable())("K-Line at a serial device", () => {
  let cable: Cable;
  const opened: KlineLink[] = [];

  beforeEach(async () => {
    cable = await serialCable();
  });

  afterEach(async () => {
    await Promise.all(opened.splice(0).map((link) => link.close()));
    await cable.pull();
  });

  const open = async (url: string): Promise<KlineLink> => {
    const link = await openKline(url, PROFILE, clock);
    opened.push(link);
    return link;
  };

  it("carries messages both ways, the far end making the echo", async () => {
    const tester = createKline(
      await open(`kline:${cable.near}?init=none`),
      { role: "tester", own: 0xf1, peer: 0x10, latency: LATENCY },
      clock,
    );
    const ecu = createKline(
      await open(`kline:${cable.far}?init=none&echo=make`),
      { role: "ecu", own: 0x10, peer: 0xf1, latency: LATENCY },
      clock,
    );
    ecu.onMessage(({ data }) => void ecu.send(data));
    const data = Uint8Array.from({ length: 100 }, (_, i) => i * 13);
    const answered = new Promise<Uint8Array>((resolve) => tester.onMessage((message) => resolve(message.data)));
    await tester.send(data);
    expect(await answered).toEqual(data);
    tester.close();
    ecu.close();
  });

  it("tells within a second that the device is gone", async () => {
    const link = await open(`kline:${cable.near}?init=none`);
    const tester = createKline(link, { role: "tester", own: 0xf1, peer: 0x10 }, clock);
    const ended = new Promise<Error>((resolve) => tester.onClosed(resolve));
    const before = clock.monotonic();
    await cable.pull();
    expect(isStationError(await ended, "LINK_CLOSED")).toBe(true);
    expect(clock.monotonic() - before).toBeLessThan(1_000);
    await expect(tester.send(Uint8Array.of(0x3e, 0))).rejects.toMatchObject({ code: "LINK_CLOSED" });
    tester.close();
  });

  it("says of a device without a break that it can do no init", async () => {
    const tester = createKline(await open(`kline:${cable.near}`), { role: "tester", own: 0xf1, peer: 0x10 }, clock);
    await expect(tester.send(Uint8Array.of(0x3e, 0))).rejects.toMatchObject({
      code: "LINK_UNSUPPORTED",
      message: expect.stringContaining("init=none"),
    });
    tester.close();
  });

  it("says which echo is missing where the far end makes none", async () => {
    const tester = createKline(
      await open(`kline:${cable.near}?init=none`),
      { role: "tester", own: 0xf1, peer: 0x10 },
      clock,
    );
    await expect(tester.send(Uint8Array.of(0x3e, 0))).rejects.toMatchObject({
      code: "KLINE_NO_ECHO",
      message: expect.stringContaining("echo=none"),
    });
    tester.close();
  });
});
