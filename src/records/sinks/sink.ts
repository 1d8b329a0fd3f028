/** What a receiver of results is to the outbox. */
import type { StationError } from "../../shared/errors.js";
import type { OutboxEntry } from "../types.js";

export interface Sink {
  /** Unique; the rows of the outbox name it. */
  readonly name: string;
  /**
   * Resolves when the receiver has the result for good. Sending one again under its id must be harmless.
   * @throws StationError KMS_REJECTED, SINK_REJECTED where sending it again would not help; KMS_UNREACHABLE, SINK_UNREACHABLE where
   *   nothing else can be delivered now either; any other where the next result may go through
   */
  deliver(row: OutboxEntry, signal: AbortSignal): Promise<void>;
  /** The error of a delivery that nobody answered. */
  unreachable(what: string): StationError;
  close(): Promise<void>;
}
