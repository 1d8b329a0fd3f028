import { describe, expect, it } from "vitest";
import { openLink } from "../../../../src/ecu/link/open.js";
import { systemClock as clock } from "../../../../src/shared/clock.js";

describe("a link URL", () => {
  it.each([
    ["", /SCHEME:DEVICE/],
    ["can0", /SCHEME:DEVICE/],
    ["foo:bar", /unknown scheme foo: \(known: slcan:DEVICE/],
    ["constructor:x", /unknown scheme/],
    ["slcan:", /serial device is missing/],
    ["slcan:/dev/x?speed=1", /unknown parameter speed \(known: bitrate, adapter, ahead, baud\)/],
    ["slcan:/dev/x?bitrate=fast", /bitrate must be a whole number/],
    ["slcan:/dev/x?bitrate=800000", /adapter auto has no sure command for 800000/],
    ["slcan:/dev/x?adapter=toaster", /unknown adapter toaster \(known: auto, lawicel/],
    ["slcan+tcp://localhost", /HOST:PORT/],
    ["slcan+tcp://localhost:0", /port 1 to 65535/],
    ["slcan+tcp://localhost:65536", /port 1 to 65535/],
    ["slcan+tcp:localhost:1", /HOST:PORT/],
    ["slcan+listen://127.0.0.1:x", /port 0 to 65535/],
    ["socketcan:", /CAN interface is missing/],
    ["socketcan:can0?pace=500000", /keeps the bit rate that it is set to: no pace \(--bus-pace\)/],
    ["socketcan:can0?bitrate=500000", /unknown parameter bitrate \(known: recovery\)/],
    ["socketcan:../lo", /1 to 15 characters/],
    ["virtual:", /name of the bus is missing/],
    ["virtual:a?pace=1", /pace must be/],
    ["a\nb:c", /SCHEME:DEVICE/],
  ])("%j is refused in one line", async (url, what) => {
    const error = await openLink(url, { clock }).catch((refused: unknown) => refused);
    expect(error).toMatchObject({ code: "LINK_URL_INVALID", message: expect.stringMatching(what) });
    expect(String(error)).not.toContain("\n");
  });

  it.each(["kline:/dev/ttyUSB0?baud=10400"])("%s is known but cannot be used yet", async (url) => {
    await expect(openLink(url, { clock })).rejects.toMatchObject({ code: "LINK_UNSUPPORTED" });
  });

  it("of a device that is not there cannot be opened", async () => {
    await expect(openLink("slcan:/dev/nothing-here", { clock })).rejects.toMatchObject({ code: "LINK_OPEN_FAILED" });
  });

  it("is not opened for a caller who has gone", async () => {
    const signal = AbortSignal.abort(new Error("gone"));
    await expect(openLink("virtual:x", { clock, signal })).rejects.toThrow("gone");
  });
});
