/** A plant's station takes no profile to a unit that its people did not approve. */
import { readFileSync, writeFileSync } from "node:fs";
import { userInfo } from "node:os";
import { join } from "node:path";
import { beforeAll, expect, it } from "vitest";
import { openReader } from "../../src/db/database.js";
import { callBuilt, root, tempFolder, writePlantRegistry } from "./harness.js";

const KEY = "00112233445566778899aabbccddeeff";
const INPUTS = ["--vin", "KMHC851CFLU061234", "--pcid", "KM8P2844A9TD84HR91", "--evccid", "KM7V200DA343BEMZEG80"];
const CODES = ["--set", "vehicleCode=SX2", "--set", "localCode=KR", "--set", "brandCode=HMC"];
/** Nobody listens there: a run that comes as far as the link ends with LINK_OPEN_FAILED. */
const LINK = "slcan+tcp://127.0.0.1:1";
const folder = tempFolder("approvals");
const data = join(folder, "data");
const global = ["--config", join(folder, "station.yaml"), "--data", data];
const bms = readFileSync(join(root, "hw-profiles", "evcc.yaml"), "utf8")
  .replace("name: evcc", "name: bms")
  .replace(`{ hex: "${KEY}" }`, "{ file: bms.hex }");

const write = (name: string, text: string) => writeFileSync(join(folder, name), text, { mode: 0o600 });
const configure = (approvals: number, mode = "plant") =>
  write(
    "station.yaml",
    `schema: 1\nmode: ${mode}\nprofiles: { folder: ., approvals: ${approvals} }\nservers: { embedded: { registry: registry.yaml } }\nsecrets: { simulator-cluster: { file: secret.hex } }\n`,
  );
const run = () =>
  callBuilt("ecustation", ["run", "--profile", "bms", "--link", LINK, ...INPUTS, ...CODES, "--json", ...global]);
const approve = () => callBuilt("ecustation", ["profile", "approve", "bms", ...global]);
const codeOf = ({ stdout }: { stdout: string }) => JSON.parse(stdout).failure.code as string;

beforeAll(() => {
  write("bms.yaml", bms);
  write("bms.hex", "8f".repeat(16));
  write("secret.hex", "53494d55");
  writePlantRegistry(folder);
});

it("refuses it in one line in both languages before the unit is touched, and begins no run", async () => {
  configure(2);
  const { code, stdout, stderr } = await run();
  expect([code, stdout]).toEqual([3, ""]);
  expect(stderr).toMatch(/^ecustation: PROFILE_NOT_APPROVED: .*승인.* \/ .*needed 2, approved by nobody.*\n$/);
  const listed = await callBuilt("ecustation", ["records", "list", "--json", ...global]);
  expect(JSON.parse(listed.stdout).runs).toEqual([]);
});

it("takes it when enough people approved this very content, and counts each once", async () => {
  for (const _ of [1, 2]) expect((await approve()).code).toBe(0);
  expect((await run()).stderr).toContain(`approved by ${userInfo().username.toLowerCase()}`);
  configure(1);
  expect(codeOf(await run())).toBe("LINK_OPEN_FAILED");
  write("bms.yaml", bms.replace("P2star: 5000", "P2star: 5001"));
  expect((await run()).stderr).toMatch(/^ecustation: PROFILE_NOT_APPROVED/);
  write("bms.yaml", `# Laid out anew.\n${bms}`);
  expect(codeOf(await run())).toBe("LINK_OPEN_FAILED");
});

it("asks for nobody in simulator mode, and keeps each version that was used, its key blotted out", async () => {
  configure(2, "simulator");
  write("bms.yaml", bms.replace("{ file: bms.hex }", `{ hex: "${"8F".repeat(16)}" }`));
  expect(codeOf(await run())).toBe("LINK_OPEN_FAILED");
  const db = openReader(join(data, "records.sqlite"));
  const texts = await db.all<{ text: string }>("SELECT text FROM profile_version ORDER BY kept_at DESC, rowid DESC");
  db.close();
  expect(texts).toHaveLength(3);
  expect(texts[0]?.text).toContain('key: { hex: "[redacted]" }');
  expect(JSON.stringify(texts)).not.toMatch(/(8f){4}/i);
});
