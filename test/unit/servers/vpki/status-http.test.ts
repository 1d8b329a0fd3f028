import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { get } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { request } from "undici";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { inlineStores, type StoreHost } from "../../../../src/db/store.js";
import { parseCertificate } from "../../../../src/pki/certificate.js";
import { servePlain } from "../../../../src/servers/http/plain.js";
import { Busy, SigningQueue } from "../../../../src/servers/vpki/queue.js";
import { systemClock } from "../../../../src/shared/clock.js";
import { silentLogger } from "../../../../src/shared/logger.js";
import { csrPem, issueBody, type Served, serve } from "./helpers.js";
import { fetchBytes, issued, ocspQuestion } from "./status-helpers.js";

const folder = mkdtempSync(join(tmpdir(), "vpki-status-"));
let served: Served;
/** A request for one certificate of the server's, DER. */
let question: Uint8Array;
beforeAll(async () => {
  served = await serve();
  const unit = await issued(served, folder, "ccu-sha256");
  question = ocspQuestion(await fetchBytes(`${served.statusUrl}/ECC/cert/CA01001.der`), unit.serial);
});
afterAll(async () => {
  await served.end();
  rmSync(folder, { recursive: true, force: true });
});

const MALFORMED = "30030a0101";
const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex");
const responder = () => `${served.statusUrl}/ECC/OCSP/CA01001`;
/** OCSPResponse with status successful: SEQUENCE of more than 127 bytes, ENUMERATED 0. */
const SUCCESSFUL = /^3082....0a0100a0/;

describe("OCSP over HTTP", () => {
  it("takes POST of any content type, and GET in base64 with its signs escaped or not", async () => {
    const text = Buffer.from(question).toString("base64");
    const posts = ["application/ocsp-request", "application/octet-stream"].map((type) =>
      fetchBytes(responder(), { method: "POST", headers: { "content-type": type }, body: new Uint8Array(question) }),
    );
    const gets = [encodeURIComponent(text), text, `/${text}`].map((path) => fetchBytes(`${responder()}/${path}`));
    for (const answer of await Promise.all([...posts, ...gets])) expect(hex(answer)).toMatch(SUCCESSFUL);
  });

  it("takes GET in absolute form, as proxies send it, and escapes in the address", async () => {
    const text = encodeURIComponent(Buffer.from(question).toString("base64"));
    const { host, port, hostname } = new URL(served.statusUrl);
    for (const path of [`http://${host}/ECC/OCSP/CA01001/${text}`, `/ECC/OCSP/CA0100%31/${text}`]) {
      const answer = await new Promise<Uint8Array>((resolve, reject) => {
        const asked = get({ hostname, port, path }, (response) => {
          const parts: Buffer[] = [];
          response.on("data", (part: Buffer) => parts.push(part)).on("end", () => resolve(Buffer.concat(parts)));
        });
        asked.on("error", reject);
      });
      expect(hex(answer)).toMatch(SUCCESSFUL);
    }
  });

  it("answers 200 with the right type, and lets nobody keep the answer", async () => {
    const { status, headers } = await fetch(responder(), { method: "POST", body: new Uint8Array(question) });
    expect(status).toBe(200);
    expect(headers.get("content-type")).toBe("application/ocsp-response");
    expect(headers.get("cache-control")).toBe("no-store");
  });

  it("is there over HTTPS, too", async () => {
    const { url, agent } = served;
    const answer = await request(`${url}/ECC/OCSP/CA01001`, { method: "POST", body: question, dispatcher: agent });
    expect(hex(new Uint8Array(await answer.body.arrayBuffer()))).toMatch(SUCCESSFUL);
  });

  it.each([
    ["an empty GET", "", undefined],
    ["a GET of no base64", "/!!!", undefined],
    ["a GET of base64 that is no request", "/AAAA", undefined],
    ["an empty POST", "", ""],
    ["a POST of text", "", "hello"],
  ])("answers malformedRequest to %s", async (_, path, body) => {
    const init = body === undefined ? {} : { method: "POST", body };
    expect(hex(await fetchBytes(`${responder()}${path}`, init))).toBe(MALFORMED);
  });

  it("answers garbage and damaged requests with an OCSP answer or 4xx, never otherwise", async () => {
    const bytes = fc.oneof(
      fc.uint8Array({ maxLength: 300 }),
      fc.tuple(fc.nat({ max: 200 }), fc.nat({ max: 255 })).map(([at, byte]) => {
        const changed = new Uint8Array(question);
        changed[at % changed.length] = byte;
        return changed;
      }),
    );
    await fc.assert(
      fc.asyncProperty(bytes, fc.boolean(), async (body, post) => {
        const path = encodeURIComponent(Buffer.from(body).toString("base64"));
        const answer = await (post
          ? fetch(responder(), { method: "POST", body: new Uint8Array(body) })
          : fetch(`${responder()}/${path}`));
        expect(answer.status).toBe(200);
        expect(hex(new Uint8Array(await answer.arrayBuffer()))).toMatch(/^(?:30030a010[136]$|3082....0a0100a0)/);
      }),
      { numRuns: 300 },
    );
    for (const path of ["/%", "/%zz", `/${"A".repeat(10_000)}`, "?x=%"])
      expect((await fetch(`${responder()}${path}`)).status).toBeLessThan(500);
    const huge = await fetch(responder(), { method: "POST", body: new Uint8Array(100_000) });
    expect(huge.status).toBe(413);
  });
});

describe("the plain HTTP server", () => {
  it("has the CA certificates and what the policy points at, and nothing of the rest", async () => {
    const ca = parseCertificate(await fetchBytes(`${served.statusUrl}/ECC/cert/CA05003.der`));
    expect(ca.isCa).toBe(true);
    for (const path of ["/cps", "/repository"]) expect((await fetch(served.statusUrl + path)).status).toBe(200);
    const body = JSON.stringify({ dn: "cn=a" });
    expect((await fetch(`${served.statusUrl}/api/v1/prov/revoke`, { method: "POST", body })).status).toBe(404);
    for (const path of ["/ECC/CA01001/crl/other.crl", "/ECC/CA09999/crl/Crl1p1Dp1.crl", "/ECC/OCSP/ROOT-P256"])
      expect((await fetch(served.statusUrl + path)).status).toBe(404);
  });

  it("keeps its port over restarts, and takes another one where somebody else has it", async () => {
    const options = {
      ...{ host: "127.0.0.1", port: 0, portFile: join(folder, "port"), plugin: async () => undefined },
      ...{ clock: systemClock, logger: silentLogger, shutdown: { notice: 0, limit: 5_000 } },
    };
    const first = await servePlain(options);
    await first.close();
    const second = await servePlain(options);
    expect(second.url).toBe(first.url);
    const third = await servePlain(options);
    expect(third.url).not.toBe(first.url);
    await third.close();
    await second.close();
    await expect(servePlain({ ...options, port: 1, host: "192.0.2.1" })).rejects.toMatchObject({ syscall: "listen" });
  });

  it("of a second program on the same folder names the port of the first, which a restart finds again", async () => {
    const portFile = join(folder, "shared-port");
    const { vpki } = served;
    const options = {
      ...{ host: "127.0.0.1", port: 0, portFile, plugin: vpki.status, isOurs: vpki.answersAt },
      ...{ clock: systemClock, logger: silentLogger, shutdown: { notice: 0, limit: 5_000 } },
    };
    const first = await servePlain(options);
    const second = await servePlain(options);
    expect(second.url).toBe(first.url);
    const kept = readFileSync(portFile, "utf8");
    await first.close();
    await second.close();
    const again = await servePlain(options);
    expect([again.url, readFileSync(portFile, "utf8")]).toEqual([first.url, kept]);
    await again.close();
    // A stranger on that port: another one is taken and remembered.
    const stranger = await servePlain({ ...options, plugin: async () => undefined });
    expect(stranger.url).toBe(first.url);
    const moved = await servePlain(options);
    expect(moved.url).not.toBe(first.url);
    expect(readFileSync(portFile, "utf8").trim()).toBe(new URL(moved.url).port);
    await moved.close();
    await stranger.close();
  });
});

describe("the signing queue", () => {
  it("runs three at once, keeps the order, and refuses what is above its limit", async () => {
    const queue = new SigningQueue(2);
    const ends: (() => void)[] = [];
    const begun: number[] = [];
    const job = (number: number) =>
      queue.run(() => {
        begun.push(number);
        return new Promise<number>((resolve) => ends.push(() => resolve(number)));
      });
    const jobs = [1, 2, 3, 4, 5].map(job);
    await expect(job(6)).rejects.toBeInstanceOf(Busy);
    expect(begun).toEqual([1, 2, 3]);
    for (let at = 0; at < 5; at++) {
      ends[at]?.();
      await jobs[at];
      await Promise.resolve();
    }
    expect(await Promise.all(jobs)).toEqual([1, 2, 3, 4, 5]);
    expect(await queue.run(async () => "free again")).toBe("free again");
  });

  it("when full makes the vPKI answer 503 with Retry-After, and OCSP tryLater", async () => {
    const gate = held();
    const small = await serve({ config: { signingQueue: 1 }, stores: gate.stores });
    const asked = ocspQuestion(await fetchBytes(`${small.statusUrl}/ECC/cert/CA01001.der`), "05");
    const ask = () =>
      fetchBytes(`${small.statusUrl}/ECC/OCSP/CA01001`, { method: "POST", body: new Uint8Array(asked) });
    const waiting = [1, 2, 3].map(ask);
    await gate.three;
    const fourth = ask();
    // The fourth waits in the queue or is on its way there; sooner or later a further one is refused.
    const others: Promise<Uint8Array>[] = [];
    for (let refused = false; !refused; ) {
      const other = ask();
      others.push(other);
      refused = await Promise.race([other.then((answer) => hex(answer) === "30030a0103"), gate.turn()]);
    }
    const { agent, url } = small;
    const answer = await request(`${url}/api/v1/prov/issue`, {
      method: "POST",
      body: JSON.stringify(issueBody("prov-15118-2", await csrPem("prov-15118-2"))),
      dispatcher: agent,
    });
    expect([answer.statusCode, answer.headers["retry-after"]]).toEqual([503, "1"]);
    expect(await answer.body.json()).toEqual({ resultMessage: "Server is busy, try again later" });
    gate.open();
    for (const one of await Promise.all([...waiting, fourth]))
      expect(hex(one)).toMatch(/^(?:3082....0a0100a0|30030a0103$)/);
    await Promise.all(others);
    expect(hex(await ask())).toMatch(SUCCESSFUL);
    await small.end();
  });
});

/** Stores whose look at certificates waits until `open`; `three` resolves when three wait. */
function held() {
  let open = () => {};
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  let arrived = () => {};
  const three = new Promise<void>((resolve) => {
    arrived = resolve;
  });
  let count = 0;
  const inner = inlineStores();
  const stores: StoreHost = {
    close: () => inner.close(),
    open: async (source, file) => {
      const store = await inner.open(source, file);
      return {
        call: async (name, args) => {
          if (name === "certificateStates") {
            if (++count === 3) arrived();
            await opened;
          }
          return store.call(name, args);
        },
      };
    },
  };
  return {
    stores,
    three,
    open: () => open(),
    turn: () => new Promise<false>((done) => setTimeout(() => done(false), 20)),
  };
}
