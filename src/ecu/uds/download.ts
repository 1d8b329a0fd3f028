/** A download by 34, 36 and 37, taken up again where an answer was lost (ISO 14229-1:2020 §14). */
import { isStationError, StationError } from "../../shared/errors.js";
import { call } from "./call.js";
import type { UdsClient } from "./client.js";
import { nrcOf, unexpectedResponse } from "./messages.js";
import { UDS } from "./tables/messages.js";
import { NRC } from "./tables/nrc.js";
import { SID } from "./tables/services.js";

export interface DownloadTarget {
  readonly address: number;
  /** Most bytes of one download. */
  readonly maxLength: number;
  /** Bytes of address and length in 34, 1–6 each. Default 4 and 4. */
  readonly addressBytes?: number;
  readonly sizeBytes?: number;
  /** dataFormatIdentifier: compression and encryption, 0–FF. Default 0: neither. */
  readonly dataFormat?: number;
  /** How often a block is sent again whose answer was lost, 0–10. Default 2. */
  readonly blockRepeats?: number;
  /** How often the whole transfer is begun anew where the ECU has lost its place in it, 0–10. Default 1. */
  readonly restarts?: number;
}

/** SID and block sequence counter. */
const BLOCK_OVERHEAD = 2;

/** NRCs of 36 and 37 that say that the two sides are not at the same place: only a new 34 helps. */
const OUT_OF_STEP: ReadonlySet<number> = new Set([NRC.wrongBlockSequenceCounter, NRC.requestSequenceError]);

/**
 * Sends `data` to an address in blocks as long as the ECU and the transport take.
 * @throws StationError ISOTP_TOO_LONG when it exceeds `maxLength`; UDS_*, ISOTP_*, LINK_*
 */
export async function download(
  client: UdsClient,
  target: DownloadTarget,
  data: Uint8Array,
  signal: AbortSignal,
): Promise<void> {
  const { maxLength, restarts = 1 } = target;
  if (data.length > maxLength)
    throw new StationError("ISOTP_TOO_LONG", {
      details: { what: `a download of ${data.length} bytes, the ECU takes ${maxLength}` },
    });
  for (let begun = 0; ; begun++) {
    const maxBlock = await begin(client, target, data.length, signal);
    try {
      await transfer(client, target, data, Math.min(maxBlock, client.maxMessage) - BLOCK_OVERHEAD, signal);
      return;
    } catch (error) {
      if (begun >= restarts || !OUT_OF_STEP.has(nrcOf(error) ?? 0)) throw error;
    }
  }
}

/** 34; the longest TransferData request that the ECU takes, SID and counter included. */
async function begin(client: UdsClient, target: DownloadTarget, size: number, signal: AbortSignal): Promise<number> {
  const { address, addressBytes = 4, sizeBytes = 4, dataFormat = 0 } = target;
  const request = { dataFormatIdentifier: dataFormat, memoryArea: { address, size, addressBytes, sizeBytes } };
  const { maxNumberOfBlockLength } = await call(client, UDS.requestDownload, request, { signal });
  if (maxNumberOfBlockLength <= BLOCK_OVERHEAD)
    throw unexpectedResponse(SID.RequestDownload, `maxNumberOfBlockLength ${maxNumberOfBlockLength}`);
  return maxNumberOfBlockLength;
}

async function transfer(
  client: UdsClient,
  { blockRepeats = 2 }: DownloadTarget,
  data: Uint8Array,
  size: number,
  signal: AbortSignal,
): Promise<void> {
  for (let at = 0, counter = 1; at < data.length; at += size, counter = (counter + 1) & 0xff) {
    const block = { blockSequenceCounter: counter, transferParameterRecord: data.subarray(at, at + size) };
    await repeated(blockRepeats, () => call(client, UDS.transferData, block, { signal }));
  }
  await call(client, UDS.requestTransferExit, { transferParameterRecord: new Uint8Array(0) }, { signal });
}

/** The server acknowledges the block that it received last, sent again with its counter, and does not store it twice (§14.4.5.1). */
async function repeated(most: number, send: () => Promise<unknown>): Promise<void> {
  for (let repeats = 0; ; repeats++) {
    try {
      await send();
      return;
    } catch (error) {
      const lost = isStationError(error) && (error.layer === "transport" || error.code === "UDS_TIMEOUT");
      if (!lost || repeats >= most) throw error;
    }
  }
}
