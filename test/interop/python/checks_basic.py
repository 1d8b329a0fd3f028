"""Identification, sessions, functional addressing, reset, life cycle, clock, VIN."""

import time

from slcan import encode

FUNCTIONAL = 0x7DF


def text(data):
    return data is not None and len(data) > 0 and all(32 <= c < 127 for c in data)


def identification(ecu):
    for number, pattern in ((0xF187, b"91950-EV000"), (0xF197, b"EVCC")):
        seen = ecu.did(number)
        ecu.check("%04X is the profile's" % number, seen == pattern, seen, pattern)
    for number, start in ((0xF191, b"HW-"), (0xF195, b"SW-"), (0xF18C, b"")):
        seen = ecu.did(number)
        ecu.check("%04X is ASCII and starts %s" % (number, start.decode()), text(seen) and seen.startswith(start), seen)
    ecu_id = ecu.did(0xF1A0)
    ecu.check("F1A0 has 27 bytes", ecu_id is not None and len(ecu_id) == 27, ecu_id, "27 bytes")
    vin = ecu.did(0xF190)
    ecu.check("F190 of a new ECU is 17 FF", vin == b"\xff" * 17, vin, "ff" * 17)
    ecu.expect("F1A2 of a new ECU: production, no key, no leaf", "22f1a2", "62f1a200000000")
    clock = int.from_bytes(ecu.must("22f1b0")[3:], "big")
    ecu.check("F1B0 of a new ECU is long past", clock < time.time() - 365 * 86400, clock, "over a year ago")
    ecu.expect("F1B0 has 8 bytes", "22f1b0", "62f1b0[0-9a-f]{16}")
    for slot in range(8):
        ecu.refuses("F1C%d: 31 while empty" % slot, "22f1c%d" % slot, "31")
        ecu.refuses("F1D%d: 31 without a CSR" % slot, "22f1d%d" % slot, "31")
    ecu.refuses("F1C8 is no slot", "22f1c8", "31")
    single = {n: ecu.did(n) for n in (0xF187, 0xF191, 0xF195, 0xF197, 0xF18C, 0xF190, 0xF1A0, 0xF1A2)}
    several = b"".join(n.to_bytes(2, "big") + v for n, v in single.items())
    request = b"\x22" + b"".join(n.to_bytes(2, "big") for n in single)
    ecu.expect("several DIDs in one request, in its order", request, "62" + several.hex())
    ecu.expect("the same DID twice", "22f197f197", "62f19745564343f19745564343")
    ecu.expect("known and empty DIDs in one request: the known ones (14229-1)", "22f1c0f197f1d0", "62f19745564343")
    ecu.refuses("several DIDs, none known", "22fffff1c0", "31")
    ecu.refuses("22 without a DID: 13", "22", "13")
    ecu.refuses("22 with half a DID: 13", "22f197f1", "13")
    ecu.refuses("an unknown service: 11", "8501", "11")


def sessions(ecu):
    ecu.expect("10 03 gives P2 50 ms, P2* 5000 ms", "1003", "5003003201f4")
    ecu.expect("22 in the extended session", "22f197", "62f19745564343")
    ecu.expect("10 01 gives P2 50 ms, P2* 5000 ms", "1001", "5001003201f4")
    ecu.refuses("10 7E: 12", "107e", "12")
    ecu.refuses("10 alone: 13", "10", "13")
    ecu.refuses("10 with a byte too many: 13", "100300", "13")
    ecu.silent("10 83 answers nothing", "1083")
    ecu.expect("but 10 83 was done", "2711", "6711[0-9a-f]{32}")
    ecu.must("1001")
    ecu.expect("3E 00", "3e00", "7e00")
    ecu.silent("3E 80 answers nothing", "3e80")
    ecu.refuses("3E 01: 12", "3e01", "12")
    ecu.refuses("3E alone: 13", "3e", "13")
    clock = "2ef1b0%016x" % 1
    for name, request in (
        ("27 11", "2711"), ("27 12", "2712" + "00" * 16), ("2E F190", "2ef190" + "41" * 17), ("2E F1B0", clock),
        ("34", "3400441000000000000010"), ("36", "360100"), ("37", "37"),
        ("31 01 0230", "31010230"), ("31 01 0212", "31010212" + "00" * 16), ("31 03 0210", "3103021001"),
    ):  # fmt: skip
        ecu.refuses("%s in the default session: 7F" % name, request, "7f")
    ecu.must("1003")
    for name, request in (
        ("2E F190", "2ef190" + "41" * 17), ("2E F1B0", clock), ("34", "3400441000000000000010"), ("36", "360100"), ("37", "37"), ("31 01 0210", "31010210" + "00" * 64),
        ("31 01 0211", "3101021104"), ("31 01 0212", "31010212" + "00" * 16), ("31 01 0220", "310102200001000230000000"),
        ("31 01 0221", "310102210001"), ("31 01 0222", "3101022200" + "00" * 32), ("31 01 0230", "31010230"), ("31 03 0210", "3103021001"),
    ):  # fmt: skip
        ecu.refuses("%s while locked: 33" % name, request, "33")
    ecu.expect("nothing of it was done", "22f1a2f190", "62f1a200000000f190" + "ff" * 17)


def functional(ecu):
    ecu.must("1001")
    ecu.expect("7DF: 3E 00 is answered", "3e00", "7e00", to=FUNCTIONAL)
    ecu.silent("7DF: 3E 80 is not answered", "3e80", to=FUNCTIONAL)
    ecu.expect("7DF: 22 F197", "22f197", "62f19745564343", to=FUNCTIONAL)
    ecu.expect("7DF: 22 with a long answer", "22f1a0", "62f1a0[0-9a-f]{54}", to=FUNCTIONAL)
    ecu.expect("7DF: 10 03", "1003", "5003003201f4", to=FUNCTIONAL)
    for name, request in (("22 of an unknown DID", "22ffff"), ("22 of an empty slot", "22f1c0"), ("10 7E", "107e"), ("3E 01", "3e01")):
        ecu.silent("7DF: %s is not answered" % name, request, to=FUNCTIONAL)
    for name, request in (
        ("27 11", "2711"), ("11 01", "1101"), ("31 01 0230", "31010230"), ("2E", "2ef19041"), ("34", "340044100000"), ("36", "360100"),
        ("37", "37"), ("an unknown service", "8501"),
    ):  # fmt: skip
        ecu.silent("7DF: %s is not answered" % name, request, to=FUNCTIONAL)
    ecu.expect("7DF: 11 01 did not reset (still the extended session)", "2711", "6711[0-9a-f]{32}")
    ecu.client.send(FUNCTIONAL, bytes.fromhex("1009 22f187f191f1"))
    ecu.transport.flow.clear()
    ecu.silent("7DF: a first frame is not taken", "3e80")
    ecu.check("7DF: a first frame gets no FC", not ecu.transport.flow, list(ecu.transport.flow), "none")
    ecu.client.send(0x7E0, bytes.fromhex("100922f187f191f1"))
    ecu.transport.wait_flow()
    # In one write, so that the ECU has both at once: 3E 80 on 7DF is to disturb nothing (14229-2), no 21 either.
    ecu.client.lines.write(encode(FUNCTIONAL, bytes.fromhex("023e80cccccccccc")) + encode(0x7E0, bytes.fromhex("2195f197cccccccc")))
    seen = ecu.answer()
    ecu.check("7DF amid a physical reception leaves that alone", seen.startswith(b"\x62\xf1\x87"), seen, "62f187…", "7DF#023e80 and 7E0#2195f197, the end of 22f187f191f195f197")


def vin_and_clock(ecu):
    ecu.unlock()
    ecu.expect("VIN is written", b"\x2e\xf1\x90KMHSX2ABC00000001", "6ef190")
    ecu.expect("and read", "22f190", "62f190" + b"KMHSX2ABC00000001".hex())
    ecu.expect("VIN is rewritten", b"\x2e\xf1\x90Z9Z9Z9Z9Z9Z9Z9Z9Z", "6ef190")
    for name, value in (
        ("a small letter", b"kMHSX2ABC00000001"), ("a blank", b"KMHSX2ABC0000000 "), ("a hyphen", b"KMHSX2ABC-0000001"),
        ("@", b"@MHSX2ABC00000001"), ("[", b"KMHSX2ABC0000000["), (":", b"KMHSX2ABC0000000:"), ("/", b"KMHSX2ABC0000000/"), ("FF", b"\xff" * 17),
    ):  # fmt: skip
        ecu.refuses("VIN with %s: 31" % name, b"\x2e\xf1\x90" + value, "31")
    ecu.refuses("VIN of 16: 13", b"\x2e\xf1\x90" + b"A" * 16, "13")
    ecu.refuses("VIN of 18: 13", b"\x2e\xf1\x90" + b"A" * 18, "13")
    ecu.expect("the VIN is as last written", "22f190", "62f190" + b"Z9Z9Z9Z9Z9Z9Z9Z9Z".hex())
    for number in ("f187", "f18c", "f1a0", "f1a2", "f1c0", "f1d0", "ffff"):
        ecu.refuses("2E %s: 31" % number.upper(), "2e%s00" % number, "31")
    now = 1_900_000_000
    ecu.expect("clock is written", "2ef1b0%016x" % now, "6ef1b0")
    begin = time.monotonic()
    ecu.refuses("clock of 7 bytes: 13", "2ef1b0" + "00" * 7, "13")
    ecu.refuses("clock of 9 bytes: 13", "2ef1b0" + "00" * 9, "13")
    ecu.expect("11 01", "1101", "5101")
    took = ecu.back()
    ecu.check("back within 500 ms", took is not None and took <= 0.6, took, "<= 0.5 s (and 0.1 for this machine)")
    ecu.expect("after a reset: default session", "31010230", "7f317f")
    ecu.must("1003")
    ecu.refuses("after a reset: locked", "31010230", "33")
    while time.monotonic() - begin < 1.1:
        ecu.must("3e00")
    seen = int.from_bytes(ecu.did(0xF1B0), "big")
    passed = time.monotonic() - begin
    ecu.check("the clock runs on over the reset", abs(seen - now - passed) <= 1.1, seen - now, "%.1f s" % passed)
    ecu.expect("the VIN stays over the reset", "22f190", "62f190" + b"Z9Z9Z9Z9Z9Z9Z9Z9Z".hex())
    ecu.refuses("11 7E: 12", "117e", "12")
    ecu.refuses("11 alone: 13", "11", "13")
    ecu.refuses("11 01 00: 13", "110100", "13")


def security(ecu):
    ecu.must("1003")
    ecu.refuses("27 12 without a seed: 24", "2712" + "00" * 16, "24")
    ecu.refuses("27 01: 12", "2701", "12")
    ecu.refuses("27 13: 12", "2713", "12")
    ecu.refuses("27 alone: 13", "27", "13")
    first, second = ecu.seed(), ecu.seed()
    ecu.check("seeds are 16 bytes, random, not zero", len(first) == 16 and first != second and any(first), first)
    seen = ecu.send_key(first)
    ecu.check("the key of a seed that was replaced: 35", seen == b"\x7f\x27\x35", seen, "7f2735", ecu.last)
    seen = ecu.send_key(second)
    ecu.check("every key spends the seed: 24", seen == b"\x7f\x27\x24", seen, "7f2724", ecu.last)
    seen = ecu.send_key(ecu.seed())
    ecu.check("the right key: 67 12", seen == b"\x67\x12", seen, "6712", ecu.last)
    ecu.refuses("a key without a seed, unlocked: 24", "2712" + "11" * 16, "24")
    ecu.expect("27 11 while unlocked: 16 zero bytes", "2711", "6711" + "00" * 16)
    ecu.expect("still unlocked", "31010212" + "00" * 16, "7101021200[0-9a-f]{64}")
    ecu.must("1003")
    ecu.refuses("10 03 in the extended session locks", "31010212" + "00" * 16, "33")
    for number in range(2):
        ecu.seed()
        ecu.refuses("wrong key %d after a right one: 35" % (number + 1), "2712" + "ee" * 16, "35")
    ecu.must("1001")
    ecu.unlock()
    ecu.check("the right key after two wrong ones", True)
    ecu.must("1003")
    seed = ecu.seed()
    ecu.must("1003")
    seen = ecu.send_key(seed)
    ecu.check("10 03 drops the seed: 24", seen == b"\x7f\x27\x24", seen, "7f2724", ecu.last)
    ecu.unlock()
    ecu.must("1001")
    ecu.must("1003")
    ecu.refuses("10 01 locks", "31010212" + "00" * 16, "33")


def routines(ecu):
    ecu.unlock()
    ecu.refuses("an unknown routine: 31", "3101ff00", "31")
    ecu.refuses("results of an unknown routine: 31", "3103ff00", "31")
    for number in ("0211", "0212", "0220", "0221", "0222", "0230"):
        ecu.refuses("31 03 %s: 12" % number, "3103" + number, "12")
    for number in ("0210", "0230"):
        ecu.refuses("31 02 %s: 12" % number, "3102" + number, "12")
    ecu.refuses("31 04 0210: 12", "3104021001", "12")
    ecu.refuses("31 alone: 13", "31", "13")
    ecu.refuses("31 01 02: 13", "310102", "13")
    for number, length in (
        ("0210", 0), ("0210", 63), ("0210", 65), ("0211", 0), ("0212", 0), ("0212", 15), ("0212", 17), ("0220", 0), ("0220", 3),
        ("0221", 0), ("0221", 1), ("0221", 3), ("0222", 1), ("0222", 32), ("0222", 34), ("0230", 1),
    ):  # fmt: skip
        ecu.refuses("31 01 %s with %d bytes: 13" % (number, length), bytes.fromhex("3101" + number) + bytes(length), "13")
    ecu.refuses("31 03 0210 without a slot: 13", "31030210", "13")
    ecu.refuses("31 03 0210 with two slots: 13", "310302100102", "13")
    for data in ("00010003300000", "0001000230000001", "000100023000000000", "00010002300000013030"):
        ecu.refuses("31 01 0220 with lengths that do not fit (%s): 13" % data, "31010220" + data, "13")


def life_cycle(ecu):
    ecu.unlock()
    ecu.routine("0230: 00", "0230", b"", "00")
    ecu.expect("F1A2 says locked", "22f1a2", "62f1a201......")
    ecu.routine("0230 again: 00", "0230", b"", "00")
    ecu.expect("reset while locked for good", "1101", "5101")
    ecu.check("back after it", ecu.back() is not None, "silent")
    ecu.expect("still locked for good", "22f1a2", "62f1a201......")
    ecu.unlock()
    ecu.expect("VIN is rewritten", b"\x2e\xf1\x90LATER000000000001", "6ef190")


def run(ecu):
    identification(ecu)
    sessions(ecu)
    functional(ecu)
    security(ecu)
    routines(ecu)
    vin_and_clock(ecu)
    life_cycle(ecu)
    padding = [c for c in ecu.transport.complaints]
    ecu.check("frames are as ISO-TP and the page want them (padding AA)", not padding, padding[:3], "none")
    ecu.check("first answers within P2 (50 ms; 300 for this machine)", ecu.slowest <= 0.3, "%.3f s" % ecu.slowest, "<= 0.3 s")
