/** The clients of the vPKI bench, in a thread of their own so that their work is not the server's. */
import { parentPort, workerData } from "node:worker_threads";
import { Agent, request } from "undici";
import { formatDn } from "../../pki/names.js";
import { CERTIFICATE_TYPES, sampleSubject } from "../../pki/types.js";
import { issueBody } from "./csr.js";

/** Where the server is, and what its clients show. */
export interface LoadTask {
  readonly url: string;
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
  /** Requests of each round, issue and reissue by turns. */
  readonly requests: number;
}

const TYPE = "prov-15118-20";
const task = workerData as LoadTask;
const dispatcher = new Agent({ connect: { ca: task.ca, cert: task.cert, key: task.key }, connections: 16 });

/** What the load tells the bench: the bodies of the next round are made; the round is over, with how many answers that were not 200. */
export type LoadNews = "ready" | { readonly failed: number };

/** Issues, reissues, and a revocation with the list that it brings, all at once. */
async function round(bodies: readonly string[]): Promise<number> {
  const send = async (path: string, text?: string) => {
    const options = text === undefined ? ({ method: "GET" } as const) : ({ method: "POST", body: text } as const);
    const answer = await request(`${task.url}${path}`, { ...options, dispatcher });
    await answer.body.dump({ limit: 64 * 1_048_576 });
    return answer.statusCode;
  };
  const { basePath } = CERTIFICATE_TYPES[TYPE];
  const [first, ...others] = bodies;
  const known = await send(`${basePath}/issue`, first ?? "");
  const statuses = await Promise.all([
    ...others.map((text, i) => send(`${basePath}/${i % 2 === 0 ? "issue" : "reissue"}`, text)),
    send(`${basePath}/revoke`, JSON.stringify({ dn: formatDn(sampleSubject(TYPE)) })).then(async (status) =>
      status === 200 ? send("/ECC/CA05003/crl/Crl1p1Dp1.crl") : status,
    ),
  ]);
  return [known, ...statuses].filter((status) => status !== 200).length;
}

const port = parentPort;
if (port === null) throw new Error("the clients are started by the bench");
const tell = (news: LoadNews) => port.postMessage(news);
let next = await Promise.all(Array.from({ length: task.requests }, () => issueBody(TYPE)));
port.on("message", () => {
  void (async () => {
    tell({ failed: await round(next) });
    next = await Promise.all(Array.from({ length: task.requests }, () => issueBody(TYPE)));
    tell("ready");
  })();
});
tell("ready");
