/** Certificates of TLS peers: those of the station's own servers and their clients. Not one of the five types. */
import { isIPv4, isIPv6 } from "node:net";
import type { Issuer } from "./certificate.js";
import { sequence, textNode, tlv, unreadable } from "./der.js";
import { EXTENSION, extension, signCertificate, signerExtensions } from "./extensions.js";
import type { Hash, PublicKey } from "./keys.js";
import { CLIENT_AUTH, SERVER_AUTH } from "./types.js";

export interface TlsCertificateInput {
  readonly role: "server" | "client";
  /** Subject Name, DER. */
  readonly subject: Uint8Array;
  readonly publicKey: PublicKey;
  readonly issuer: Issuer;
  readonly serial: Uint8Array;
  /** ms since the epoch. */
  readonly notBefore: number;
  readonly notAfter: number;
  /** DNS names and IP addresses that the peer goes by; may be empty for a client. */
  readonly hosts: readonly string[];
  readonly hash: Hash;
  readonly sign: (tbs: Uint8Array) => Promise<Uint8Array>;
}

const DNS_NAME = 0x82;
const IP_ADDRESS = 0x87;

/** 4 or 16 bytes of an IP address. */
export function ipBytes(address: string): Uint8Array {
  if (isIPv4(address)) return Uint8Array.from(address.split(".").map(Number));
  if (!isIPv6(address)) throw unreadable(`${address} is no IP address`);
  const [head = "", tail] = address.split("::");
  const groups = (text: string) =>
    text === ""
      ? []
      : text.split(":").flatMap((group) => (group.includes(".") ? dotted(group) : [Number.parseInt(group, 16)]));
  const dotted = (text: string) => {
    const [a = 0, b = 0, c = 0, d = 0] = text.split(".").map(Number);
    return [a * 256 + b, c * 256 + d];
  };
  const front = groups(head);
  const back = tail === undefined ? [] : groups(tail);
  const middle = new Array<number>(8 - front.length - back.length).fill(0);
  return Uint8Array.from([...front, ...middle, ...back].flatMap((group) => [group >> 8, group & 0xff]));
}

function hostName(host: string): Uint8Array {
  return isIPv4(host) || isIPv6(host) ? tlv(IP_ADDRESS, ipBytes(host)) : textNode(DNS_NAME, host);
}

/** A TLS server's or client's certificate, DER. */
export function buildTlsCertificate(input: TlsCertificateInput): Promise<Uint8Array> {
  const purpose = input.role === "server" ? SERVER_AUTH : CLIENT_AUTH;
  const names = input.hosts.map(hostName);
  return signCertificate({
    ...input,
    issuer: input.issuer.name,
    extensions: [
      ...signerExtensions(input.issuer.keyIdentifier, input.publicKey, purpose),
      ...(names.length === 0 ? [] : [extension(EXTENSION.subjectAltName, false, sequence(...names))]),
    ],
  });
}
