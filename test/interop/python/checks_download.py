"""34, 36, 37: the rules of the download."""

import os

import der


def request(size, address=0x10000000, form="0044"):
    return bytes.fromhex("34" + form) + address.to_bytes(4, "big") + size.to_bytes(4, "big")


def refusals(ecu):
    ecu.unlock()
    for name, sent in (
        ("another address", request(16, 0x10000001)), ("address 0", request(16, 0)), ("length 0", request(0)),
        ("16 KiB and one", request(0x4001)), ("4 GiB", request(0xFFFFFFFF)), ("compressed", request(16, form="1044")),
        ("encrypted", request(16, form="0144")), ("3-byte length and address", bytes.fromhex("340033100000000010")),
        ("2-byte length, 4-byte address", bytes.fromhex("340024100000000010")),
    ):  # fmt: skip
        ecu.refuses("34 with %s: 31" % name, sent, "31")
    ecu.refuses("34 alone: 13", "34", "13")
    ecu.refuses("34 with a byte too few: 13", request(16)[:-1], "13")
    ecu.refuses("34 with a byte too many: 13", request(16) + b"\0", "13")
    ecu.refuses("36 without 34: 24", "360111", "24")
    ecu.refuses("37 without 34: 24", "37", "24")


def rules(ecu):
    ecu.expect("34", request(10), "74200ffe")
    ecu.refuses("37 at once: 24", "37", "24")
    ecu.refuses("first block numbered 00: 73", "360011", "73")
    ecu.refuses("first block numbered 02: 73", "360211", "73")
    ecu.refuses("36 alone: 13", "36", "13")
    ecu.expect("block 01", "36010102030405", "7601")
    ecu.expect("block 01 repeated", "36010102030405", "7601")
    ecu.expect("block 01 repeated once more", "36010102030405", "7601")
    ecu.refuses("block 03: 73", "360306", "73")
    ecu.refuses("37 before the end: 24", "37", "24")
    ecu.expect("block 02", "36020607080900", "7602")
    ecu.refuses("block 01 is not the last one: 73", "36010102030405", "73")
    ecu.expect("block 02 repeated", "36020607080900", "7602")
    ecu.refuses("more than announced: 71", "360311", "71")
    ecu.must("1101")
    ecu.check("back", ecu.back() is not None)
    ecu.unlock()
    ecu.refuses("a reset ends the download: 24", "360311", "24")
    ecu.expect("34 again", request(4), "74200ffe")
    ecu.refuses("the first block too long: 71", "36011122334455", "71")
    ecu.must("1101")
    ecu.check("back", ecu.back() is not None)
    ecu.unlock()
    ecu.expect("34", request(4), "74200ffe")
    ecu.expect("all of it", "360130020500", "7601")
    ecu.expect("37", "37", "77")
    ecu.refuses("37 again: 24", "37", "24")
    ecu.refuses("36 after 37: 24", "360211", "24")
    ecu.refuses("the last block after 37: 24", "360130020500", "24")


def sizes(ecu):
    data = der.wrap(0x30, os.urandom(0x4000 - 4))
    ecu.check("(16 KiB are 16 KiB)", len(data) == 0x4000)
    ecu.download(data)
    ecu.check("16 KiB in blocks of 4,092", True)
    ecu.routine("that were no certificate: 01", "0221", b"\x00\x02", "01")
    ecu.expect("34 for 600 blocks", request(600), "74200ffe")
    for number in range(600):
        counter = number + 1 & 0xFF
        answer = ecu.ask(bytes([0x36, counter, 0x30]))
        if answer != bytes([0x76, counter]):
            ecu.check("counter FF goes on to 00", False, answer, "76%02x" % counter, ecu.last)
            return
        if number in (254, 255, 511):
            ecu.expect("block %02X repeated" % counter, bytes([0x36, counter, 0x30]), "76%02x" % counter)
    ecu.check("counter FF goes on to 00", True)
    ecu.expect("37 after 600 blocks", "37", "77")


def run(ecu):
    refusals(ecu)
    rules(ecu)
    sizes(ecu)
