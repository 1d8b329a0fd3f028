import { afterAll, expect, it } from "vitest";
import { createHttp } from "../../../../src/servers/http/https.js";
import { VirtualClock } from "../../../../src/shared/clock.js";
import { silentLogger } from "../../../../src/shared/logger.js";

const app = createHttp({ clock: new VirtualClock(), logger: silentLogger });
app.get("/files/:name", async () => ({}));
afterAll(() => app.close());

it.each(["/%zz", "/files/%c0%ae", `/files/${"x".repeat(5_000)}`])(
  "a path that cannot be read is not found: %.20s",
  async (url) => {
    const answer = await app.inject({ method: "GET", url });
    expect([answer.statusCode, answer.json()]).toEqual([404, { message: "Not Found" }]);
  },
);
