/** `ecu-sim` in this process, on streams of its own. */
import { PassThrough } from "node:stream";
import { main, type Process } from "../../../firmware-sim/main.js";
import { openLink } from "../../../src/ecu/link/open.js";
import { createIsoTp } from "../../../src/ecu/transport/isotp/isotp.js";
import type { DiagTransport } from "../../../src/ecu/transport/transport.js";
import { fromHex, toHex } from "../../../src/shared/bytes.js";
import { systemClock } from "../../../src/shared/clock.js";

export class FakeProcess implements Process {
  out = "";
  err = "";
  readonly stdin = new PassThrough();
  stop: () => void = () => undefined;
  readonly stopped = new Promise<void>((resolve) => {
    this.stop = resolve;
  });
  #line: (line: string) => void = () => undefined;
  readonly firstLine = new Promise<string>((resolve) => {
    this.#line = resolve;
  });
  readonly stdout = {
    write: (text: string) => {
      this.out += text;
      if (this.out.includes("\n")) this.#line(this.out.split("\n")[0] ?? "");
    },
  };
  readonly stderr = {
    write: (text: string) => {
      this.err += text;
    },
  };
}

/** Starts, takes the first line, lets `use` talk, stops; exit code and streams. */
export async function running(args: string[], use: (first: Record<string, unknown>) => Promise<void>) {
  const io = new FakeProcess();
  const done = main(args, io);
  const first = await Promise.race([
    io.firstLine,
    done.then((code) => Promise.reject(new Error(`${code}: ${io.err}`))),
  ]);
  await use(JSON.parse(first));
  io.stop();
  return { code: await done, io };
}

type Ids = readonly [request: number, response: number];
const EVCC_IDS: Ids = [0x7e0, 0x7e8];

async function withTester<T>(url: unknown, [txId, rxId]: Ids, use: (tester: DiagTransport) => Promise<T>): Promise<T> {
  const link = await openLink(String(url), { clock: systemClock });
  const tester = createIsoTp(link, { addressing: { format: "normal", txId, rxId }, padding: 0xcc }, systemClock);
  try {
    return await use(tester);
  } finally {
    tester.close();
    await link.close();
  }
}

/** The final answer of the ECU with these identifiers, hex. */
export function ask(url: unknown, request: string, ids = EVCC_IDS): Promise<string> {
  return withTester(url, ids, async (tester) => {
    const answer = new Promise<string>((resolve) =>
      tester.onMessage(({ data }) => {
        if (data[0] !== 0x7f || data[2] !== 0x78) resolve(toHex(data));
      }),
    );
    await tester.send(fromHex(request));
    return answer;
  });
}

/** Sends a request, and leaves without having heard the answer. */
export async function tell(url: unknown, request: string, ids = EVCC_IDS): Promise<void> {
  await withTester(url, ids, (tester) => tester.send(fromHex(request)));
}
