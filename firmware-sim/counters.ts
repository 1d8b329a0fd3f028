/** What a place of the simulator has done since the program's start, for bench and tests; power cuts and other units do not set it back. */
export interface Counters {
  /** Requests that were heard, TesterPresent included. */
  requests: number;
  /** Requests that were served, or refused by a service. */
  served: number;
  /** Negative responses but 0x78. */
  refused: number;
  /** CAN frames to and from the ECU, before a fault loses or multiplies them. */
  framesIn: number;
  framesOut: number;
  flashWrites: number;
  /** ECUReset and faults; power-ups do not count. */
  resets: number;
  /** ms from a request's last frame until its response was ready, summed: without any time on the bus. */
  workingMs: number;
  /** The longest of them, ms. */
  longestMs: number;
  /** ms of silence of ECUReset, summed: the ECU's own time too. */
  resettingMs: number;
}

export function newCounters(): Counters {
  return {
    requests: 0,
    served: 0,
    refused: 0,
    framesIn: 0,
    framesOut: 0,
    flashWrites: 0,
    resets: 0,
    workingMs: 0,
    longestMs: 0,
    resettingMs: 0,
  };
}
