/** Does in the token's process what the station asks for about a unit. */
import type { Bench } from "../../token/bench.js";
import type { UnitTask } from "./calls.js";
import { CertificateSlots } from "./certificate-slots.js";
import { KeySlots } from "./key-slots.js";

/** @throws StationError TOKEN_* */
export async function performTask(bench: Bench, { unit, ...task }: UnitTask): Promise<unknown> {
  const keys = new KeySlots(bench, unit);
  const certificates = new CertificateSlots(bench, unit.uid);
  switch (task.call) {
    case "state":
      return { keySlots: keys.filled(), certificateSlots: certificates.filled() };
    case "makePair":
      return certificates.makePair(task.args.slot, task.args.curve);
    case "install":
      return certificates.install(task.args.slot, task.args.leaf, task.args.issuers, task.args.anchors);
    case "certificate":
      return certificates.certificate(task.args.slot) ?? null;
    case "loadKey":
      return keys.loadKey(task.args.m1, task.args.m2, task.args.m3);
    case "lastLoad":
      return keys.lastLoad(task.args.slot) ?? null;
    case "generateMac":
      return keys.generateMac(task.args.slot, task.args.data);
  }
}
