/** A download by 34, 36 and 37 (ISO 14229-1:2020 §14). */
import { isStationError, StationError } from "../../shared/errors.js";
import type { UdsClient } from "./client.js";
import { call } from "./services/service.js";
import { requestDownload, requestTransferExit, transferData } from "./services/transfer.js";

/** How often a block is sent again whose answer was lost: the server acknowledges a repeated block without storing it (§14.4.5.1). */
const BLOCK_REPEATS = 1;

/**
 * Sends `data` to `address` in blocks as long as the ECU and the transport take.
 * @throws StationError ISOTP_TOO_LONG when it exceeds `maxLength`; UDS_*, ISOTP_*, LINK_*
 */
export async function download(
  client: UdsClient,
  { address, maxLength }: { readonly address: number; readonly maxLength: number },
  data: Uint8Array,
  signal: AbortSignal,
): Promise<void> {
  if (data.length > maxLength)
    throw new StationError("ISOTP_TOO_LONG", {
      details: { what: `a download of ${data.length} bytes, the ECU takes ${maxLength}` },
    });
  const { maxBlock } = await call(client, requestDownload, { address, length: data.length }, { signal });
  const size = Math.min(maxBlock, client.maxMessage) - 2;
  for (let at = 0, counter = 1; at < data.length; at += size, counter = (counter + 1) & 0xff)
    await sendBlock(client, counter, data.subarray(at, at + size), signal);
  await call(client, requestTransferExit, undefined, { signal });
}

async function sendBlock(client: UdsClient, counter: number, data: Uint8Array, signal: AbortSignal): Promise<void> {
  for (let repeats = 0; ; repeats++) {
    try {
      await call(client, transferData, { counter, data }, { signal });
      return;
    } catch (error) {
      const lost = isStationError(error) && (error.layer === "transport" || error.code === "UDS_TIMEOUT");
      if (!lost || repeats >= BLOCK_REPEATS) throw error;
    }
  }
}
