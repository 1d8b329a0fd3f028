import { describe, expect, it } from "vitest";
import { openLink } from "../../../src/ecu/link/open.js";
import { createIsoTp } from "../../../src/ecu/transport/isotp/isotp.js";
import { fromHex, toHex } from "../../../src/shared/bytes.js";
import { systemClock } from "../../../src/shared/clock.js";
import { ask, running, tell } from "./program.js";

interface Listed {
  readonly listening: string;
  readonly ecuId: string;
  readonly requestId?: number;
  readonly responseId?: number;
  readonly ecuAddress?: number;
}

const listed = (ecus: unknown) => ecus as readonly Listed[];

describe("several ECUs on one bus", () => {
  it("have identifiers of their own, and one program talks to all of them over one connection", async () => {
    const args = ["--profile", "evcc", "--share-bus", "--count", "32", "--ids", "600:680", "--seed", "s"];
    await running(args, async ({ listening, ecus }) => {
      const list = listed(ecus);
      expect(list.map(({ requestId }) => requestId)).toEqual(Array.from({ length: 32 }, (_, i) => 0x600 + i));
      expect(new Set(list.map((ecu) => ecu.listening))).toEqual(new Set([listening]));
      const link = await openLink(String(listening), { clock: systemClock });
      const answers = list.map(async ({ requestId = 0, responseId = 0, ecuId }) => {
        const addressing = { format: "normal", txId: requestId, rxId: responseId } as const;
        const tester = createIsoTp(link, { addressing, padding: 0xcc }, systemClock);
        const answer = new Promise<string>((resolve) => tester.onMessage(({ data }) => resolve(toHex(data))));
        await tester.send(fromHex("22f1a0"));
        expect(await answer).toBe(`62f1a0${ecuId}`);
        tester.close();
      });
      await Promise.all(answers);
      await link.close();
    });
  });

  it("all answer a functional request", async () => {
    await running(["--profile", "evcc", "--share-bus", "--count", "3"], async ({ listening, ecus }) => {
      const link = await openLink(String(listening), { clock: systemClock });
      const heard = new Set<number>();
      const all = new Promise<void>((resolve) =>
        link.onFrame(({ id }) => {
          heard.add(id);
          if (heard.size === 3) resolve();
        }),
      );
      await link.send({ id: 0x7df, extended: false, data: fromHex("023e00cccccccccc") });
      await all;
      expect([...heard].sort()).toEqual(listed(ecus).map(({ responseId }) => responseId));
      await link.close();
    });
  });

  it("keep their faults and their power apart", async () => {
    const args = ["--profile", "evcc", "--share-bus", "--count", "2", "--ids", "600:680:10"];
    await running(args, async ({ listening, ecus }) => {
      expect(listed(ecus).map(({ requestId, responseId }) => [requestId, responseId])).toEqual([
        [0x600, 0x680],
        [0x610, 0x690],
      ]);
      await tell(listening, "1003", [0x600, 0x680]);
      expect(await ask(listening, "31010230", [0x610, 0x690])).toBe("7f317f");
      expect(await ask(listening, "31010230", [0x600, 0x680])).toBe("7f3133");
    });
  });
});
