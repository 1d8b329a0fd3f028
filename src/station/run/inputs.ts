/** The values that a run needs, and what is made of them, before any unit is touched. */
import { encodeAttributes } from "../../pki/csr.js";
import { encodeName, fillSubject, formatDn } from "../../pki/names.js";
import { checkInputs, fillTemplate, missingInputs } from "../../profiles/inputs.js";
import type { Profile, ProfileCertificate } from "../../profiles/schema.js";
import { isStationError, StationError } from "../../shared/errors.js";
import type { CertificateRequest, Inputs, Order, OrderSource } from "../ports.js";

/** What a run is to do to which unit. */
export interface ResolvedOrder {
  readonly inputs: Inputs;
  /** 54 lower-case hex digits. */
  readonly ecuId: string | undefined;
}

/**
 * What was given, completed by the unit's order and the profile's defaults.
 * @throws StationError INPUT_MISSING, INPUT_INVALID; ORDER_MISMATCH where the order contradicts what was given; what the source throws
 */
export async function resolveOrder(
  profile: Profile,
  given: { readonly inputs: Inputs; readonly ecuId?: string },
  orders: OrderSource,
  signal: AbortSignal,
): Promise<ResolvedOrder> {
  checkInputs(profile, given.inputs);
  const order = await orders.orderFor(profile, given.inputs, missingInputs(profile, given.inputs), signal);
  if (order !== undefined) refuseMismatch(profile, given, order);
  const known = Object.entries(order?.inputs ?? {}).filter(([name]) => profile.inputs.some((it) => it.name === name));
  const inputs = { ...Object.fromEntries(known), ...given.inputs };
  const missing = missingInputs(profile, inputs);
  if (missing.length > 0) throw new StationError("INPUT_MISSING", { details: { what: missing.join(", ") } });
  return { inputs: checkInputs(profile, inputs), ecuId: (given.ecuId ?? order?.ecuId)?.toLowerCase() };
}

function refuseMismatch(
  profile: Profile,
  given: { readonly inputs: Inputs; readonly ecuId?: string },
  order: Order,
): void {
  const pairs: [string, string | undefined, string | undefined][] = [
    ["profile", profile.name, order.profile],
    ["EcuID", given.ecuId?.toLowerCase(), order.ecuId?.toLowerCase()],
    ...Object.entries(given.inputs).map(([name, value]): [string, string, string | undefined] => [
      name,
      value,
      Object.hasOwn(order.inputs, name) ? order.inputs[name] : undefined,
    ]),
  ];
  for (const [name, here, ordered] of pairs) {
    if (here === undefined || ordered === undefined || here === ordered) continue;
    const what = `${name} is ${here}, ordered is ${ordered}`;
    throw new StationError("ORDER_MISMATCH", { details: { source: order.source, what } });
  }
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
