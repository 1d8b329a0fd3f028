import { describe, expect, it } from "vitest";
import { parseConfig } from "../../../src/cli/config.js";

const read = (page: string) =>
  parseConfig(`schema: 1\nmode: simulator\npage: ${page}\n`, "/etc/st/station.yaml", "/data", {}).page;

describe("the page's section of the configuration", () => {
  it("is for this machine alone unless it says otherwise", () => {
    expect(read("{}")).toMatchObject({ host: "127.0.0.1", port: 0, tls: undefined, rules: [] });
  });

  it.each(["0.0.0.0", "10.1.2.3", "station-3.plant", '"::"'])("opens %s to other machines with TLS alone", (host) => {
    expect(() => read(`{ host: ${host} }`)).toThrow(/page\.host: opens the page to other machines without TLS/);
    const { tls } = read(`{ host: ${host}, tls: { certFile: tls/cert.pem, keyFile: /k.pem } }`);
    expect(tls).toEqual({ certFile: "/etc/st/tls/cert.pem", keyFile: "/k.pem" });
  });

  it("takes rules for whole values, and says which one is no pattern", () => {
    const { rules } = read('{ rules: [{ pattern: "KM.", profile: evcc }, { pattern: x, profile: ./p.yaml }] }');
    expect(rules.map(({ profile }) => profile)).toEqual(["evcc", "/etc/st/p.yaml"]);
    expect([rules[0]?.pattern.test("KMH"), rules[0]?.pattern.test("KMHX")]).toEqual([true, false]);
    expect(() => read('{ rules: [{ pattern: "(", profile: evcc }] }')).toThrow(/station\.yaml:3:\d+: page\.rules/);
  });

  it("knows no other settings", () => {
    expect(() => read("{ prot: 80 }")).toThrow(/prot/);
  });
});
