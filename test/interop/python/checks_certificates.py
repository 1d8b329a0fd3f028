"""0220, 0221, 0222, F1C0, F1D0: key pairs, CSRs, certificates and proofs, judged by openssl."""

import os
import subprocess
import tempfile
import time

import der
from pki import Authority

P256, P521 = 1, 2
HASHES = {P256: "-sha256", P521: "-sha512"}
ALGORITHMS = {P256: "1.2.840.10045.4.3.2", P521: "1.2.840.10045.4.3.4"}
CURVES = {P256: "1.2.840.10045.3.1.7", P521: "1.3.132.0.35"}
POINTS = {P256: 65, P521: 133}
OEM = der.name(("DC", "OEM"), ("O", "HKMC"), ("OU", "ECC"), ("OU", "C001"), ("OU", "P001"), ("CN", "KM8P2844A9TD84HR91"))
OEM20 = der.name(("DC", "OEM20"), ("O", "HKMC"), ("OU", "ECC"), ("OU", "C001"), ("OU", "P001"), ("CN", "KM8P2844A9TD84HR91"))
HOST = der.name(("C", "KR"), ("O", "HKMC"), ("CN", "host"), string=0x13)
ATTRIBUTES = b"".join(
    der.wrap(0x30, der.oid(oid), der.wrap(0x31, der.wrap(tag, text)))
    for oid, tag, text in (
        ("1.3.6.1.1.1.1.18", 0x0C, b"17"),
        ("1.3.6.1.1.1.1.22", 0x0C, b"38-BA-F8-06-00-9A"),
        ("1.2.840.113549.1.9.7", 0x16, b"Test Challenge Password!"),
    )
)


def openssl(*words, data=b""):
    done = subprocess.run(["openssl", *words], input=data, capture_output=True, timeout=20)
    return done.returncode, done.stdout, (done.stdout + done.stderr).decode(errors="replace")


def make(slot, curve, subject, attributes=b""):
    parts = bytes([slot, curve]) + len(subject).to_bytes(2, "big") + subject
    return parts + len(attributes).to_bytes(2, "big") + attributes


class Certificates:
    def __init__(self, ecu):
        self.ecu = ecu

    def key_pair(self, name, slot, curve, subject, attributes=b""):
        """Makes a pair, checks the CSR, gives the SubjectPublicKeyInfo."""
        ecu = self.ecu
        ecu.routine(name, "0220", make(slot, curve, subject, attributes), "00")
        ecu.check(name + ": a 78 first", ecu.pending >= 1, ecu.pending, "at least one", ecu.last)
        csr = ecu.did(0xF1D0 + slot)
        info, algorithm, signature = [whole for _, _, whole in der.elements(der.read(csr)[1])]
        version, seen_subject, spki, seen_attributes = [whole for _, _, whole in der.elements(der.read(info)[1])]
        ecu.check(name + ": nothing behind the CSR", der.read(csr)[2] == len(csr))
        ecu.check(name + ": version 0", version == b"\x02\x01\x00", version, "020100")
        ecu.check(name + ": subject as given", seen_subject == subject, seen_subject, subject)
        wanted = der.wrap(0xA0, attributes)
        ecu.check(name + ": attributes as given", seen_attributes == wanted, seen_attributes, wanted)
        wanted = der.wrap(0x30, der.oid(ALGORITHMS[curve]))
        ecu.check(name + ": signature algorithm", algorithm == wanted, algorithm, wanted)
        parts = der.elements(der.read(spki)[1])
        wanted = der.oid("1.2.840.10045.2.1") + der.oid(CURVES[curve])
        ecu.check(name + ": named curve", parts[0][1] == wanted, parts[0][1], wanted)
        point = parts[1][1]
        ecu.check(name + ": uncompressed point", point[:2] == b"\x00\x04" and len(point) == 1 + POINTS[curve], point, "0004…")
        code, _, said = openssl("req", "-inform", "DER", "-verify", "-noout", data=csr)
        ecu.check(name + ": openssl req -verify", code == 0 and "verify OK" in said, said, "verify OK")
        return spki

    def install(self, name, slot, kind, certificates, status):
        if certificates is not None:
            self.ecu.download(b"".join(certificates))
        wanted = status if isinstance(status, str) else "%02x" % status
        return self.ecu.routine(name, "0221", bytes([slot, kind]), wanted)

    def holds(self, name, slot, leaf):
        self.ecu.check(name, self.ecu.did(0xF1C0 + slot) == leaf, "something else", leaf)

    def proves(self, name, slot, curve, spki):
        ecu = self.ecu
        challenge = os.urandom(32)
        answer = ecu.ask(bytes.fromhex("31010222") + bytes([slot]) + challenge)
        head = answer[:5] == bytes.fromhex("7101022200") and len(answer) == 7 + int.from_bytes(answer[5:7], "big")
        if not ecu.check(name, head, answer, "7101022200 len2 signature", ecu.last):
            return
        with tempfile.TemporaryDirectory() as folder:
            paths = [os.path.join(folder, part) for part in ("key", "signature")]
            for path, data in zip(paths, (spki, answer[7:])):
                with open(path, "wb") as file:
                    file.write(data)
            words = ("dgst", HASHES[curve], "-keyform", "DER", "-verify", paths[0], "-signature", paths[1])
            _, _, said = openssl(*words, data=challenge)
        ecu.check(name + ": openssl dgst -verify", "Verified OK" in said, said, "Verified OK", ecu.last)


def run(ecu):
    certs = Certificates(ecu)
    ecu.unlock()
    now = int(time.time())
    refusals(ecu)
    root = Authority("Root", P521, None)
    middle = Authority("Middle", P521, root)
    issuing = Authority("Issuing", P521, middle)
    chain, anchor = [issuing.der, middle.der], [root.der]

    spki = certs.key_pair("0220 P-256", 0, P256, OEM)
    leaf = issuing.issue(OEM, spki)
    certs.install("a leaf before its CAs: 03", 0, 1, [leaf], 3)
    certs.install("anchor first", 0, 3, anchor, 0)
    certs.install("a leaf without issuing CAs: 03", 0, 1, [leaf], 3)
    certs.install("issuing CAs", 0, 2, chain, 0)
    certs.install("a leaf by a clock of long ago: 04", 0, 1, [leaf], 4)
    ecu.refuses("F1C0 is still empty: 31", "22f1c0", "31")
    ecu.routine("0222 without a leaf: 05", "0222", bytes(33), "05")
    ecu.expect("clock is written", "2ef1b0%016x" % now, "6ef1b0")
    certs.install("the leaf, from the download before", 0, 1, None, 0)
    certs.holds("F1C0 gives the leaf", 0, leaf)
    ecu.expect("bit 0 of the certificate slots", "22f1a2", "62f1a200000001")
    certs.proves("0222 P-256", 0, P256, spki)
    certs.install("the same leaf again", 0, 1, None, 0)
    wrong_leaves(certs, root, issuing, leaf, spki, now)

    spki_2 = certs.key_pair("a new pair for slot 0, P-521 now", 0, P521, OEM20, ATTRIBUTES)
    certs.proves("the key in use stays", 0, P256, spki)
    certs.holds("its certificate too", 0, leaf)
    certs.install("the leaf in use again", 0, 1, [leaf], 0)
    certs.proves("still the key in use", 0, P256, spki)
    leaf_2 = issuing.issue(OEM20, spki_2, critical=True)
    certs.install("the new pair's leaf, critical AKI and SKI", 0, 1, [leaf_2], 0)
    certs.holds("F1C0 gives the new leaf", 0, leaf_2)
    certs.proves("0222 P-521", 0, P521, spki_2)
    certs.install("the former leaf: 02", 0, 1, [leaf], 2)

    spki_3 = certs.key_pair("slot 7, set of strings", 7, P521, HOST)
    spki_4 = certs.key_pair("slot 7, once more", 7, P256, HOST)
    ecu.check("another key", spki_3 != spki_4)
    certs.install("CAs before the anchor", 7, 2, chain, 0)
    certs.install("and the anchor behind", 7, 3, anchor, 0)
    certs.install("a leaf for the replaced pair: 02", 7, 1, [issuing.issue(HOST, spki_3)], 2)
    leaf_4 = issuing.issue(der.name(("CN", "another subject")), spki_4)
    certs.install("a leaf with another subject", 7, 1, [leaf_4], 0)
    ecu.expect("bits 0 and 7 of the certificate slots", "22f1a2", "62f1a200000081")
    chains(certs, spki_4, root, middle, issuing, now)
    ecu.must("1101")
    ecu.check("back", ecu.back() is not None)
    ecu.unlock()
    certs.install("a reset drops the download: 01", 7, 1, None, 1)
    certs.holds("the certificate stays over a reset", 0, leaf_2)
    certs.proves("the key too", 0, P521, spki_2)
    ecu.power_cut()
    ecu.power_on()
    certs.holds("the certificate stays over a power cut", 0, leaf_2)
    ecu.unlock()
    certs.proves("the key too, over a power cut", 0, P521, spki_2)
    csr = ecu.did(0xF1D7)
    ecu.check("the CSR too", csr is not None and spki_4 in csr, csr)
    small_blocks(certs, now)


def refusals(ecu):
    for name, data, status in (
        ("slot 8: 05", make(8, P256, OEM), 5), ("slot FF: 05", make(255, P256, OEM), 5), ("curve 00: 06", make(0, 0, OEM), 6),
        ("curve 03: 06", make(0, 3, OEM), 6), ("an empty Name field: 01", make(0, P256, b""), 1), ("a Name cut off: 01", make(0, P256, OEM[:-1]), 1),
        ("a byte behind the Name: 01", make(0, P256, OEM + b"\0"), 1), ("rubbish as Name: 01", make(0, P256, b"\xff\xff\xff"), 1),
        ("a SET as Name: 01", make(0, P256, b"\x31" + OEM[1:]), 1), ("rubbish as attributes: 01", make(0, P256, OEM, b"\xff\xff"), 1),
        ("attributes cut off: 01", make(0, P256, OEM, ATTRIBUTES[:-1]), 1),
        ("attributes with their A0: 01", make(0, P256, OEM, der.wrap(0xA0, ATTRIBUTES)), 1),
    ):  # fmt: skip
        ecu.routine("0220 " + name, "0220", data, "%02x" % status)
    ecu.refuses("no CSR came of it: 31", "22f1d0", "31")
    for kind in (1, 2, 3):
        ecu.routine("0221 type %d with nothing downloaded: 01" % kind, "0221", bytes([0, kind]), "01")
    ecu.routine("0222 slot 8: 05", "0222", b"\x08" + bytes(32), "05")
    ecu.routine("0222 of an empty slot: 05", "0222", bytes(33), "05")


def wrong_leaves(certs, root, issuing, leaf, spki, now):
    ecu = certs.ecu
    other = Authority("Issuing", P521, None)
    day = 86400
    for name, kind, blobs, status in (
        ("type 00: 06", 0, [leaf], "06"), ("type 04: 06", 4, [leaf], "06"), ("a leaf as issuing CA: 06", 2, [leaf], "06"),
        ("a leaf as anchor: 06", 3, [leaf], "06"), ("a leaf among issuing CAs: 06", 2, [issuing.der, leaf], "06"),
        ("a CA as leaf: 06", 1, [issuing.der], "06"), ("rubbish: 01", 1, [b"\xff" * 40], "01"), ("cut off: 01", 1, [leaf[:-5]], "01"),
        ("two leaves: refused", 1, [leaf, leaf], "0[1-6]"), ("an empty SEQUENCE: 01", 1, [b"\x30\x00"], "01"),
        ("another key: 02", 1, [issuing.issue(OEM, other.spki)], "02"), ("a chain of others: 03", 1, [other.issue(OEM, spki)], "03"),
        ("a leaf of the anchor, past the issuing CAs' order: 00 or 03", 1, [root.issue(OEM, spki)], "0[03]"),
        ("expired: 04", 1, [issuing.issue(OEM, spki, now - 9 * day, now - day)], "04"),
        ("not yet valid: 04", 1, [issuing.issue(OEM, spki, now + day, now + 9 * day)], "04"),
    ):  # fmt: skip
        ecu.download(b"".join(blobs))
        ecu.routine("0221 " + name, "0221", bytes([0, kind]), status)
    broken = bytearray(leaf)
    broken[-1] ^= 1
    certs.install("0221 a signature with one bit wrong: 03", 0, 1, [bytes(broken)], 3)
    certs.install("0221 slot 8: 05", 8, 1, [leaf], 5)
    certs.install("0221 a slot without a key: 02", 5, 1, [leaf], 2)
    certs.install("the leaf as before", 0, 1, [leaf], 0)
    certs.holds("none of them took its place", 0, leaf)


def chains(certs, spki, root, middle, issuing, now):
    day = 86400
    leaf = issuing.issue(HOST, spki)
    old = Authority("Old", P521, root, now - 9 * day, now - day)
    old_root = Authority("Old root", P521, None, now - 9 * day, now - day)
    of_old_root = Authority("Young", P521, old_root)
    small = Authority("Small root", P256, None)
    small_ca = Authority("Small", P256, small)
    for name, cas, anchors, leaf_of, status in (
        ("issuing CAs in the wrong order: 00 or 03", [middle.der, issuing.der], [root.der], issuing, "0[03]"),
        ("a CA missing between: 03", [issuing.der], [root.der], issuing, 3),
        ("the anchor missing: 03", [issuing.der, middle.der], [old_root.der], issuing, 3),
        ("two anchors, the second one fits", [issuing.der, middle.der], [old_root.der, root.der], issuing, 0),
        ("an expired issuing CA: 04", [old.der], [root.der], old, 4),
        ("an expired anchor: 04", [of_old_root.der], [old_root.der], of_old_root, 4),
        ("one CA under the root, P-256", [small_ca.der], [small.der], small_ca, 0),
        ("a chain by P-521 again: sets were replaced", [issuing.der, middle.der], [root.der], issuing, 0),
    ):
        certs.install(name + " (CAs)", 7, 2, cas, 0)
        certs.install(name + " (anchors)", 7, 3, anchors, 0)
        certs.install(name, 7, 1, [leaf_of.issue(HOST, spki)], status)
    certs.install("the last leaf is replaced by one of the same key", 7, 1, [leaf], 0)
    certs.holds("F1C7 gives it", 7, leaf)


def small_blocks(certs, now):
    """A download in blocks of 2 bytes: over 256 of them, what is stored twice or lost would break the DER."""
    ecu = certs.ecu
    spki = certs.key_pair("slot 3", 3, P256, OEM)
    root = Authority("R", P256, None)
    certs.install("its anchor", 3, 3, [root.der], 0)
    issuing = Authority("I", P256, root)
    certs.install("its issuing CA", 3, 2, [issuing.der], 0)
    leaf = issuing.issue(der.name(("O", "x" * 300), ("CN", "y")), spki)
    ecu.must(bytes.fromhex("34004410000000") + len(leaf).to_bytes(4, "big"))
    for number, at in enumerate(range(0, len(leaf), 2), 1):
        sent = bytes([0x36, number & 0xFF]) + leaf[at : at + 2]
        ecu.must(sent)
        if number % 50 == 0 or number in (255, 256):
            ecu.must(sent)
    ecu.must("37")
    certs.install("a leaf in blocks of 2 bytes, some of them repeated", 3, 1, None, 0)
    certs.holds("F1C3 gives it", 3, leaf)
