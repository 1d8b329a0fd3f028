"""As much DER as CSRs and names need."""


class DerError(ValueError):
    pass


def wrap(tag, *parts):
    body = b"".join(parts)
    size = len(body)
    if size < 0x80:
        head = bytes([size])
    else:
        digits = size.to_bytes((size.bit_length() + 7) // 8, "big")
        head = bytes([0x80 | len(digits)]) + digits
    return bytes([tag]) + head + body


def read(data, at=0):
    """(tag, content, end, whole) of the element at `at`; definite, minimal lengths only."""
    if at + 2 > len(data):
        raise DerError("cut off")
    tag, size, at_body = data[at], data[at + 1], at + 2
    if tag & 31 == 31:
        raise DerError("long tag")
    if size >= 0x80:
        count = size & 0x7F
        digits = data[at_body : at_body + count]
        size = int.from_bytes(digits, "big")
        if count == 0 or len(digits) < count or digits[0] == 0 or size < 0x80:
            raise DerError("length")
        at_body += count
    end = at_body + size
    if end > len(data):
        raise DerError("cut off")
    return tag, data[at_body:end], end, data[at:end]


def elements(data):
    at, found = 0, []
    while at < len(data):
        tag, content, end, whole = read(data, at)
        found.append((tag, content, whole))
        at = end
    return found


def oid(text):
    numbers = [int(part) for part in text.split(".")]
    body = bytearray()
    for number in [numbers[0] * 40 + numbers[1]] + numbers[2:]:
        digits = [number & 0x7F]
        while number > 0x7F:
            number >>= 7
            digits.append(0x80 | number & 0x7F)
        body += bytes(reversed(digits))
    return wrap(0x06, bytes(body))


TYPES = {"C": "2.5.4.6", "O": "2.5.4.10", "OU": "2.5.4.11", "CN": "2.5.4.3", "DC": "0.9.2342.19200300.100.1.25"}
STRINGS = {"C": 0x13, "DC": 0x16}


def name(*pairs, string=0x0C):
    """Name of ("CN", "text") pairs in DER order; DC is IA5String, C PrintableString, the rest `string`."""
    rdns = [wrap(0x31, wrap(0x30, oid(TYPES[kind]), wrap(STRINGS.get(kind, string), text.encode()))) for kind, text in pairs]
    return wrap(0x30, *rdns)


def check_name(data):
    """Raises DerError unless `data` is exactly one Name."""
    tag, content, end, _ = read(data)
    if tag != 0x30 or end != len(data):
        raise DerError("no Name")
    for kind, rdn, _ in elements(content):
        if kind != 0x31 or not rdn:
            raise DerError("no RDN")
        for inner, pair, _ in elements(rdn):
            parts = elements(pair)
            if inner != 0x30 or len(parts) != 2 or parts[0][0] != 0x06 or not parts[0][1]:
                raise DerError("no AttributeTypeAndValue")


def check_attributes(data):
    """Raises DerError unless `data` is Attribute SEQUENCEs one after the other."""
    for kind, attribute, _ in elements(data):
        parts = elements(attribute)
        if kind != 0x30 or len(parts) != 2 or parts[0][0] != 0x06 or parts[1][0] != 0x31:
            raise DerError("no Attribute")
        elements(parts[1][1])


def certificates(data):
    """The DER certificates that stand one after the other in `data`."""
    found = elements(data)
    if not found or any(tag != 0x30 for tag, _, _ in found):
        raise DerError("no certificates")
    return [whole for _, _, whole in found]
