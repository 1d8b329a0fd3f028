#!/usr/bin/python3
"""The ECU of ecu.py on scapy's ISO-TP soft sockets and python-can's slcan, as Debian brings them, at a bus that others are on too.

scapy_ecu.py --bus slcan+tcp://HOST:PORT and the options of ecu.py; it prints what ecu.py prints.
"""

import json
import os
import signal
import time

import ecu
from isotp import Message
from scapy_link import can_socket, iso_tp

from scapy.contrib.automotive.uds import UDS
from scapy.contrib.isotp import ISOTPSoftSocket


FUNCTIONAL = 0x7DF


class ScapyTransport:
    """What ecu.py asks of its own transport, done by scapy: one socket at the ECU's address, one that hears what is for all."""

    def __init__(self, url, tx, rx):
        self.own = iso_tp(can_socket(url, rx), tx, rx, padding=True)
        self.all = iso_tp(can_socket(url, FUNCTIONAL), tx, FUNCTIONAL, listen_only=True)
        self.inbox = []

    def send(self, payload):
        self.own.send(UDS(payload))

    def recv(self, timeout):
        end = time.monotonic() + timeout
        while not self.inbox:
            if time.monotonic() >= end:
                return None
            for socket in ISOTPSoftSocket.select([self.own, self.all], 1.0):
                self.inbox.append(Message(bytes(socket.recv()), socket is self.all, time.monotonic()))
        return self.inbox.pop(0)


class Nothing:
    """A reset needs no frames taken: scapy's threads did that."""

    def recv(self, _):
        return None


def main():
    options = ecu.arguments(lambda parser: parser.add_argument("--bus", required=True, help="an slcan adapter at a TCP port"))
    one = ecu.Ecu(options)
    one.complaints = []
    _, _, tester, own = ecu.KINDS[options.kind]
    one.transport = ScapyTransport(options.bus, own, tester)

    def stop(*_):
        print(json.dumps(one.report()), flush=True)
        os._exit(0)  # scapy's threads would keep it

    signal.signal(signal.SIGTERM, stop)
    print(json.dumps({"listening": options.bus}), flush=True)
    one.serve_on(Nothing())


if __name__ == "__main__":
    main()
