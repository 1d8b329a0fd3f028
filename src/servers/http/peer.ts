/** Who a request comes from. */
import { createHash } from "node:crypto";
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

const keys = new WeakMap<TLSSocket, string>();

/** What stays of a peer over its connections: the key that it has proven to hold (SHA-256 of its SPKI), else its address. */
export function peerKey({ ip, raw }: FastifyRequest): string {
  const { socket } = raw;
  if (!(socket instanceof TLSSocket)) return ip;
  let key = keys.get(socket);
  if (key === undefined) {
    const spki = socket.getPeerX509Certificate()?.publicKey.export({ type: "spki", format: "der" });
    key = spki === undefined ? ip : createHash("sha256").update(spki).digest("hex");
    keys.set(socket, key);
  }
  return key;
}
