/** Data identifiers of ISO 14229-1:2020 Annex C.1 that identification uses; names as in the standard. */
const STANDARD_DIDS = {
  BootSoftwareIdentification: 0xf180,
  ApplicationSoftwareIdentification: 0xf181,
  ActiveDiagnosticSession: 0xf186,
  VehicleManufacturerSparePartNumber: 0xf187,
  VehicleManufacturerECUSoftwareNumber: 0xf188,
  VehicleManufacturerECUSoftwareVersionNumber: 0xf189,
  SystemSupplierIdentifier: 0xf18a,
  ECUManufacturingDate: 0xf18b,
  ECUSerialNumber: 0xf18c,
  VIN: 0xf190,
  VehicleManufacturerECUHardwareNumber: 0xf191,
  SystemSupplierECUHardwareNumber: 0xf192,
  SystemSupplierECUHardwareVersionNumber: 0xf193,
  SystemSupplierECUSoftwareNumber: 0xf194,
  SystemSupplierECUSoftwareVersionNumber: 0xf195,
  SystemNameOrEngineType: 0xf197,
  RepairShopCodeOrTesterSerialNumber: 0xf198,
  ProgrammingDate: 0xf199,
} as const;

const NAMES: ReadonlyMap<number, string> = new Map(Object.entries(STANDARD_DIDS).map(([name, did]) => [did, name]));

/** `F190 VIN` for texts; the number alone where the standard has no name. */
export function didName(did: number): string {
  const hex = did.toString(16).padStart(4, "0").toUpperCase();
  const name = NAMES.get(did);
  return name === undefined ? hex : `${hex} ${name}`;
}
