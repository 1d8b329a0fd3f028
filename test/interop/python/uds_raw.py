#!/usr/bin/python3
"""Raw frames over slcan at an ECU of the reference interface (7E0/7E8, functional 7DF): what ISO 14229-1 and -2 say of each request.

uds_raw.py URL AREA: a line a check (`ok NAME`, `FAIL NAME: seen … wanted …`), a JSON summary last; exit 1 with a FAIL.
No ISO-TP or UDS library: requests are cut into frames here, and what comes back is read frame by frame.
"""

import json
import os
import sys
import time

import she
from bench import SECRET, Report
from isotp_raw import Bus

S3, DELAY = 5.0, 10.0
LIMIT = 30.0
CTS = "300000"


class Tester:
    def __init__(self, url, report):
        self.bus = Bus(url, {"tx": 0x7E0, "rx": 0x7E8, "functional": 0x7DF})
        self.report = report

    def send(self, request, to="tx", gap=0.0):
        """One single frame, or a first frame and, once flow control came, its consecutive ones, `gap` s before each."""
        size = len(request) // 2
        if size <= 7:
            self.bus.send("%02x%s" % (size, request), to=to)
            return
        head = "1%03x" % size if size < 4096 else "1000%08x" % size
        held = 16 - len(head)
        self.bus.send(head + request[:held], to=to)
        flow = self.bus.hear()
        if flow[:2] != "30":
            raise ConnectionError("%s… got no flow control but %s" % (request[:12], flow))
        for number, at in enumerate(range(held, len(request), 14), 1):
            time.sleep(gap)
            self.bus.send("2%x%s" % (number & 15, request[at : at + 14]), to=to)

    def hear(self, limit=LIMIT):
        """The next message as hex; "" when none comes."""
        frame = self.bus.hear(limit)
        if frame[:1] != "1":
            return frame[2 : 2 + 2 * int(frame[:2] or "0", 16)]
        size, data = int(frame[1:4], 16), frame[4:]
        self.bus.send(CTS)
        while len(data) < 2 * size:
            data += self.bus.hear()[2:]
        return data[: 2 * size]

    def ask(self, request, to="tx"):
        """What comes, 78s included, up to the final response."""
        self.send(request, to)
        seen = [self.hear()]
        while seen[-1][:2] == "7f" and seen[-1][4:] == "78":
            seen.append(self.hear())
        return seen

    def note(self, name, passed, seen, wanted, sent):
        self.report.note(name, passed, seen, wanted, sent)

    def answers(self, name, request, wanted, to="tx"):
        """One response, which is `wanted` (a `…` at its end: begins so), and nothing behind it."""
        seen = [*self.ask(request, to), *self.ask("3e00")]
        fits = seen[0].startswith(wanted[:-1]) if wanted.endswith("…") else seen[0] == wanted
        self.note(name, fits and seen[1:] == ["7e00"], seen, [wanted, "7e00"], request)
        return seen[0]

    def refuses(self, name, request, code, to="tx"):
        self.answers("%s: %s" % (name, code), request, "7f%s%s" % (request[:2], code), to)

    def silent(self, name, request, to="tx"):
        """No response: the one to the TesterPresent behind it comes first."""
        self.send(request, to)
        seen = self.ask("3e00")
        self.note(name, seen == ["7e00"], seen, "nothing, then 7e00", request)

    def seed(self):
        return self.ask("2711")[-1][4:]

    def key(self, seed):
        return "2712" + she.cmac(SECRET, bytes.fromhex(seed)).hex()

    def unlock(self):
        self.ask("1003")
        if self.ask(self.key(self.seed())) != ["6712"]:
            raise ConnectionError("not unlocked")


CLOCK = "2ef1b000000000%08x" % 1_900_000_000
MASTER_KEY = "31010210" + "00" * 64
DOWNLOAD = "3400441000000000000100"
WRONG_KEY = "2712" + "ee" * 16


def order(t):
    """ISO 14229-1, 8.7: of several reasons to refuse, the first in the order of the figures is named."""
    t.refuses("no such service, and no session, length or sub-function for it either", "bf", "11")
    t.refuses("a service's positive response is no request", "5003", "11")
    for service in ("27", "2e", "31", "34", "36", "37"):
        t.refuses("%s alone in the default session: the session before the length" % service, service, "7f")
    t.refuses("27 7E in the default session: the session before the sub-function", "277e", "7f")
    t.refuses("31 of no routine in the default session: the session before the range", "3101ffff", "7f")
    t.refuses("2E of no identifier in the default session: the session before the range", "2effff00", "7f")
    for service, least in (("10", 2), ("11", 2), ("3e", 2), ("22", 3)):
        t.refuses("%s shorter than %d bytes" % (service, least), service, "13")
    t.refuses("10 7E too long: the sub-function before the whole length", "107e00", "12")
    t.refuses("11 7E too long: the sub-function before the whole length", "117e00", "12")
    t.refuses("3E 7E too long: the sub-function before the whole length", "3e7e00", "12")
    t.refuses("10 03 with a byte too many", "100300", "13")
    t.refuses("11 01 with a byte too many", "110100", "13")
    t.refuses("3E 00 with a byte too many", "3e0000", "13")
    for sub in ("00", "02", "7f"):
        t.refuses("10 %s: not a sub-function of the ECU" % sub, "10" + sub, "12")
    t.refuses("the suppress bit is no part of the sub-function", "10ff", "12")
    t.refuses("22 with half an identifier", "22f197f1", "13")
    t.refuses("a response longer than the ECU can send", "22" + "f1a0" * 2400, "14")
    t.ask("1003")
    for name, request in (("34", "34"), ("36", "36"), ("37 too long", "3700")):
        t.refuses("%s while locked: the lock before the length" % name, request, "33")
    for service in ("27", "31", "31010210"[:6], "2ef190"):
        t.refuses("%s is too short to be read" % service, service, "13")
    t.refuses("27 7E too long: the sub-function before the whole length", "277e00", "12")
    t.refuses("27 11 with a byte too many", "271100", "13")
    t.refuses("27 12 with half a key, though no seed was given", "2712" + "00" * 8, "13")
    t.refuses("31 of no routine while locked: the range before the lock", "3101ffff", "31")
    t.refuses("31 7E of a locked routine: the lock before the sub-function", "317e0210", "33")
    t.refuses("31 01 too short for its routine while locked: the lock before the length", "31010210", "33")
    t.refuses("2E of no identifier while locked: the range before the lock", "2effff00", "31")
    t.refuses("2E of an identifier that is only read", "2ef19700", "31")
    t.refuses("2E too short while locked: the lock before the length", "2ef19041", "33")
    t.unlock()
    t.refuses("31 7E unlocked", "317e0210", "12")
    t.refuses("31 02: the routine cannot be stopped", "31020210", "12")
    t.refuses("31 03 of a routine without results", "31030212", "12")
    t.refuses("31 03 7E, and too long", "317e021000", "12")
    t.refuses("31 01 too short for its routine", "31010210", "13")
    t.refuses("31 01 too long for its routine", MASTER_KEY + "00", "13")
    t.refuses("2E too short", "2ef19041", "13")
    t.refuses("2E too long, and a value out of range", "2ef190" + "ff" * 18, "13")
    t.refuses("2E with a value out of range", "2ef190" + "ff" * 17, "31")


def functional(t):
    """8.7: requests to all. Who has nothing to say is silent."""
    everyone = "functional"
    t.answers("3E 00", "3e00", "7e00", everyone)
    t.answers("22", "22f197", "62f19745564343", everyone)
    t.answers("10 03", "1003", "5003…", everyone)
    t.answers("a segmented response comes from the physical address", "22f190", "62f190" + "ff" * 17, everyone)
    t.silent("no 11: a service that nobody has", "bf00", everyone)
    t.silent("no 12: a session that the ECU has not", "107e", everyone)
    t.silent("no 12: a sub-function of 3E", "3e01", everyone)
    t.silent("no 12: with the suppress bit either", "3e81", everyone)
    t.silent("no 31: an identifier that the ECU has not", "22ffff", everyone)
    t.silent("no 31: several of them", "22fffffffe", everyone)
    t.answers("of several identifiers those that the ECU has", "22fffff197", "62f19745564343", everyone)
    t.ask("1001")
    for request in ("2711", "2e0102", "31010212", "340044", "360100", "37"):
        t.silent("no 7F: %s in the default session" % request[:2], request, everyone)
    for request in ("10", "3e", "22", "22f1"):
        t.refuses("13 is told: %s" % request, request, "13", everyone)
    t.refuses("13 is told: 10 03 with a byte too many", "100300", "13", everyone)
    t.ask("1003")
    for request in ("2711", "1101", "31010230", "360100"):
        t.silent("%s is for one ECU alone, and not done" % request, request, everyone)
    t.refuses("nothing of it was done: no seed was given", "2712" + "00" * 16, "24")
    t.silent("3E 80", "3e80", everyone)
    t.silent("10 81", "1081", everyone)
    t.refuses("10 81 was done", "2711", "7f")
    t.bus.send("100822f187f191f1", to=everyone)
    t.bus.send("2195", to=everyone)
    t.silent("a segmented request is nobody's", "3e80")


def suppress(t):
    """8.7: suppressPosRspMsgIndicationBit. It takes positive responses alone."""
    t.silent("3E 80", "3e80")
    t.silent("10 83", "1083")
    t.answers("10 83 was done", "2711", "6711…")
    t.ask("1003")
    t.refuses("10 FE: negative responses come", "10fe", "12")
    t.refuses("3E 81: negative responses come", "3e81", "12")
    t.refuses("3E 80 with a byte too many", "3e8000", "13")
    t.refuses("27 92 without a seed", "2792" + "00" * 16, "24")
    t.seed()
    t.refuses("27 92 with a wrong key", "2792" + "ee" * 16, "35")
    seed = t.seed()
    t.silent("27 92 with the right key", "2792" + t.key(seed)[4:])
    t.answers("and it opened", "2711", "6711" + "00" * 16)
    t.refuses("31 81 of no routine", "3181ffff", "31")
    t.silent("31 81", "31810212" + "00" * 16)
    t.answers("a service without sub-functions has no such bit", "22f197", "62f19745564343")
    t.refuses("36 81 is block 81, not 01 suppressed", "368100", "24")
    t.bus.send("021181")
    begin, back = time.monotonic(), ""
    while back != "7e00" and time.monotonic() - begin < LIMIT:
        t.bus.send("023e00")
        back = t.hear(0.1)
    t.note("11 81 resets without a word", back == "7e00", back, "7e00", "1181")
    while t.hear(0.3):
        pass  # to the questions before
    t.refuses("and the session is the default one", "2711", "7f")


def security(t):
    """10.4: seeds, keys, attempts and the delay."""
    t.ask("1003")
    t.refuses("27 13: a level that the ECU has not", "2713", "12")
    t.refuses("27 14", "2714" + "00" * 16, "12")
    t.refuses("a key without a seed", WRONG_KEY, "24")
    first, second = t.seed(), t.seed()
    t.note("a seed is not zero, and no two are alike", len(first) == 32 and int(first, 16) and first != second, [first, second], "two seeds", "2711")
    t.refuses("a key of the wrong length", "2712" + "00" * 15, "13")
    third = t.seed()
    t.refuses("the first wrong key", WRONG_KEY, "35")
    t.refuses("its seed is spent", t.key(third), "24")
    seed = t.seed()
    t.ask("1003")
    t.refuses("session control forgets the seed", t.key(seed), "24")
    t.answers("the right key", t.key(t.seed()), "6712")
    t.answers("unlocked: a seed of zeros", "2711", "6711" + "00" * 16)
    t.answers("and what was locked is open", CLOCK, "6ef1b0")
    t.ask("1003")
    t.refuses("the same session again locks", CLOCK, "33")
    for number, code in ((1, "35"), (2, "35"), (3, "36")):
        t.seed()
        t.refuses("wrong key %d, counted from the right one on" % number, WRONG_KEY, code)
    since = time.monotonic()
    t.refuses("then no seed", "2711", "37")
    t.refuses("and no key without one", WRONG_KEY, "24")
    t.ask("1001")
    t.ask("1003")
    t.refuses("another session does not end the delay", "2711", "37")
    answer = "7f2737"
    while answer == "7f2737" and time.monotonic() - since < LIMIT:
        answer = t.ask("2711")[-1]
    took = time.monotonic() - since
    t.note("the delay has an end", answer[:4] == "6711" and took > DELAY - 0.5, "%s after %.1f s" % (answer, took), "a seed after 10 s", "2711")
    t.answers("the right key opens then", t.key(answer[4:]), "6712")


def s3(t):
    """14229-2: S3server runs from the end of a response in a session other than the default one, and stops while a request comes."""
    t.unlock()
    for to in ("tx", "functional"):
        time.sleep(S3 - 2)
        t.bus.send("023e80", to=to)
    time.sleep(S3 - 2)
    t.refuses("a refused request", "22ffff", "31")
    time.sleep(S3 - 2)
    t.answers("3E 80, on both ways, and a refused request started S3 anew", CLOCK, "6ef1b0")
    time.sleep(S3 - 1.5)
    t.send(MASTER_KEY, gap=0.25)
    seen = t.hear()
    t.note("a request that began before S3 ended counts, though it ends later", seen[:8] == "71010210", seen, "71010210…", MASTER_KEY)
    time.sleep(S3 + 0.5)
    t.refuses("beyond S3: the default session", CLOCK, "7f")
    t.ask("1003")
    t.refuses("and locked", CLOCK, "33")


def pending(t):
    """8.7 and 14229-2: an ECU that takes 3 s for everything."""
    t.send("22f197")
    begin = time.monotonic()
    seen, gaps = [], []
    while not seen or seen[-1] == "7f2278":
        seen.append(t.hear())
        gaps.append(time.monotonic() - begin)
        begin = time.monotonic()
    fits = seen == ["7f2278", "7f2278", "62f19745564343"] and gaps[0] < 1 and max(gaps) < 5
    t.note("78 comes early, and again before P2* is over", fits, [seen, gaps], "78 78 62", "22f197")
    t.send("22f197")
    seen = [t.hear()]
    t.bus.send("023e00")
    seen.append(t.hear())
    t.bus.send("0322f187")
    seen.append(t.hear())
    t.bus.send("0322f187", to="functional")
    seen.extend((t.hear(), t.hear()))
    wanted = ["7f2278", "7e00", "7f2221", "7f2278", "62f19745564343"]
    t.note("meanwhile TesterPresent is answered, others get 21, none of it where all are asked", seen == wanted, seen, wanted, "22f197 3e00 22f187")
    for name, request, to, last in (
        ("a suppressed response is sent", "1083", "tx", "5003"),
        ("a code that all would be spared is sent", "22ffff", "functional", "7f2231"),
    ):
        seen = t.ask(request, to)
        t.note("after a 78 %s" % name, len(seen) > 1 and seen[-1].startswith(last), seen, [request[:2] + " 78", last], request)


def transfer(t):
    """15.2 to 15.5: download, its blocks and its end."""
    t.unlock()
    block = "".join("%02x" % (n & 0xFF) for n in range(128))
    t.refuses("36 before 34", "360100", "24")
    t.refuses("37 before 34", "37", "24")
    t.refuses("34 with a data format that the ECU has not", "34114410000000" + "00000100", "31")
    t.refuses("34 with an address and length format that it has not", "3400331000000000" + "0100", "31")
    t.refuses("34 too short", DOWNLOAD[:-2], "13")
    t.refuses("34 too long", DOWNLOAD + "00", "13")
    t.refuses("34 at another address", "34004420000000" + "00000100", "31")
    t.refuses("34 of nothing", "34004410000000" + "00000000", "31")
    t.refuses("34 beyond the memory", "34004410000000" + "00004001", "31")
    t.answers("34", DOWNLOAD, "74200ffe")
    t.refuses("36 does not begin with 00", "3600" + block, "73")
    t.refuses("36 does not begin with 02", "3602" + block, "73")
    t.answers("36 01", "3601" + block, "7601")
    t.answers("36 01 again is acknowledged", "3601" + block, "7601")
    t.refuses("37 before the announced length", "37", "24")
    t.refuses("36 03 leaves one out", "3603" + block, "73")
    t.refuses("36 with more than announced", "3602" + block + "00", "71")
    t.answers("36 02", "3602" + block, "7602")
    t.refuses("37 too long", "3700", "13")
    t.answers("37: the block sent twice was stored once", "37", "77")
    t.refuses("37 again", "37", "24")
    t.refuses("36 after 37", "360300", "24")
    t.answers("34 of 258 bytes", "34004410000000" + "00000102", "74200ffe")
    for number in range(1, 259):
        seen = t.ask("36%02x00" % (number & 0xFF))
        if seen != ["76%02x" % (number & 0xFF)]:
            t.note("block %d" % number, False, seen, "76", "36")
            return
    t.answers("the counter goes on from FF to 00", "37", "77")
    t.ask(DOWNLOAD)
    t.ask("1003")
    t.unlock()
    t.refuses("session control ends a transfer", "3601" + block, "24")


AREAS = {area.__name__: area for area in (order, functional, suppress, security, s3, pending, transfer)}


def main():
    report = Report()
    AREAS[sys.argv[2]](Tester(sys.argv[1], report))
    failed = [result["name"] for result in report.results if not result["ok"]]
    print(json.dumps({"passed": len(report.results) - len(failed), "failed": len(failed)}), flush=True)
    os._exit(1 if failed else 0)


if __name__ == "__main__":
    main()
