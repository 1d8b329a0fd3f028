"""What takes the ECU's own time: the lock-out after wrong keys, S3."""

import time

import she


def spend(ecu, count):
    """Sends `count` wrong keys and gives the NRCs."""
    found = []
    for _ in range(count):
        ecu.seed()
        found.append(ecu.ask("2712" + "ee" * 16)[-1])
    return found


def poll_lockout(ecu):
    """Asks for a seed until one comes; the monotonic time of that, None after 13 s."""
    begin = time.monotonic()
    while time.monotonic() - begin < 13:
        answer = ecu.ask("2711")
        if answer[:2] == b"\x67\x11":
            return time.monotonic()
        if answer != b"\x7f\x27\x37":
            ecu.check("27 11 meanwhile: 37", False, answer, "7f2737", "2711")
            return None
        time.sleep(0.1)
    return None


def after(ecu, name, since, opened):
    took = None if opened is None else opened - since
    ecu.check(name, took is not None and 9.5 <= took <= 11, took, "10 s")


def lockout(ecu):
    ecu.must("1003")
    seen = spend(ecu, 3)
    since = time.monotonic()
    ecu.check("wrong keys: 35, 35, 36", seen == [0x35, 0x35, 0x36], "%02x %02x %02x" % tuple(seen), "35 35 36")
    ecu.refuses("then 27 11: 37", "2711", "37")
    ecu.refuses("27 12 meanwhile has no seed: 24", "2712" + "00" * 16, "24")
    ecu.must("1001")
    ecu.must("1003")
    ecu.refuses("another session does not help: 37", "2711", "37")
    after(ecu, "27 11 answers again after 10 s", since, poll_lockout(ecu))
    seen = spend(ecu, 2)
    ecu.check("then the count is 0", seen == [0x35, 0x35], "%02x %02x" % tuple(seen), "35 35")


def lockout_over_power_cuts(ecu):
    ecu.must("1003")
    seen = spend(ecu, 2)
    ecu.check("two wrong keys: 35, 35", seen == [0x35, 0x35], "%02x %02x" % tuple(seen), "35 35")
    ecu.power_cut()
    ecu.power_on()
    ecu.must("1003")
    seen = spend(ecu, 1)
    ecu.check("the third one after a power cut: 36", seen == [0x36], "%02x" % seen[0], "36")
    ecu.refuses("then 27 11: 37", "2711", "37")
    ecu.power_cut()
    ecu.power_on()
    since = ecu.started
    ecu.must("1003")
    ecu.refuses("27 11 after another power cut: 37", "2711", "37")
    after(ecu, "27 11 answers again 10 s after the restart", since, poll_lockout(ecu))
    ecu.unlock()
    ecu.check("the right key opens it", True)


def lockout_over_reset(ecu):
    ecu.must("1003")
    spend(ecu, 3)
    time.sleep(1.5)
    ecu.must("1101")
    since = time.monotonic()
    ecu.check("back after 11 01", ecu.back() is not None)
    ecu.must("1003")
    ecu.refuses("27 11 after 11 01: 37", "2711", "37")
    after(ecu, "a reset starts the 10 s again", since, poll_lockout(ecu))


def s3(ecu):
    closed, open_ = "7f317f", "71010212" + "00" + "[0-9a-f]{64}"
    ask = "31010212" + "00" * 16
    ecu.unlock()
    time.sleep(4.0)
    ecu.expect("4.0 s without a request: still open", ask, open_)
    end = time.monotonic() + 6.5
    while time.monotonic() < end:
        ecu.transport.send(b"\x3e\x80")
        time.sleep(1.5)
    ecu.expect("3E 80 keeps the session", ask, open_)
    end = time.monotonic() + 6.5
    while time.monotonic() < end:
        ecu.transport.send(b"\x3e\x80", to=0x7DF)
        time.sleep(1.5)
    ecu.expect("3E 80 on 7DF keeps the session", ask, open_)
    time.sleep(5.4)
    ecu.expect("5.4 s without a request: default session", ask, closed)
    ecu.must("1003")
    ecu.refuses("and locked", ask, "33")


def persistence(ecu):
    """Power cuts right behind positive answers."""
    ecu.unlock()
    uid = ecu.did(0xF1A0)[12:]
    ecu.must(b"\x2e\xf1\x90KMHSX2ABC00000001")
    one = bytes(range(16))
    sets = she.build(uid, 1, she.BLANK, 1, one, 1, 0x0D)
    ecu.routine("a master key", "0210", b"".join(sets[:3]), "00" + (sets[3] + sets[4]).hex())
    ecu.power_cut()
    ecu.power_on()
    ecu.expect("VIN and slot after a power cut", "22f190f1a2", "62f190" + b"KMHSX2ABC00000001".hex() + "f1a200000200")
    ecu.unlock()
    ecu.expect("the last M4 M5 after a power cut", "3103021001", "7103021000" + (sets[3] + sets[4]).hex())
    challenge = bytes(range(16, 32))
    answer = ecu.must(bytes.fromhex("31010212") + challenge)
    ecu.check("the key after a power cut", answer[21:] == she.cmac(one, challenge + answer[5:21]), answer, "its CMAC")
    again = ecu.routine("the same set again: 07", "0210", b"".join(sets[:3]), "07")
    del again
    ecu.must("31010230")
    ecu.power_cut()
    ecu.power_on()
    ecu.expect("the life cycle after a power cut", "22f1a2", "62f1a201000200")
