#!/usr/bin/python3
"""python-can's slcan and scapy's ISO-TP and UDS, as Debian brings them, against an ECU: nothing here was made for it.

foreign.py URL: a line a check (`ok NAME`, `FAIL NAME: seen … wanted …`), a JSON summary last; exit 1 with a FAIL.
"""

import json
import os
import sys

import can
import der
import she
from bench import SECRET, Report
from scapy_link import can_socket, channel_of, iso_tp

from scapy.contrib.automotive import uds
from scapy.contrib.automotive.uds import UDS


def python_can(report, channel):
    bus = can.Bus(interface="slcan", channel=channel, bitrate=500000, sleep_after_open=0)
    version, serial = bus.get_version(2), bus.get_serial_number(2)
    report.note("python-can: V is understood", None not in version, version, "hardware and software version")
    report.note("python-can: N is understood", serial, serial, "a serial number")
    for padding in ("", "cc" * 5):
        data = bytes.fromhex("023e00" + padding)
        bus.send(can.Message(arbitration_id=0x7E0, data=data, is_extended_id=False))
        frame = bus.recv(2)
        seen = frame and (frame.arbitration_id, frame.data.hex())
        report.note("python-can: 3E 00 in %d bytes" % len(data), seen == (0x7E8, "027e00aaaaaaaaaa"), seen, "7E8 027e00aaaaaaaaaa")
    bus.shutdown()


class Scapy:
    def __init__(self, report, bus, **options):
        self.report = report
        self.socket = iso_tp(bus, 0x7E0, 0x7E8, padding=True, **options)

    def ask(self, packet):
        """The answer behind 78s; scapy takes them for answers to the request, so wait on."""
        answer = self.socket.sr1(packet, timeout=3, verbose=False)
        while answer is not None and answer.service == 0x7F and answer.negativeResponseCode == 0x78:
            answer = self.socket.recv()
        return answer

    def expect(self, name, packet, layer, **fields):
        answer = self.ask(packet)
        found = answer is not None and answer.haslayer(layer)
        seen = {field: getattr(answer[layer], field) for field in fields} if found else None
        raw = b"" if answer is None else bytes(answer)
        self.report.note("scapy: " + name, found and seen == fields, "%s %s" % (raw.hex(), seen), fields, bytes(packet))
        return raw

    def routine(self, number, data):
        packet = UDS() / uds.UDS_RC(routineControlType=1, routineIdentifier=number) / data
        return self.expect("routine %04X" % number, packet, uds.UDS_RCPR, routineControlType=1, routineIdentifier=number)[4:]


def scapy(report, url):
    bus = can_socket(url)
    for options in ({}, {"bs": 3}, {"stmin": 2}, {"bs": 2, "stmin": 0xF3}):
        ecu = Scapy(report, bus, **options)
        request = UDS() / uds.UDS_RDBI(identifiers=[0xF187, 0xF191, 0xF195, 0xF197, 0xF190, 0xF1A0])
        ecu.expect("six DIDs, %s" % options, request, uds.UDS_RDBIPR, dataIdentifier=0xF187)
        ecu.socket.close()
    ecu = Scapy(report, bus)
    ecu_id = ecu.expect("F1A0", UDS() / uds.UDS_RDBI(identifiers=[0xF1A0]), uds.UDS_RDBIPR, dataIdentifier=0xF1A0)[3:]
    ecu.expect("tester present", UDS() / uds.UDS_TP(), uds.UDS_TPPR, zeroSubFunction=0)
    refused = UDS() / uds.UDS_RC(routineControlType=1, routineIdentifier=0x0230)
    fields = {"requestServiceId": 0x31, "negativeResponseCode": 0x7F}
    ecu.expect("a routine in the default session", refused, uds.UDS_NR, **fields)
    ecu.expect("extended session", UDS() / uds.UDS_DSC(diagnosticSessionType=3), uds.UDS_DSCPR, diagnosticSessionType=3)
    seed = ecu.expect("seed", UDS() / uds.UDS_SA(securityAccessType=0x11), uds.UDS_SAPR, securityAccessType=0x11)[2:]
    key = UDS() / uds.UDS_SA(securityAccessType=0x12, securityKey=she.cmac(SECRET, seed))
    ecu.expect("key", key, uds.UDS_SAPR, securityAccessType=0x12)
    uid, new = ecu_id[12:], os.urandom(16)
    sets = she.build(uid, 1, she.BLANK, 1, new, 1, 0x0D)
    seen = ecu.routine(0x0210, b"".join(sets[:3]))
    report.note("scapy: M4 and M5", seen == b"\x00" + sets[3] + sets[4], seen, sets[3] + sets[4])
    name = der.name(("DC", "OEM20"), ("O", "HKMC"), ("CN", "KM8P2844A9TD84HR91"))
    seen = ecu.routine(0x0220, b"\x01\x02" + len(name).to_bytes(2, "big") + name + b"\0\0")
    report.note("scapy: a key pair", seen == b"\x00", seen, "00")
    ecu.expect("its CSR", UDS() / uds.UDS_RDBI(identifiers=[0xF1D1]), uds.UDS_RDBIPR, dataIdentifier=0xF1D1)
    data = os.urandom(6000)
    where = {"memoryAddress4": 0x10000000, "memorySize4": len(data)}
    start = UDS() / uds.UDS_RD(dataFormatIdentifier=0, memorySizeLen=4, memoryAddressLen=4, **where)
    ecu.expect("request download", start, uds.UDS_RDPR, memorySizeLen=2)
    for counter, at in ((1, 0), (2, 4092)):
        block = UDS() / uds.UDS_TD(blockSequenceCounter=counter, transferRequestParameterRecord=data[at : at + 4092])
        ecu.expect("block %d" % counter, block, uds.UDS_TDPR, blockSequenceCounter=counter)
    ecu.expect("transfer exit", UDS() / uds.UDS_RTE(), UDS, service=0x77)
    ecu.expect("reset", UDS() / uds.UDS_ER(resetType=1), uds.UDS_ERPR, resetType=1)
    ecu.socket.close()
    bus.close()


def main():
    report = Report()
    python_can(report, channel_of(sys.argv[1]))
    scapy(report, sys.argv[1])
    failed = [result["name"] for result in report.results if not result["ok"]]
    print(json.dumps({"passed": len(report.results) - len(failed), "failed": len(failed)}), flush=True)
    os._exit(1 if failed else 0)  # scapy's threads would keep it


if __name__ == "__main__":
    main()
