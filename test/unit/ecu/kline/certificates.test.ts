import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { openEcu } from "../../../../src/cli/open-ecu.js";
import { loadProfile } from "../../../../src/profiles/loader.js";
import { systemClock as clock } from "../../../../src/shared/clock.js";
import { packageRoot } from "../../../../src/shared/paths.js";
import { Secret } from "../../../../src/shared/secret.js";

const profileOf = (name: string) => {
  const file = join(packageRoot(), "hw-profiles", `${name}.yaml`);
  return loadProfile(readFileSync(file, "utf8"), file).profile;
};

const { kline } = profileOf("body-she");

it.each([
  ["without a kline section", profileOf("evcc"), /has no kline section/],
  ["with certificates", { ...profileOf("evcc"), ...(kline && { kline }) }, /certificates .* do not fit/],
] as const)("a profile %s is refused on K-Line before the device is opened", async (_, profile, message) => {
  const { signal } = new AbortController();
  const access = { key: Secret.fromHex("00".repeat(16)) };
  const work = openEcu("kline:/dev/nothing-here", profile, access, clock, signal, { tap: (link) => link });
  await expect(work).rejects.toMatchObject({
    code: "LINK_UNSUPPORTED",
    message: expect.stringMatching(message),
  });
});
