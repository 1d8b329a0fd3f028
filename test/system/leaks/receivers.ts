/** Receivers of results in this process, which keep every byte that they are sent. */
import { readFileSync } from "node:fs";
import { createServer as createHttps } from "node:https";
import { type AddressInfo, createServer, type Server } from "node:net";
import { generate, parser } from "mqtt-packet";
import { type OpensslPki, pem } from "../../unit/firmware-sim/authentication-pki.js";

export interface Receiver {
  readonly port: number;
  received(): Buffer;
  close(): Promise<void>;
}

async function listening(server: Server, chunks: readonly Buffer[]): Promise<Receiver> {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    port: (server.address() as AddressInfo).port,
    received: () => Buffer.concat(chunks),
    close: () => new Promise((resolve) => server.close(() => resolve())),
  };
}

/** Takes every POST. */
function webhook(cert: string, key: string): Promise<Receiver> {
  const chunks: Buffer[] = [];
  const server = createHttps({ cert, key }, (request, response) => {
    chunks.push(Buffer.from(`${request.method} ${request.url}\n${request.rawHeaders.join("\n")}\n`));
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => response.writeHead(204, { connection: "close" }).end());
  });
  return listening(server, chunks);
}

/** A broker with somebody who listens. */
function broker(): Promise<Receiver> {
  const chunks: Buffer[] = [];
  const server = createServer((socket) => {
    const packets = parser({ protocolVersion: 5 });
    packets.on("packet", (packet) => {
      if (packet.cmd === "connect")
        socket.write(generate({ cmd: "connack", reasonCode: 0, sessionPresent: false }, { protocolVersion: 5 }));
      if (packet.cmd === "publish" && packet.messageId !== undefined)
        socket.write(generate({ cmd: "puback", messageId: packet.messageId, reasonCode: 0 }, { protocolVersion: 5 }));
    });
    socket.on("error", () => undefined);
    socket.on("data", (chunk) => {
      chunks.push(chunk);
      packets.parse(chunk);
    });
  });
  return listening(server, chunks);
}

/** Receivers of all kinds, as a configuration names them. @param secretFile key of the signature @param folder takes files of results */
export async function openReceivers(
  pki: OpensslPki,
  secretFile: string,
  folder: string,
): Promise<{ readonly receivers: ReadonlyMap<string, Receiver>; readonly sinks: object }> {
  const mes = pki.root("mes");
  const own = pki.issue("receiver", mes, { extensions: ["subjectAltName=IP:127.0.0.1"] });
  const hook = await webhook(pem(own), readFileSync(own.keyFile, "utf8"));
  const mqtt = await broker();
  const url = `https://127.0.0.1:${hook.port}/results`;
  const sinks = {
    mes: { kind: "webhook", url, caFile: pki.file("mes-ca.pem", pem(mes)), secretFile },
    broker: { kind: "mqtt", url: `mqtt://127.0.0.1:${mqtt.port}`, topic: "plant/results" },
    files: { kind: "folder", path: folder },
  };
  return { receivers: new Map([["webhook", hook] as const, ["mqtt", mqtt] as const]), sinks };
}
