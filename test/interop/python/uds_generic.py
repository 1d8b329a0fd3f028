#!/usr/bin/python3
"""A tour through the plain UDS ECU of hw-profiles/generic-uds.yaml by raw frames over slcan (7E0/7E8, functional 7DF).

uds_generic.py URL AREA [CONTROL]: a line a check (`ok NAME`, `FAIL NAME: seen … wanted …`), a JSON summary last; exit 1 with a FAIL.
Written from ISO 14229-1 and the profile's description alone; no ISO-TP or UDS library. CONTROL: tcp://HOST:PORT of ecu-sim's control socket.
"""

import json
import os
import socket
import sys
import time

from bench import Report
from uds_raw import LIMIT, Tester

XOR = bytes.fromhex("a5c35a3c")
S3, DELAY, P2STAR = 5.0, 10.0, 5.0
BLANK = "00" * 32
BASE, SIZE = 0x08000000, 20000
DOWNLOAD = "340044%08x%08x" % (BASE, SIZE)
VIN_HEX = b"KMHXX00XXXX000000".hex()


def key(seed):
    return "2702" + bytes(a ^ b for a, b in zip(bytes.fromhex(seed), XOR, strict=True)).hex()


class Generic(Tester):
    def seed(self):
        return self.ask("2701")[-1][4:]

    def enter(self, session):
        if self.ask("10%02x" % session)[-1][:4] != "50%02x" % session:
            raise ConnectionError("no session %d" % session)

    def unlock(self, session=2):
        self.enter(session)
        if self.ask(key(self.seed())) != ["6702"]:
            raise ConnectionError("not unlocked")


def sessions(t):
    """10, 11, 3E, S3, and which service is in which session."""
    for session in ("01", "02", "03"):
        t.answers("10 %s says P2 50 ms and P2* 5000 ms" % session, "10" + session, "50%s003201f4" % session)
    for session in ("00", "04", "40", "7f"):
        t.refuses("there is no session %s" % session, "10" + session, "12")
    t.refuses("10 alone", "10", "13")
    t.refuses("10 01 too long", "100100", "13")
    t.refuses("10 7E too long: the sub-function before the whole length", "107e00", "12")
    only = {
        "default": (1, "2701 2300 2801 2e0100 34 35 36 37 3d 8502"),
        "extended": (3, "3400 3500 3601 37 3d"),
        "programming": (2, "2e010000"),
    }
    for name, (session, absent) in only.items():
        t.enter(session)
        for request in absent.split():
            t.refuses("%s is not in the %s session" % (request, name), request, "7f")
    t.enter(3)
    end = time.monotonic() + 1.6 * S3
    while time.monotonic() < end:
        time.sleep(S3 / 3)
        t.silent("3E 80 keeps the session", "3e80", "functional")
    t.answers("it is kept", "2e0100" + BLANK, "6e0100")
    time.sleep(S3 + 1)
    t.refuses("S3 ends it", "2e0100" + BLANK, "7f")
    t.refuses("11 02", "1102", "12")
    t.refuses("3E 01", "3e01", "12")
    t.refuses("3E too long", "3e0000", "13")
    t.enter(3)
    for reset in ("1101", "1103"):
        seen = t.ask(reset)
        begin, back = time.monotonic(), ""
        while back != "7e00" and time.monotonic() - begin < LIMIT:
            t.bus.send("023e00")
            back = t.hear(0.1)
        t.note(reset + " answers first and comes back", seen == ["51" + reset[2:]] and back == "7e00", [seen, back], "51, 7e00", reset)
        while t.hear(0.3):
            pass
        t.refuses("%s: in the default session" % reset, "2e0100" + BLANK, "7f")


def security(t):
    """27: seeds, keys, attempts and the delay."""
    t.enter(3)
    for request in ("2703", "2704", "2700", "277f"):
        t.refuses("there is no level %s" % request, request, "12")
    t.refuses("27 alone", "27", "13")
    t.refuses("27 01 too long", "270100", "13")
    t.refuses("a key without a seed", "270200000000", "24")
    first, second = t.seed(), t.seed()
    t.note("seeds have 4 bytes and differ", len(first) == 8 and first != second and int(first, 16), [first, second], "two seeds", "2701")
    t.refuses("a key that is too short", "2702000000", "13")
    t.answers("the right key", key(t.seed()), "6702")
    t.answers("open: a seed of zeros", "2701", "670100000000")
    t.enter(2)
    t.note("another session locks", int(t.seed(), 16) != 0, "", "a seed", "2701")
    t.silent("27 82 with the right key opens without a word", "2782" + key(t.seed())[4:])
    t.answers("open", "2701", "670100000000")
    t.enter(3)
    seed = t.seed()
    for number, code in ((1, "35"), (2, "35"), (3, "36")):
        t.refuses("wrong key %d" % number, "2702" + "%08x" % (int(key(seed)[4:], 16) ^ 1), code)
        if number < 3:
            seed = t.seed()
    since = time.monotonic()
    t.refuses("then no seed", "2701", "37")
    t.refuses("and a key has no seed", key(seed), "24")
    answer = "7f2737"
    while answer == "7f2737" and time.monotonic() - since < LIMIT:
        answer = t.ask("2701")[-1]
    took = time.monotonic() - since
    t.note("the delay has an end", answer[:4] == "6701" and took > DELAY - 0.5, [answer, took], "a seed after 10 s", "2701")
    t.answers("the right key opens then", key(answer[4:]), "6702")


def data(t):
    """22 and 2E."""
    t.answers("F190 has 17 bytes", "22f190", "62f190" + VIN_HEX)
    seen = t.ask("22f195")[-1]
    t.note("F195 has at least 120 bytes", seen[:6] == "62f195" and len(seen) >= 6 + 240, seen, "62f195…", "22f195")
    long = seen[2:]
    t.answers("several at once, unknown ones left out", "22f190fffff195f190", "62f190" + VIN_HEX + long + "f190" + VIN_HEX)
    t.refuses("none that is known", "22ffff0101", "31")
    for request in ("22", "22f1", "22f190f1"):
        t.refuses("%s is no list" % request, request, "13")
    value = "".join("%02x" % n for n in range(32))
    t.enter(3)
    t.answers("2E 0100", "2e0100" + value, "6e0100")
    t.refuses("2E too short", "2e0100" + value[2:], "13")
    t.refuses("2E too long", "2e0100" + value + "00", "13")
    t.refuses("2E of nothing", "2e0100", "13")
    t.refuses("2E of what can only be read", "2ef190" + VIN_HEX, "31")
    t.refuses("2E of what is not there", "2e0101" + value, "31")
    t.answers("it is read again", "220100", "620100" + value)
    t.enter(1)
    t.answers("in the default session too", "220100", "620100" + value)
    t.enter(3)
    t.answers("and written back", "2e0100" + BLANK, "6e0100")


def routine(t):
    """31: FF00 answers after three 0x78; meanwhile 0x21, and always a final response."""
    for name, request in (("alone", "3101ff00"), ("with an option record", "3101ff004408000000")):
        t.send(request)
        seen, gaps, begin = [], [], time.monotonic()
        while not seen or seen[-1] == "7f3178":
            seen.append(t.hear())
            gaps.append(time.monotonic() - begin)
            begin = time.monotonic()
        t.note("FF00 %s: three 78, each within P2*" % name, seen == ["7f3178"] * 3 + ["7101ff00"] and max(gaps) < P2STAR, [seen, gaps], "78 78 78 71", request)
    t.send("3101ff00")
    seen = [t.hear()]
    t.send("22f190")
    t.bus.send("0322f190", to="functional")
    t.bus.send("023e00")
    while len(seen) < 9 and seen[-1] != "7101ff00":
        seen.append(t.hear())
    wanted = {"7f3178": 3, "7f2221": 1, "7e00": 1, "7101ff00": 1}
    t.note("while it runs 21 for others, TesterPresent is answered", {x: seen.count(x) for x in set(seen)} == wanted, seen, wanted, "3101ff00")
    seen = t.ask("3181ff00")
    t.note("a suppressed response comes after a 78", seen == ["7f3178"] * 3 + ["7101ff00"], seen, "78 78 78 71", "3181ff00")
    t.refuses("no such routine", "3101ff01", "31")
    t.refuses("31 02: it cannot be stopped", "3102ff00", "12")
    t.refuses("31 03: it has no results", "3103ff00", "12")
    t.refuses("too long an option record", "3101ff00" + "00" * 17, "13")
    t.refuses("too short", "3101ff", "13")


def blocks(t, content, most):
    for number, at in enumerate(range(0, len(content), most), 1):
        part = content[at : at + most].hex()
        if t.ask("36%02x" % (number & 0xFF) + part) != ["76%02x" % (number & 0xFF)]:
            t.note("block %d" % number, False, "", "76", "36")
            return


def download(t):
    """34 to 37, and reading it back by 35 and 23."""
    t.enter(2)
    t.refuses("36 before 34", "360100", "24")
    t.refuses("37 before 34", "37", "24")
    t.refuses("a data format that it has not", "341144%08x%08x" % (BASE, SIZE), "31")
    t.refuses("an address format of nothing", "340000", "31")
    t.refuses("too short", DOWNLOAD[:-2], "13")
    t.refuses("too long", DOWNLOAD + "00", "13")
    t.refuses("another address", "34004407ffffff00000001", "31")
    t.refuses("nothing", "340044%08x00000000" % BASE, "31")
    t.refuses("beyond the memory", "340044%08x%08x" % (BASE, SIZE + 1), "31")
    content = os.urandom(SIZE)
    answer = t.answers("34", DOWNLOAD, "7420…")
    most = int(answer[4:], 16) - 2
    first = content[:most].hex()
    t.refuses("the counter does not begin with 00", "3600" + first, "73")
    t.refuses("nor with 02", "3602" + first, "73")
    t.answers("block 01", "3601" + first, "7601")
    t.answers("again: acknowledged", "3601" + first, "7601")
    t.refuses("37 before the end", "37", "24")
    t.refuses("03 leaves one out", "3603" + first, "73")
    t.refuses("a block longer than maxNumberOfBlockLength", "3602" + first + "00", "13")
    t.refuses("a block of nothing", "3602", "13")
    t.ask(DOWNLOAD)
    blocks(t, content, most)
    t.answers("37", "37", "77")
    t.refuses("37 again", "37", "24")
    short = "340024%08x0004" % BASE
    t.answers("34 with a size of two bytes", short, answer)
    t.refuses("more than announced", "360100000000ff", "71")
    t.answers("as much as announced", "3601" + content[:4].hex(), "7601")
    t.answers("37 of it", "37", "77")
    t.ask(short)
    t.enter(2)
    t.refuses("session control ends a transfer", "360100000000", "24")
    upload = "35" + DOWNLOAD[2:]
    t.refuses("35 needs the key", upload, "33")
    t.refuses("23 needs the key", "2314%08x10" % BASE, "33")
    t.unlock()
    t.answers("35", upload, "75" + answer[2:])
    seen = b""
    for number in range(1, -(-SIZE // most) + 1):
        part = t.ask("36%02x" % number)[-1]
        seen += bytes.fromhex(part[4:])
    t.note("what was downloaded comes back", seen == content, len(seen), SIZE, "36")
    t.answers("the last block again", "36%02x" % number, part)
    t.refuses("no block behind the last", "36%02x" % (number + 1), "24")
    t.answers("37 ends it", "37", "77")
    t.answers("23 reads", "2314%08x10" % (BASE + 8), "63" + content[8:24].hex())
    t.refuses("23 beyond the end", "2314%08x02" % (BASE + SIZE - 1), "31")
    t.refuses("23 too short", "2314%08x" % BASE, "13")
    t.answers("3D writes", "3d14%08x04deadbeef" % BASE, "7d14%08x04" % BASE)
    t.answers("and 23 sees it", "2314%08x04" % BASE, "63deadbeef")
    t.refuses("3D with other than the announced size", "3d14%08x04dead" % BASE, "13")


def functional(t):
    """8.7: requests to all ECUs, and suppressed responses."""
    t.enter(1)
    for request, what in (("bf", "11"), ("107e", "12"), ("22ffff", "31"), ("2701", "another ECU's"), ("3101ff00", "another ECU's"), ("11fe", "12")):
        t.silent("%s is not told: %s" % (what, request), request, "functional")
    t.silent("7F is not told", "2801", "functional")
    t.silent("7F is not told", "8502", "functional")
    t.answers("10 03 is answered", "1003", "5003003201f4", "functional")
    t.refuses("13 is told", "1003ff", "13", "functional")
    t.answers("22 is answered", "22f190", "62f190" + VIN_HEX, "functional")
    t.answers("19 01 is answered", "1901ff", "59017f01…", "functional")
    t.silent("3E 80", "3e80", "functional")
    t.answers("3E 00", "3e00", "7e00", "functional")
    t.silent("10 83", "1083", "functional")
    t.silent("28 83 03", "288303", "functional")
    t.silent("85 82", "8582", "functional")
    t.answers("28 00 01", "280001", "6800")
    t.refuses("28 04: not there", "280401", "12")
    t.refuses("28 with a type that is none", "280004", "31")
    t.refuses("28 too short", "2800", "13")
    t.refuses("85 with an option record", "8501ffffff", "13")
    t.refuses("85 03", "8503", "12")
    t.answers("85 01", "8501", "c501")
    t.silent("a positive response is suppressed", "1081")
    t.silent("19 8A too", "198a")
    t.refuses("a negative one is not", "10fe", "12")
    t.refuses("of no service", "84", "11")
    for sid in ("00", "01", "24", "2a", "2c", "2f", "38", "3f", "50", "7e", "7f", "83", "86", "87", "ba"):
        t.refuses("%s is no service" % sid, sid + "00", "11")


def dtcs(t, control):
    """14, 19 and 85, with faults that come and go over the control socket."""
    host, _, port = control.split("//")[1].rpartition(":")
    lines = socket.create_connection((host, int(port)), timeout=10).makefile("rw")

    def fault(code, failed):
        lines.write(json.dumps({"cmd": "dtc", "code": code, "failed": failed}) + "\n")
        lines.flush()
        return json.loads(lines.readline())

    t.answers("no fault yet: two codes, not tested", "190a", "590a7fc0730050" + "05621650")
    t.answers("none is confirmed", "190108", "59017f010000")
    fault("C07300", True)
    t.answers("one failed", "190109", "59017f010001")
    t.answers("with its status", "190208", "59027fc073002f")
    t.answers("its snapshot is there", "1903", "5903c0730001")
    t.answers("with what was read then", "1904c0730001", "5904c073002f01" + "02f190" + VIN_HEX + "0100" + BLANK)
    t.answers("all records", "1904c07300ff", "5904c073002f01" + "02f190" + VIN_HEX + "0100" + BLANK)
    t.answers("its count", "1906c0730001", "5906c073002f0101")
    t.answers("a code without records", "1906056216ff", "590605621650")
    t.refuses("a record that is none", "1906c0730002", "31")
    t.refuses("a code that is none", "1904123456ff", "31")
    fault("C07300", False)
    t.answers("passed, still confirmed and pending", "190208", "59027fc073002e")
    fault("C07300", True)
    t.answers("the count goes on", "1906c0730001", "5906c073002f0102")
    t.enter(3)
    t.answers("85 02", "8502", "c502")
    fault("056216", True)
    t.answers("frozen", "190108", "59017f010001")
    t.enter(1)
    fault("056216", True)
    t.answers("the default session ends that", "190108", "59017f010002")
    t.answers("14 of one code", "14c07300", "54")
    t.answers("it is gone", "190208", "59027f0562162f")
    t.answers("and was never tested", "190a", "590a7fc07300500562162f")
    t.answers("14 of all", "14ffffff", "54")
    t.answers("nothing is left", "190229", "59027f")
    t.refuses("14 of a group that is none", "14123456", "31")
    t.refuses("14 too short", "14ffff", "13")
    t.refuses("14 too long", "14ffffff00", "13")
    for request, code in (("19", "13"), ("1902", "13"), ("1902ff00", "13"), ("190b", "12"), ("1904c07300", "13")):
        t.refuses(request, request, code)
    t.note("an unknown code is told to who sets it", "error" in fault("123456", True), "", "error", "dtc")


AREAS = {area.__name__: area for area in (sessions, security, data, routine, download, functional, dtcs)}


def main():
    report = Report()
    AREAS[sys.argv[2]](Generic(sys.argv[1], report), *sys.argv[3:])
    failed = [result["name"] for result in report.results if not result["ok"]]
    print(json.dumps({"passed": len(report.results) - len(failed), "failed": len(failed)}), flush=True)
    os._exit(1 if failed else 0)


if __name__ == "__main__":
    main()
