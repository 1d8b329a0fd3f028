import { describe, expect, it } from "vitest";
import { checkLinkUrl } from "../../../../src/ecu/link/open.js";

describe("a link's address is judged before anything is opened", () => {
  it.each(["slcan:/dev/nosuch?bitrate=250000", "slcan+tcp://127.0.0.1:1", "virtual:a"])("%s is one", (url) => {
    expect(() => checkLinkUrl(url)).not.toThrow();
  });

  it.each([
    ["nonsense:x", /unknown scheme nonsense/],
    ["slcan:", /the serial device is missing/],
    ["slcan:/dev/x?bitrate=123", /no sure command for 123 bit\/s/],
    ["slcan:/dev/x?adapter=nosuch", /unknown adapter nosuch/],
    ["slcan:/dev/x?colour=red", /unknown parameter colour/],
    ["slcan+tcp://127.0.0.1", /HOST:PORT is wanted/],
    ["toString:x", /unknown scheme toString|unknown scheme tostring/],
    ["", /a link is SCHEME:DEVICE/],
  ])("%s is none", (url, text) => {
    expect(() => checkLinkUrl(url)).toThrow(text);
  });
});
