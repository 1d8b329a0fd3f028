/** Certificates and keys that `ecu-sim` is given for authentication (29) by certificates. */
import { createPrivateKey } from "node:crypto";
import { signer } from "../src/pki/keys.js";
import { PROOF_ALGORITHMS, readOwnCertificates, readTrust } from "../src/pki/peer.js";
import type { EcuProfile } from "../src/profiles/loader.js";
import { describe, isStationError, StationError } from "../src/shared/errors.js";
import { readSettings } from "../src/shared/files.js";
import type { AuthenticationSettings } from "./unlocking.js";

export interface AuthenticationFiles {
  /** PEM: CAs that testers' certificates come from, and their revocation lists. */
  readonly anchors?: string | undefined;
  /** PEM: the ECU's certificate, its issuing CAs, and its private key. */
  readonly identity?: string | undefined;
}

/** Undefined where the profile authenticates in another way. @throws StationError USAGE */
export async function readAuthentication(
  profile: EcuProfile,
  { anchors, identity }: AuthenticationFiles,
): Promise<AuthenticationSettings | undefined> {
  const { name } = profile;
  const how = profile.target === "none" ? undefined : profile.securityAccess;
  if (how?.kind !== "certificate") {
    if (anchors === undefined && identity === undefined) return undefined;
    throw usage(`--auth-anchors, --auth-identity: profile ${name} does not authenticate by certificates`);
  }
  if (anchors === undefined) throw usage(`--auth-anchors: profile ${name} authenticates by certificates and needs it`);
  const trust = await read("--auth-anchors", anchors, readTrust);
  if (how.mutual === false) return { trust };
  if (identity === undefined) throw usage(`--auth-identity: profile ${name} has the ECU prove itself and needs it`);
  const own = await read("--auth-identity", identity, (pem) => {
    const key = createPrivateKey(pem);
    const algorithm = PROOF_ALGORITHMS[how.algorithm];
    return { certificates: readOwnCertificates(pem, key, algorithm), sign: signer(key, algorithm.hash) };
  });
  return { trust, own };
}

async function read<T>(option: string, file: string, take: (pem: string) => T): Promise<T> {
  const pem = await readSettings(file, "utf8").catch((error: unknown) => {
    throw usage(`${option} ${file}: ${describe(error)}`);
  });
  try {
    return take(pem);
  } catch (error) {
    // What Node says of a key may quote what stands in the file.
    throw usage(`${option} ${file}: ${isStationError(error) ? describe(error) : "no private key in PEM"}`);
  }
}

const usage = (what: string): StationError => new StationError("USAGE", { details: { what } });
