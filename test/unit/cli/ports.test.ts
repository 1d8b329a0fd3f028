import { describe, expect, it } from "vitest";
import { samePort } from "../../../src/cli/ports.js";

const servers = (host: string, ...[vpkiPort = 0, kmsPort = 0, statusPort = 0]: readonly number[]) => ({
  ...{ host, vpkiPort, kmsPort, statusPort },
});
const NO_PAGE = { host: "127.0.0.1", port: 0 };
const placeOf = (...parts: Parameters<typeof samePort>) => samePort(...parts)?.path.join(".");

describe("servers at one port", () => {
  it("are told by the later one", () => {
    expect(placeOf(servers("127.0.0.1", 1, 1), NO_PAGE)).toBe("servers.embedded.kmsPort");
    expect(placeOf(servers("127.0.0.1", 1, 2, 1), NO_PAGE)).toBe("servers.embedded.statusPort");
    expect(placeOf(servers("127.0.0.1", 1, 2, 3), { host: "127.0.0.1", port: 2 })).toBe("page.port");
  });

  it("are none where the system picks", () => {
    expect(placeOf(servers("127.0.0.1"), NO_PAGE)).toBeUndefined();
  });

  it.each([
    ["127.0.0.1", "127.0.0.1", true],
    ["0.0.0.0", "127.0.0.1", true],
    ["127.0.0.1", "::", true],
    ["localhost", "127.0.0.1", true],
    ["127.0.0.1", "127.0.0.2", false],
    ["192.0.2.1", "127.0.0.1", false],
    ["192.0.2.1", "localhost", false],
  ])("at %s and %s meet: %s", (host, page, meet) => {
    expect(placeOf(servers(host, 8_080), { host: page, port: 8_080 })).toBe(meet ? "page.port" : undefined);
  });
});
