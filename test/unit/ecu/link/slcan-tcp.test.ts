import { connect, createServer, type Socket } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import type { CanFrame, CanLink, ReceivedFrame } from "../../../../src/ecu/link/link.js";
import { openLink } from "../../../../src/ecu/link/open.js";
import { toHex } from "../../../../src/shared/bytes.js";
import { systemClock as clock } from "../../../../src/shared/clock.js";
import { isStationError } from "../../../../src/shared/errors.js";

const open: CanLink[] = [];
const sockets: Socket[] = [];
afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  await Promise.all(open.splice(0).map((link) => link.close()));
});

async function link(url: string) {
  const opened = await openLink(url, { clock });
  open.push(opened);
  return opened;
}

const frame = (id: number, data: number[]): CanFrame => ({ id, extended: false, data: Uint8Array.from(data) });

function frames(of: CanLink, count: number): Promise<ReceivedFrame[]> {
  const got: ReceivedFrame[] = [];
  return new Promise((resolve) => {
    const stop = of.onFrame((received) => {
      got.push(received);
      if (got.length === count) {
        stop();
        resolve(got);
      }
    });
  });
}

/** A raw client: what it sends and what it reads are bytes. */
async function raw(url: string | undefined) {
  const port = Number(/:(\d+)$/.exec(url ?? "")?.[1]);
  const socket = connect({ host: "127.0.0.1", port });
  sockets.push(socket);
  await new Promise((resolve) => socket.once("connect", resolve));
  let text = "";
  let wake = () => {};
  socket.on("data", (chunk) => {
    text += chunk.toString("latin1");
    wake();
  });
  return {
    socket,
    async talk(send: string, length: number) {
      socket.write(send, "latin1");
      while (text.length < length)
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      const got = text.slice(0, length);
      text = text.slice(length);
      return got;
    },
  };
}

describe("slcan over TCP", () => {
  it("carries frames both ways in order", async () => {
    const ecu = await link("slcan+listen://127.0.0.1:0");
    const station = await link(ecu.listening ?? "");
    const atEcu = frames(ecu, 100);
    await Promise.all(Array.from({ length: 100 }, (_, i) => station.send(frame(0x7e0, [i, 2, 3]))));
    expect((await atEcu).map((received) => received.data[0])).toEqual(Array.from({ length: 100 }, (_, i) => i));
    const atStation = frames(station, 1);
    await ecu.send({ id: 0x18daf110, extended: true, data: Uint8Array.of(0xde, 0xad) });
    const [received] = await atStation;
    expect(received).toMatchObject({ id: 0x18daf110, extended: true });
    expect(toHex(received?.data ?? Uint8Array.of())).toBe("dead");
  });

  it("answers as a Lawicel adapter does", async () => {
    const ecu = await link("slcan+listen://127.0.0.1:0");
    const client = await raw(ecu.listening);
    expect(await client.talk("V\r", 6)).toBe("V1013\r");
    expect(await client.talk("N\r", 6)).toBe("NE001\r");
    expect(await client.talk("t7E000\r", 1)).toBe("\x07");
    expect(await client.talk("F\r", 1)).toBe("\x07");
    expect(await client.talk("C\rS6\rO\r", 3)).toBe("\r\r\r");
    expect(await client.talk("S6\rO\r", 2)).toBe("\x07\x07");
    expect(await client.talk("F\r", 4)).toBe("F00\r");
    const got = frames(ecu, 4);
    expect(await client.talk("t7E02AbCd\rT18DA10F1100\rr1238\rR000000010\r", 8)).toBe("z\rZ\rz\rZ\r");
    expect((await got).map((f) => [f.id, f.extended, toHex(f.data), f.remote])).toEqual([
      [0x7e0, false, "abcd", undefined],
      [0x18da10f1, true, "00", undefined],
      [0x123, false, "", true],
      [1, true, "", true],
    ]);
    expect(await client.talk("nonsense\rt7E09\rt7E0200\r", 3)).toBe("\x07\x07\x07");
    expect(await client.talk("C\rL\rt7E000\r", 3)).toBe("\r\r\x07");
  });

  it("sends nothing to a host before O and after C, and time stamps after Z1", async () => {
    const ecu = await link("slcan+listen://127.0.0.1:0");
    const client = await raw(ecu.listening);
    await client.talk("N\r", 6);
    await ecu.send(frame(1, [1]));
    expect(await client.talk("Z1\rO\r", 2)).toBe("\r\r");
    await ecu.send(frame(2, [2]));
    expect(await client.talk("C\r", 13)).toMatch(/^t002102[0-9A-F]{4}\r\r$/);
    await ecu.send(frame(3, [3]));
    expect(await client.talk("N\r", 6)).toBe("NE001\r");
  });

  it("takes clients in turn, and a killed one back", async () => {
    const ecu = await link("slcan+listen://127.0.0.1:0");
    for (let turn = 0; turn < 3; turn++) {
      const station = await link(ecu.listening ?? "");
      const atEcu = frames(ecu, 1);
      await station.send(frame(0x100 + turn, []));
      expect((await atEcu)[0]?.id).toBe(0x100 + turn);
      if (turn > 0) await station.close();
      else {
        const killed = await raw(ecu.listening);
        await killed.talk("O\r", 1);
        killed.socket.resetAndDestroy();
      }
    }
  });

  it("tells the station that the adapter is gone", async () => {
    const ecu = await link("slcan+listen://127.0.0.1:0");
    const station = await link(ecu.listening ?? "");
    const closed = new Promise<Error>((resolve) => station.onClosed(resolve));
    await ecu.close();
    expect(isStationError(await closed, "LINK_CLOSED")).toBe(true);
    await expect(station.send(frame(1, []))).rejects.toMatchObject({ code: "LINK_CLOSED" });
  });

  it("does not report its own close, closes the channel, and closing twice is fine", async () => {
    let text = "";
    const server = createServer((socket) =>
      socket.on("data", (chunk) => {
        text += chunk.toString("latin1");
        socket.write("\r".repeat(chunk.filter((byte) => byte === 13).length));
      }),
    );
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const address = server.address();
    const station = await link(
      `slcan+tcp://127.0.0.1:${typeof address === "object" ? address?.port : 0}?bitrate=250000`,
    );
    let reported = 0;
    station.onClosed(() => reported++);
    await station.close();
    await station.close();
    await new Promise<void>((resolve) => server.close(() => resolve()));
    expect(text).toBe("C\rS5\rO\rC\r");
    expect(reported).toBe(0);
  });

  it("works with an adapter that acknowledges nothing, and never waits for it", async () => {
    let text = "";
    const server = createServer((socket) => {
      sockets.push(socket);
      socket.on("data", (chunk) => {
        text += chunk.toString("latin1");
      });
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const address = server.address();
    const station = await link(`slcan+tcp://127.0.0.1:${typeof address === "object" ? address?.port : 0}`);
    await station.send(frame(0x7e0, [1]));
    await station.close();
    await new Promise<void>((resolve) => server.close(() => resolve()));
    expect(text).toBe("C\rS6\rO\rt7E0101\rC\r");
  });

  it("reports a frame that the adapter refuses, and goes on", async () => {
    let refuse = true;
    const server = createServer((socket) => {
      sockets.push(socket);
      socket.on("data", (chunk) => {
        for (const line of chunk.toString("latin1").split("\r").slice(0, -1)) {
          socket.write(line.startsWith("t") ? (refuse ? "\x07" : "z\r") : "\r");
          if (line.startsWith("t")) refuse = false;
        }
      });
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const address = server.address();
    const station = await link(`slcan+tcp://127.0.0.1:${typeof address === "object" ? address?.port : 0}`);
    await expect(station.send(frame(0x7e0, [1]))).rejects.toMatchObject({ code: "LINK_SEND_FAILED" });
    await station.send(frame(0x7e0, [2]));
    await station.close();
    server.close();
  });

  it("says that nobody listens", async () => {
    const ecu = await link("slcan+listen://127.0.0.1:0");
    const url = ecu.listening ?? "";
    await ecu.close();
    await expect(openLink(url, { clock })).rejects.toMatchObject({ code: "LINK_OPEN_FAILED" });
  });
});
