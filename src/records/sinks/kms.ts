/** The KMS as a receiver: the PUTs of key and sync results. */
import { StationError } from "../../shared/errors.js";
import type { KmsClient } from "../../station/ports.js";
import { KMS } from "../types.js";
import type { Sink } from "./sink.js";

/** @param kms its own retries and servers; the caller closes it */
export function kmsSink(kms: Pick<KmsClient, "report">): Sink {
  return {
    name: KMS,
    async deliver({ id, result }, signal) {
      if (result.kind === "run")
        throw new StationError("INTERNAL", { details: { what: `${id} is no result for the KMS` } });
      await kms.report(result, id, signal);
    },
    unreachable: (what) => new StationError("KMS_UNREACHABLE", { details: { what } }),
    close: async () => undefined,
  };
}
