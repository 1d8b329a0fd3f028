/** A TCP proxy between the station and an slcan adapter: it sees the frames and can cut the cable at one of them. */
import { connect, createServer, type Server, type Socket } from "node:net";

export interface LinkProxy {
  /** For the station. */
  readonly url: string;
  /** What the station sent so far, as slcan text. */
  sent(): string;
  /** Connections that the station opened so far. */
  connections(): number;
  /** When the station has sent `pattern` for the `times`th time, `act` is called: before the ECU gets that frame, unless `after`. */
  at(pattern: RegExp, times: number, act: () => void, after?: "answer"): void;
  /** Cuts every connection, as a cable that is pulled. */
  cut(): void;
  /** Resolves when the station has closed its side of every connection. */
  closedByStation(): Promise<void>;
  close(): Promise<void>;
}

interface Trap {
  readonly pattern: RegExp;
  left: number;
  readonly act: () => void;
  readonly after: "answer" | undefined;
}

/** @param target `slcan+tcp://HOST:PORT` of the adapter */
export async function startProxy(target: string): Promise<LinkProxy> {
  const { hostname, port } = new URL(target.replace("slcan+tcp:", "http:"));
  const sockets = new Set<Socket>();
  const ended: Promise<void>[] = [];
  let trap: Trap | undefined;
  let armed = false;
  let text = "";
  let count = 0;
  const spring = () => {
    const { act } = trap ?? {};
    trap = undefined;
    armed = false;
    act?.();
  };
  const server: Server = createServer((station) => {
    count++;
    const adapter = connect({ host: hostname, port: Number(port), noDelay: true });
    station.setNoDelay(true);
    ended.push(new Promise((resolve) => station.on("end", resolve).on("close", () => resolve())));
    for (const [one, other] of [
      [station, adapter],
      [adapter, station],
    ] as const) {
      sockets.add(one);
      one.on("error", () => undefined);
      one.on("close", () => {
        sockets.delete(one);
        other.destroy();
      });
    }
    let line = "";
    station.on("data", (chunk) => {
      for (const char of chunk.toString("latin1")) {
        text += char;
        line += char;
        if (char !== "\r") continue;
        const hit = trap?.pattern.test(line) === true && --trap.left === 0;
        if (hit && trap?.after === undefined) spring();
        else if (hit) armed = true;
        if (!adapter.destroyed) adapter.write(line, "latin1");
        line = "";
      }
    });
    adapter.on("data", (chunk) => {
      station.write(chunk);
      if (armed && /(^|\r)t/.test(chunk.toString("latin1"))) spring();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("the proxy has no port");
  return {
    url: `slcan+tcp://127.0.0.1:${address.port}`,
    sent: () => text,
    connections: () => count,
    at: (pattern, times, act, after) => {
      trap = { pattern, left: times, act, after };
    },
    cut: () => {
      for (const socket of sockets) socket.destroy();
    },
    closedByStation: async () => void (await Promise.all(ended)),
    close: () => {
      for (const socket of sockets) socket.destroy();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}
