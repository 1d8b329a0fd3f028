/** From a link's URL to a session with the ECU behind it: CAN with ISO-TP, or K-Line, each as the profile says. */
import { isKlineUrl, openKline } from "../ecu/link/kline/open.js";
import { openLink } from "../ecu/link/open.js";
import { createIsoTp } from "../ecu/transport/isotp/isotp.js";
import { isoTpOptionsOf } from "../ecu/transport/isotp/options.js";
import { MAX_LENGTH } from "../ecu/transport/kline/codec.js";
import { createKline } from "../ecu/transport/kline/kline.js";
import { DEFAULT_KLINE_TIMING, klineOptionsOf } from "../ecu/transport/kline/options.js";
import type { DiagTransport } from "../ecu/transport/transport.js";
import { createUdsClient, type UdsOptions } from "../ecu/uds/client.js";
import type { EcuAccess } from "../ecu/uds/security.js";
import { createEcuSession } from "../ecu/uds/session.js";
import { createSheUdsTarget } from "../injection/she-uds/target.js";
import type { Profile } from "../profiles/schema.js";
import type { Clock } from "../shared/clock.js";
import { StationError } from "../shared/errors.js";
import type { OpenedEcu } from "../station/run/index.js";
import type { RunTrace } from "./traces.js";

/** ms between two questions whether an ECU on CAN is back from its reset: a few thousandths of the bus. */
const RESET_POLL = 10;

interface Wire {
  readonly link: { close(): Promise<void> };
  readonly transport: DiagTransport;
  /** What the wire asks of the UDS client. */
  readonly uds: UdsOptions;
  readonly resetPoll?: number;
}

/**
 * @param access what opens the ECU; secrets stay the caller's
 * @param trace taps a CAN link; a K-Line has no frames to keep
 * @throws StationError LINK_UNSUPPORTED (the profile has no section for this link), LINK_*
 */
export async function openEcu(
  url: string,
  profile: Profile,
  access: EcuAccess,
  clock: Clock,
  signal: AbortSignal,
  trace: Pick<RunTrace, "tap">,
): Promise<OpenedEcu> {
  const { link, transport, uds, ...reset } = await (isKlineUrl(url)
    ? klineWire(url, profile, clock, signal)
    : canWire(url, profile, clock, signal, trace));
  const client = createUdsClient(transport, uds, clock);
  const session = createEcuSession({ link, transport, client, map: profile, clock, access, ...reset });
  return { session, target: createSheUdsTarget(session) };
}

async function canWire(
  url: string,
  profile: Profile,
  clock: Clock,
  signal: AbortSignal,
  trace: Pick<RunTrace, "tap">,
): Promise<Wire> {
  const { can, uds } = profile;
  if (can === undefined) throw without(url, profile, "can");
  const { bitrate, fd } = can;
  const dataRate = fd === undefined ? {} : { dataBitrate: fd.dataBitrate };
  const link = trace.tap(await openLink(url, { clock, bitrate, ...dataRate, signal }));
  return { link, transport: createIsoTp(link, isoTpOptionsOf(can, "station"), clock), uds, resetPoll: RESET_POLL };
}

async function klineWire(url: string, profile: Profile, clock: Clock, signal: AbortSignal): Promise<Wire> {
  const { kline, uds } = profile;
  if (kline === undefined) throw without(url, profile, "kline");
  if (profile.certificates.length > 0) {
    // The unit is left alone rather than given its keys and then no certificate.
    const what = `${url}: certificates of profile ${profile.name} do not fit the ${MAX_LENGTH} bytes of a message on K-Line`;
    throw new StationError("LINK_UNSUPPORTED", { details: { what } });
  }
  signal.throwIfAborted();
  const link = await openKline(url, { baud: kline.baud, init: kline.init, echo: "line" }, clock);
  const { P3max } = { ...DEFAULT_KLINE_TIMING, ...kline.timing };
  return {
    link,
    transport: createKline(link, klineOptionsOf(kline, "tester", uds.margin), clock),
    // The ECU leaves the session after S3, and the line after P3max.
    uds: { keepAlive: 0.4 * Math.min(uds.S3, P3max), ...uds },
  };
}

function without(url: string, { name }: Profile, section: "can" | "kline"): StationError {
  return new StationError("LINK_UNSUPPORTED", {
    details: { what: `${url}: profile ${name} has no ${section} section` },
  });
}
