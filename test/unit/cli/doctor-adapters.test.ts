import { describe, expect, it } from "vitest";
import { netdevFinding, serialText } from "../../../src/cli/doctor/adapters.js";
import { ADAPTERS, usbDevice } from "../../../src/ecu/link/slcan/adapters.js";

describe("doctor, on serial devices", () => {
  it("says what a known adapter can do, each firmware that it may have", () => {
    const known = usbDevice("16d0:117e");
    const kinds = (known?.adapters ?? []).flatMap((name) => ADAPTERS.get(name) ?? []);
    expect(serialText({ path: "COM5", maker: "MCS", usb: "16d0:117e" }, known?.text, kinds)).toBe(
      "COM5 (16d0:117e, CANable): slcan, adapter=canable: acknowledges nothing, S7 = 750 k, no CAN FD; " +
        "or adapter=canable2: acknowledges nothing, S7 = 750 k, CAN FD (2, 5 Mbit/s)",
    );
  });

  it("says of any other what it may be", () => {
    const text = serialText({ path: "/dev/ttyS0", maker: undefined, usb: undefined }, undefined, []);
    expect(text).toMatch(/^\/dev\/ttyS0: slcan or K-Line/);
  });
});

describe("doctor, on CAN interfaces", () => {
  const netdev = { index: 3, up: true, carrier: true, fd: true };

  it("shows state, rates and restart", () => {
    const controller = {
      state: "ERROR-ACTIVE",
      bittiming: { bitrate: 500_000 },
      data_bittiming: { bitrate: 2_000_000 },
      restart_ms: 100,
    };
    expect(netdevFinding("can0", netdev, controller)).toEqual({
      name: "adapter",
      state: "OK",
      needed: false,
      what: "can0: up, ERROR-ACTIVE, 500000 bit/s, data 2000000 bit/s, CAN FD, restarts 100 ms after bus-off",
    });
    expect(netdevFinding("vcan0", { ...netdev, fd: false }, {}).what).toBe("vcan0: up, classical CAN");
  });

  it("says how one that is down or bus-off comes back", () => {
    const down = netdevFinding("vcan0", { ...netdev, up: false, carrier: false }, {});
    expect(down).toMatchObject({ state: "MISSING", todo: "ip link set vcan0 up" });
    const off = netdevFinding("can0", { ...netdev, carrier: false }, { state: "BUS-OFF", bittiming: {} });
    expect(off.what).toContain("up without carrier, BUS-OFF");
    expect(off.todo).toMatch(/check the wiring.*ip link set can0 up type can bitrate/);
  });
});
