"""The tester's hands: one ECU under test as a process, requests to it, and the list of what was seen."""

import json
import os
import re
import select
import shlex
import shutil
import subprocess
import tempfile
import threading
import time

from isotp import Isotp, TransportError
from she import cmac
from slcan import Client

SECRET = bytes.fromhex("00112233445566778899aabbccddeeff")


def short(data):
    text = data.hex() if isinstance(data, (bytes, bytearray)) else str(data)
    return text if len(text) <= 160 else "%s… (%d)" % (text[:150], len(text))


class Report:
    def __init__(self):
        self.lock = threading.Lock()
        self.results = []

    def note(self, name, passed, seen="", wanted="", sent=None):
        with self.lock:
            self.results.append({"name": name, "ok": bool(passed)})
            if passed:
                print("ok " + name, flush=True)
            else:
                asked = "" if sent is None else "sent %s, " % short(sent)
                print("FAIL %s: %sseen %s wanted %s" % (name, asked, short(seen), short(wanted)), flush=True)


class Ecu:
    """`command` starts the program; {state} in it stands for the file that keeps the ECU."""

    def __init__(self, report, area, command):
        self.report, self.area, self.command = report, area, command
        self.folder = tempfile.mkdtemp(prefix="tester-")
        self.state = os.path.join(self.folder, "ecu.state")
        self.process = self.client = None
        self.slowest = 0.0
        self.pending = 0
        self.power_on()

    # The program

    def power_on(self):
        words = [word.replace("{state}", self.state) for word in shlex.split(self.command)]
        self.errors = open(os.path.join(self.folder, "stderr"), "ab")
        self.process = subprocess.Popen(words, stdout=subprocess.PIPE, stdin=subprocess.DEVNULL, stderr=self.errors)
        ready, _, _ = select.select([self.process.stdout], [], [], 30)
        line = self.process.stdout.readline() if ready else b""
        if not line:
            raise RuntimeError("the ECU did not start: " + self.last_words())
        self.url = json.loads(line)["listening"]
        self.started = time.monotonic()
        self.connect()

    def last_words(self):
        self.errors.flush()
        with open(os.path.join(self.folder, "stderr"), "rb") as file:
            return file.read()[-500:].decode(errors="replace")

    def power_cut(self):
        self.client.close()
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()
        self.errors.close()

    def close(self):
        self.power_cut()
        shutil.rmtree(self.folder, ignore_errors=True)

    def connect(self):
        self.client = Client(self.url)
        self.client.start()
        self.transport = Isotp(self.client, 0x7E0, 0x7E8, padding=0xCC, peer_padding=0xAA)

    # Requests

    def answer(self, limit=3.0):
        """Next answer that is no 78 (b"" when none comes); `pending` counts the 78s before it."""
        self.pending = 0
        sent = time.monotonic()
        first = None
        while True:
            message = self.transport.recv(limit if self.pending == 0 else 8.0)
            if message is None:
                return b""
            if first is None:
                first = message.started - sent
                self.slowest = max(self.slowest, first)
            if len(message.data) == 3 and message.data[0] == 0x7F and message.data[2] == 0x78:
                self.pending += 1
                continue
            return message.data

    def ask(self, request, limit=3.0, to=None):
        if isinstance(request, str):
            request = bytes.fromhex(request)
        self.last = request
        self.transport.inbox.clear()
        self.transport.send(request, to)
        return self.answer(limit)

    def must(self, request):
        """An answer that the rest of the checks stand on."""
        answer = self.ask(request)
        if not answer or answer[0] == 0x7F:
            raise RuntimeError("sent %s, seen %s" % (short(self.last), short(answer)))
        return answer

    # Checks

    def check(self, name, passed, seen="", wanted="", sent=None):
        self.report.note("%s: %s" % (self.area, name), passed, seen, wanted, sent)
        return passed

    def expect(self, name, request, wanted, to=None):
        """`wanted`: the whole answer in hex, or a pattern that all its hex digits match."""
        try:
            seen = self.ask(request, to=to)
        except TransportError as error:
            self.check(name, False, "transport: %s" % error, wanted, self.last)
            return b""
        self.check(name, re.fullmatch(wanted.replace(" ", ""), seen.hex()), seen or "no answer", wanted, self.last)
        return seen

    def refuses(self, name, request, code):
        request = bytes.fromhex(request) if isinstance(request, str) else request
        return self.expect(name, request, "7f%02x%s" % (request[0], code))

    def silent(self, name, request, to=None):
        """Nothing answers `request`: the answer to the TesterPresent behind it comes first."""
        request = bytes.fromhex(request)
        self.transport.inbox.clear()
        self.transport.send(request, to)
        self.transport.send(b"\x3e\x00")
        seen = self.answer()
        self.check(name, seen == b"\x7e\x00", seen, "nothing, then 7e00 to 3e00", request)
        if seen != b"\x7e\x00":
            self.answer()

    def routine(self, name, number, data, wanted):
        return self.expect(name, bytes.fromhex("3101" + number) + data, "7101" + number + wanted)

    # Ways that many checks need

    def seed(self):
        return self.must("2711")[2:]

    def send_key(self, seed):
        return self.ask(b"\x27\x12" + cmac(SECRET, seed))

    def unlock(self):
        self.must("1003")
        answer = self.send_key(self.seed())
        if answer != b"\x67\x12":
            raise RuntimeError("not unlocked: " + answer.hex())

    def did(self, number):
        """Content of a DID, None with NRC 31."""
        answer = self.ask(b"\x22" + number.to_bytes(2, "big"))
        if answer == b"\x7f\x22\x31":
            return None
        if answer[:3] != b"\x62" + number.to_bytes(2, "big"):
            raise RuntimeError("22 %04X: %s" % (number, short(answer)))
        return answer[3:]

    def download(self, data, block=4092):
        self.must(bytes.fromhex("34004410000000") + len(data).to_bytes(4, "big"))
        counter = 1
        for at in range(0, len(data), block):
            self.must(bytes([0x36, counter]) + data[at : at + block])
            counter = counter + 1 & 0xFF
        self.must("37")

    def back(self, limit=3.0):
        """Seconds from now until the ECU answers again after a reset."""
        begin = time.monotonic()
        while time.monotonic() - begin < limit:
            self.transport.inbox.clear()
            self.transport.send(b"\x3e\x00")
            message = self.transport.recv(0.05)
            if message is not None and message.data == b"\x7e\x00":
                took = time.monotonic() - begin
                while self.transport.recv(0.08) is not None:
                    pass  # answers to the questions before
                return took
        return None
