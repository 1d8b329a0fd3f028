"""0210, 0211, 0212: key loads in the rule order of SHE, the answers kept, what the keys compute."""

import os

import she
from she import BOOT_PROTECTION, DEBUGGER_PROTECTION, KEY_USAGE, WILDCARD, WRITE_PROTECTION

MASTER, FIRST, SECOND = bytes(range(16)), bytes(range(16, 32)), bytes(range(32, 48))
MAC_FLAGS = BOOT_PROTECTION | DEBUGGER_PROTECTION | KEY_USAGE


class Loader:
    def __init__(self, ecu):
        self.ecu = ecu
        self.uid = ecu.did(0xF1A0)[12:]

    def build(self, auth, auth_key, slot, key, counter, flags, uid=None):
        return she.build(self.uid if uid is None else uid, auth, auth_key, slot, key, counter, flags, self.uid)

    def load(self, name, *fields, uid=None):
        """A load that must be stored, with its M4 M5; they can be asked for again."""
        m = self.build(*fields, uid=uid)
        proof = (m[3] + m[4]).hex()
        self.ecu.routine(name, "0210", m[0] + m[1] + m[2], "00" + proof)
        self.ecu.expect(name + ": 31 03", "31030210%02x" % fields[2], "7103021000" + proof)

    def refuse(self, name, status, *fields, uid=None, spoil=None):
        m = self.build(*fields, uid=uid)
        data = bytearray(m[0] + m[1] + m[2])
        if spoil is not None:
            data[spoil] ^= 1
        self.ecu.routine(name, "0210", bytes(data), "%02x" % status)


def blank(ecu, keys):
    ecu.refuses("31 03 0210 of a slot never loaded: 31", "3103021001", "31")
    ecu.refuses("31 03 0210 of slot 10 hex: 31", "3103021010", "31")
    ecu.routine("0212 with an empty MASTER_ECU_KEY: MAC 0", "0212", os.urandom(16), "00" + keys.uid.hex() + "[0-9a-f]{2}" + "00" * 16)
    for slot in range(4, 14):
        ecu.routine("0211 slot %X empty: 04" % slot, "0211", bytes([slot]), "04")
    ecu.routine("0211 slot E empty: 04", "0211", b"\x0e", "04")
    for slot in (0, 15, 0x14, 0xFF):
        ecu.routine("0211 slot %X: 03" % slot, "0211", bytes([slot]), "03")
    for slot in (1, 2, 3):
        # The page does not say which of the two comes first.
        ecu.routine("0211 slot %X empty: 03 or 04" % slot, "0211", bytes([slot]), "0[34]")
    keys.refuse("slot 4 by an empty MASTER_ECU_KEY: 04", 4, 1, she.BLANK, 4, FIRST, 1, 0)
    keys.refuse("the same with a wrong M3: 04 comes first", 4, 1, she.BLANK, 4, FIRST, 1, 0, spoil=63)
    keys.refuse("slot 3 by an empty BOOT_MAC_KEY: 04", 4, 2, she.BLANK, 3, FIRST, 1, 0)
    keys.refuse("slot E by an empty KEY_1: 04", 4, 4, she.BLANK, 14, FIRST, 0, 0)
    keys.refuse("first load with counter 0: 07", 7, 1, she.BLANK, 1, MASTER, 0, 0x0C)
    keys.refuse("first load by FF as blank key: 07", 7, 1, b"\xff" * 16, 1, MASTER, 1, 0x0C)
    ecu.expect("nothing was stored", "22f1a2", "62f1a200000000")
    ecu.refuses("and there is no last load: 31", "3103021001", "31")
    keys.load("slot 5 blank, by itself", 5, she.BLANK, 5, SECOND, 1, MAC_FLAGS)
    ecu.expect("bit 5 of F1A2", "22f1a2", "62f1a200002000")


def master(ecu, keys):
    for at, what in ((63, "M3"), (20, "M2"), (10, "M1's UID"), (48, "M3's first byte")):
        keys.refuse("wrong %s: 07" % what, 7, 1, she.BLANK, 1, MASTER, 1, 0x0D, spoil=at)
    keys.refuse("another UID with its right MAC: 07", 7, 1, she.BLANK, 1, MASTER, 1, 0x0D, uid=bytes(14) + b"\x09")
    keys.load("a fresh slot by the wildcard UID, M4 with the own", 1, she.BLANK, 1, MASTER, 1, 0x0C, uid=bytes(15))
    challenge = os.urandom(16)
    answer = ecu.must(bytes.fromhex("31010212") + challenge)
    mac = she.cmac(MASTER, challenge + answer[5:21])
    ecu.check("0212: CMAC of challenge, UID, SREG", answer[5:20] == keys.uid and answer[21:] == mac, answer, mac)
    ecu.check("0212: SREG bit 0 (BUSY) is 0", answer[20] & 1 == 0, answer[20], "0")
    keys.refuse("the same counter: 07", 7, 1, MASTER, 1, FIRST, 1, 0x0D)
    keys.refuse("a lower counter: 07", 7, 1, MASTER, 1, FIRST, 0, 0x0D)
    keys.refuse("the blank key no longer: 07", 7, 1, she.BLANK, 1, FIRST, 2, 0x0D)
    proof = she.proof(keys.uid, 1, 1, MASTER, 1)
    ecu.expect("a refused load changes nothing in 31 03", "3103021001", "7103021000" + (proof[0] + proof[1]).hex())
    keys.load("again, by itself, WILDCARD set", 1, MASTER, 1, MASTER, 5, 0x0D)
    keys.refuse("then the wildcard UID: 07", 7, 1, MASTER, 1, FIRST, 6, 0x0D, uid=bytes(15))
    keys.load("a jump of the counter", 1, MASTER, 1, MASTER, 0x0ABCDEF, 0x0D)


def slots(ecu, keys):
    for target in (0, 15):
        for auth in (1, target):
            keys.refuse("target %X by %X: 03" % (target, auth), 3, auth, MASTER, target, FIRST, 1, 0)
    keys.refuse("slot 1 by 5: 03", 3, 5, SECOND, 1, FIRST, 0x0FFFFFF, 0)
    keys.refuse("slot 6 by 5: 03", 3, 5, SECOND, 6, FIRST, 1, 0)
    keys.refuse("slot E by 1: 03", 3, 1, MASTER, 14, FIRST, 0, 0)
    keys.refuse("slot E by E: 03", 3, 14, she.BLANK, 14, FIRST, 0, 0)
    keys.refuse("slot 2 by 5: 03", 3, 5, SECOND, 2, FIRST, 1, 0)
    for slot in (2, 3):
        keys.load("slot %X by 1" % slot, 1, MASTER, slot, FIRST, 1, 0)
        ecu.routine("0211 slot %X loaded: 03" % slot, "0211", bytes([slot]), "03")
    keys.load("slot 3 by 2", 2, FIRST, 3, SECOND, 2, 0)
    ecu.routine("0211 slot 1 loaded: 03", "0211", b"\x01", "03")
    for slot in range(4, 14):
        key = os.urandom(16)
        keys.load("slot %X by 1, flags 0F" % slot, 1, MASTER, slot, key, 2, 0x0F)
        data = os.urandom(slot * 7)
        ecu.routine("0211 slot %X, %d bytes" % (slot, len(data)), "0211", bytes([slot]) + data, "00" + she.cmac(key, data).hex())
        if slot == 4:
            ecu.routine("0211 of no data", "0211", b"\x04", "00" + she.cmac(key, b"").hex())
            big = os.urandom(2000)
            ecu.routine("0211 of 2000 bytes", "0211", b"\x04" + big, "00" + she.cmac(key, big).hex())
            keys.load("slot 4 by itself", 4, key, 4, FIRST, 3, 0x0F)
    ecu.expect("bits 1-D of F1A2", "22f1a2", "62f1a2003ffe00")
    keys.load("KEY_USAGE clear", 1, MASTER, 6, SECOND, 3, 0)
    ecu.routine("0211 without KEY_USAGE: 03", "0211", b"\x06abc", "03")
    keys.load("all 28 bits of the counter", 1, MASTER, 7, SECOND, 0x0FFFFFFF, 0x0E)
    keys.refuse("nothing is above that: 07", 7, 1, MASTER, 7, SECOND, 0x0FFFFFFF, 0x0E)
    keys.load("WRITE_PROTECTION set", 1, MASTER, 8, SECOND, 3, WRITE_PROTECTION | KEY_USAGE)
    keys.refuse("then: 06", 6, 1, MASTER, 8, FIRST, 4, 0)
    keys.refuse("with a wrong M3: 06 comes first", 6, 1, MASTER, 8, FIRST, 4, 0, spoil=63)
    ecu.routine("the protected key still works", "0211", b"\x08abc", "00" + she.cmac(SECOND, b"abc").hex())
    keys.load("WILDCARD clear in slot 9", 1, MASTER, 9, FIRST, 3, MAC_FLAGS)
    keys.load("so slot 9 takes the wildcard UID", 1, MASTER, 9, SECOND, 4, MAC_FLAGS | WILDCARD, uid=bytes(15))
    keys.refuse("and then no more: 07", 7, 1, MASTER, 9, SECOND, 5, MAC_FLAGS, uid=bytes(15))
    keys.refuse("wrong M3 with the right key: 07", 7, 1, MASTER, 9, FIRST, 5, MAC_FLAGS, spoil=50)


def ram(ecu, keys):
    keys.load("slot E by KEY_1, counter 0", 4, FIRST, 14, SECOND, 0, 0)
    ecu.routine("0211 slot E", "0211", b"\x0eabc", "00" + she.cmac(SECOND, b"abc").hex())
    keys.load("slot E again, counter 0", 4, FIRST, 14, MASTER, 0, 0)
    ecu.expect("F1A2 does not show slot E", "22f1a2", "62f1a2003ffe00")
    proof = she.proof(keys.uid, 8, 1, SECOND, 3)
    ecu.must("1101")
    ecu.check("back", ecu.back() is not None)
    ecu.unlock()
    ecu.refuses("31 03 of slot E after a reset: 31", "310302100e", "31")
    ecu.routine("0211 slot E after a reset: 04", "0211", b"\x0eabc", "04")
    ecu.expect("31 03 of slot 8 after a reset", "3103021008", "7103021000" + (proof[0] + proof[1]).hex())
    ecu.routine("slot 8's key after a reset", "0211", b"\x08abc", "00" + she.cmac(SECOND, b"abc").hex())
    keys.refuse("counters stay over a reset: 07", 7, 1, MASTER, 7, SECOND, 1, 0x0E)


def run(ecu):
    ecu.unlock()
    keys = Loader(ecu)
    blank(ecu, keys)
    master(ecu, keys)
    slots(ecu, keys)
    ram(ecu, keys)
