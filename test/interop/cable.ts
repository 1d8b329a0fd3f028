/** A serial cable: two pty ends joined by socat. */
import { spawn } from "node:child_process";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { onTestFinished } from "vitest";
import { tempFolder } from "../system/harness.js";

/** The devices of both ends; it is pulled when the test ends. */
export async function serialCable(): Promise<[string, string]> {
  const folder = tempFolder("cable");
  const ends: [string, string] = [join(folder, "a"), join(folder, "b")];
  const socat = spawn("socat", ["-d", "-d", ...ends.map((link) => `pty,raw,echo=0,link=${link}`)], {
    stdio: ["ignore", "ignore", "pipe"],
  });
  onTestFinished(() => {
    socat.kill("SIGTERM");
  });
  await new Promise<void>((resolve, reject) => {
    createInterface({ input: socat.stderr }).on("line", (line) => {
      if (line.includes("starting data transfer loop")) resolve();
    });
    socat.once("error", reject);
    socat.once("exit", () => reject(new Error("socat ended at once")));
  });
  return ends;
}
