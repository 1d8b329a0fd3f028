/** A run without a power cut: the steps of the ECU's flash, and what its memory held between them. */
import { createPrivateKey, createPublicKey, X509Certificate } from "node:crypto";
import type { FlashStep } from "../../../firmware-sim/flash/flash.js";
import { type FlashCell, imageIn } from "../../../firmware-sim/flash/memory.js";
import type { EcuState, SlotState } from "../../../firmware-sim/state.js";
import type { Profile } from "../../../src/profiles/schema.js";
import { equalBytes, fromHex } from "../../../src/shared/bytes.js";
import { cmac, KEY_UPDATE_MAC_C, kdf } from "../../../src/she/codec/index.js";
import { type Plant, profileOf } from "../wire/plant.js";

/** Bytes of changes that fit an area: few, so that a run fills it several times. */
export const SLACK = 512;

export interface CleanRun {
  readonly steps: readonly FlashStep[];
  /** What stood on the medium before each step, by its index in `steps`, and after the last one. */
  readonly cells: readonly FlashCell[];
  /** Shapes of the states, in the order of the saves; the first one is that of a blank flash. */
  readonly shapes: readonly string[];
}

/** The EVCC with all its keys and certificates, in frames of 64 bytes: the sweep is about its memory. */
export function powerProfile(): Profile {
  const profile = profileOf("evcc");
  if (profile.can === undefined) throw new Error("the EVCC has no can section");
  const fd = { TX_DL: { station: 64, ecu: 64 }, dataBitrate: 2_000_000, bitRateSwitch: true } as const;
  return { ...profile, can: { ...profile.can, fd } };
}

export async function recordClean(plant: Plant): Promise<CleanRun> {
  const unit = plant.blank();
  const steps: FlashStep[] = [];
  const cells: FlashCell[] = [];
  const shapes = [shapeOf(unit.cell)];
  const onStep = (step: FlashStep) => {
    steps.push(step);
    cells.push(structuredClone(unit.cell));
    if (step.kind === "done") shapes.push(shapeOf(unit.cell));
  };
  await plant.powerUp(unit, { slack: SLACK, onStep });
  const { record } = await plant.run(unit);
  await plant.scrap(unit);
  cells.push(structuredClone(unit.cell));
  if (record.outcome !== "PASS") throw new Error(`the run to be recorded failed: ${record.failure?.text.en}`);
  return { steps, cells, shapes };
}

function stateIn(cell: FlashCell): EcuState | undefined {
  const image = imageIn(cell);
  return image === undefined ? undefined : (JSON.parse(Buffer.from(image).toString("utf8")) as EcuState);
}

/** What two runs of the same profile have in common, of a state: everything but the values of keys, certificates and ids. */
export function shapeOf(cell: FlashCell): string {
  const state = stateIn(cell);
  if (state === undefined) return "blank";
  const { vin, locked, attempts, slots, she } = state;
  return JSON.stringify({
    vin: vin !== null,
    // A new unit's clock is years behind.
    clock: Math.abs(Number(state.clockOffset)) < 86_400_000,
    locked,
    attempts,
    slots: slots.map(({ waiting, inUse, csr, leaf, issuers, anchors }) => {
      return [waiting, inUse, csr, leaf]
        .map((part) => part !== undefined)
        .concat([issuers, anchors].map((set) => set.length > 0));
    }),
    keys: she?.keys.map(({ slot, counter, flags, proof }) => [slot, counter, flags, proof !== undefined]),
  });
}

/** What does not fit together in a state. */
export function inconsistencies(cell: FlashCell): string[] {
  const state = stateIn(cell);
  return [...(state?.slots ?? []).flatMap(slotFaults), ...(state?.she?.keys ?? []).flatMap(keyFaults)];
}

/** M5 = CMAC of M4 by K4, which derives from the key. */
function keyFaults({ slot, key, proof }: NonNullable<EcuState["she"]>["keys"][number]): string[] {
  if (proof === undefined) return [`slot ${slot} has no proof`];
  const m5 = cmac(kdf(fromHex(key), KEY_UPDATE_MAC_C), fromHex(proof.m4));
  return equalBytes(m5, fromHex(proof.m5)) ? [] : [`slot ${slot} has the proof of another key`];
}

function slotFaults({ inUse, leaf }: SlotState, slot: number): string[] {
  if ((leaf === undefined) !== (inUse === undefined)) return [`certificate slot ${slot} has a leaf or its key alone`];
  if (leaf === undefined || inUse === undefined) return [];
  const pkcs8 = createPrivateKey({ key: Buffer.from(inUse.pkcs8, "base64"), format: "der", type: "pkcs8" });
  const own = new X509Certificate(Buffer.from(leaf, "base64")).publicKey.equals(createPublicKey(pkcs8));
  return own ? [] : [`certificate slot ${slot} has a leaf for another key`];
}
