"""scapy's ISO-TP soft socket with UDS over python-can's slcan, as Debian brings them."""

import logging

logging.getLogger("scapy").setLevel(logging.ERROR)

from scapy.config import conf  # noqa: E402

conf.contribs["ISOTP"] = {"use-can-isotp-kernel-module": False}
conf.contribs["CANSocket"] = {"use-python-can": True}

from scapy.contrib.automotive.uds import UDS  # noqa: E402
from scapy.contrib.cansocket_python_can import PythonCANSocket  # noqa: E402
from scapy.contrib.isotp import ISOTPSoftSocket  # noqa: E402

logging.getLogger("scapy.contrib.automotive").setLevel(logging.ERROR)


def channel_of(url):
    """python-can's name of an slcan adapter: at a TCP port, or a serial device."""
    return "socket://" + url.split("//")[1] if "//" in url else url


def can_socket(url, *heard):
    """`heard`: the 11-bit identifiers alone that it takes, so that several can share an adapter."""
    filters = [{"can_id": number, "can_mask": 0x7FF} for number in heard] or None
    return PythonCANSocket(bustype="slcan", channel=channel_of(url), bitrate=500000, sleep_after_open=0, can_filters=filters)


def iso_tp(bus, tx, rx, **options):
    return ISOTPSoftSocket(bus, tx_id=tx, rx_id=rx, basecls=UDS, **options)
