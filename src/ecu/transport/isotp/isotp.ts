/** ISO 15765-2 over a CanLink: two independent halves (full duplex) and functional single frames beside them. */
import { abortable } from "../../../shared/abort.js";
import type { Clock } from "../../../shared/clock.js";
import { StationError } from "../../../shared/errors.js";
import { Listeners } from "../../../shared/listeners.js";
import type { CanLink, ReceivedFrame } from "../../link/link.js";
import type { DiagTransport, ReceivedMessage, SendOptions } from "../transport.js";
import { endpointsOf, reaches } from "./addressing.js";
import { decodePdu, encodeSingle, isConsecutive, MAX_LENGTH, maxSingle } from "./codec.js";
import { DEFAULT_TIMING, type IsoTpOptions } from "./options.js";
import { FramePort } from "./port.js";
import { Receiver } from "./receiver.js";
import { Sender } from "./sender.js";

const MAX_MESSAGE = 1_048_576;
/** `sendAhead` of a link that does not say how many frames it can hold. */
const SEND_AHEAD = 4;

/**
 * An ISO-TP link on `link`, for a tester or an ECU as the addressing says. The CAN link stays the caller's: `close` only takes the
 * listeners off it.
 *
 * @throws StationError LINK_UNSUPPORTED for CAN FD on a link without it
 */
export function createIsoTp(link: CanLink, options: IsoTpOptions, clock: Clock): DiagTransport {
  const { txDl = 8, padding = null, lengths = "any", duplex = "full" } = options;
  const fd = txDl > 8 || options.fd === true;
  if (fd && link.maxPayload === 8)
    throw new StationError("LINK_UNSUPPORTED", { details: { what: `${link.url} has no CAN FD (TX_DL ${txDl})` } });
  const timing = { ...DEFAULT_TIMING, ...options.timing };
  const maxMessage = Math.min(options.maxMessage ?? MAX_MESSAGE, MAX_LENGTH);
  const { tx, rx, functionalTx, functionalRx } = endpointsOf(options.addressing);
  const port = new FramePort(link, { fd, brs: options.brs ?? false }, clock);
  const messages = new Listeners<[ReceivedMessage]>();
  const starts = new Listeners<[number]>();
  const errors = new Listeners<[Error]>();
  const ends = new Listeners<[Error]>();

  const sender = new Sender(
    port,
    tx,
    {
      padding,
      txDl,
      timing,
      STminMargin: options.STminMargin ?? 0,
      sendAhead: options.sendAhead ?? link.sendAhead ?? SEND_AHEAD,
    },
    clock,
  );
  const receiver = new Receiver(
    port,
    tx,
    {
      padding,
      lengths,
      timing,
      BS: options.BS ?? 0,
      STmin: options.STmin ?? 0,
      maxMessage,
      admit: options.admit ?? (() => "accept"),
      waitPause: options.waitPause ?? 200,
    },
    {
      message: (data, at) => messages.emit({ data, functional: false, at }),
      start: (length) => starts.emit(length),
      error: (error) => errors.emit(error),
    },
    clock,
  );

  const onFrame = (frame: ReceivedFrame) => {
    if (reaches(frame, rx)) {
      const deaf = duplex === "half" && sender.segmenting;
      if (isConsecutive(frame.data, rx.prefix.length)) {
        if (!deaf) receiver.consecutive(frame.data, rx.prefix.length, frame.at);
        return;
      }
      const pdu = decodePdu(frame.data, rx.prefix.length, lengths);
      if (pdu?.kind === "FC") sender.flowControl(pdu);
      else if ((pdu?.kind === "SF" || pdu?.kind === "FF") && !deaf) receiver.pdu(pdu, frame.data.length, frame.at);
    } else if (functionalRx !== undefined && reaches(frame, functionalRx)) {
      const pdu = decodePdu(frame.data, functionalRx.prefix.length, lengths);
      if (pdu?.kind === "SF") messages.emit({ data: pdu.data, functional: true, at: frame.at });
    }
  };
  const release = [
    link.onFrame(onFrame),
    link.onClosed((error) => {
      sender.fail(error);
      receiver.close();
      ends.emit(error);
    }),
  ];

  async function sendFunctional(data: Uint8Array, signal: AbortSignal | undefined): Promise<number> {
    signal?.throwIfAborted();
    if (functionalTx === undefined)
      throw new StationError("INTERNAL", { details: { what: "this ISO-TP link has no functional address" } });
    const limit = maxSingle(functionalTx.prefix.length, txDl);
    if (data.length > limit)
      throw new StationError("ISOTP_TOO_LONG", {
        details: { what: `${data.length} bytes to a functional address, which takes ${limit}` },
      });
    return abortable(port.send(functionalTx, encodeSingle(functionalTx.prefix, data, padding), timing.N_As), signal);
  }

  return {
    maxMessage,
    async send(data: Uint8Array, { signal, functional = false }: SendOptions = {}): Promise<number> {
      if (data.length === 0)
        throw new StationError("INTERNAL", { details: { what: "ISO-TP carries no empty message" } });
      if (functional) return sendFunctional(data, signal);
      if (data.length > maxMessage)
        throw new StationError("ISOTP_TOO_LONG", {
          details: { what: `${data.length} bytes, at most ${maxMessage} here` },
        });
      if (duplex === "half" && receiver.receiving) throw new StationError("ISOTP_BUSY");
      return sender.send(data, signal);
    },
    onMessage: (listener) => messages.add(listener),
    onStart: (listener) => starts.add(listener),
    onError: (listener) => errors.add(listener),
    onClosed: (listener) => ends.add(listener),
    close() {
      for (const take of release) take();
      receiver.close();
      sender.fail(new StationError("LINK_CLOSED", { details: { what: `${link.url}: closed by us` } }));
    },
  };
}
