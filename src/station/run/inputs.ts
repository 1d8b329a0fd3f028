/** The values that a run needs, and what is made of them, before any unit is touched. */
import { encodeAttributes } from "../../pki/csr.js";
import { encodeName, fillSubject, formatDn } from "../../pki/names.js";
import { checkInputs, fillTemplate, missingInputs } from "../../profiles/inputs.js";
import type { Profile, ProfileCertificate } from "../../profiles/schema.js";
import { isStationError, StationError } from "../../shared/errors.js";
import type { CertificateRequest, Inputs, OrderSource } from "../ports.js";

/**
 * What was given, completed by the order source and the profile's defaults.
 * @throws StationError INPUT_MISSING, INPUT_INVALID
 */
export async function resolveInputs(
  profile: Profile,
  given: Inputs,
  orders: OrderSource,
  signal: AbortSignal,
): Promise<Inputs> {
  checkInputs(profile, given);
  const wanted = missingInputs(profile, given);
  const ordered = wanted.length > 0 ? await orders.inputsFor(profile, given, wanted, signal) : {};
  const taken = Object.fromEntries(wanted.flatMap((name) => (name in ordered ? [[name, ordered[name] ?? ""]] : [])));
  const inputs = { ...taken, ...given };
  const missing = missingInputs(profile, inputs);
  if (missing.length > 0) throw new StationError("INPUT_MISSING", { details: { what: missing.join(", ") } });
  return checkInputs(profile, inputs);
}

/** What one certificate of the profile is asked for with. */
export interface CertificateOrder {
  /** DER order. */
  readonly subject: ReturnType<typeof fillSubject>;
  readonly subjectDer: Uint8Array;
  /** Leaf first. */
  readonly dn: string;
  readonly attributes: Uint8Array;
  readonly request: Omit<CertificateRequest, "csrPem">;
}

function inputOf(inputs: Inputs, name: string): string {
  const value = inputs[name];
  if (value === undefined) throw new StationError("INPUT_MISSING", { details: { what: name } });
  return value;
}

/** @throws StationError INPUT_MISSING, INPUT_INVALID where a value fits into no Name */
export function certificateOrder(certificate: ProfileCertificate, inputs: Inputs): CertificateOrder {
  const request = {
    type: certificate.type,
    unitCode: fillTemplate(certificate.unitCode, inputs),
    tierCode: fillTemplate(certificate.tierCode, inputs),
    vehicleCode: inputOf(inputs, "vehicleCode"),
    localCode: inputOf(inputs, "localCode"),
    brandCode: inputOf(inputs, "brandCode"),
  };
  try {
    const subject = fillSubject(certificate.subject, inputs);
    const attributes = (certificate.attributes ?? []).map((entry) => ({
      ...entry,
      value: fillTemplate(entry.value, inputs),
    }));
    return {
      subject,
      subjectDer: encodeName(subject),
      dn: formatDn(subject),
      attributes: encodeAttributes(attributes),
      request,
    };
  } catch (error) {
    if (!isStationError(error, "PKI_UNREADABLE")) throw error;
    const what = `${certificate.name}: ${String(error.details.what)}`;
    throw new StationError("INPUT_INVALID", { details: { what }, cause: error });
  }
}

/** Builds all that will be made of the inputs once. @throws as certificateOrder, INPUT_MISSING for a VIN to be written */
export function checkOrders(profile: Profile, inputs: Inputs): void {
  if (profile.order.includes("vin")) inputOf(inputs, "vin");
  for (const certificate of profile.certificates) certificateOrder(certificate, inputs);
}
