/** What a server writes to its audit log beside the decisions of its store: refused requests and refused connections. */
import type { TLSSocket } from "node:tls";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import type { AuditEntry } from "../../audit/row.js";
import type { Clock, Timer } from "../../shared/clock.js";
import { describe } from "../../shared/errors.js";
import type { Logger } from "../../shared/logger.js";
import { refusalOf } from "./access.js";
import { addressOf, peerOf } from "./peer.js";
import { RefusalBudget, type RefusalLimits } from "./refusal-budget.js";

/** A refusal that no transaction has written yet. */
export type RefusedRequest = Pick<AuditEntry, "action" | "subject" | "details">;

export interface ServerAuditOptions {
  /** Writes one row and resolves when it is durable. */
  readonly write: (entry: AuditEntry) => Promise<void>;
  readonly clock: Clock;
  readonly logger: Logger;
  /** How many rows refused strangers may cause. */
  readonly limits?: RefusalLimits;
}

/** Most refused connections that wait for the store at once; those beyond are counted. */
const MAX_WAITING = 100;
/** How long refusals are counted until a row says how many had none of their own, ms. */
const COUNT_FOR = 60_000;
/** Addresses that such a row names. */
const MAX_NAMED = 20;

export class ServerAudit {
  readonly #options: ServerAuditOptions;
  readonly #budget: RefusalBudget;
  readonly #refused = new WeakMap<FastifyRequest, RefusedRequest>();
  readonly #written = new WeakSet<FastifyRequest>();
  readonly #waiting = new Set<Promise<void>>();
  #uncounted = 0;
  readonly #addresses = new Set<string>();
  #timer: Timer | undefined;

  constructor(options: ServerAuditOptions) {
    this.#options = options;
    this.#budget = new RefusalBudget(options.clock, options.limits);
  }

  /** Has every refusal of the plug-in durable before it is answered. */
  attach(app: FastifyInstance): void {
    app.addHook("onSend", (request, reply) => this.#answered(request, reply));
  }

  /** Notes a refusal; it is written when the answer is on its way. */
  refuse(request: FastifyRequest, refused: RefusedRequest): void {
    this.#refused.set(request, refused);
  }

  /**
   * Writes also what is refused outside of the plug-in: failed handshakes, what is no HTTP, clients that the guard does not let in, paths
   * that nobody takes.
   */
  watch(app: FastifyInstance): void {
    this.attach(app);
    app.server.on("tlsClientError", (error: Error, socket: TLSSocket) => {
      this.#connection("handshake", socket.remoteAddress, codeOf(error));
    });
    app.server.on("clientError", (error: Error, socket: TLSSocket) => {
      const code = codeOf(error);
      if (code.startsWith("HPE_") || code === "ERR_HTTP_REQUEST_TIMEOUT")
        this.#connection("request", socket.remoteAddress, code);
    });
    app.addHook("onClose", async () => {
      this.#writeUncounted();
      await Promise.all(this.#waiting);
    });
  }

  async #answered(request: FastifyRequest, reply: FastifyReply): Promise<void> {
    if (this.#written.has(request)) return;
    const access = refusalOf(request);
    const outside = { action: request.method, subject: "", details: { status: reply.statusCode } };
    const refused = this.#refused.get(request) ?? (access !== undefined || request.is404 ? outside : undefined);
    if (refused === undefined) return;
    this.#written.add(request);
    const stranger = access !== undefined && access.client === undefined;
    if ((stranger || request.is404) && !this.#mayWrite(addressOf(request))) return;
    const details = { ...refused.details, ...access, requestId: request.id };
    await this.#write({ ...refused, details, at: this.#now(), actor: peerOf(request), outcome: "refused" });
  }

  #connection(action: string, remoteAddress: string | undefined, failure: string): void {
    const actor = addressOf({ ip: remoteAddress ?? "unknown" });
    if (!this.#mayWrite(actor)) return;
    this.#later({ at: this.#now(), actor, action, subject: "", outcome: "refused", details: { failure } });
  }

  /** Whether a stranger's refusal has a row of its own; else it is counted. */
  #mayWrite(address: string): boolean {
    if (this.#waiting.size < MAX_WAITING && this.#budget.take(address)) return true;
    this.#uncounted++;
    if (this.#addresses.size < MAX_NAMED) this.#addresses.add(address);
    this.#timer ??= this.#options.clock.timer(COUNT_FOR, () => this.#writeUncounted());
    return false;
  }

  #writeUncounted(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    if (this.#uncounted === 0) return;
    const addresses = [...this.#addresses];
    const details = { uncounted: this.#uncounted, addresses };
    const actor = addresses.length === 1 ? String(addresses[0]) : "several";
    this.#uncounted = 0;
    this.#addresses.clear();
    this.#later({ at: this.#now(), actor, action: "refusals", subject: "", outcome: "refused", details });
  }

  #later(entry: AuditEntry): void {
    const written = this.#write(entry).finally(() => this.#waiting.delete(written));
    this.#waiting.add(written);
  }

  #now(): number {
    return this.#options.clock.now();
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
