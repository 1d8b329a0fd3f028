import fc from "fast-check";
import Fastify from "fastify";
import { describe, expect, it } from "vitest";
import { limitRate, RateLimit, TooManyRequests } from "../../../../src/servers/http/rate-limit.js";
import { VirtualClock } from "../../../../src/shared/clock.js";

describe("the rate limit of a client", () => {
  it("lets a burst through, then what the rate gives, and says how long to wait", async () => {
    const clock = new VirtualClock();
    const limit = new RateLimit({ rate: 2, burst: 3 }, clock);
    for (let i = 0; i < 3; i++) expect(limit.take("a")).toEqual({ ok: true });
    expect(limit.take("a")).toEqual({ ok: false, waitMs: 500, first: true });
    expect(limit.take("b")).toEqual({ ok: true });
    await clock.advance(500);
    expect(limit.take("a")).toEqual({ ok: true });
    expect(limit.take("a")).toMatchObject({ ok: false, first: false });
  });

  it("calls a refusal the first again when the client has kept the limit", async () => {
    const clock = new VirtualClock();
    const limit = new RateLimit({ rate: 1, burst: 1 }, clock);
    limit.take("a");
    expect(limit.take("a")).toMatchObject({ first: true });
    await clock.advance(1_000);
    expect(limit.take("a")).toEqual({ ok: true });
    expect(limit.take("a")).toMatchObject({ first: true });
  });

  it("never gives more than burst + rate × time, whatever the times of the requests", async () => {
    const runs = fc.asyncProperty(
      fc.record({ rate: fc.integer({ min: 1, max: 50 }), burst: fc.integer({ min: 1, max: 20 }) }),
      fc.array(fc.integer({ min: 0, max: 400 }), { maxLength: 60 }),
      async (config, pauses) => {
        const clock = new VirtualClock();
        const limit = new RateLimit(config, clock);
        let given = 0;
        for (const pause of pauses) {
          await clock.advance(pause);
          if (limit.take("a").ok) given++;
          expect(given).toBeLessThanOrEqual(config.burst + (config.rate * clock.monotonic()) / 1000 + 1e-6);
        }
      },
    );
    await fc.assert(runs, { numRuns: 50 });
  });

  it("remembers a bounded number of clients and forgets the one that was silent longest", () => {
    const limit = new RateLimit({ rate: 0.1, burst: 1 }, new VirtualClock(), 2);
    for (const client of ["a", "b", "c"]) expect(limit.take(client).ok).toBe(true);
    expect(limit.take("c").ok).toBe(false);
    expect(limit.take("b").ok).toBe(false);
    expect(limit.take("a").ok).toBe(true);
  });
});

describe("a server with a rate limit", () => {
  const serve = (configured?: { rate: number; burst: number }) => {
    const app = Fastify();
    limitRate(app, new VirtualClock(), configured);
    app.setErrorHandler((error, _request, reply) =>
      reply.code(error instanceof TooManyRequests ? error.statusCode : 500).send({ what: String(error) }),
    );
    app.get("/", async () => "ok");
    return (remoteAddress: string) => app.inject({ url: "/", remoteAddress });
  };

  it("answers 429 with Retry-After in whole seconds", async () => {
    const get = serve({ rate: 0.5, burst: 1 });
    expect((await get("192.0.2.1")).statusCode).toBe(200);
    const refused = await get("192.0.2.1");
    expect([refused.statusCode, refused.headers["retry-after"]]).toEqual([429, "2"]);
    expect((await get("192.0.2.2")).statusCode).toBe(200);
  });

  it("counts the addresses of one IPv6 network as one client", async () => {
    const get = serve({ rate: 0.5, burst: 1 });
    expect((await get("2001:db8::1")).statusCode).toBe(200);
    expect((await get("2001:db8:0:0:ffff::9")).statusCode).toBe(429);
    expect((await get("2001:db8:0:1::1")).statusCode).toBe(200);
  });

  it("leaves loopback alone unless a limit is configured", async () => {
    const open = serve();
    for (let i = 0; i < 5_100; i++) expect((await open("127.0.0.1")).statusCode).toBe(200);
    for (let i = 0; i < 5_000; i++) await open("192.0.2.1");
    expect((await open("192.0.2.1")).statusCode).toBe(429);
    const closed = serve({ rate: 1, burst: 1 });
    await closed("127.0.0.1");
    expect((await closed("127.0.0.1")).statusCode).toBe(429);
  });
});
