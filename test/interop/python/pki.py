"""Certification authorities for the checks."""

import datetime
import os
import time

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

CURVES = {1: (ec.SECP256R1, hashes.SHA256), 2: (ec.SECP521R1, hashes.SHA512)}
YEAR = 365 * 86400


def when(seconds):
    return datetime.datetime.utcfromtimestamp(seconds)


class Authority:
    """A CA below `parent` (None: a root). Times are Unix seconds."""

    def __init__(self, title, curve, parent, begin=None, end=None):
        kind, self.hash = CURVES[curve]
        self.key = ec.generate_private_key(kind())
        self.name = x509.Name(
            [
                x509.NameAttribute(NameOID.COUNTRY_NAME, "KR"),
                x509.NameAttribute(NameOID.ORGANIZATION_NAME, "HKMC"),
                x509.NameAttribute(NameOID.COMMON_NAME, title),
            ]
        )
        self.spki = self.key.public_key().public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        signer = parent or self
        usage = x509.KeyUsage(False, False, False, False, False, True, True, False, False)
        extensions = [(x509.BasicConstraints(True, None), True), (usage, True)]
        self.der = signer.sign(self.name, self.spki, begin, end, extensions, False)

    def issue(self, subject, spki, begin=None, end=None, critical=False):
        """A leaf for a Name in DER and a SubjectPublicKeyInfo."""
        usage = x509.KeyUsage(True, False, False, False, True, False, False, False, False)
        extensions = [(x509.BasicConstraints(False, None), True), (usage, True)]
        return self.sign(parse_name(subject), spki, begin, end, extensions, critical)

    def sign(self, subject, spki, begin, end, extensions, critical):
        public = serialization.load_der_public_key(spki)
        own = self.key.public_key()
        now = int(time.time())
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self.name)
            .public_key(public)
            .serial_number(int.from_bytes(b"\x40" + os.urandom(15), "big"))
            .not_valid_before(when(now - 3600 if begin is None else begin))
            .not_valid_after(when(now + 20 * YEAR if end is None else end))
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(own), critical)
        )
        for extension, flag in extensions:
            builder = builder.add_extension(extension, flag)
        return builder.sign(self.key, self.hash()).public_bytes(serialization.Encoding.DER)


def parse_name(data):
    """Name from DER: cryptography itself reads names inside certificates and requests only."""
    from cryptography.x509.name import _ASN1Type

    import der

    attributes = []
    for _, rdn, _ in der.elements(der.read(data)[1]):
        (_, pair, _), *_ = der.elements(rdn)
        (_, oid, _), (tag, value, _) = der.elements(pair)
        numbers, number = [], 0
        for byte in oid:
            number = number << 7 | byte & 0x7F
            if byte < 0x80:
                numbers.append(number)
                number = 0
        text = ".".join(str(n) for n in [min(numbers[0] // 40, 2), numbers[0] - 40 * min(numbers[0] // 40, 2), *numbers[1:]])
        attributes.append(x509.NameAttribute(x509.ObjectIdentifier(text), value.decode(), _ASN1Type(tag)))
    return x509.Name(attributes)
