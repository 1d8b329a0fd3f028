"""ISO 15765-2 on classical CAN, normal addressing, one pair of ids (and a functional one for an ECU)."""

import collections
import time

N_BS = 1.0
N_CR = 1.0


def stmin_seconds(code):
    """STmin of clause 9.6.5.4: 0-7F ms, F1-F9 100 us each, the reserved ones as 127 ms."""
    if code <= 0x7F:
        return code / 1000
    if 0xF1 <= code <= 0xF9:
        return (code - 0xF0) / 10000
    return 0.127


class TransportError(Exception):
    pass


class Message:
    def __init__(self, data, functional, started):
        self.data = data
        self.functional = functional
        # monotonic time of its first frame
        self.started = started


class Isotp:
    """`port` has send(id, data) and recv(timeout) -> (id, data) | None. `complaints` collects what the peer did wrong."""

    def __init__(self, port, tx, rx, functional=None, padding=0xCC, bs=0, stmin=0, waits=0, wait_gap=0.02, peer_padding=None):
        self.port, self.tx, self.rx, self.functional = port, tx, rx, functional
        self.padding, self.bs, self.stmin, self.waits, self.wait_gap = padding, bs, stmin, waits, wait_gap
        self.peer_padding = peer_padding
        self.inbox = collections.deque()
        self.flow = collections.deque()
        self.stash = collections.deque()
        self.partial = None
        self.complaints = []

    def frame(self, data, to=None):
        if self.padding is not None:
            data = data + bytes([self.padding]) * (8 - len(data))
        self.port.send(self.tx if to is None else to, data)

    def send(self, payload, to=None):
        if len(payload) <= 7:
            self.frame(bytes([len(payload)]) + payload, to)
            return
        if to is not None or len(payload) > 4095:
            raise TransportError("cannot be sent: %d bytes" % len(payload))
        self.flow.clear()
        self.frame(bytes([0x10 | len(payload) >> 8, len(payload) & 0xFF]) + payload[:6])
        position, sequence = 6, 1
        while position < len(payload):
            block, gap = self.wait_flow()
            count = 0
            while position < len(payload) and (block == 0 or count < block):
                if count and gap:
                    time.sleep(gap)
                self.frame(bytes([0x20 | sequence]) + payload[position : position + 7])
                position, sequence, count = position + 7, (sequence + 1) & 15, count + 1

    def wait_flow(self):
        end = time.monotonic() + N_BS
        while True:
            while not self.flow:
                if time.monotonic() >= end:
                    raise TransportError("N_Bs: no flow control")
                self.pump(max(0.0, end - time.monotonic()))
            status, block, gap = self.flow.popleft()
            if status == 0:
                return block, stmin_seconds(gap)
            if status == 2:
                raise TransportError("OVFLW")
            if status != 1:
                raise TransportError("flow status %d" % status)
            end = time.monotonic() + N_BS

    def recv(self, timeout):
        """Next whole message or None after `timeout` s without one (a message under way is waited for)."""
        end = time.monotonic() + timeout
        while not self.inbox:
            limit = end if self.partial is None else max(end, self.partial["last"] + N_CR)
            if time.monotonic() >= limit:
                return None
            self.pump(max(0.0, limit - time.monotonic()))
        return self.inbox.popleft()

    def pump(self, timeout):
        frame = self.stash.popleft() if self.stash else self.port.recv(timeout)
        if frame is not None:
            self.take(*frame)

    def take(self, can_id, data):
        if not data or can_id not in (self.rx, self.functional):
            return
        kind = data[0] >> 4
        if kind == 0:
            length = data[0]
            if 0 < length <= 7 and len(data) > length:
                self.check_padding(data, 1 + length)
                if can_id == self.rx:
                    self.partial = None
                self.inbox.append(Message(data[1 : 1 + length], can_id == self.functional, time.monotonic()))
        elif can_id == self.functional:
            return
        elif kind == 1 and len(data) == 8:
            length = (data[0] & 15) << 8 | data[1]
            if length > 7:
                now = time.monotonic()
                self.partial = {"length": length, "data": bytearray(data[2:]), "next": 1, "left": 0, "start": now, "last": now}
                self.grant()
        elif kind == 2 and self.partial is not None:
            self.consecutive(data)
        elif kind == 3 and len(data) >= 3:
            self.check_padding(data, 3)
            self.flow.append((data[0] & 15, data[1], data[2]))

    def consecutive(self, data):
        part = self.partial
        now = time.monotonic()
        if now - part["last"] > N_CR + 0.2:
            self.partial = None
            return
        part["last"] = now
        if data[0] & 15 != part["next"]:
            self.complaints.append("CF with number %d, wanted %d" % (data[0] & 15, part["next"]))
            self.partial = None
            return
        part["next"] = (part["next"] + 1) & 15
        rest = part["length"] - len(part["data"])
        if len(data) - 1 < min(rest, 7):
            self.complaints.append("short CF: " + data.hex())
            self.partial = None
            return
        part["data"] += data[1 : 1 + min(rest, 7)]
        part["count"] += 1
        done = len(part["data"]) >= part["length"]
        if done:
            self.check_padding(data, 1 + rest)
        if done or (self.bs and part["count"] == self.bs):
            # From the FC's sending to the last CF's reading: longer than on the bus, so a short one is no artefact.
            least = (part["count"] - 1) * stmin_seconds(self.stmin)
            if now - part["granted"] < least - 0.0005:
                self.complaints.append("%d CFs in %.1f ms, STmin %02X" % (part["count"], (now - part["granted"]) * 1000, self.stmin))
        if done:
            self.partial = None
            self.inbox.append(Message(bytes(part["data"]), False, part["start"]))
        elif self.bs and part["count"] == self.bs:
            early = self.port.recv(0.001)
            if early is not None:
                if early[0] == self.rx and early[1][0] >> 4 == 2:
                    self.complaints.append("CF beyond the block of %d before the FC" % self.bs)
                self.stash.append(early)
            self.grant()

    def grant(self):
        for _ in range(self.waits):
            self.frame(b"\x31\x00\x00")
            time.sleep(self.wait_gap)
        self.partial["count"] = 0
        self.partial["granted"] = self.partial["last"] = time.monotonic()
        self.frame(bytes([0x30, self.bs, self.stmin]))

    def check_padding(self, data, used):
        if self.peer_padding is not None and data[used:] != bytes([self.peer_padding]) * (8 - used):
            self.complaints.append("padding: " + data.hex())
