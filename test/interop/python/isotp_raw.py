#!/usr/bin/python3
"""Raw frames over slcan at an ECU with normal addressing, classical CAN or CAN FD: what ISO 15765-2 says of each, frame by frame.

isotp_raw.py URL JSON: {"tx", "rx", "functional", "fd"?}. The profile: padding AA and TX_DL 32 of the ECU, its flow control BS 3 and STmin F2.
A line a check (`ok NAME`, `FAIL NAME: seen … wanted …`), a JSON summary last; exit 1 with a FAIL.
"""

import collections
import json
import os
import socket
import sys
import time

from bench import Report
from slcan import Lines

LENGTHS = (0, 1, 2, 3, 4, 5, 6, 7, 8, 12, 16, 20, 24, 32, 48, 64)
LIMIT = 5.0
# Longer than N_Bs and N_Cr of the ECU.
OVER = 1.3
CTS = "300000"


class Bus:
    def __init__(self, url, what):
        host, _, port = url.split("//")[-1].rpartition(":")
        self.lines = Lines(socket.create_connection((host, int(port)), timeout=LIMIT))
        self.what, self.fd = what, what.get("fd", False)
        self.frames = collections.deque()
        for command in ("C", "S6", *(["Y2"] if self.fd else []), "O"):
            self.lines.write(command.encode() + b"\r")
            answer = self.lines.read(LIMIT)
            if answer != b"\r":
                raise ConnectionError("%s was answered %r" % (command, answer))

    def send(self, *frames, to="tx"):
        for hexes in frames:
            size = len(hexes) // 2
            line = "%s%03X%X%s\r" % ("d" if self.fd else "t", self.what[to], LENGTHS.index(size), hexes)
            self.lines.write(line.encode())

    def hear(self, limit=LIMIT):
        """The ECU's next frame as hex; "" when none comes."""
        end = time.monotonic() + limit
        while True:
            line = self.lines.read(max(0.0, end - time.monotonic()))
            if line is None:
                return ""
            if line[:1] not in (b"t", b"d", b"b") or int(line[1:4], 16) != self.what["rx"]:
                continue
            size = LENGTHS[int(line[4:5], 16)]
            return line[5 : 5 + 2 * size].decode().lower() + ("" if (line[:1] == b"t") != self.fd else " of the wrong kind")


class Checks:
    def __init__(self, bus, report):
        self.bus, self.report = bus, report

    def answers(self, name, frames, *wanted, to="tx"):
        """`frames` bring the `wanted` ones in this order and nothing else: the answer to a TesterPresent comes next."""
        self.bus.send(*frames, to=to)
        seen = [self.bus.hear() for _ in wanted]
        self.bus.send("023e00")
        seen.append(self.bus.hear())
        self.report.note(name, seen == [*wanted, PRESENT], seen, [*wanted, PRESENT], " ".join(frames))

    def ignored(self, name, *frames):
        self.answers("ignored: " + name, frames)


PRESENT = "027e00aaaaaaaaaa"
FC = "3003f2aaaaaaaaaa"
# 22 with one DID after the other: 15 bytes.
LONG = "22f187f191f195f197f1a0f190f187"
FF, CF1, CF2 = "100f" + LONG[:12], "21" + LONG[12:26], "22" + LONG[26:] + "cc" * 5


def answer(bus, report, name, *frames):
    """The reassembled answer to `frames`, its consecutive frames checked."""
    bus.send(*frames)
    first = bus.hear()
    length = int(first[1:4] or "0", 16)
    data = first[4:]
    bus.send(CTS)
    number = 1
    while 0 < len(data) // 2 < length:
        frame = bus.hear()
        if frame[:2] != "2%x" % (number & 15):
            report.note(name, False, frame, "CF %d" % number)
            return ""
        data, number = data + frame[2:], number + 1
    return data[: 2 * length]


def single_frames(check):
    check.answers("SF, padded and not", ["023e00", "023e00cccccccccc"], PRESENT, PRESENT)
    check.ignored("SF_DL 0", "00", "0011223344556677")
    check.ignored("SF_DL above 7", "083e000000000000", "0f3e000000000000")
    check.ignored("SF_DL above CAN_DL", "033e00", "023e", "02")
    check.ignored("reserved PCI", "43e0000000000000", "5000", "f03e00", "8002")
    check.ignored("CF and FC while idle", CF1, "300000", "310000", "320000", "330000", "30")
    check.ignored("an empty frame", "")
    check.answers("functional SF", ["023e00"], PRESENT, to="functional")
    check.answers("functional FF, CF, FC are nobody's", [FF, CF1, CTS], to="functional")


def first_frames(check):
    check.ignored("FF_DL 7 and less", "1007223344556677", "1001223344556677")
    check.ignored("FF_DL by escape, 4095 and less", "1000000000002211", "10000000000f2211", "100000000fff2211")
    check.ignored("FF shorter than 8", "100f2211223344", "10")
    check.answers("FF_DL above the buffer: OVFLW", ["1000ffffffff2211"], "32" + "0000" + "aa" * 5)
    check.answers("and by one byte: OVFLW", ["1000000100002211"], "32" + "0000" + "aa" * 5)


def reception(check, bus, report):
    for name, frames in (
        ("in order", (CF1, CF2)),
        ("a frame too short for its place is ignored", ("210011", CF1, CF2)),
        ("flow control, reserved PCI and bad lengths amid it are ignored", (CTS, CF1, "320000", "4011", "00", "1007223344556677", CF2)),
        ("functional requests amid it share nothing", (CF1, "F023e00", CF2)),
    ):
        bus.send(FF)
        seen = [bus.hear()]
        for frame in frames:
            if frame[0] == "F":
                bus.send(frame[1:], to="functional")
                seen.append(bus.hear())
            else:
                bus.send(frame)
        first = bus.hear()
        wanted = [FC] + ([PRESENT] if "F023e00" in frames else [])
        report.note("reception " + name, seen == wanted and first[:1] == "1" and first[4:10] == "62f187", seen + [first], wanted)
        bus.send("320000")  # we take no more of the answer
    check.answers("reception: a wrong number ends it", [FF, CF2, CF1, CF2], FC)
    check.answers("reception: a number twice ends it", [FF, CF1, CF1, CF2], FC)
    check.answers("reception: an SF ends it and counts", [FF, CF1, "023e00", CF2], FC, PRESENT)
    check.answers("reception: an FF begins anew", [FF, CF1, FF, CF2], FC, FC)
    bus.send(FF)
    fc = bus.hear()
    time.sleep(OVER)
    check.answers("reception: N_Cr ends it", [CF1, CF2])
    report.note("flow control is the profile's", fc == FC, fc, FC)


def block_size(bus, report):
    size = 6 + 7 * 8
    bus.send("10%02x360100000000" % size)
    seen = [bus.hear()]
    for number in range(1, 9):
        bus.send("2%x" % number + "00" * 7)
        if number % 3 == 0:
            seen.append(bus.hear())
    seen.append(bus.hear())
    report.note("a flow control each 3 frames, none after the last", seen[:3] == [FC] * 3 and seen[3][:6] == "037f36", seen, [FC] * 3 + ["037f36…"])


def transmission(check, bus, report):
    ask = "0722f187f191f1a0"
    whole = answer(bus, report, "an answer", ask)
    report.note("an answer in one block", whole[:6] == "62f187", whole, "62f187…")
    frames = -(-(len(whole) // 2 - 6) // 7)

    def sent(name, flows, wanted):
        """`flows`: flow controls, and what comes after each: the number of consecutive frames."""
        bus.send(ask)
        bus.hear()
        seen = []
        for flow in flows:
            bus.send(flow)
            count = 0
            while bus.hear(0.25):
                count += 1
            seen.append(count)
        report.note(name, seen == wanted, seen, wanted)

    sent("BS 1 and 2, then no limit", ["300100", "300200", CTS], [1, 2, frames - 3])
    sent("WAIT, then CTS", ["310000", "310000", CTS], [0, 0, frames])
    sent("OVFLW ends it", ["320000", CTS], [0, 0])
    sent("a reserved flow status ends it", ["330000", CTS], [0, 0])
    sent("flow control that is too short, or not awaited, does not", ["3000", "300100", "21", CTS], [0, 1, 0, frames - 1])
    bus.send(ask)
    bus.hear()
    time.sleep(OVER)
    check.answers("N_Bs ends it", [CTS])
    for code, least in (("05", 0.005), ("14", 0.020), ("f9", 0.0009), ("80", 0.127), ("fa", 0.127)):
        bus.send(ask)
        bus.hear()
        begin = time.monotonic()
        bus.send("3000" + code)
        for _ in range(frames):
            bus.hear()
        took = time.monotonic() - begin
        report.note("STmin %s over %d frames" % (code, frames), took >= least * (frames - 1), took, least * (frames - 1))


def long_frames(check, bus, report):
    """CAN FD above 8 bytes; the ECU sends up to 32."""
    dids = ("f187", "f191", "f195", "f197", "f1a0")
    request = "22" + "".join(dids)
    alone = ""
    for did in dids:
        bus.send("0322" + did)
        frame = bus.hear()
        escape = frame[:2] == "00"
        length = int(frame[2:4] if escape else frame[:2], 16)
        start = 4 if escape else 2
        size = next(n for n in LENGTHS[8:] if n >= start // 2 + length)
        whole = frame[: start + 2 * length].ljust(2 * size, "a")
        report.note("SF with %d bytes, in %d" % (length, size), frame == whole and escape == (length > 7), frame, whole)
        alone += frame[start + 2 : start + 2 * length]
    seen = answer(bus, report, "segmented", "000b" + request + "cccccc")
    report.note("a request by escape, an answer in frames of 32", seen == "62" + alone, seen, "62" + alone)
    check.ignored("SF in a longer frame than it needs", "000b" + request + "cc" * 7)
    check.ignored("SF by escape in 8 bytes", "0006" + request[:12])
    check.ignored("SF by escape that 8 bytes hold", "0007" + request[:14] + "cccccc")
    check.ignored("SF_DL without escape in a long frame", "0b" + request)
    check.ignored("FF that a single frame holds", "100a" + request[:20], "1016" + "22" * 22)
    bus.send("100b" + request[:20])
    seen = [bus.hear()]
    bus.send("21", "21" + request[20:] + "cc" * 14, "21" + request[20:])
    seen.append(bus.hear()[4:6])
    bus.send("320000")
    report.note("RX_DL 12: FF_DL 11 counts, CF that are too short or too long do not", seen == [FC, "62"], seen, [FC, "62"])


def main():
    what = json.loads(sys.argv[2])
    report = Report()
    bus = Bus(sys.argv[1], what)
    check = Checks(bus, report)
    single_frames(check)
    first_frames(check)
    if bus.fd:
        long_frames(check, bus, report)
    else:
        reception(check, bus, report)
        block_size(bus, report)
        transmission(check, bus, report)
    failed = [result["name"] for result in report.results if not result["ok"]]
    print(json.dumps({"passed": len(report.results) - len(failed), "failed": len(failed)}), flush=True)
    os._exit(1 if failed else 0)


if __name__ == "__main__":
    main()
