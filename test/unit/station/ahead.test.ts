/** What the servers are asked for while the bus works. */
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Killer, Plant, type Station } from "./fakes.js";

let plant: Plant;
let station: Station;
/** What was begun and what had ended, in order. */
let order: string[];

/** Notes beginning and end of an object's calls. */
function note<T extends object>(object: T, method: keyof T & string, name: (...args: never[]) => string): void {
  const original = (Reflect.get(object, method) as (...args: never[]) => Promise<unknown>).bind(object);
  Reflect.set(object, method, async (...args: never[]) => {
    const called = name(...args);
    order.push(called);
    const result = await original(...args);
    // What is asked meanwhile is asked by now.
    await plant.clock.sleep(5);
    order.push(`${called} done`);
    return result;
  });
}

const opened = () =>
  plant.start({
    deps: {
      openSession: async () => {
        const [session, target] = [plant.ecu.session(), plant.ecu.target()];
        note(target, "loadKey", (slot: number) => `load ${slot.toString(16).toUpperCase()}`);
        note(target, "makeCsr", ({ slot }: { slot: number }) => `csr ${slot}`);
        note(target, "installCertificate", (slot: number) => `install ${slot}`);
        return { session, target };
      },
    },
  });

beforeEach(async () => {
  plant = new Plant();
  order = [];
  station = await opened();
  note(plant.kms, "requestKey", ({ keyId }: { keyId: string }) => `post ${keyId}`);
  note(plant.vpki, "issue", ({ type }: { type: string }) => `issue ${type}`);
});
afterEach(async () => {
  await station.stop();
  plant.remove();
});

const inOrder = (a: string, b: string) => {
  expect(order).toContain(a);
  expect(order).toContain(b);
  expect(order.indexOf(a), `${a} before ${b}: ${order.join(", ")}`).toBeLessThan(order.indexOf(b));
};

describe("while the bus works", () => {
  it("the next keys' sets are fetched, three at most, but for those that a master key authorises", async () => {
    const [master, secoc, supplier] = plant.profile.keys;
    if (master === undefined || secoc === undefined || supplier === undefined) throw new Error("no keys");
    const more = [5, 6, 7].map((slot) => ({ ...secoc, name: `secoc-${slot}`, keyId: String(slot), slot }));
    plant.profile = { ...plant.profile, keys: [master, secoc, ...more, supplier] };
    await station.stop();
    station = await opened();
    expect((await station.run()).outcome).toBe("PASS");
    inOrder("load 1 done", "post 4");
    inOrder("post 4", "post 5");
    inOrder("post 7", "post 4 done");
    inOrder("load 4", "post D");
    inOrder("post D", "load 5 done");
  });

  it("the next certificate's key pair is made while this one's CSR is noted and the vPKI works, and its answer comes while this one is installed", async () => {
    expect((await station.run()).outcome).toBe("PASS");
    inOrder("csr 1", "issue prov-15118-2");
    inOrder("csr 1", "issue prov-15118-2 done");
    inOrder("issue prov-15118-20", "install 0 done");
    inOrder("issue prov-15118-20", "install 1");
  });

  it("no master key's set is fetched, which the KMS would have to reckon with for good", async () => {
    expect((await station.run()).outcome).toBe("PASS");
    inOrder("install 1 done", "post 1");
  });

  it("the first key's set is, where it is no master key's", async () => {
    plant.profile = { ...plant.profile, keys: plant.profile.keys.slice(1) };
    await station.stop();
    station = await opened();
    expect((await station.run()).outcome).toBe("PASS");
    inOrder("install 0 done", "post 4");
    inOrder("post 4", "install 1 done");
  });
});

describe("what was asked for and is not used", () => {
  it("is told the KMS as not stored where the run ends before its step", async () => {
    plant.ecu.faults.beforeLoad = (slot) => {
      if (slot === 4) throw new Error("the ECU burns");
    };
    expect((await station.run()).outcome).not.toBe("PASS");
    const unused = [...plant.kms.results.values()].filter(({ keyId }) => keyId === "D");
    expect(unused).toMatchObject([{ status: "OperationFailed", message: "The set was not sent to the ECU." }]);
    expect(order).not.toContain("load D");
  });

  it("is fetched anew by the run's next life, where the first one was cut off behind that", async () => {
    const burns = (slot: number) => {
      if (slot === 4) throw new Error("the ECU burns");
    };
    plant.ecu.faults.beforeLoad = burns;
    const clean = new Killer();
    await station.stop();
    station = await plant.start({ killer: clean });
    expect((await station.run()).outcome).toBe("ERROR");
    await station.stop();
    plant.remove();
    plant = new Plant();
    plant.ecu.faults.beforeLoad = burns;
    const killer = new Killer(clean.points.lastIndexOf("before finish") + 1);
    station = await plant.start({ killer });
    // Whatever it says: nothing of it is heard any more.
    await station.run().catch(() => undefined);
    await station.stop();
    plant.ecu.faults.beforeLoad = () => undefined;
    station = await plant.start();
    expect(await station.run()).toMatchObject({ outcome: "PASS", resumed: 1 });
    const { ecuId, keys } = plant.ecu;
    expect(plant.kms.agrees(ecuId, "D", keys.get(0xd)?.key)).toBe(true);
    const told = [...plant.kms.results.values()].filter(({ kind, keyId }) => kind === "key" && keyId === "D");
    expect(told.map(({ status }) => status)).toEqual(["OperationFailed", "Success"]);
  });

  it("is told the KMS as not stored where it is no set for this ECU and slot, and wiped", async () => {
    const ask = plant.kms.requestKey.bind(plant.kms);
    let wrong: Uint8Array | undefined;
    plant.kms.requestKey = async (...args) => {
      const set = await ask(...args);
      if (args[0].keyId !== "D") return set;
      wrong = set.m1;
      wrong[15] = 0x91;
      return set;
    };
    expect((await station.run()).failure).toMatchObject({ code: "KMS_FAULT", step: "key:supplier" });
    const told = [...plant.kms.results.values()].filter(({ keyId }) => keyId === "D");
    expect(told).toMatchObject([
      { status: "OperationFailed", message: expect.stringContaining("slot 9 instead of D") },
    ]);
    expect(wrong?.every((byte) => byte === 0)).toBe(true);
  });

  it("ends the run with the code and the step that it belongs to", async () => {
    plant.kms.requestKey = async (request) => {
      throw new Error(`no ${request.keyId}`);
    };
    const record = await station.run();
    expect(record.failure).toMatchObject({ code: "INTERNAL", step: "key:master" });
    // Both certificates were done by then.
    expect(order).toContain("install 1 done");
  });
});
