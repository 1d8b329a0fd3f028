/** What opens the lock of a reference ECU: security access (27) or authentication (29), as its profile has it. */

import { PROOF_ALGORITHMS, type Trust } from "../src/pki/peer.js";
import type { Profile, ProfileAccess } from "../src/profiles/schema.js";
import { fromHex } from "../src/shared/bytes.js";
import { StationError } from "../src/shared/errors.js";
import type { KeyFunction } from "../src/shared/key-function.js";
import { Secret } from "../src/shared/secret.js";
import { cmac } from "../src/she/codec/index.js";
import type { Access } from "./uds/access.js";
import { authenticationService } from "./uds/authentication.js";
import { certificateAuthenticationService, type OwnProof } from "./uds/authentication-certificates.js";
import type { Service } from "./uds/server.js";
import { type SecurityLevel, securityAccess } from "./uds/services/security.js";

/** Bytes of a key of security access. */
const KEY_LENGTH = 16;

/** What an ECU that authenticates by certificates has of its own. */
export interface AuthenticationSettings {
  /** Whom testers' certificates must come from. */
  readonly trust: Trust;
  /** Certificate and key of the ECU; needed where the profile is mutual. */
  readonly own?: OwnProof;
}

export interface UnlockingDeps {
  readonly access: Access;
  readonly securityKey?: Secret | undefined;
  readonly keyFunction?: KeyFunction | undefined;
  readonly authentication?: AuthenticationSettings | undefined;
  /** The ECU's own time, ms since the epoch. */
  readonly now: () => number;
}

/** @throws StationError PROFILE_INVALID where the key, or the certificates, that the profile wants were not given */
export function unlocking(profile: Profile, deps: UnlockingDeps): Service {
  const { uds, securityAccess: how } = profile;
  const { session } = uds;
  const { access, keyFunction } = deps;
  if (how.kind === "certificate") return byCertificates(profile.name, session, how, deps);
  const secret = deps.securityKey ?? profileKey(profile.name, how);
  const mac = (bytes: Uint8Array) => secret.use((key) => cmac(key, bytes));
  if (how.kind === "challenge-response") {
    const { communicationConfiguration = 0, mutual = true, challengeLength = 16 } = how;
    const algorithmIndicator = fromHex(how.algorithmIndicator);
    const options = { algorithmIndicator, communicationConfiguration, mutual, challengeLength, proofOf: mac };
    return authenticationService({ access, session, ...options });
  }
  const { level, seedLength } = how;
  const seedAndKey: SecurityLevel =
    keyFunction === undefined
      ? { level, seedLength, keyLength: KEY_LENGTH, keyOf: mac }
      : { level, seedLength, keyOf: (seed) => secret.use((bytes) => keyFunction({ seed, secret: bytes, level })) };
  return { ...securityAccess(access, [seedAndKey]), sessions: [session] };
}

type ByCertificates = Extract<ProfileAccess, { kind: "certificate" }>;

function byCertificates(
  name: string,
  session: number,
  how: ByCertificates,
  { access, authentication, now }: UnlockingDeps,
): Service {
  const { algorithm, communicationConfiguration = 0, mutual = true, challengeLength = 32, roles } = how;
  if (authentication === undefined) throw lacks(name, "anchors of the testers' certificates were not given");
  if (mutual && authentication.own === undefined) throw lacks(name, "the ECU's own certificate was not given");
  return certificateAuthenticationService({
    access,
    session,
    communicationConfiguration,
    challengeLength,
    certificateEvaluationId: how.certificateEvaluationId,
    algorithm: PROOF_ALGORITHMS[algorithm],
    trust: authentication.trust,
    role: roles?.station,
    own: mutual ? authentication.own : undefined,
    now,
  });
}

function profileKey(name: string, { key }: Exclude<ProfileAccess, ByCertificates>): Secret {
  if ("hex" in key) return Secret.fromHex(key.hex);
  throw lacks(name, "key.file was not read");
}

const lacks = (name: string, what: string): StationError =>
  new StationError("PROFILE_INVALID", { details: { what: `${name}: securityAccess: ${what}` } });
