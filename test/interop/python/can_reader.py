#!/usr/bin/python3
"""python-can's slcan, as Debian brings it, listens at a bus: what a tester at 7E0 sent, as messages.

can_reader.py slcan+tcp://HOST:PORT: the first line printed is {"listening": true}; SIGTERM prints {"frames", "messages", "trouble"} and ends.
Nothing is sent: the flow control that is seen comes from those who talk.
"""

import json
import signal
import sys

import can

TESTER = 0x7E0
PADDING = b"\xcc"


class Reader:
    def __init__(self):
        self.frames = 0
        self.messages = []
        self.trouble = []
        self.partial = None

    def take(self, frame):
        self.frames += 1
        data = bytes(frame.data)
        kind, used = data[0] >> 4, 8
        if frame.is_extended_id or frame.is_remote_frame or frame.is_fd or len(data) != 8:
            self.trouble.append("%s is no classical frame of 8 bytes" % frame)
        elif kind == 0:
            used = 1 + data[0]
            self.messages.append(data[1:used])
        elif kind == 1:
            self.partial = [(data[0] & 15) << 8 | data[1], data[2:], 1]
        elif kind == 2 and self.partial is not None and self.partial[2] == data[0] & 15:
            size, before, number = self.partial
            used = min(8, 1 + size - len(before))
            self.partial = [size, before + data[1:used], number + 1 & 15]
            if len(self.partial[1]) == size:
                self.messages.append(self.partial[1])
                self.partial = None
        elif kind == 3:
            used = 3
        else:
            self.trouble.append("%s is out of place" % data.hex())
        if data[used:] != PADDING * (8 - used):
            self.trouble.append("%s is not padded with CC" % data.hex())


def main():
    reader = Reader()
    bus = can.Bus(interface="slcan", channel="socket://" + sys.argv[1].split("//")[1], bitrate=500000, sleep_after_open=0)
    ended = []
    signal.signal(signal.SIGTERM, lambda *_: ended.append(True))
    print(json.dumps({"listening": True}), flush=True)
    while True:
        frame = bus.recv(0.2)
        if frame is not None and frame.arbitration_id == TESTER:
            reader.take(frame)
        elif frame is None and ended:
            break
    bus.shutdown()
    messages = [message.hex() for message in reader.messages]
    print(json.dumps({"frames": reader.frames, "messages": messages, "trouble": reader.trouble}), flush=True)


if __name__ == "__main__":
    main()
