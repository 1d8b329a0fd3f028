/** A scrapped, replaced or reworked unit: all certificates that its records name are revoked, and the audit log says so. */
import type { Store } from "../db/store.js";
import type { Clock } from "../shared/clock.js";
import { StationError } from "../shared/errors.js";
import type { VpkiClient } from "../station/ports.js";
import type { RecordsDefinition } from "./store.js";
import type { NamedUnit, RevokedCertificate } from "./types.js";

export interface RevokeOrder {
  /** VIN, EcuID or serial number. */
  readonly unit: string;
  readonly reason: string;
  /** The unit may be run again; left out, it counts as scrapped. */
  readonly rework?: boolean;
  /** Who, as the audit log shall name them. */
  readonly actor: string;
}

export interface RevokedUnit extends NamedUnit {
  readonly state: "scrapped" | "rework";
  readonly reason: string;
  readonly certificates: readonly RevokedCertificate[];
}

export interface RevocationOptions {
  readonly store: Store<RecordsDefinition>;
  readonly vpki: Pick<VpkiClient, "revoke">;
  readonly clock: Clock;
}

type CertificateType = Parameters<VpkiClient["revoke"]>[0];

/**
 * The decision is written first, so that the unit is refused even where the vPKI is away; called again, it goes on where it ended.
 * @throws StationError UNIT_UNKNOWN, UNIT_AMBIGUOUS, VPKI_*
 */
export async function revokeUnit(
  { store, vpki, clock }: RevocationOptions,
  { unit: named, reason, rework = false, actor }: RevokeOrder,
  signal: AbortSignal,
): Promise<RevokedUnit> {
  const unit = await oneUnit(store, named);
  const { ecuId } = unit;
  const state = rework ? "rework" : "scrapped";
  const decision = { ecuId, state, reason, actor, now: clock.now() } as const;
  await store.call("decideUnit", decision);
  const certificates: RevokedCertificate[] = [];
  for (const { type, dn, serials, heldBy } of await store.call("unitCertificates", ecuId)) {
    // The vPKI revokes by name: the certificates of the unit that has the name now would go with it.
    const certificate: RevokedCertificate =
      heldBy === undefined
        ? { type, dn, serials, state: await vpki.revoke(type as CertificateType, dn, signal) }
        : { type, dn, serials, state: "kept", heldBy };
    await store.call("noteRevoked", { decision, certificate, now: clock.now() });
    certificates.push(certificate);
  }
  return { ...unit, state, reason, certificates };
}

async function oneUnit(store: Store<RecordsDefinition>, named: string): Promise<NamedUnit> {
  const [unit, ...others] = await store.call("unitsNamed", named);
  if (unit === undefined) throw new StationError("UNIT_UNKNOWN", { details: { unit: named } });
  if (others.length > 0) {
    const what = [unit, ...others].map(({ ecuId, profile }) => `${ecuId} (${profile})`).join(", ");
    throw new StationError("UNIT_AMBIGUOUS", { details: { unit: named, what } });
  }
  return unit;
}
