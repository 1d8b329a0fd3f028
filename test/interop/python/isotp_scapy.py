#!/usr/bin/python3
"""scapy's ISO-TP over python-can's slcan, as Debian brings them, against an ECU in any addressing format.

isotp_scapy.py URL JSON: {"tx", "rx", "functional"} identifiers and, where a first byte addresses, {"to", "from", "toAll"}.
A line a check (`ok NAME`, `FAIL NAME: seen … wanted …`), a JSON summary last; exit 1 with a FAIL.
"""

import json
import os
import sys
import time

import scapy_link
import she
from bench import SECRET, Report

from scapy.contrib.isotp import ISOTP, ISOTPSoftSocket

LIMIT = 10.0
LONG = (300, 5000)


class Link:
    """One ISO-TP link of scapy's; closed by its owner."""

    def __init__(self, can_socket, tx, rx, to=None, source=None, **options):
        self.socket = ISOTPSoftSocket(can_socket, tx_id=tx, rx_id=rx, ext_address=to, rx_ext_address=source, **options)

    def ask(self, request):
        self.socket.send(ISOTP(request))
        if not ISOTPSoftSocket.select([self.socket], LIMIT):
            return b""
        return bytes(self.socket.recv().data)

    def close(self):
        self.socket.close()


def vin(n):
    return b"KMHC851CFLU%06d" % n


def check(report, can_socket, what, n, options):
    link = Link(can_socket, what["tx"], what["rx"], what.get("to"), what.get("from"), **options)
    name = ", ".join("%s=%s" % item for item in options.items()) or "as it is"
    seen = link.ask(b"\x3e\x00")
    report.note("a single frame each way, %s" % name, seen == b"\x7e\x00", seen, "7e00")
    # Segmented requests and responses whose content is known.
    link.ask(b"\x10\x03")
    seed = link.ask(b"\x27\x11")[2:]
    seen = link.ask(b"\x27\x12" + she.cmac(SECRET, seed))
    report.note("a segmented seed and key, %s" % name, seen == b"\x67\x12", seen, "6712")
    seen = link.ask(b"\x2e\xf1\x90" + vin(n))
    report.note("a segmented request, %s" % name, seen == b"\x6e\xf1\x90", seen, "6ef190")
    seen = link.ask(b"\x22\xf1\x90")
    report.note("a segmented response, %s" % name, seen == b"\x62\xf1\x90" + vin(n), seen, vin(n))
    alone = [link.ask(bytes.fromhex("22" + did))[1:] for did in ("f187", "f191", "f195", "f197", "f1a0")]
    seen = link.ask(bytes.fromhex("22f187f191f195f197f1a0"))
    report.note("both ways segmented, %s" % name, seen == b"\x62" + b"".join(alone), seen, b"".join(alone))
    for size in LONG if n == 0 else LONG[:1]:
        seen = link.ask(b"\x36\x01" + bytes(i & 0xFF for i in range(size - 2)))
        report.note("%d bytes arrive, %s" % (size, name), seen[:2] == b"\x7f\x36", seen, "7f36…")
    link.close()


def functional(report, can_socket, what):
    link = Link(can_socket, what["functional"], what["rx"], what.get("toAll"), what.get("from"))
    seen = link.ask(b"\x3e\x00")
    report.note("a functional request is answered from the physical address", seen == b"\x7e\x00", seen, "7e00")
    link.close()


def gaps(report, can_socket, what):
    """A least time can be seen as a whole: scapy's STmin of 20 ms between the consecutive frames of the answer."""
    link = Link(can_socket, what["tx"], what["rx"], what.get("to"), what.get("from"), stmin=20)
    begin = time.monotonic()
    seen = link.ask(bytes.fromhex("22f187f191f195f197f1a0"))
    took = time.monotonic() - begin
    room = 7 if what.get("to") is None else 6
    frames = -(-(len(seen) - room + 1) // room)
    least = (frames - 1) * 0.020
    report.note("STmin 20 ms over %d frames" % frames, frames > 3 and took >= least, took, "at least %.3f s" % least)
    link.close()


def main():
    what = json.loads(sys.argv[2])
    report = Report()
    can_socket = scapy_link.can_socket(sys.argv[1])
    settings = ({}, {"padding": True, "bs": 1}, {"bs": 3, "stmin": 0xF5})
    for n, options in enumerate(settings):
        check(report, can_socket, what, n, options)
    functional(report, can_socket, what)
    gaps(report, can_socket, what)
    failed = [result["name"] for result in report.results if not result["ok"]]
    print(json.dumps({"passed": len(report.results) - len(failed), "failed": len(failed)}), flush=True)
    os._exit(1 if failed else 0)  # scapy's threads would keep it


if __name__ == "__main__":
    main()
