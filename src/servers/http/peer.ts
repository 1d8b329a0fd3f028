/** Who a request comes from. */
import { TLSSocket } from "node:tls";
import type { FastifyRequest } from "fastify";

/** A connection is one peer's for its whole life. */
const subjects = new WeakMap<TLSSocket, string>();

/** The peer's address, with the subject of its certificate where it showed one of ours. */
export function peerOf({ ip, raw }: FastifyRequest): string {
  if (!(raw.socket instanceof TLSSocket) || !raw.socket.authorized) return ip;
  let subject = subjects.get(raw.socket);
  if (subject === undefined) {
    subject = raw.socket.getPeerX509Certificate()?.subject.replaceAll("\n", ",") ?? "";
    subjects.set(raw.socket, subject);
  }
  return subject === "" ? ip : `${ip} ${subject}`;
}
