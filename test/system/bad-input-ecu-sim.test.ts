import { describe, expect, it } from "vitest";
import { refuses, words } from "./bad-input/refuses.js";
import { callBuilt, run, startEcu, tempFolder } from "./harness.js";

describe("ecu-sim", () => {
  refuses("ecu-sim", [
    ["", /required option '--profile <profile>' not specified/],
    ["start", /too many arguments|unknown command|required option/],
    ["--profile evcc start", /too many arguments/],
    ["--profile", /'--profile <profile>' argument missing/],
    ["--profile evcc --loud", /unknown option '--loud'/],
    ["--profile nobody", /no such profile: nobody/],
    ["--profile {none}", /none\.yaml/],
    ["--profile {fifo}", /fifo\.yaml \(it is a FIFO \(expected a plain file\)\)/],
    ["--profile {brokenProfile}", /broken-profile\.yaml:7:\d+: /],
    ["--profile {wrongProfile}", /wrong-profile\.yaml:\d+:\d+: can\.bitrate: /],
    ["--profile evcc --link", /'--link <url>' argument missing/],
    ["--profile evcc --link nowhere", /nowhere: a link is SCHEME:DEVICE/],
    ["--profile evcc --link slcan+listen://127.0.0.1", /HOST:PORT is wanted/],
    ["--profile evcc --link slcan+listen://127.0.0.1:0?pace=x", /pace must be a whole number/],
    ["--profile evcc --link slcan-adapter:", /the serial device is missing/],
    ["--profile evcc --state", /'--state <file>' argument missing/],
    ["--profile evcc --state {folder}", /bad-input/],
    ["--profile evcc --state {brokenConfig}", /broken-config\.yaml/],
    ["--profile evcc --count 0", /N is a whole number from 1 to 256/],
    ["--profile evcc --count many", /N is a whole number from 1 to 256/],
    ["--profile evcc --count 2 --link virtual:a", /--count: several ECUs need slcan\+listen:/],
    ["--profile evcc --vin SHORT", /--vin: a VIN has 17 characters/],
    ["--profile evcc --ecu-id 00", /--ecu-id: 27 bytes of hex are wanted/],
    [`--profile evcc --ecu-id ${"00".repeat(27)}`, /--ecu-id: the last 15 bytes are the SHE UID/],
    [`--profile evcc --count 2 --ecu-id ${"01".repeat(27)}`, /--ecu-id: belongs to one ECU/],
    ["--profile evcc --ecu-type xyz", /one to four hex digits/],
    ["--profile evcc --supplier-id 12345", /one to four hex digits/],
    ["--profile evcc --blank-key 00", /--blank-key: 16 bytes of hex are wanted/],
    ["--profile evcc --seed", /'--seed <text>' argument missing/],
    ["--profile evcc --fault", /'--fault <spec>' argument missing/],
    ["--profile evcc --fault tired", /--fault "tired": known are wrong-m4, /],
    ["--profile evcc --fault ''", /--fault "": known are /],
    ["--profile evcc --fault wrong-m4:10", /SLOT must be hex, at most F/],
    ["--profile evcc --fault wrong-proof:1", /expected wrong-proof/],
    ["--profile evcc --fault wrong-kind,", /--fault "": known are /],
    ["--profile evcc --fault silent-after", /N must be a whole number from 0/],
    ["--profile evcc --fault nrc:10", /NRC must be hex/],
    ["--profile evcc --fault nrc:10:22:0", /TIMES must be a whole number from 1/],
    ["--profile evcc --fault drop-answer:x", /ROUTINE must be hex/],
    ["--profile evcc --fault drop:sideways", /DIR must be one of both, in, out/],
    ["--profile evcc --fault drop:rate=2", /RATE must be a number from 0 to 1/],
    ["--profile evcc --fault delay", /MS must be a whole number from 1 to 600000/],
    ["--profile evcc --fault reset:nap", /STEP must be one of session, /],
    ["--profile evcc --fault power-cut:1:nowhere", /KIND must be one of any, /],
    ["--profile evcc --fault clock-skew:fast", /PPM must be a whole number from -1000000/],
    ["--profile evcc --share-bus --ids 600", /--ids "600": expected REQUEST:RESPONSE/],
    ["--profile evcc --share-bus --count 9", /--ids: ECU 9 would have 7E8, which ECU 1 has/],
    ["--profile evcc --ids 600:680", /--ids: needs --share-bus/],
    ["--profile evcc --control here", /--control "here": expected unix:PATH or tcp:/],
    ["--profile evcc --control tcp://192.0.2.1:1", /it listens on this machine alone/],
    ["--profile evcc --fault slow:-1", /MS must be a whole number from 0/],
    ["she --loud", /[Uu]nknown option '--loud'/],
    ["she now", /[Uu]nexpected argument 'now'/],
    ["she --state", /--state.*argument missing/],
    ["she --state {brokenConfig}", /broken-config\.yaml/],
    ["she --state {folder}", /bad-input[^ ]*: EISDIR/],
  ]);

  it("says in one line that its port is taken; that is the adapter's failure, exit 3", async () => {
    const done = await run("ecu-sim", words("--profile evcc --link slcan+listen://127.0.0.1:{port}"));
    expect(done).toMatchObject({ code: 3, signal: null, stdout: "" });
    expect(done.stderr).toMatch(/^ecu-sim: [^\n]*127\.0\.0\.1:\d+[^\n]*\n$/);
  });

  it("takes --config and --data as every command does", async () => {
    const global = ["--config", "station.yaml", "--data", tempFolder()];
    const ecu = await startEcu("body-she", global);
    expect((await ecu.stop()).stderr).toBe("");
    const done = await run("ecu-sim", ["she", ...global], { input: '{"cmd":"NEW"}\n' });
    expect(done).toMatchObject({ code: 0, stderr: "", stdout: expect.stringContaining("ERC_NO_ERROR") });
  });

  it("answers a bad line of the SHE console with what is wrong, and goes on", async () => {
    const lines = ["{", "[]", "{}", '{"cmd":"FLY"}', '{"cmd":"LOAD_KEY","M1":"00"}', '{"cmd":"GET_STATUS"}'];
    const done = await callBuilt("ecu-sim", ["she"], { input: `${lines.join("\n")}\n` });
    expect(done).toMatchObject({ code: 0, stderr: "" });
    const answers = done.stdout
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(answers).toEqual([
      { error: expect.stringContaining("not JSON") },
      { error: expect.stringContaining("not a JSON object") },
      { error: expect.stringContaining("cmd: missing") },
      { error: expect.stringContaining('"FLY"') },
      { error: expect.stringContaining("M1: 16 bytes") },
      expect.objectContaining({ erc: "ERC_NO_ERROR" }),
    ]);
  });
});
