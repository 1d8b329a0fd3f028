"""Key pairs, CSRs and certificates of an ECU: what the routines 0220, 0221 and 0222 do."""

import datetime

import der
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

DONE, UNREADABLE, NO_MATCH, BAD_CHAIN, NOT_VALID, NO_SLOT, WRONG_TYPE = range(7)
CURVES = {1: (ec.SECP256R1, hashes.SHA256, "1.2.840.10045.4.3.2"), 2: (ec.SECP521R1, hashes.SHA512, "1.2.840.10045.4.3.4")}


def spki(key):
    return key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)


def private_der(key):
    return key.private_bytes(
        serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).hex()


def is_ca(certificate):
    try:
        return certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except x509.ExtensionNotFound:
        return False


def signed_by(certificate, issuer):
    if certificate.issuer.public_bytes() != issuer.subject.public_bytes():
        return False
    try:
        issuer.public_key().verify(
            certificate.signature, certificate.tbs_certificate_bytes, ec.ECDSA(certificate.signature_hash_algorithm)
        )
        return True
    except InvalidSignature:
        return False


def csr_attributes(csr):
    """{OID in DER hex: first value as text} of a CSR's attributes."""
    info = der.elements(der.read(der.read(csr)[1])[1])
    parts = [der.elements(attribute) for _, attribute, _ in der.elements(info[3][1])]
    return {oid[1].hex(): der.elements(values[1])[0][1].decode() for oid, values in parts}


class Slot:
    def __init__(self):
        self.pair = self.waiting = None  # (private key, curve code)
        self.csr = self.leaf = None
        self.issuing, self.anchors = [], []

    def dump(self):
        keys = {n: p and [private_der(p[0]), p[1]] for n, p in (("pair", self.pair), ("waiting", self.waiting))}
        rest = {"csr": self.csr and self.csr.hex(), "leaf": self.leaf and self.leaf.hex()}
        return {**keys, **rest, "issuing": [c.hex() for c in self.issuing], "anchors": [c.hex() for c in self.anchors]}

    @classmethod
    def load(cls, data):
        slot = cls()
        for name in ("pair", "waiting"):
            if data[name]:
                key = serialization.load_der_private_key(bytes.fromhex(data[name][0]), None)
                setattr(slot, name, (key, data[name][1]))
        slot.csr = data["csr"] and bytes.fromhex(data["csr"])
        slot.leaf = data["leaf"] and bytes.fromhex(data["leaf"])
        slot.issuing = [bytes.fromhex(c) for c in data["issuing"]]
        slot.anchors = [bytes.fromhex(c) for c in data["anchors"]]
        return slot


class Store:
    def __init__(self, clock):
        """clock() gives Unix seconds of the ECU's own time."""
        self.clock = clock
        self.slots = [Slot() for _ in range(8)]
        self.trouble = []

    def make_pair(self, number, curve, subject, attributes):
        if number > 7:
            return NO_SLOT
        if curve not in CURVES:
            return WRONG_TYPE
        try:
            der.check_name(subject)
            der.check_attributes(attributes)
        except der.DerError:
            return UNREADABLE
        kind, digest, algorithm = CURVES[curve]
        key = ec.generate_private_key(kind())
        info = der.wrap(0x30, b"\x02\x01\x00", subject, spki(key.public_key()), der.wrap(0xA0, attributes))
        signature = key.sign(info, ec.ECDSA(digest()))
        slot = self.slots[number]
        slot.waiting = (key, curve)
        slot.csr = der.wrap(
            0x30, info, der.wrap(0x30, der.oid(algorithm)), der.wrap(0x03, b"\x00", signature)
        )
        return DONE

    def install(self, number, kind, download):
        if number > 7:
            return NO_SLOT
        if kind not in (1, 2, 3):
            return WRONG_TYPE
        try:
            blobs = der.certificates(download)
            certificates = [x509.load_der_x509_certificate(blob) for blob in blobs]
            for certificate in certificates:
                certificate.public_key(), certificate.extensions, certificate.subject, certificate.issuer
        except ValueError as error:
            self.trouble.append("unreadable: %s" % error)
            return UNREADABLE
        slot = self.slots[number]
        if kind in (2, 3):
            if not all(is_ca(certificate) for certificate in certificates):
                return WRONG_TYPE
            if kind == 2:
                slot.issuing = blobs
            else:
                slot.anchors = blobs
            return DONE
        if len(certificates) != 1:
            return UNREADABLE
        return self.install_leaf(slot, certificates[0], blobs[0])

    def install_leaf(self, slot, leaf, blob):
        if is_ca(leaf):
            return WRONG_TYPE
        key = spki(leaf.public_key())
        matching = [p for p in (slot.waiting, slot.pair) if p and spki(p[0].public_key()) == key]
        if not matching:
            return NO_MATCH
        path = self.path(slot, leaf)
        if path is None:
            return BAD_CHAIN
        now = datetime.datetime.utcfromtimestamp(self.clock())
        for certificate in path:
            if not certificate.not_valid_before <= now <= certificate.not_valid_after:
                self.trouble.append("not valid at %s: %s" % (now, certificate.subject.rfc4514_string()))
                return NOT_VALID
        if matching[0] is slot.waiting:
            slot.pair, slot.waiting = slot.waiting, None
        slot.leaf = blob
        return DONE

    def path(self, slot, leaf):
        issuing = [x509.load_der_x509_certificate(blob) for blob in slot.issuing]
        anchors = [x509.load_der_x509_certificate(blob) for blob in slot.anchors]
        path = [leaf]
        for issuer in [None, *issuing]:
            if issuer is not None:
                if not signed_by(path[-1], issuer):
                    break
                path.append(issuer)
            for anchor in anchors:
                if signed_by(path[-1], anchor):
                    return [*path, anchor]
        self.trouble.append("no path for %s by %d CAs, %d anchors" % (leaf.subject.rfc4514_string(), len(issuing), len(anchors)))
        return None

    def prove(self, number, challenge):
        if number > 7 or self.slots[number].leaf is None:
            return NO_SLOT, b""
        key, curve = self.slots[number].pair
        signature = key.sign(challenge, ec.ECDSA(CURVES[curve][1]()))
        return DONE, len(signature).to_bytes(2, "big") + signature

    def bitmap(self):
        return sum(1 << n for n, slot in enumerate(self.slots) if slot.leaf)

    def report(self):
        found = {}
        for number, slot in enumerate(self.slots):
            if slot.leaf:
                leaf = x509.load_der_x509_certificate(slot.leaf)
                found[str(number)] = {
                    "subject": leaf.subject.rfc4514_string(),
                    "issuer": leaf.issuer.rfc4514_string(),
                    "serial": "%x" % leaf.serial_number,
                    "curve": leaf.public_key().curve.name,
                    "issuing": len(slot.issuing),
                    "anchors": len(slot.anchors),
                    "waiting": slot.waiting is not None,
                    "attributes": csr_attributes(slot.csr),
                }
        return found
