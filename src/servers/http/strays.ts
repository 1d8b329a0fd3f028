/** Answers to requests that no route takes. */
import type { FastifyInstance, FastifyReply } from "fastify";

const METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"] as const;

/** Methods that the path has a route for; a query does not count. */
export function methodsOf(app: FastifyInstance, url: string): string[] {
  const path = url.split("?", 1)[0] ?? url;
  return path.includes("*") ? [] : METHODS.filter((method) => app.hasRoute({ method, url: path }));
}

/**
 * Adds routes for whatever no other route below `prefix` takes: status 405 with `Allow` where the path has other methods, else 404.
 * @param refuse sends the body, in the words of the plug-in's contract
 */
export function answerStrays(
  app: FastifyInstance,
  prefix: string,
  refuse: (reply: FastifyReply, status: 404 | 405) => FastifyReply,
): void {
  app.all(`${prefix}/*`, async (request, reply) => {
    const methods = methodsOf(app, request.url);
    return methods.length === 0
      ? refuse(reply.code(404), 404)
      : refuse(reply.code(405).header("allow", methods.join(", ")), 405);
  });
}
