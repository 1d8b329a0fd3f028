import { describe, expect, it } from "vitest";
import { openKline } from "../../../../src/ecu/link/kline/open.js";
import { checkLinkUrl, openLink } from "../../../../src/ecu/link/open.js";
import { systemClock as clock } from "../../../../src/shared/clock.js";

const PROFILE = { baud: 10_400, init: "fast", echo: "line" } as const;

describe("a K-Line's URL", () => {
  it.each([
    "kline:/dev/ttyUSB0",
    "kline:COM5?baud=115200&init=none&echo=none",
    "KLINE:/dev/ttyUSB0?init=5baud&offset=-2.5",
  ])("%s is one", (url) => {
    expect(() => checkLinkUrl(url)).not.toThrow();
  });

  it.each([
    ["kline:", /serial device is missing/],
    ["kline:/dev/x?init=slow", /init must be fast, 5baud, none/],
    ["kline:/dev/x?echo=yes", /echo must be line, none, make/],
    ["kline:/dev/x?baud=5", /baud must be a whole number from 300/],
    ["kline:/dev/x?offset=21", /offset must be a number of ms from -20 to 20/],
    ["kline:/dev/x?offset=1e1", /offset must be a number/],
    ["kline:/dev/x?bitrate=500000", /unknown parameter bitrate \(known: baud, init, echo, offset\)/],
  ])("%s is none", (url, what) => {
    expect(() => checkLinkUrl(url)).toThrow(what);
  });

  it("of a device that is not there cannot be opened", async () => {
    const work = openKline("kline:/dev/nothing-here", PROFILE, clock);
    await expect(work).rejects.toMatchObject({ code: "LINK_OPEN_FAILED" });
  });

  it("opens no CAN link", async () => {
    await expect(openLink("kline:/dev/x", { clock })).rejects.toMatchObject({ code: "LINK_UNSUPPORTED" });
  });
});
