import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { main } from "../../../firmware-sim/main.js";
import { ask, FakeProcess, running } from "./program.js";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "ecu-sim-"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

describe("ecu-sim", () => {
  it("says first where it listens, serves the profile's ECU there, and ends with 0 when it is told to", async () => {
    const { code, io } = await running(["--profile", "evcc"], async ({ listening }) => {
      expect(listening).toMatch(/^slcan\+tcp:\/\/127\.0\.0\.1:\d+$/);
      expect(await ask(listening, "22f197")).toBe("62f19745564343");
    });
    expect(code).toBe(0);
    expect(io.err).toBe("");
    expect(io.out.trimEnd().split("\n")).toHaveLength(1);
  });

  it("plays a plain UDS ECU, and keeps what was written to it", async () => {
    const args = ["--profile", "generic-uds", "--state", join(folder, "generic.flash")];
    const value = "5a".repeat(32);
    await running(args, async ({ listening }) => {
      expect(await ask(listening, "1003")).toBe("5003003201f4");
      expect(await ask(listening, `2e0100${value}`)).toBe("6e0100");
    });
    await running(args, async ({ listening }) => {
      expect(await ask(listening, "220100")).toBe(`620100${value}`);
    });
  });

  it("keeps its unit in the state file, and takes options for a new one", async () => {
    const state = join(folder, "unit.flash");
    const id = `${"11".repeat(12)}00070009${"22".repeat(11)}`;
    const vin = "KMHXX00XXXX000001";
    await running(["--profile", "evcc", "--state", state, "--ecu-id", id, "--vin", vin], async ({ listening }) => {
      expect(await ask(listening, "22f1a0f190")).toBe(`62f1a0${id}f190${Buffer.from(vin).toString("hex")}`);
    });
    await running(["--profile", "evcc", "--state", state], async ({ listening }) => {
      expect(await ask(listening, "22f1a0f190")).toBe(`62f1a0${id}f190${Buffer.from(vin).toString("hex")}`);
    });
  });

  it("makes the same unit of the same seed, of the type and supplier that are given", async () => {
    const ids: string[] = [];
    for (const seed of ["a", "a", "b"])
      await running(
        ["--profile", "evcc", "--seed", seed, "--ecu-type", "0a0b", "--supplier-id", "1D"],
        async ({ listening }) => {
          ids.push(await ask(listening, "22f1a0"));
        },
      );
    expect(ids[0]).toBe(ids[1]);
    expect(ids[2]).not.toBe(ids[0]);
    expect(ids[0]?.slice(6 + 24, 6 + 32)).toBe("0a0b001d");
  });

  it("starts several ECUs, each with a link, a unit and a state file of its own", async () => {
    const state = join(folder, "unit.flash");
    let units: unknown;
    const args = ["--profile", "evcc", "--state", state, "--count", "3"];
    await running(args, async ({ listening, ecus }) => {
      const list = ecus as { listening: string; ecuId: string }[];
      expect(list).toHaveLength(3);
      expect(listening).toBe(list[0]?.listening);
      for (const unit of list) expect(await ask(unit.listening, "22f1a0")).toBe(`62f1a0${unit.ecuId}`);
      expect(new Set(list.map(({ ecuId }) => ecuId)).size).toBe(3);
      units = list.map(({ ecuId }) => ecuId);
    });
    await running(args, async ({ ecus }) => {
      expect((ecus as { ecuId: string }[]).map(({ ecuId }) => ecuId)).toEqual(units);
    });
  });

  it("refuses a profile whose key algorithm is a module that is not there, with exit 2", async () => {
    const { readFile } = await import("node:fs/promises");
    const text = await readFile(new URL("../../../hw-profiles/evcc.yaml", import.meta.url), "utf8");
    const profile = join(folder, "own.yaml");
    await writeFile(profile, text.replace("algorithm: aes-cmac", "algorithm: ./own.mjs"));
    const io = new FakeProcess();
    expect(await main(["--profile", profile], io)).toBe(2);
    expect(io.err).toContain("own.mjs: cannot be loaded");
  });

  it("takes a profile by its path, with the security key in a file beside it", async () => {
    const { readFile } = await import("node:fs/promises");
    const text = await readFile(new URL("../../../hw-profiles/evcc.yaml", import.meta.url), "utf8");
    const profile = join(folder, "other.yaml");
    await writeFile(profile, text.replace(/key: \{ hex: .*\}/, "key: { file: secret.hex }"));
    const io = new FakeProcess();
    expect(await main(["--profile", profile], io)).toBe(2);
    expect(io.err).toContain("secret.hex");
    await writeFile(join(folder, "secret.hex"), `${"ab".repeat(16)}\n`);
    const { code } = await running(["--profile", profile], async ({ listening }) => {
      expect(await ask(listening, "22f197")).toBe("62f19745564343");
    });
    expect(code).toBe(0);
  });

  it("misbehaves as --fault says", async () => {
    await running(["--profile", "evcc", "--fault", "wrong-kind", "--fault", "nrc:11:22"], async ({ listening }) => {
      expect(await ask(listening, "1101")).toBe("7f1122");
      expect(await ask(listening, "22f197")).not.toBe("62f19745564343");
    });
  });

  it("asks its link for the profile's bit rate with --bus-pace", async () => {
    const io = new FakeProcess();
    const link = "slcan+listen://127.0.0.1:0?bogus=1";
    expect(await main(["--profile", "evcc", "--bus-pace", "--link", link], io)).toBe(2);
    expect(io.err).toContain(`${link}&pace=500000`);
    const { code } = await running(["--profile", "evcc", "--bus-pace"], async ({ listening }) => {
      expect(await ask(listening, "22f197")).toBe("62f19745564343");
    });
    expect(code).toBe(0);
  });

  it("ends when stdin does with --with-parent", async () => {
    const io = new FakeProcess();
    const done = main(["--profile", "evcc", "--with-parent"], io);
    await io.firstLine;
    io.stdin.end();
    expect(await done).toBe(0);
  });

  it("has a help with an example", async () => {
    const io = new FakeProcess();
    expect(await main(["--help"], io)).toBe(0);
    expect(io.out).toContain("Example:");
    expect(io.out).toContain("--profile");
    expect(io.err).toBe("");
  });

  it.each([
    ["no profile", []],
    ["an unknown profile", ["--profile", "nothing"]],
    ["a profile that is none", ["--profile", "package.json"]],
    ["an unknown option", ["--profile", "evcc", "--bogus"]],
    ["an argument too many", ["--profile", "evcc", "extra"]],
    ["a bad link", ["--profile", "evcc", "--link", "nowhere"]],
    ["a port out of range", ["--profile", "evcc", "--link", "slcan+listen://127.0.0.1:99999"]],
    ["a bad fault", ["--profile", "evcc", "--fault", "bogus"]],
    ["a bad count", ["--profile", "evcc", "--count", "0"]],
    ["identifiers without a shared bus", ["--profile", "evcc", "--ids", "600:680"]],
    ["identifiers that are none", ["--profile", "evcc", "--share-bus", "--ids", "600"]],
    ["a step of 0", ["--profile", "evcc", "--share-bus", "--ids", "600:680:0"]],
    ["identifiers that meet", ["--profile", "evcc", "--share-bus", "--count", "9"]],
    ["identifiers that meet the functional one", ["--profile", "evcc", "--share-bus", "--ids", "7d0:7df"]],
    ["identifiers above 7FF", ["--profile", "evcc", "--share-bus", "--count", "2", "--ids", "7ff:600"]],
    ["a shared K-Line", ["--profile", "body-she", "--share-bus", "--link", "kline:/dev/null"]],
    ["a control address that is none", ["--profile", "evcc", "--control", "here"]],
    ["a control address of another machine", ["--profile", "evcc", "--control", "tcp://192.0.2.1:4000"]],
    ["a control address that all machines reach", ["--profile", "evcc", "--control", "tcp://0.0.0.0:4000"]],
    ["a control port out of range", ["--profile", "evcc", "--control", "tcp://127.0.0.1:70000"]],
    ["a control path that is too long", ["--profile", "evcc", "--control", `unix:/tmp/${"x".repeat(120)}`]],
    ["a count on one bus", ["--profile", "evcc", "--count", "2", "--link", "virtual:x"]],
    ["a short VIN", ["--profile", "evcc", "--vin", "SHORT"]],
    ["a short EcuID", ["--profile", "evcc", "--ecu-id", "00"]],
    ["one EcuID for two", ["--profile", "evcc", "--count", "2", "--ecu-id", "11".repeat(27)]],
    ["a UID of zeros", ["--profile", "evcc", "--ecu-id", "00".repeat(27)]],
    ["a type that is no hex", ["--profile", "evcc", "--ecu-type", "xyz"]],
    ["a bad blank key", ["--profile", "evcc", "--blank-key", "00"]],
    ["a state file without its folder", ["--profile", "evcc", "--state", "/nonexistent/folder/unit.flash"]],
    ["a state file that is none", ["--profile", "evcc", "--state", "package.json"]],
  ])("answers %s with one line on stderr and exit 2", async (_, args) => {
    const io = new FakeProcess();
    expect(await main(args, io)).toBe(2);
    expect(io.err).toMatch(/^ecu-sim: .+\n$/);
    expect(io.err.trimEnd()).not.toContain("\n");
    expect(io.out).toBe("");
  });

  it("refuses the state of another profile", async () => {
    const state = join(folder, "unit.flash");
    await running(["--profile", "evcc", "--state", state], async () => undefined);
    const io = new FakeProcess();
    expect(await main(["--profile", "ccu", "--state", state], io)).toBe(2);
    expect(io.err).toContain("evcc");
  });
});
