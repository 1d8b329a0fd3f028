/** `sim:` links: a simulated ECU, started as a process of its own and reached over slcan on TCP like any adapter. */
import { spawn } from "node:child_process";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { checkLinkUrl } from "../ecu/link/open.js";
import { withLimit } from "../shared/abort.js";
import type { Clock } from "../shared/clock.js";
import { StationError } from "../shared/errors.js";
import { packageRoot } from "../shared/paths.js";

const SCHEME = "sim:";
/** Parameters of a `sim:` URL that are handed to ecu-sim as options of the same name. */
const PARAMETERS = ["state", "fault", "vin", "clock", "auth-anchors", "auth-identity"] as const;

export interface Simulator {
  /** Where it listens, `slcan+tcp://…`. */
  readonly link: string;
  stop(): Promise<void>;
}

export function isSimulatorLink(link: string): boolean {
  return link.startsWith(SCHEME);
}

/** False for a simulated unit without a state file: it exists for one run. */
export function isLastingUnit(link: string): boolean {
  return !isSimulatorLink(link) || link.includes("state=");
}

/** Judges the address of a link without opening it. @throws StationError LINK_URL_INVALID */
export function checkLink(link: string): void {
  if (isSimulatorLink(link)) simulatorOptions(link);
  else checkLinkUrl(link);
}

/** Options of ecu-sim that a `sim:` URL stands for. @throws StationError LINK_URL_INVALID */
function simulatorOptions(link: string): string[] {
  const [path, query = ""] = link.slice(SCHEME.length).split("?", 2);
  const given = new URLSearchParams(query);
  const unknown = [...given.keys()].find((name) => !PARAMETERS.some((known) => known === name));
  if (path !== "" || unknown !== undefined) {
    const what = `${link} (expected ${SCHEME} or ${SCHEME}?${PARAMETERS.map((name) => `${name}=…`).join("&")})`;
    throw new StationError("LINK_URL_INVALID", { details: { what } });
  }
  return [...given].flatMap(([name, value]) => [`--${name}`, value]);
}

/**
 * Starts ecu-sim for a profile; it ends with `stop`, and by itself when this process is gone.
 * @param profile name or file
 * @param limit ms until it must listen
 * @throws StationError LINK_URL_INVALID, LINK_OPEN_FAILED
 */
export async function startSimulator(
  link: string,
  profile: string,
  limit: number,
  clock: Clock,
  signal?: AbortSignal,
): Promise<Simulator> {
  const args = [
    "--profile",
    profile,
    "--link",
    "slcan+listen://127.0.0.1:0",
    "--with-parent",
    ...simulatorOptions(link),
  ];
  const child = spawn(process.execPath, [join(packageRoot(), "bin", "ecu-sim.js"), ...args], {
    stdio: ["pipe", "pipe", "pipe"],
  });
  let complaint = "";
  child.stderr.on("data", (chunk: Buffer) => {
    complaint = `${complaint}${chunk.toString()}`.slice(0, 2_000);
  });
  // A simulator that is gone already takes no more input; its exit tells.
  child.stdin.on("error", () => undefined);
  const exited = new Promise<void>((resolve) => {
    child.on("error", () => resolve());
    child.on("close", () => resolve());
  });
  const failed = (why: string) =>
    new StationError("LINK_OPEN_FAILED", { details: { what: `${link}: ${complaint.trim().split("\n")[0] || why}` } });
  const stop = async () => {
    child.stdin.end();
    child.kill("SIGTERM");
    const killer = clock.timer(2_000, () => child.kill("SIGKILL"));
    await exited;
    killer.cancel();
  };
  try {
    const first = await withLimit(
      clock,
      limit,
      signal,
      () => failed(`no simulator after ${limit} ms`),
      () =>
        Promise.race([
          new Promise<string>((resolve) => createInterface({ input: child.stdout }).once("line", resolve)),
          exited.then(() => Promise.reject(failed("the simulator ended at once"))),
        ]),
    );
    const listening = /^\{"listening":"([^"]+)"/.exec(first)?.[1];
    if (listening === undefined) throw failed("the simulator did not say where it listens");
    return { link: listening, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}
