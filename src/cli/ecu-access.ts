/** What opens an ECU (27, 29): the secret of its type, or the station's own certificate and key, from where profile and configuration say. */
import { createPrivateKey, type KeyObject } from "node:crypto";
import type { Credentials } from "../ecu/uds/certificates.js";
import type { EcuAccess } from "../ecu/uds/security.js";
import { splitCertificates } from "../pki/chain.js";
import { signer, verifySignature } from "../pki/keys.js";
import { checkPeer, PROOF_ALGORITHMS, readOwnCertificates, readTrust } from "../pki/peer.js";
import type { ProfileAccess } from "../profiles/schema.js";
import type { Clock } from "../shared/clock.js";
import { describe, isStationError, StationError } from "../shared/errors.js";
import { readSettings } from "../shared/files.js";
import type { StationConfig } from "./config.js";
import { reason } from "./files.js";
import { type FoundProfile, readKeyFunction, readSecurityKey } from "./profiles.js";

export interface OpenedAccess {
  readonly access: EcuAccess;
  /** Ends the secrets in it. */
  wipe(): void;
}

/** @throws StationError CONFIG_INVALID, PROFILE_FORBIDDEN, PROFILE_INVALID */
export async function openEcuAccess(found: FoundProfile, config: StationConfig, clock: Clock): Promise<OpenedAccess> {
  const { securityAccess: how } = found.profile;
  if (how.kind === "certificate") {
    const credentials = await readCredentials(how, found.profile.name, config, clock);
    return { access: { credentials }, wipe: () => undefined };
  }
  const keyFunction = await readKeyFunction(found);
  const key = await readSecurityKey(found, config.mode);
  return { access: { key, ...(keyFunction && { keyFunction }) }, wipe: () => key.wipe() };
}

type CertificateAccess = Extract<ProfileAccess, { kind: "certificate" }>;

async function readCredentials(
  { credentials: name, algorithm, mutual = true, roles }: CertificateAccess,
  profile: string,
  config: StationConfig,
  clock: Clock,
): Promise<Credentials> {
  const where = `${config.file ?? "(built-in configuration)"}: credentials.${name}`;
  const files = config.credentials.get(name);
  if (files === undefined) throw invalid(`${where}: is missing, profile ${profile} needs it`);
  if (mutual && files.anchors === undefined)
    throw invalid(`${where}.anchors: is missing, profile ${profile} has the ECU prove itself`);
  const { curve, hash } = PROOF_ALGORITHMS[algorithm];
  const key = await readPrivateKey(files.key);
  const certificates = await readPem(files.certificate, (pem) => readOwnCertificates(pem, key, { curve, hash }));
  const trust = files.anchors === undefined ? undefined : await readPem(files.anchors, readTrust);
  return {
    certificates,
    sign: signer(key, hash),
    async fault(certificateServer, token, proof) {
      if (trust === undefined) return "nobody is trusted";
      let shown: Uint8Array[];
      try {
        shown = splitCertificates(certificateServer);
      } catch (error) {
        if (!isStationError(error, "PKI_UNREADABLE")) throw error;
        return describe(error);
      }
      const peer = await checkPeer({ certificates: shown, trust, curve, role: roles?.ecu, at: clock.now() });
      if (!peer.ok) return peer.what;
      return (await verifySignature(peer.key, hash, token, proof)) ? undefined : "its proof of ownership is wrong";
    },
  };
}

async function readPem<T>(file: string, read: (pem: string) => T): Promise<T> {
  try {
    return read(await readSettings(file, "utf8"));
  } catch (error) {
    throw invalid(`${file}: ${isStationError(error) ? describe(error) : reason(error)}`, error);
  }
}

async function readPrivateKey(file: string): Promise<KeyObject> {
  let pem: Buffer;
  try {
    pem = await readSettings(file);
  } catch (error) {
    throw invalid(`${file}: ${reason(error)}`, error);
  }
  try {
    return createPrivateKey(pem);
  } catch {
    // The reason may quote what stands in the file.
    throw invalid(`${file}: is no private key in PEM (an encrypted one cannot be read)`);
  } finally {
    pem.fill(0);
  }
}

const invalid = (what: string, cause?: unknown): StationError =>
  new StationError("CONFIG_INVALID", { details: { what }, cause });
