/** What a server writes to its audit log beside the decisions of its store: refused requests and refused connections. */
import type { TLSSocket } from "node:tls";
import type { FastifyInstance, FastifyRequest } from "fastify";
import type { AuditEntry } from "../../audit/row.js";
import type { Clock } from "../../shared/clock.js";
import { describe } from "../../shared/errors.js";
import type { Logger } from "../../shared/logger.js";
import { peerOf } from "./peer.js";

/** A refusal that no transaction has written yet. */
export type RefusedRequest = Pick<AuditEntry, "action" | "subject" | "details">;

export interface ServerAuditOptions {
  /** Writes one row and resolves when it is durable. */
  readonly write: (entry: AuditEntry) => Promise<void>;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Most refused connections that wait for the store at once; those beyond are counted in the next row. */
const MAX_WAITING = 100;

export class ServerAudit {
  readonly #options: ServerAuditOptions;
  readonly #refused = new WeakMap<FastifyRequest, RefusedRequest>();
  readonly #waiting = new Set<Promise<void>>();
  #uncounted = 0;

  constructor(options: ServerAuditOptions) {
    this.#options = options;
  }

  /** Has every refusal of the plug-in durable before it is answered. */
  attach(app: FastifyInstance): void {
    app.addHook("onSend", async (request) => {
      const refused = this.#refused.get(request);
      if (refused === undefined) return;
      this.#refused.delete(request);
      const details = { ...refused.details, requestId: request.id };
      await this.#write({
        ...refused,
        details,
        at: this.#options.clock.now(),
        actor: peerOf(request),
        outcome: "refused",
      });
    });
  }

  /** Notes a refusal; it is written when the answer is on its way. */
  refuse(request: FastifyRequest, refused: RefusedRequest): void {
    this.#refused.set(request, refused);
  }

  /** Writes what comes to nothing before there is a request: failed handshakes, clients without a known certificate, no HTTP. */
  watch(app: FastifyInstance): void {
    app.server.on("tlsClientError", (error: Error, socket: TLSSocket) => {
      // Where the certificate was the reason, the socket knows it and the error is that of the cut connection.
      const reason: unknown = socket.authorizationError ?? codeOf(error);
      this.#connection("handshake", socket.remoteAddress, String(reason));
    });
    app.server.on("clientError", (error: Error, socket: TLSSocket) => {
      const code = codeOf(error);
      if (code.startsWith("HPE_") || code === "ERR_HTTP_REQUEST_TIMEOUT")
        this.#connection("request", socket.remoteAddress, code);
    });
    app.addHook("onClose", async () => {
      await Promise.all(this.#waiting);
    });
  }

  #connection(action: string, address: string | undefined, failure: string): void {
    if (this.#waiting.size >= MAX_WAITING) {
      this.#uncounted++;
      return;
    }
    const details = { failure, ...(this.#uncounted === 0 ? {} : { uncounted: this.#uncounted }) };
    this.#uncounted = 0;
    const actor = address ?? "unknown";
    const entry = { at: this.#options.clock.now(), actor, action, subject: "", outcome: "refused", details };
    const written = this.#write(entry).finally(() => this.#waiting.delete(written));
    this.#waiting.add(written);
  }

  /** A refusal stands even where the store cannot take its row. */
  async #write(entry: AuditEntry): Promise<void> {
    try {
      await this.#options.write(entry);
    } catch (error) {
      this.#options.logger.error("a refusal could not be written to the audit log", {
        action: entry.action,
        what: describe(error),
      });
    }
  }
}

function codeOf(error: Error): string {
  return "code" in error && typeof error.code === "string" ? error.code : error.name;
}
