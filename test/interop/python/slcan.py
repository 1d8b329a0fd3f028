"""slcan over TCP, both ends: the adapter that an ECU hangs on, and the program that drives an adapter."""

import collections
import select
import socket
import time

CR = 0x0D
BEL = 0x07


class Lines:
    """Splits a socket's bytes into what ends with CR or BEL; every entry keeps its terminator."""

    def __init__(self, sock):
        self.sock = sock
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.pending = bytearray()
        self.ready = collections.deque()

    def read(self, timeout):
        """Next entry or None after `timeout` s; ConnectionError when the other side is gone."""
        end = time.monotonic() + timeout
        while not self.ready:
            left = end - time.monotonic()
            readable, _, _ = select.select([self.sock], [], [], max(0.0, left))
            if not readable:
                return None
            chunk = self.sock.recv(65536)
            if not chunk:
                raise ConnectionError("closed")
            for byte in chunk:
                self.pending.append(byte)
                if byte in (CR, BEL):
                    self.ready.append(bytes(self.pending))
                    self.pending.clear()
        return self.ready.popleft()

    def write(self, data):
        self.sock.sendall(data)


def encode(can_id, data, stamp=None):
    text = "t%03X%d%s" % (can_id, len(data), data.hex().upper())
    if stamp is not None:
        text += "%04X" % (stamp % 60000)
    return text.encode() + b"\r"


def decode(text):
    """(id, data) of a `t` line without its CR; ValueError when it is none."""
    if len(text) < 5:
        raise ValueError("short")
    can_id, dlc = int(text[1:4], 16), int(text[4:5], 16)
    if can_id > 0x7FF or dlc > 8 or len(text) < 5 + 2 * dlc:
        raise ValueError("no frame")
    return can_id, bytes.fromhex(text[5 : 5 + 2 * dlc].decode())


class Adapter:
    """The adapter's side of one connection: answers commands, hands frames through while open.

    ack: `z` (a Lawicel with auto-poll), `cr`, or `none` (CANable firmware: silent for frames and commands alike).
    strict: C, F while closed and S, Z while open get BEL, as in the Lawicel manual.
    """

    def __init__(self, sock, ack="z", strict=False):
        self.lines = Lines(sock)
        self.ack = ack
        self.strict = strict
        self.open = False
        self.bitrate = None
        self.stamps = False
        self.commands = []
        self.frames = collections.deque()

    def send(self, can_id, data):
        if self.open:
            self.lines.write(encode(can_id, data, int(time.monotonic() * 1000) if self.stamps else None))

    def recv(self, timeout):
        """Next frame that the program sent, or None after `timeout` s."""
        end = time.monotonic() + timeout
        while not self.frames:
            line = self.lines.read(max(0.0, end - time.monotonic()))
            if line is None:
                return None
            answer = b"\x07" if line[-1] == BEL else self.command(line[:-1])
            if self.ack == "none" and answer in (b"\r", b"z\r", b"\x07"):
                continue
            self.lines.write(answer)
        return self.frames.popleft()

    def command(self, text):
        if not text:
            return b"\r"
        kind = text[:1]
        if kind == b"t":
            if not self.open or len(text) < 5:
                return b"\x07"
            try:
                frame = decode(text)
            except ValueError:
                return b"\x07"
            if len(text) != 5 + 2 * len(frame[1]):
                return b"\x07"
            self.frames.append(frame)
            return b"z\r" if self.ack == "z" else b"\r"
        if kind == b"T" and self.open and len(text) >= 10:
            return b"Z\r" if self.ack == "z" else b"\r"  # extended ids: on the bus, for nobody here
        self.commands.append(text.decode("latin1"))
        if kind == b"S" and len(text) == 2 and text[1:2] in b"0123456789":
            if self.open:
                return b"\x07"
            self.bitrate = int(text[1:2])
            return b"\r"
        if text == b"O":
            if self.bitrate != 6 or self.open:
                return b"\x07"
            self.open = True
            return b"\r"
        if text == b"C":
            was_open, self.open = self.open, False
            return b"\r" if was_open or not self.strict else b"\x07"
        if text == b"V":
            return b"V1013\r"
        if text == b"N":
            return b"NPY01\r"
        if text == b"F":
            return b"F00\r" if self.open or not self.strict else b"\x07"
        if text in (b"Z0", b"Z1"):
            if self.open and self.strict:
                return b"\x07"
            self.stamps = text == b"Z1"
            return b"\r"
        return b"\x07"


class Client:
    """The program's side: `slcan+tcp://HOST:PORT` or `HOST:PORT`."""

    def __init__(self, url, limit=10.0):
        host, _, port = url.split("//")[-1].partition("?")[0].rpartition(":")
        self.lines = Lines(socket.create_connection((host, int(port)), timeout=limit))
        self.frames = collections.deque()
        self.answers = collections.deque()

    def pump(self, timeout):
        line = self.lines.read(timeout)
        if line is None:
            return False
        if line[:1] == b"t" and len(line) > 5:
            self.frames.append(decode(line[:-1]) + (time.monotonic(),))
        else:
            self.answers.append(line)
        return True

    def command(self, text, timeout=2.0):
        """Sends a line and gives the adapter's answer with its terminator (None: none came)."""
        self.answers.clear()
        self.lines.write(text if isinstance(text, bytes) else text.encode() + b"\r")
        end = time.monotonic() + timeout
        while not self.answers:
            if not self.pump(max(0.0, end - time.monotonic())) and time.monotonic() >= end:
                return None
        return self.answers.popleft()

    def start(self):
        for text in ("C", "S6", "O"):
            answer = self.command(text)
            if answer is None or (answer[-1] != CR and text != "C"):
                raise ConnectionError("%s answered %r" % (text, answer))

    def send(self, can_id, data):
        self.lines.write(encode(can_id, data))

    def recv(self, timeout):
        end = time.monotonic() + timeout
        while not self.frames:
            if not self.pump(max(0.0, end - time.monotonic())) and time.monotonic() >= end:
                return None
        can_id, data, self.received_at = self.frames.popleft()
        return can_id, data

    def close(self):
        self.lines.sock.close()
