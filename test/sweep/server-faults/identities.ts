/** TLS identities of the proxy: the right one, and the wrong ones that it may show. */
import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { ensureTls } from "../../../src/servers/http/tls.js";
import { systemClock, VirtualClock } from "../../../src/shared/clock.js";
import type { ConnectionFault } from "./faults.js";

/** Not among the names that every server certificate has. */
export const HOST = "127.0.0.2";
const YEARS = 3 * 365 * 86_400_000;

export interface Identity {
  readonly cert: string;
  readonly key: string;
}

export interface Identities extends Readonly<Record<Exclude<ConnectionFault, "refuse"> | "right", Identity>> {
  /** PEM of the CA that the station trusts. */
  readonly ca: string;
}

/** @param dir a folder to make them in */
export async function makeIdentities(dir: string): Promise<Identities> {
  const one = join(dir, "ca");
  const identity = async (folder: string, options: Parameters<typeof ensureTls>[1]): Promise<Identity> => {
    const { certPem, keyPem } = await ensureTls(folder, options);
    rmSync(join(folder, "server.pem"));
    return { cert: certPem, key: keyPem };
  };
  const clock = systemClock;
  // Made first: the CA of all is as old as that.
  const expired = await identity(one, { clock: new VirtualClock(clock.now() - YEARS), hosts: [HOST] });
  return {
    expired,
    "other-host": await identity(one, { clock }),
    right: await identity(one, { clock, hosts: [HOST] }),
    "other-ca": await identity(join(dir, "other-ca"), { clock, hosts: [HOST] }),
    ca: readFileSync(join(one, "ca.pem"), "utf8"),
  };
}
