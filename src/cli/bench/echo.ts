/** The peer of the KMS row, a process of its own: a bare Fastify over TLS that answers each body with so many bytes of JSON. */
import Fastify from "fastify";
import { ensureTls } from "../../servers/http/tls.js";
import { systemClock } from "../../shared/clock.js";

const [, , folder = "", length = "0"] = process.argv;
const { certPem, keyPem, caFile } = await ensureTls(folder, { clock: systemClock, hosts: ["127.0.0.1"] });
const app = Fastify({ https: { cert: certPem, key: keyPem } });
app.post("/", async () => ({ echo: "x".repeat(Math.max(0, Number(length) - '{"echo":""}'.length)) }));
const url = await app.listen({ host: "127.0.0.1", port: 0 });
process.stdout.write(`${JSON.stringify({ url, ca: caFile })}\n`);
