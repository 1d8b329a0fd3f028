"""slcan and ISO-TP as the ECU's side of them must behave."""

import re
import time

from isotp import Isotp, TransportError

LONG = bytes.fromhex("22f187f191f195f197f18cf190f1a0f1a2")


def adapter(ecu):
    client = ecu.client
    for text, pattern in (
        ("V", rb"V[ -~]{4,}\r"), ("N", rb"N[ -~]{4,}\r"), ("F", rb"F[0-9A-F]{2}\r"), ("t7E0380322F1", rb"\x07"), ("t7E", rb"\x07"),
        ("t7E09000000000000000000", rb"\x07"), ("t8003023E00", rb"\x07"), ("tXYZ0", rb"\x07"), ("?", rb"\x07"), ("S6", rb"\x07"), ("O", rb"\x07"),
        ("t7E08023E00CCCCCCCCCC", rb"z?\r"), ("T000007E08023E00CCCCCCCCCC", rb"Z?\r"), ("C", rb"\r"), ("t7E08023E00CCCCCCCCCC", rb"\x07"),
        ("Z1", rb"\r"), ("S6", rb"\r"), ("O", rb"\r"),
    ):  # fmt: skip
        answer = client.command(text)
        passed = answer is not None and re.fullmatch(pattern, answer)
        ecu.check("slcan %s" % text, passed, repr(answer), repr(pattern.decode()), text.encode())
    client.frames.clear()
    client.lines.write(b"t7E08023E00CCCCCCCCCC\r")
    end = time.monotonic() + 2
    stamped = None
    while stamped is None and time.monotonic() < end:
        line = client.lines.read(0.5)
        if line is not None and line.startswith(b"t7E8"):
            stamped = line
    passed = stamped is not None and re.fullmatch(rb"t7E88027E00AAAAAAAAAA[0-9A-F]{4}\r", stamped)
    ecu.check("slcan Z1 gives frames a time stamp", passed, repr(stamped), "t7E88027E00AAAAAAAAAA and 4 digits")
    for text in ("C", "Z0", "S6", "O"):
        client.command(text)
    client.frames.clear()
    client.lines.write(b"t7E08023e00cccccccccc\r")
    ecu.transport.inbox.clear()
    message = ecu.transport.recv(1)
    ecu.check("slcan takes small hex digits", message is not None and message.data == b"\x7e\x00", message and message.data)
    client.lines.write(b"t7E08023E00CC")
    client.lines.write(b"CCCCCCCC\r")
    message = ecu.transport.recv(1)
    ecu.check("slcan takes a line in two parts", message is not None and message.data == b"\x7e\x00", message and message.data)
    client.lines.write(b"\r\r\r")
    ecu.expect("slcan bears empty lines", "3e00", "7e00")


def flow(ecu):
    """The ECU sends by the tester's BS, STmin, WAIT."""
    for bs, stmin, waits in ((1, 0, 0), (3, 0, 0), (0, 5, 0), (8, 1, 0), (3, 0xF5, 0), (2, 0xF9, 2), (0, 0, 3), (4, 20, 1), (0, 0x80, 0)):
        old = ecu.transport
        ecu.transport = Isotp(ecu.client, 0x7E0, 0x7E8, padding=0xCC, bs=bs, stmin=stmin, waits=waits, peer_padding=0xAA)
        name = "a long answer with BS %d, STmin %02X, %d WAITs" % (bs, stmin, waits)
        ecu.expect(name, LONG, "62f187.*f1a2.{8}")
        found = ecu.transport.complaints
        ecu.check(name + ": obeyed", not found, found[:3], "none")
        ecu.transport = old


def raw(ecu, name, frames, wanted):
    """Single frames in a row, then what comes first as a message."""
    ecu.transport.inbox.clear()
    for can_id, data in frames:
        ecu.client.send(can_id, bytes.fromhex(data))
    message = ecu.transport.recv(1.5)
    seen = b"" if message is None else message.data
    ecu.check(name, seen.hex() == wanted, seen or "nothing", wanted, " ".join(data for _, data in frames).encode())


def frames(ecu):
    tail = [(0x7E0, "023e00")]
    raw(ecu, "a request without padding", [(0x7E0, "023e00")], "7e00")
    raw(ecu, "a request padded with 55", [(0x7E0, "023e005555555555")], "7e00")
    for name, data in (
        ("SF of length 0", "00cccccccccccccc"), ("SF of length 8", "083e00cccccccccc"), ("SF shorter than its length", "073e00"),
        ("FF of length 7", "1007221234567890"), ("FF of length 0 to 7", "1003221234567890"), ("a stray CF", "21cccccccccccccc"),
        ("a stray FC", "300000cccccccccc"), ("a stray FC with a reserved status", "3f0000cccccccccc"), ("an unknown PCI", "40cccccccccccccc"),
        ("an FF in 7 bytes", "100922f187f191"),
    ):  # fmt: skip
        raw(ecu, name + " is ignored", [(0x7E0, data), *tail], "7e00")
        flow_seen = list(ecu.transport.flow)
        ecu.check(name + " gets no FC", not flow_seen, flow_seen, "none")
        ecu.transport.flow.clear()
    raw(ecu, "frames of other ids are not for it", [(0x7E1, "0322f1a2"), (0x7E8, "0322f1a2"), (0x7E2, "023e00"), *tail], "7e00")
    half = (0x7E0, "100922f187f191f1")
    raw(ecu, "an SF amid a reception takes its place", [half, *tail], "7e00")
    raw(ecu, "and its rest is a stray CF", [(0x7E0, "2195f197cccccccc"), *tail], "7e00")
    raw(ecu, "a CF out of order ends the reception", [half, (0x7E0, "2295f197cccccccc"), *tail], "7e00")
    raw(ecu, "an FF amid a reception starts a new one", [half, (0x7E0, "1007221234567890"), *tail], "7e00")
    ecu.transport.flow.clear()
    first = ecu.must("22f187")
    ecu.client.send(0x7E0, bytes.fromhex("100922f195f195f1"))
    ecu.transport.wait_flow()
    ecu.client.send(0x7E0, bytes.fromhex("100922f187f187f1"))
    status = ecu.transport.wait_flow()
    ecu.check("every FF gets an FC of BS 0, STmin 0", status == (0, 0.0), status, "(0, 0.0)")
    ecu.client.send(0x7E0, bytes.fromhex("2187f187cc"))
    seen = ecu.answer()
    ecu.check("the second message is answered", seen == b"\x62" + first[1:] * 4, seen, "four times F187")
    ecu.client.send(0x7E0, bytes.fromhex("100922f187f187f1"))
    ecu.transport.wait_flow()
    time.sleep(1.4)
    ecu.client.send(0x7E0, bytes.fromhex("2187f187cccccccc"))
    ecu.expect("N_Cr: a CF after 1.4 s comes too late", "3e00", "7e00")


def flow_faults(ecu):
    """The ECU gives its answer up; the next request is served."""
    for name, flow_control in (("OVFLW", "320000cccccccccc"), ("a reserved flow status", "350000cccccccccc")):
        ecu.transport.inbox.clear()
        ecu.client.send(0x7E0, bytes.fromhex("0322f1a0cccccccc"))
        frame = ecu.client.recv(1)
        ecu.check("%s: the FF comes" % name, frame is not None and frame[1][:2] == b"\x10\x1e", frame and frame[1], "101e…")
        ecu.client.send(0x7E0, bytes.fromhex(flow_control))
        ecu.client.send(0x7E0, bytes.fromhex("023e00"))
        frame = ecu.client.recv(1.5)
        seen = frame and frame[1]
        ecu.check("%s ends the answer" % name, seen is not None and seen[:3] == b"\x02\x7e\x00", seen, "027e00")
    ecu.client.send(0x7E0, bytes.fromhex("0322f1a0cccccccc"))
    ecu.client.recv(1)
    time.sleep(1.3)
    ecu.client.send(0x7E0, bytes.fromhex("300000"))
    ecu.transport.inbox.clear()
    ecu.client.send(0x7E0, bytes.fromhex("023e00"))
    frame = ecu.client.recv(1.5)
    seen = frame and frame[1]
    ecu.check("N_Bs: an FC after 1.3 s comes too late", seen is not None and seen[:3] == b"\x02\x7e\x00", seen, "027e00")


def sizes(ecu):
    ecu.unlock()
    for size in (1, 2, 3, 7, 8, 9, 100, 4090):
        answer = ecu.ask(bytes.fromhex("3101021104") + bytes(size))
        ecu.check("a request of %d bytes" % (5 + size), answer == bytes.fromhex("7101021104"), answer, "7101021104", ecu.last)


def reconnect(ecu):
    ecu.unlock()
    ecu.client.close()
    ecu.connect()
    ecu.expect("a new connection finds the ECU as it was", "31010212" + "00" * 16, "7101021200.{64}")
    complaints = []
    try:
        ecu.transport.send(b"\x22" + b"\xf1\x87" * 2)
        ecu.answer()
    except TransportError as error:
        complaints.append(str(error))
    ecu.check("and its transport", not complaints, complaints)


def run(ecu):
    adapter(ecu)
    flow(ecu)
    frames(ecu)
    flow_faults(ecu)
    sizes(ecu)
    reconnect(ecu)
    found = ecu.transport.complaints
    ecu.check("frames are padded with AA", not found, found[:3], "none")
