/** The id that a request has in its answer, in the log and in the audit log. */
import { randomUUID } from "node:crypto";
import type { IncomingMessage } from "node:http";
import type { FastifyInstance, FastifyRequest } from "fastify";
import { REQUEST_ID, REQUEST_ID_VALUE } from "../../contract/common.js";
import { peerOf } from "./peer.js";

/** Whose request it is, as log and audit log name it. */
export interface Caller {
  /** Address, with the subject of the certificate where the peer showed one of ours. */
  readonly actor: string;
  readonly requestId: string;
}

export function callerOf(request: FastifyRequest): Caller {
  return { actor: peerOf(request), requestId: request.id };
}

/** The client's own id where it is well formed, else a new one. */
export function requestIdOf({ headers }: Pick<IncomingMessage, "headers">): string {
  const given = headers[REQUEST_ID];
  return typeof given === "string" && REQUEST_ID_VALUE.test(given) ? given : randomUUID();
}

/** Has every answer carry its request's id. */
export function giveRequestIds(app: FastifyInstance): void {
  app.addHook("onRequest", async (request, reply) => {
    void reply.header(REQUEST_ID, request.id);
  });
}
