#!/usr/bin/python3
"""A whole ECU of the reference interface (EVCC 7E0/7E8, CCU 7E2/7EA) behind an slcan adapter on a TCP port.

The first line printed is {"listening": "slcan+tcp://127.0.0.1:PORT"}; SIGTERM prints the ECU's state as JSON and ends.
"""

import argparse
import datetime
import json
import os
import signal
import socket
import sys
import time

import ecu_certificates
import she
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.ciphers import algorithms
from cryptography.hazmat.primitives.cmac import CMAC
from isotp import Isotp, TransportError
from slcan import Adapter

SECRET = bytes.fromhex("00112233445566778899aabbccddeeff")
P2, P2STAR, S3, LOCKOUT = 0.05, 5.0, 5.0, 10.0
DEFAULT, EXTENDED = 1, 3
KINDS = {"evcc": (b"EVCC", b"91950-EV000", 0x7E0, 0x7E8), "ccu": (b"CCU", b"95400-CU000", 0x7E2, 0x7EA)}
BLOCK = 0x0FFE
LATIN = frozenset(b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ")


class Nrc(Exception):
    def __init__(self, code):
        super().__init__("%02X" % code)
        self.code = code


def need(condition, code):
    if not condition:
        raise Nrc(code)


class Ecu:
    def __init__(self, options):
        self.options = options
        uid = bytes.fromhex(options.uid)
        self.ecu_id = bytes.fromhex("010203040506070801020304") + uid
        self.she = she.Device(uid, os.urandom(16))
        self.store = ecu_certificates.Store(self.clock)
        self.vin = options.vin.encode() if options.vin else b"\xff" * 17
        self.locked_for_good = False
        self.clock_offset = 946684800 - time.time()
        self.proofs = {}
        self.wrong_keys = 0
        self.lockout_until = 0.0
        self.resets = 0
        self.requests = 0
        if options.state and os.path.exists(options.state):
            self.load()
        self.start()

    def clock(self):
        return int(time.time() + self.clock_offset)

    def start(self):
        self.session, self.unlocked, self.seed, self.download, self.downloaded = DEFAULT, False, None, None, None
        self.last_activity = time.monotonic()
        self.she.slots.pop(she.RAM_KEY, None)
        self.proofs.pop(she.RAM_KEY, None)
        if self.wrong_keys >= 3:
            self.lockout_until = time.monotonic() + LOCKOUT

    def save(self):
        if not self.options.state:
            return
        slots = {n: {**s, "key": s["key"].hex()} for n, s in self.she.slots.items() if n != she.RAM_KEY}
        data = {
            "ecuId": self.ecu_id.hex(), "secret": self.she.secret.hex(), "vin": self.vin.hex(), "locked": self.locked_for_good,
            "clock": self.clock_offset, "wrongKeys": self.wrong_keys, "slots": slots,
            "proofs": {n: p.hex() for n, p in self.proofs.items() if n != she.RAM_KEY},
            "certificates": [slot.dump() for slot in self.store.slots],
        }  # fmt: skip
        with open(self.options.state + ".new", "w") as file:
            json.dump(data, file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(self.options.state + ".new", self.options.state)

    def load(self):
        with open(self.options.state) as file:
            data = json.load(file)
        self.ecu_id = bytes.fromhex(data["ecuId"])
        self.she = she.Device(self.ecu_id[12:], bytes.fromhex(data["secret"]))
        self.she.slots = {int(n): {**s, "key": bytes.fromhex(s["key"])} for n, s in data["slots"].items()}
        self.proofs = {int(n): bytes.fromhex(p) for n, p in data["proofs"].items()}
        self.vin, self.locked_for_good = bytes.fromhex(data["vin"]), data["locked"]
        self.clock_offset, self.wrong_keys = data["clock"], data["wrongKeys"]
        self.store.slots = [ecu_certificates.Slot.load(slot) for slot in data["certificates"]]

    # One request

    def handle(self, message):
        """(answer or None, whether the ECU resets after it) of one message."""
        if self.session != DEFAULT and message.started - self.last_activity > S3:
            self.enter(DEFAULT)
        request = message.data
        self.requests += 1
        if message.functional and request[0] not in (0x10, 0x22, 0x3E):
            return None
        try:
            service = SERVICES.get(request[0])
            need(service, 0x11)
            answer = service(self, request)
        except Nrc as error:
            if message.functional and error.code in (0x11, 0x12, 0x31, 0x7E, 0x7F):
                return None
            return bytes([0x7F, request[0], error.code])
        if request[0] in (0x10, 0x11, 0x3E) and request[1] & 0x80:
            return None
        return bytes([request[0] | 0x40]) + answer

    def enter(self, session):
        self.session, self.unlocked, self.seed = session, False, None

    def extended(self):
        need(self.session == EXTENDED, 0x7F)

    def secured(self):
        self.extended()
        need(self.unlocked, 0x33)

    def session_control(self, request):
        need(len(request) == 2, 0x13)
        wanted = request[1] & 0x7F
        need(wanted in (DEFAULT, EXTENDED), 0x12)
        self.enter(wanted)
        return bytes([wanted]) + int(P2 * 1000).to_bytes(2, "big") + int(P2STAR * 100).to_bytes(2, "big")

    def tester_present(self, request):
        need(len(request) == 2, 0x13)
        need(request[1] & 0x7F == 0, 0x12)
        return b"\x00"

    def reset(self, request):
        need(len(request) == 2, 0x13)
        need(request[1] & 0x7F == 1, 0x12)
        self.resetting = True
        return b"\x01"

    def read(self, request):
        need(len(request) >= 3 and len(request) % 2 == 1, 0x13)
        found = b""
        for at in range(1, len(request), 2):
            value = self.did(int.from_bytes(request[at : at + 2], "big"))
            if value is not None:
                found += request[at : at + 2] + value
        need(found, 0x31)
        return found

    def did(self, number):
        slots = self.she.slots
        if 0xF1C0 <= number <= 0xF1C7:
            return self.store.slots[number & 7].leaf
        if 0xF1D0 <= number <= 0xF1D7:
            return self.store.slots[number & 7].csr
        if number == 0xF1A2:
            filled = sum(1 << n for n in slots if 1 <= n <= 13)
            return bytes([self.locked_for_good]) + filled.to_bytes(2, "big") + bytes([self.store.bitmap()])
        fixed = {
            0xF187: KINDS[self.options.kind][1], 0xF191: b"HW-PY.1", 0xF195: b"SW-PY.1.0", 0xF197: KINDS[self.options.kind][0], 0xF18C: b"PY-0001",
            0xF190: self.vin, 0xF1A0: self.ecu_id, 0xF1B0: self.clock().to_bytes(8, "big"),
        }  # fmt: skip
        return fixed.get(number)

    def write(self, request):
        self.extended()
        need(len(request) >= 4, 0x13)
        number, value = int.from_bytes(request[1:3], "big"), request[3:]
        need(number in (0xF190, 0xF1B0), 0x31)
        self.secured()
        need(len(value) == (17 if number == 0xF190 else 8), 0x13)
        if number == 0xF190:
            need(all(c in LATIN for c in value), 0x31)
            self.vin = value
        else:
            self.clock_offset = int.from_bytes(value, "big") - time.time()
        self.save()
        return request[1:3]

    def security(self, request):
        self.extended()
        need(len(request) >= 2, 0x13)
        need(request[1] in (0x11, 0x12), 0x12)
        if self.lockout_until and time.monotonic() >= self.lockout_until:
            self.lockout_until, self.wrong_keys = 0.0, 0
            self.save()
        if request[1] == 0x11:
            need(len(request) == 2, 0x13)
            if self.unlocked:
                return b"\x11" + bytes(16)
            need(not self.lockout_until, 0x37)
            self.seed = os.urandom(16)
            return b"\x11" + self.seed
        need(len(request) == 18, 0x13)
        need(self.seed, 0x24)
        mac = CMAC(algorithms.AES(SECRET))
        mac.update(self.seed)
        self.seed = None
        try:
            mac.verify(request[2:])
        except InvalidSignature:
            self.wrong_keys += 1
            self.save()
            need(self.wrong_keys >= 3, 0x35)
            self.lockout_until = time.monotonic() + LOCKOUT
            raise Nrc(0x36) from None
        self.unlocked, self.wrong_keys = True, 0
        self.save()
        return b"\x12"

    def request_download(self, request):
        self.secured()
        need(len(request) >= 3, 0x13)
        need(request[1:3] == b"\x00\x44", 0x31)
        need(len(request) == 11, 0x13)
        size = int.from_bytes(request[7:11], "big")
        need(request[3:7] == b"\x10\x00\x00\x00" and 0 < size <= 0x4000, 0x31)
        self.download = {"size": size, "data": b"", "next": 1, "last": None}
        return b"\x20" + BLOCK.to_bytes(2, "big")

    def transfer(self, request):
        self.secured()
        need(len(request) >= 2, 0x13)
        load = self.download
        need(load, 0x24)
        counter, data = request[1], request[2:]
        if load["last"] == request:
            return request[1:2]
        need(counter == load["next"], 0x73)
        need(len(load["data"]) + len(data) <= load["size"], 0x71)
        load["data"] += data
        load["next"], load["last"] = counter + 1 & 0xFF, request
        return request[1:2]

    def transfer_exit(self, request):
        self.secured()
        need(len(request) == 1, 0x13)
        load = self.download
        need(load and len(load["data"]) == load["size"], 0x24)
        self.download, self.downloaded = None, load["data"]
        return b""

    def routine(self, request):
        self.extended()
        need(len(request) >= 4, 0x13)
        number, data = int.from_bytes(request[2:4], "big"), request[4:]
        need(number in ROUTINES, 0x31)
        self.secured()
        if request[1] == 3 and number == 0x0210:
            need(len(data) == 1, 0x13)
            need(data[0] in self.proofs, 0x31)
            return request[1:4] + b"\x00" + self.proofs[data[0]]
        need(request[1] == 1, 0x12)
        answer = ROUTINES[number](self, data)
        self.save()
        return request[1:4] + answer

    def load_key(self, data):
        need(len(data) == 64, 0x13)
        status, m4, m5 = self.she.load_key(data[:16], data[16:48], data[48:])
        if status == 0:
            self.proofs[data[15] >> 4] = m4 + m5
        return bytes([status]) + m4 + m5

    def generate_mac(self, data):
        need(len(data) >= 1, 0x13)
        status, mac = self.she.generate_mac(data[0], data[1:])
        return bytes([status]) + mac

    def get_id(self, data):
        need(len(data) == 16, 0x13)
        return b"\x00" + self.she.get_id(data)

    def make_pair(self, data):
        need(len(data) >= 6, 0x13)
        name_end = 4 + int.from_bytes(data[2:4], "big")
        need(len(data) >= name_end + 2, 0x13)
        need(len(data) == name_end + 2 + int.from_bytes(data[name_end : name_end + 2], "big"), 0x13)
        end = time.monotonic() + self.options.keygen_seconds
        self.pending(0x31)
        while time.monotonic() < end:
            time.sleep(min(4.0, max(0.0, end - time.monotonic())))
            self.pending(0x31)
        return bytes([self.store.make_pair(data[0], data[1], data[4:name_end], data[name_end + 2 :])])

    def install(self, data):
        need(len(data) == 2, 0x13)
        return bytes([self.store.install(data[0], data[1], self.downloaded or b"")])

    def prove(self, data):
        need(len(data) == 33, 0x13)
        status, signature = self.store.prove(data[0], data[1:])
        return bytes([status]) + signature

    def lock(self, data):
        need(not data, 0x13)
        self.locked_for_good = True
        return b"\x00"

    # The wire

    def pending(self, service):
        self.transport.send(bytes([0x7F, service, 0x78]))

    def serve(self, connection):
        options = self.options
        adapter = Adapter(connection, options.ack, options.strict)
        self.transport = Isotp(
            adapter, KINDS[options.kind][3], KINDS[options.kind][2], 0x7DF, padding=None if options.padding == "none" else int(options.padding, 16),
            bs=options.bs, stmin=options.stmin, waits=options.waits, wait_gap=options.wait_gap / 1000, peer_padding=0xCC,
        )  # fmt: skip
        self.transport.complaints = self.complaints
        self.serve_on(adapter)

    def serve_on(self, link):
        """Answers what `self.transport` brings; `link.recv(0)` takes the frames that come during a reset."""
        options = self.options
        while True:
            message = self.transport.recv(3600)
            if message is None:
                continue
            self.resetting = False
            if message.data[0] != 0x3E and not message.functional:
                for _ in range(options.pending):
                    self.pending(message.data[0])
                    time.sleep(options.pending_gap / 1000)
            before = time.monotonic()
            answer = self.handle(message)
            time.sleep(max(0.0, options.delay / 1000 - (time.monotonic() - before)))
            if options.log:
                print("%s -> %s" % (message.data.hex(), answer and answer.hex()), file=sys.stderr, flush=True)
            if answer is not None and not self.loses(message.data):
                try:
                    self.transport.send(answer)
                except TransportError as error:
                    self.complaints.append("answer %s…: %s" % (answer[:4].hex(), error))
            self.last_activity = time.monotonic()
            if self.resetting:
                self.resets += 1
                time.sleep(options.reset_time / 1000)
                while link.recv(0) is not None:
                    pass
                self.transport.inbox.clear()
                self.start()

    def loses(self, request):
        """Whether the answer to this request is one of those to get lost, each once."""
        for start in self.options.lose:
            if request.startswith(start):
                self.options.lose.remove(start)
                self.lost += 1
                return True
        return False

    complaints = ()
    lost = 0
    resetting = False

    def report(self):
        when = datetime.datetime.utcfromtimestamp(self.clock()).isoformat() if self.clock() < 2**36 else None
        return {
            "vin": self.vin.decode("latin1") if self.vin != b"\xff" * 17 else None,
            "locked": self.locked_for_good,
            "slots": {"%X" % n: {k: v for k, v in s.items() if k != "key"} for n, s in sorted(self.she.slots.items())},
            "certificates": self.store.report(),
            "clock": when, "clockError": self.clock_offset,
            "session": self.session, "unlocked": self.unlocked, "wrongKeys": self.wrong_keys,
            "resets": self.resets, "lost": self.lost, "requests": self.requests,
            "complaints": list(self.complaints), "trouble": self.store.trouble,
        }  # fmt: skip


SERVICES = {
    0x10: Ecu.session_control, 0x11: Ecu.reset, 0x22: Ecu.read, 0x27: Ecu.security, 0x2E: Ecu.write, 0x31: Ecu.routine,
    0x34: Ecu.request_download, 0x36: Ecu.transfer, 0x37: Ecu.transfer_exit, 0x3E: Ecu.tester_present,
}  # fmt: skip
ROUTINES = {
    0x0210: Ecu.load_key, 0x0211: Ecu.generate_mac, 0x0212: Ecu.get_id, 0x0220: Ecu.make_pair, 0x0221: Ecu.install,
    0x0222: Ecu.prove, 0x0230: Ecu.lock,
}  # fmt: skip


def arguments(more=lambda parser: None):
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--kind", choices=list(KINDS), default="evcc")
    parser.add_argument("--state", help="file that keeps the ECU over restarts")
    parser.add_argument("--vin", help="the VIN it holds already")
    parser.add_argument("--uid", default="00030001" + os.urandom(11).hex(), help="SHE UID, 30 hex digits")
    parser.add_argument("--bs", type=int, default=0)
    parser.add_argument("--stmin", type=lambda text: int(text, 16), default=0, help="the byte, hex")
    parser.add_argument("--waits", type=int, default=0, help="FC WAIT frames before every FC CTS")
    parser.add_argument("--wait-gap", type=int, default=20, help="ms after each WAIT")
    parser.add_argument("--padding", default="AA", help="a byte in hex, or none")
    parser.add_argument("--pending", type=int, default=0, help="78s before every answer (not to 3E)")
    parser.add_argument("--pending-gap", type=int, default=20, help="ms after each of them")
    parser.add_argument("--delay", type=int, default=0, help="ms before each answer; 45 is the edge of P2")
    parser.add_argument("--keygen-seconds", type=float, default=0, help="how long 0220 takes, a 78 every 4 s")
    parser.add_argument("--reset-time", type=int, default=100, help="ms of silence after 11 01")
    parser.add_argument("--ack", choices=("z", "cr", "none"), default="z", help="the adapter's answer to a frame")
    parser.add_argument("--lose", action="append", default=[], type=bytes.fromhex, help="the first answer to a request that starts so gets lost")
    parser.add_argument("--strict", action="store_true", help="BEL where the Lawicel manual wants another channel state")
    parser.add_argument("--log", action="store_true", help="requests and answers on stderr")
    more(parser)
    return parser.parse_args()


def main():
    ecu = Ecu(arguments())
    ecu.complaints = []
    listener = socket.create_server(("127.0.0.1", ecu.options.port))
    print(json.dumps({"listening": "slcan+tcp://127.0.0.1:%d" % listener.getsockname()[1]}), flush=True)

    def stop(*_):
        raise SystemExit(0)

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    try:
        while True:
            connection, _ = listener.accept()
            try:
                ecu.serve(connection)
            except (ConnectionError, TimeoutError):
                connection.close()
    finally:
        print(json.dumps(ecu.report()), flush=True)


if __name__ == "__main__":
    main()
