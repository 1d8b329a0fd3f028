"""SHE memory update (AUTOSAR_TR_SecureHardwareExtensions R19-11): the sender's M1-M5 and a device's CMD_LOAD_KEY."""

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.cmac import CMAC

ENC_C = bytes.fromhex("010153484500800000000000000000b0")
MAC_C = bytes.fromhex("010253484500800000000000000000b0")
WRITE_PROTECTION, BOOT_PROTECTION, DEBUGGER_PROTECTION, KEY_USAGE, WILDCARD = 16, 8, 4, 2, 1
NO_ERROR, KEY_INVALID, KEY_EMPTY, WRITE_PROTECTED, UPDATE_ERROR = 0, 3, 4, 6, 7
MASTER, BOOT_MAC_KEY, BOOT_MAC, RAM_KEY = 1, 2, 3, 14
KEY_N = range(4, 14)
BLANK = bytes(16)


def ecb(key, block):
    context = Cipher(algorithms.AES(key), modes.ECB()).encryptor()
    return context.update(block) + context.finalize()


def cmac(key, data):
    mac = CMAC(algorithms.AES(key))
    mac.update(data)
    return mac.finalize()


def kdf(key, constant):
    """AES-Miyaguchi-Preneel over key and constant."""
    out = bytes(16)
    for block in (key, constant):
        out = bytes(a ^ b ^ c for a, b, c in zip(ecb(out, block), block, out))
    return out


def build(uid, auth_id, auth_key, key_id, new_key, counter, flags, device_uid=None):
    """(M1, M2, M3, M4, M5); `uid` of 15 zero bytes is the wildcard, then M4 carries `device_uid`."""
    m1 = uid + bytes([key_id << 4 | auth_id])
    head = (counter << 100 | flags << 95).to_bytes(16, "big")
    context = Cipher(algorithms.AES(kdf(auth_key, ENC_C)), modes.CBC(bytes(16))).encryptor()
    m2 = context.update(head + new_key) + context.finalize()
    m3 = cmac(kdf(auth_key, MAC_C), m1 + m2)
    return (m1, m2, m3) + proof(device_uid or uid, key_id, auth_id, new_key, counter)


def proof(uid, key_id, auth_id, new_key, counter):
    star = ecb(kdf(new_key, ENC_C), (counter << 100 | 1 << 99).to_bytes(16, "big"))
    m4 = uid + bytes([key_id << 4 | auth_id]) + star
    return m4, cmac(kdf(new_key, MAC_C), m4)


def authorisers(key_id):
    if key_id == MASTER:
        return (MASTER,)
    if key_id in (BOOT_MAC_KEY, BOOT_MAC):
        return (MASTER, BOOT_MAC_KEY)
    if key_id in KEY_N:
        return (MASTER, key_id)
    if key_id == RAM_KEY:
        return (0, *KEY_N)
    return ()


def stored_flags(key_id, flags):
    if key_id == RAM_KEY:
        return 0
    if key_id == MASTER:
        return flags & ~KEY_USAGE
    if key_id in (BOOT_MAC_KEY, BOOT_MAC):
        return flags & (WRITE_PROTECTION | DEBUGGER_PROTECTION | WILDCARD)
    return flags


class Device:
    """Slots of one SHE. `slots[n]` = {key, counter, flags}; the secret key is slot 0."""

    def __init__(self, uid, secret):
        self.uid = uid
        self.slots = {}
        self.secret = secret

    def load_key(self, m1, m2, m3):
        """(status, M4, M5) of CMD_LOAD_KEY in the order of 4.9.1."""
        key_id, auth_id = m1[15] >> 4, m1[15] & 15
        if auth_id not in authorisers(key_id):
            return KEY_INVALID, b"", b""
        target = self.slots.get(key_id)
        if target and target["flags"] & WRITE_PROTECTION:
            return WRITE_PROTECTED, b"", b""
        if auth_id == 0:
            auth_key = self.secret
        elif auth_id in self.slots:
            auth_key = self.slots[auth_id]["key"]
        elif auth_id == key_id:
            auth_key = BLANK
        else:
            return KEY_EMPTY, b"", b""
        check = CMAC(algorithms.AES(kdf(auth_key, MAC_C)))
        check.update(m1 + m2)
        try:
            check.verify(m3)
        except InvalidSignature:
            return UPDATE_ERROR, b"", b""
        if m1[:15] != self.uid and (any(m1[:15]) or (target and target["flags"] & WILDCARD)):
            return UPDATE_ERROR, b"", b""
        context = Cipher(algorithms.AES(kdf(auth_key, ENC_C)), modes.CBC(bytes(16))).decryptor()
        plain = context.update(m2) + context.finalize()
        head = int.from_bytes(plain[:16], "big")
        counter, flags = head >> 100, head >> 95 & 31
        if key_id != RAM_KEY and counter <= (target["counter"] if target else 0):
            return UPDATE_ERROR, b"", b""
        self.slots[key_id] = {"key": plain[16:], "counter": counter, "flags": stored_flags(key_id, flags)}
        return (NO_ERROR,) + proof(self.uid, key_id, auth_id, plain[16:], counter)

    def generate_mac(self, key_id, data):
        if key_id not in KEY_N and key_id != RAM_KEY:
            return KEY_INVALID, b""
        if key_id not in self.slots:
            return KEY_EMPTY, b""
        slot = self.slots[key_id]
        if key_id != RAM_KEY and not slot["flags"] & KEY_USAGE:
            return KEY_INVALID, b""
        return NO_ERROR, cmac(slot["key"], data)

    def get_id(self, challenge):
        sreg = 0
        master = self.slots.get(MASTER)
        body = self.uid + bytes([sreg])
        return body + (cmac(master["key"], challenge + body) if master else bytes(16))
