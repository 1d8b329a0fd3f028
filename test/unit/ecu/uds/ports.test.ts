import { expect, expectTypeOf, it } from "vitest";
import { isoTpOptionsOf } from "../../../../src/ecu/transport/isotp/options.js";
import type { EcuMap } from "../../../../src/ecu/uds/map.js";
import type { UdsEcuSession } from "../../../../src/ecu/uds/session.js";
import type { Profile, ProfileCan } from "../../../../src/profiles/schema.js";
import type { EcuSession } from "../../../../src/station/ports.js";

it("the session is what the station asks for, and a profile is what the session asks for", () => {
  // Checked by the compiler; ecu may import neither the station nor the profiles.
  expectTypeOf<UdsEcuSession>().toExtend<EcuSession>();
  expectTypeOf<Profile>().toExtend<EcuMap>();
  expectTypeOf<ProfileCan>().toExtend<Parameters<typeof isoTpOptionsOf>[0]>();
});

it("both sides of a profile's link fit each other", () => {
  const can: ProfileCan = {
    bitrate: 500_000,
    addressing: "normal",
    extendedIds: false,
    requestId: 0x7e0,
    responseId: 0x7e8,
    functionalId: 0x7df,
    padding: { station: 0xcc, ecu: 0xaa },
    flowControl: { station: { BS: 8, STmin: 1 }, ecu: { BS: 0, STmin: 0 } },
    timing: { N_As: 1_000, N_Ar: 1_000, N_Bs: 1_000, N_Br: 0, N_Cs: 0, N_Cr: 1_000, N_WFTmax: 10 },
  };
  expect(isoTpOptionsOf(can, "station")).toEqual({
    addressing: { format: "normal", extendedIds: false, txId: 0x7e0, rxId: 0x7e8, functionalTxId: 0x7df },
    padding: 0xcc,
    BS: 8,
    STmin: 1,
    timing: can.timing,
  });
  expect(isoTpOptionsOf(can, "ecu")).toEqual({
    addressing: { format: "normal", extendedIds: false, txId: 0x7e8, rxId: 0x7e0, functionalRxId: 0x7df },
    padding: 0xaa,
    BS: 0,
    STmin: 0,
  });
});
