/** Profiles that differ from one that comes along in how the ECU is addressed alone. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parse, stringify } from "yaml";
import { root, tempFolder } from "./harness.js";

/**
 * The body ECU with two keys and another way to be addressed; both sides ask for blocks and gaps.
 * @param fields members of `can` that the addressing needs, and others that are to differ
 * @returns the profile's file
 */
export function addressedProfile(addressing: string, fields: object): string {
  const body = parse(readFileSync(join(root, "hw-profiles/body-she.yaml"), "utf8")) as {
    can: { bitrate: number; padding: object; timing: object };
    keys: object[];
  };
  const { bitrate, padding, timing } = body.can;
  const flowControl = { station: { BS: 2, STmin: 1 }, ecu: { BS: 3, STmin: 0xf2 } };
  const can = { addressing, bitrate, padding, flowControl, timing, ...fields };
  const file = join(tempFolder(), "profile.yaml");
  writeFileSync(file, stringify({ ...body, can, keys: body.keys.slice(0, 2) }));
  return file;
}
