#!/usr/bin/python3
"""scapy's UDS scanner, as Debian brings it, against an ECU at 7E0/7E8: nothing here was made for it but the key of its security access.

scapy_scan.py URL PROFILE: slcan+tcp://HOST:PORT or a serial device. Prints one JSON object: how many requests it made, how many of them had no response, and
what it found by kind and state (session, and whether unlocked): what was answered, or refused for another reason than that it is not there.
"""

import json
import os
import sys
import time

import she
from bench import SECRET
from scapy_link import can_socket, iso_tp

from scapy.contrib.automotive.ecu import EcuState
from scapy.contrib.automotive.uds import UDS, UDS_ER, UDS_SA, UDS_TP
from scapy.contrib.automotive.uds_scan import (
    UDS_DSCEnumerator, UDS_EREnumerator, UDS_RCEnumerator, UDS_RDBIEnumerator, UDS_SA_XOR_Enumerator, UDS_Scanner, UDS_ServiceEnumerator,
    UDS_WDBIEnumerator, UDS_WDBISelectiveEnumerator,
)  # fmt: skip

LIMIT = 10


XOR = bytes.fromhex("a5c35a3c")
# Profile: key of a seed, identifiers and routines that are asked for beside a few of the whole range, sessions besides the default one.
PROFILES = {
    "evcc": (lambda seed: she.cmac(SECRET, seed), range(0xF180, 0xF200), range(0x0200, 0x0240), (3,)),
    "generic-uds": (lambda seed: bytes(a ^ b for a, b in zip(seed, XOR, strict=True)), [*range(0x00FE, 0x0103), *range(0xF186, 0xF19A)], range(0xFEFE, 0xFF03), (2, 3)),
}
key_of, identifiers, routine_ids, more_sessions = PROFILES[sys.argv[2]]


class KeyEnumerator(UDS_SA_XOR_Enumerator):
    """scapy knows the key function of some boot loaders; this is the ECU's."""

    @staticmethod
    def get_key_pkt(seed, level=1):
        return UDS() / UDS_SA(securityAccessType=level + 1, securityKey=key_of(seed.securitySeed))


# By kind: scapy's enumerator, what is asked for in a request, and the codes that say that there is no such thing (in this session: 7F).
KINDS = {
    "sessions": (UDS_DSCEnumerator, lambda ask: ask.diagnosticSessionType, {0x12}),
    "services": (UDS_ServiceEnumerator, lambda ask: ask.service, {0x11, 0x7F}),
    "resets": (UDS_EREnumerator, lambda ask: ask.resetType, {0x12}),
    "identifiers": (UDS_RDBIEnumerator, lambda ask: ask.identifiers[0], {0x31}),
    "writable": (UDS_WDBIEnumerator, lambda ask: ask.dataIdentifier, {0x31, 0x7F}),
    "levels": (KeyEnumerator, lambda ask: ask.securityAccessType, {0x12, 0x7F}),
    "routines": (UDS_RCEnumerator, lambda ask: (ask.routineIdentifier, ask.routineControlType), {0x12, 0x31, 0x7F}),
}
DEFAULT, *MORE = EcuState(session=1), *(EcuState(session=number, tp=1) for number in more_sessions)


def settings(scan_range, **more):
    return {"scan_range": scan_range, "timeout": LIMIT, **more}


# Bit 7 of a sub-function asks for no response. 11 01 comes last: behind its response the ECU is silent for a while.
SETTINGS = {
    "UDS_DSCEnumerator": settings(list(range(0x80)), overwrite_timeout=False, delay_state_change=0, state_allow_list=[DEFAULT]),
    "UDS_ServiceEnumerator": {"timeout": LIMIT, "state_allow_list": [DEFAULT, *MORE]},
    "UDS_EREnumerator": settings([*range(2, 16), 0x7F, 0, 1], state_allow_list=[DEFAULT]),
    "UDS_RDBIEnumerator": settings([*range(0, 0x10000, 0x1555), *identifiers]),
    "KeyEnumerator": settings(list(range(1, 0x42, 2)), exit_if_service_not_supported=True),
    "UDS_RCEnumerator": settings([*range(0, 0x10000, 0x1555), *routine_ids], exit_if_service_not_supported=True),
}


def merged(test_cases):
    for case in test_cases:
        yield from merged(case.test_cases) if hasattr(case, "test_cases") else (case,)


def state_name(state):
    return "%d%s" % (state.session, " unlocked" if getattr(state, "security_level", 0) else "")


def main():
    bus = can_socket(sys.argv[1])
    socket = iso_tp(bus, 0x7E0, 0x7E8, padding=True)

    def reset():
        """The default session, locked, by 11 01; it is over when a TesterPresent is answered."""
        socket.sr1(UDS() / UDS_ER(resetType=1), timeout=LIMIT, verbose=False)
        end = time.monotonic() + LIMIT
        while time.monotonic() < end:
            if socket.sr1(UDS() / UDS_TP(), timeout=0.2, verbose=False) is not None:
                return

    cases = [UDS_DSCEnumerator, UDS_ServiceEnumerator, UDS_EREnumerator, UDS_WDBISelectiveEnumerator, KeyEnumerator, UDS_RCEnumerator]
    scanner = UDS_Scanner(socket, reset_handler=reset, test_cases=cases, **{name + "_kwargs": value for name, value in SETTINGS.items()})
    scanner.scan(timeout=250)
    found, requests, unanswered = {}, 0, []
    for case in merged(scanner.configuration.test_cases):
        kind, (_, asked, absent) = next((name, entry) for name, entry in KINDS.items() if isinstance(case, entry[0]))
        for state, request, response in ((result.state, result.req, result.resp) for result in case.results):
            requests += 1
            if response is None:
                unanswered.append("%s %s" % (state_name(state), bytes(request).hex()))
            elif response.service != 0x7F or response.negativeResponseCode not in absent:
                found.setdefault(kind, {}).setdefault(state_name(state), set()).add(asked(request))
    lists = {kind: {state: sorted(items) for state, items in states.items()} for kind, states in found.items()}
    print(json.dumps({"completed": scanner.scan_completed, "requests": requests, "unanswered": unanswered, "found": lists}), flush=True)
    os._exit(0)  # scapy's threads would keep it


if __name__ == "__main__":
    main()
