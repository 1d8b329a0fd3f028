import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { inlineStores, type StoreHost } from "../../../../src/db/store.js";
import { parseCertificate } from "../../../../src/pki/certificate.js";
import { CERTIFICATE_TYPES } from "../../../../src/pki/types.js";
import { VirtualClock } from "../../../../src/shared/clock.js";
import { StationError } from "../../../../src/shared/errors.js";
import { requireOpenssl } from "../../../require.js";
import { SetClock } from "../../station/set-clock.js";
import { freshDn, type Served, serve } from "./helpers.js";
import { CRL_OF, der, type Issued, issued, issuerFile, revoke, run, shownCrl } from "./status-helpers.js";

const hasOpenssl = requireOpenssl();

const NOW = Date.UTC(2026, 5, 1, 12);
const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const folder = mkdtempSync(join(tmpdir(), "vpki-crl-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const list = (served: Served, unit: Issued) => shownCrl(`${served.statusUrl}${CRL_OF[unit.type]}`, folder);

/** "good", "revoked" … by OCSP. */
async function status(served: Served, unit: Issued): Promise<string> {
  const issuer = await issuerFile(served, folder, "CA01001");
  const url = `${served.statusUrl}/ECC/OCSP/CA01001`;
  const { output } = await run("openssl", ["ocsp", "-issuer", issuer, "-cert", unit.file, "-noverify", "-url", url]);
  const [, state = output, reason] =
    /^(?:.*\.pem: )?(good|revoked|unknown)$(?:[\s\S]*Reason: (\w+))?/m.exec(output) ?? [];
  return reason === undefined ? state : `${state} ${reason}`;
}

async function reissued(served: Served): Promise<{ former: Issued; next: Issued }> {
  const dn = freshDn("ccu-sha256");
  const former = await issued(served, folder, "ccu-sha256", dn);
  return { former, next: await issued(served, folder, "ccu-sha256", dn, "reissue") };
}

describe.skipIf(!hasOpenssl)("a clock that is set back", () => {
  it("brings no revoked certificate back, and makes a list that holds by its time", async () => {
    const clock = new SetClock(NOW);
    const served = await serve({ clock });
    const unit = await issued(served, folder, "ccu-sha256");
    await revoke(served, unit);
    const before = await list(served, unit);
    expect(before.text).toContain(unit.serial);
    clock.set(-9 * HOUR);
    expect(await status(served, unit)).toBe("revoked");
    expect(await served.post(`${CERTIFICATE_TYPES[unit.type].basePath}/revoke`, { dn: unit.dn })).toMatchObject({
      status: 403,
    });
    const { text } = await list(served, unit);
    expect(text).toContain(unit.serial);
    expect(text).toContain("Last Update: Jun  1 03:00:00 2026 GMT");
    await served.end();
  });

  it("does not take back what a reissue has ended and a list has named", async () => {
    const clock = new SetClock(NOW);
    const served = await serve({ clock });
    const { former } = await reissued(served);
    await clock.advance(8 * DAY);
    expect((await list(served, former)).text).toContain(former.serial);
    clock.set(-2 * DAY);
    expect(await status(served, former)).toBe("revoked superseded");
    await served.end();
  });
});

describe.skipIf(!hasOpenssl)("a reissue", () => {
  it("ends the former certificates after seven days, so that a unit whose installation failed still has one", async () => {
    const clock = new VirtualClock(NOW);
    const served = await serve({ clock });
    const { former, next } = await reissued(served);
    await clock.advance(7 * DAY - HOUR);
    expect(await status(served, former)).toBe("good");
    expect((await list(served, former)).text).not.toContain(former.serial);
    await clock.advance(HOUR);
    expect([await status(served, former), await status(served, next)]).toEqual(["revoked superseded", "good"]);
    const { text } = await list(served, former);
    expect(text).toMatch(new RegExp(`${former.serial}[\\s\\S]*Superseded`));
    expect(text).not.toContain(next.serial);
    await served.end();
  });

  it("ends them at once, or never, where the settings say so", async () => {
    const atOnce = await serve({ config: { supersedeDays: 0 } });
    const one = await reissued(atOnce);
    expect(await status(atOnce, one.former)).toBe("revoked superseded");
    expect((await list(atOnce, one.former)).text).toContain(one.former.serial);
    await atOnce.end();
    const clock = new VirtualClock(NOW);
    const never = await serve({ clock, config: { supersedeDays: "keep" } });
    const other = await reissued(never);
    await clock.advance(400 * DAY);
    expect(await status(never, other.former)).toBe("good");
    await never.end();
  });

  it("leaves what is to end later to a revocation, which ends all of the name's certificates at once", async () => {
    const served = await serve();
    const { former, next } = await reissued(served);
    await revoke(served, next);
    expect([await status(served, former), await status(served, next)]).toEqual(["revoked", "revoked"]);
    const { text } = await list(served, former);
    for (const { serial } of [former, next]) expect(text).toContain(serial);
    await served.end();
  });

  it("gives no OCSP answer that outlives the end that is already decided", async () => {
    const clock = new VirtualClock(NOW);
    const served = await serve({ clock });
    const { former } = await reissued(served);
    await clock.advance(7 * DAY - 60_000);
    const issuer = await issuerFile(served, folder, "CA01001");
    const args = ["ocsp", "-issuer", issuer, "-cert", former.file, "-noverify", "-text"];
    const { output } = await run("openssl", [...args, "-url", `${served.statusUrl}/ECC/OCSP/CA01001`]);
    expect(output).toContain("Next Update: Jun  8 12:00:00 2026 GMT");
    await served.end();
  });
});

describe.skipIf(!hasOpenssl)("an entry of the CRL", () => {
  it("stays until one list was made after the certificate's end, and is gone from the next", async () => {
    const clock = new VirtualClock(NOW);
    const served = await serve({ clock, config: { crlCheckMinutes: 1440 } });
    const unit = await issued(served, folder, "ccu-sha512");
    await revoke(served, unit);
    const { notAfter } = parseCertificate(der(unit.pem));
    const has = async () => (await list(served, unit)).text.includes(unit.serial);
    expect(await has()).toBe(true);
    await clock.advance(notAfter - clock.now() - HOUR);
    expect(await has()).toBe(true);
    await clock.advance(4 * DAY);
    expect(await has()).toBe(true);
    await clock.advance(4 * DAY);
    expect(await has()).toBe(false);
    await served.end();
  });
});

describe.skipIf(!hasOpenssl)("a CRL", () => {
  it("is signed anew when half of its life has passed, without a request", async () => {
    const clock = new VirtualClock(NOW);
    const stores = inlineStores();
    const served = await serve({ clock, stores, config: { crlDays: 2, crlCheckMinutes: 60 } });
    const url = `${served.statusUrl}/ECC/CA01001/crl/Crl1p1Dp4.crl`;
    const first = await shownCrl(url, folder);
    expect(first.text).toContain("Last Update: Jun  1 12:00:00 2026 GMT");
    expect(first.text).toContain("Next Update: Jun  3 12:00:00 2026 GMT");
    await clock.advance(DAY - 60_000);
    expect((await shownCrl(url, folder)).number).toBe(first.number);
    await clock.drive(clock.sleep(6 * HOUR));
    const second = await shownCrl(url, folder);
    expect(second.number).toBe(first.number + 1);
    expect(second.text).toMatch(/Last Update: Jun {2}2 1[2-8]:/);
    await served.end();
  });

  it("is served while it is valid when the store is away, then 503 until the store is back", async () => {
    const clock = new VirtualClock(NOW);
    const away = { now: false };
    const served = await serve({ clock, stores: failing(inlineStores(), away), config: { crlDays: 2 } });
    const url = `${served.statusUrl}/ECC/CA01001/crl/Crl1p1Dp4.crl`;
    const { number } = await shownCrl(url, folder);
    away.now = true;
    await clock.advance(36 * HOUR);
    expect((await shownCrl(url, folder)).number).toBe(number);
    await clock.advance(DAY);
    const refused = await fetch(url);
    expect([refused.status, refused.headers.get("retry-after")]).toEqual([503, "5"]);
    const ocsp = await fetch(`${served.statusUrl}/ECC/OCSP/CA01001`, { method: "POST", body: "x" });
    expect(Buffer.from(await ocsp.arrayBuffer()).toString("hex")).toBe("30030a0101");
    away.now = false;
    expect((await shownCrl(url, folder)).number).toBeGreaterThan(number);
    await served.end();
  });

  it("in parts has each certificate in the part that it names, also when the settings have changed since", async () => {
    const first = await serve({ config: { crlPartitions: 4 } });
    const units: Issued[] = [];
    for (let i = 0; i < 12; i++) units.push(await issued(first, folder, "ccu-sha256"));
    const urls = await Promise.all(units.map((unit) => crlUrl(unit)));
    expect(new Set(urls.map((url) => url.replace(/^.*Dp/, ""))).size).toBeGreaterThan(1);
    for (const url of urls) expect(url).toMatch(/\/ECC\/CA01001\/crl\/Crl1p1Dp[1-4]\.crl$/);
    await first.stop();
    const second = await serve({ dir: first.dir });
    for (const unit of units) await revoke(second, unit);
    const at = (url: string) => url.replace(first.statusUrl, second.statusUrl);
    const lists = new Map<string, string>();
    for (const url of new Set(urls)) lists.set(url, (await shownCrl(at(url), folder)).text);
    for (const [i, unit] of units.entries())
      for (const [url, text] of lists) expect(text.includes(unit.serial)).toBe(url === urls[i]);
    await second.end();
  });

  it("loses no revocation and gives no number twice when two servers of one store revoke at once", async () => {
    const config = { baseUrl: "http://pki.example" };
    const one = await serve({ config });
    const two = await serve({ dir: one.dir, config });
    const units: Issued[] = [];
    for (let i = 0; i < 16; i++) units.push(await issued(i % 2 === 0 ? one : two, folder, "prov-15118-2"));
    await Promise.all(units.map((unit, i) => revoke(i % 2 === 0 ? two : one, unit)));
    const both = async () => [await list(one, units[0] as Issued), await list(two, units[0] as Issued)] as const;
    let [a, b] = await both();
    for (const { text } of [a, b]) for (const { serial } of units) expect(text).toContain(serial);
    // One of them may still be signing a list that the other's made needless.
    for (let tries = 0; a.number !== b.number && tries < 50; tries++) [a, b] = await both();
    expect([b.number, b.text]).toEqual([a.number, a.text]);
    await two.stop();
    await one.end();
  });
});

async function crlUrl(unit: Issued): Promise<string> {
  const { output } = await run("openssl", ["x509", "-in", unit.file, "-noout", "-text"]);
  return /URI:(\S+\.crl)/.exec(output)?.[1] ?? "";
}

/** Stores whose calls fail while `away.now`. */
function failing(host: StoreHost, away: { readonly now: boolean }): StoreHost {
  return {
    close: () => host.close(),
    open: async (source, file) => {
      const store = await host.open(source, file);
      return {
        call: async (name, args) => {
          if (away.now) throw new StationError("STORE_FAILED", { details: { what: "away" } });
          return store.call(name, args);
        },
      };
    },
  };
}
