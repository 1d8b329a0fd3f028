import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { fileFlash } from "../../../firmware-sim/flash/file.js";
import { toHex } from "../../../src/shared/bytes.js";
import { Authority, NOW } from "./authority.js";
import { Bench, len2 } from "./bench.js";
import { V7, V7_ANSWER, V7_LOAD } from "./updates.js";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "ecu-"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

describe("an ECU whose program is killed", () => {
  it("holds what it acknowledged when another program starts on its flash file", async () => {
    const path = join(folder, "unit.flash");
    const start = () => Bench.start({ ecu: { flash: fileFlash(path) } });
    const killed = await start();
    await killed.unlock();
    await killed.expect(`2ef1b0${(NOW / 1000).toString(16).padStart(16, "0")}`, "6ef1b0");
    await killed.expect(V7_LOAD, V7_ANSWER);
    const name = "300f310d300b06035504030c0454657374";
    await killed.expect(`310102200302${len2(name)}${name}0000`, "7101022000");
    const root = await Authority.root("CN=Root", "P-521");
    const leaf = await root.leaf(Buffer.from((await killed.ask("22f1d3")).slice(6), "hex"));
    expect(await killed.install(3, 3, root.der)).toBe("00");
    expect(await killed.install(3, 1, leaf)).toBe("00");
    await killed.expect("31010230", "7101023000");
    const challenge = "77".repeat(32);

    // Neither closed nor told: what is not in the file by now is lost.
    const next = await start();
    expect(await next.ask("22f1a2")).toBe("62f1a201000208");
    expect(await next.ask("22f1c3")).toBe(`62f1c3${toHex(leaf)}`);
    await next.unlock();
    expect(await next.ask("3103021001")).toBe(`7103021000${V7.m4}${V7.m5}`);
    expect(await next.ask(V7_LOAD)).toBe("7101021007");
    expect(await next.ask(`3101022203${challenge}`)).toMatch(/^7101022200/);
    expect(await next.install(3, 1, leaf)).toBe("00");
    await next.close();
    await killed.close();
  });
});
