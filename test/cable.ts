/** A serial cable: two ptys that socat joins. */
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { requireTool, works } from "./require.js";

/** Whether cables can be made here. */
export function requireCable(): boolean {
  return requireTool("socat", () => works("socat", ["-V"]), "apt-get install -y socat");
}

export interface Cable {
  /** The devices at its two ends. */
  readonly near: string;
  readonly far: string;
  /** Takes both devices away; idempotent. Who lays a cable pulls it. */
  pull(): Promise<void>;
}

/** A cable whose ends are ready: socat says so when both devices are set up. */
export async function serialCable(): Promise<Cable> {
  const folder = mkdtempSync(join(tmpdir(), "cable-"));
  const [near, far] = [join(folder, "near"), join(folder, "far")];
  const socat = spawn("socat", ["-d", "-d", ...[near, far].map((link) => `pty,raw,echo=0,link=${link}`)], {
    stdio: ["ignore", "ignore", "pipe"],
  });
  const ended = new Promise<void>((resolve) => socat.once("close", () => resolve()));
  await new Promise<void>((resolve, reject) => {
    createInterface({ input: socat.stderr }).on("line", (line) => {
      if (line.includes("starting data transfer loop")) resolve();
    });
    socat.once("error", reject);
    socat.once("exit", () => reject(new Error("socat ended at once")));
  });
  const pull = async () => {
    socat.kill("SIGTERM");
    await ended;
    rmSync(folder, { recursive: true, force: true });
  };
  return { near, far, pull };
}
