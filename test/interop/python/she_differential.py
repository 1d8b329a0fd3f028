#!/usr/bin/python3
"""Two SHEs side by side: the one of `ecu-sim she` and the one of she.py, under the same random updates.

she_differential.py --device COMMAND --builder COMMAND [--seed N] [--count N]: a line a kind of result
(`ok NAME`, `FAIL NAME: seen … wanted …`), a JSON summary last; exit 1 with a FAIL.
"""

import argparse
import json
import random
import shlex
import subprocess
import sys

import she
from bench import Report

NAMES = {
    0: "ERC_NO_ERROR", 3: "ERC_KEY_INVALID", 4: "ERC_KEY_EMPTY", 6: "ERC_KEY_WRITE_PROTECTED", 7: "ERC_KEY_UPDATE_ERROR",
}  # fmt: skip


class Console:
    def __init__(self, command):
        self.process = subprocess.Popen(shlex.split(command), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def say(self, **request):
        self.process.stdin.write(json.dumps(request) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError("the console ended at %s" % request)
        return json.loads(line)

    def close(self):
        self.process.stdin.close()
        self.process.wait(10)
        self.process.stdout.close()


def update(dice, device):
    """(M1, M2, M3) that is often right and often wrong in one point."""
    target = dice.choice([0, 1, 1, 2, 3, 4, 4, 5, 6, 7, 13, 14, 14, 15])
    auth = dice.choice([*she.authorisers(target)] * 6 + [dice.randrange(16)])
    slot = device.slots.get(auth)
    key = device.secret if auth == 0 else slot["key"] if slot else she.BLANK
    if dice.random() < 0.06:
        key = dice.randbytes(16)
    old = device.slots.get(target, {"counter": 0})["counter"]
    counter = old + dice.choice([1, 1, 1, 1, 2, 100, 0, -1]) if target != she.RAM_KEY else dice.choice([0, 0, 5])
    counter = dice.choice([counter] * 40 + [0xFFFFFFF, 0]) % 2**28
    flags = dice.randrange(16) | (she.WRITE_PROTECTION if dice.random() < 0.03 else 0)
    uid = dice.choice([device.uid] * 8 + [bytes(15), bytes(15), dice.randbytes(15)])
    parts = [bytearray(part) for part in she.build(uid, auth, key, target, dice.randbytes(16), counter, flags)[:3]]
    if dice.random() < 0.08:
        part = dice.choice(parts)
        part[dice.randrange(len(part))] ^= 1 << dice.randrange(8)
    return [bytes(part) for part in parts]


def order_left_open(device, m1):
    """A disallowed AuthID's place in the order is left open (4.8.4): the errors that may come before it."""
    target, auth = m1[15] >> 4, m1[15] & 15
    if auth in she.authorisers(target):
        return ()
    protected = device.slots.get(target, {"flags": 0})["flags"] & she.WRITE_PROTECTION
    return [NAMES[she.WRITE_PROTECTED]] * bool(protected) + [NAMES[she.KEY_EMPTY]] * (auth not in device.slots)


def rounds(report, command, dice, count):
    console = Console(command)
    seen_results, differences, macs = {}, [], 0
    for number in range(count):
        if number % 150 == 0:
            uid, secret = dice.randbytes(15), dice.randbytes(16)
            device = she.Device(uid, secret)
            console.say(cmd="NEW", uid=uid.hex(), secretKey=secret.hex(), blankKey=she.BLANK.hex())
        if number % 50 == 25:
            console.say(cmd="RESET")
            device.slots.pop(she.RAM_KEY, None)
        m1, m2, m3 = update(dice, device)
        open_order = order_left_open(device, m1)
        status, m4, m5 = device.load_key(m1, m2, m3)
        answer = console.say(cmd="LOAD_KEY", M1=m1.hex(), M2=m2.hex(), M3=m3.hex())
        seen_results[status] = seen_results.get(status, 0) + 1
        seen = (answer.get("erc"), answer.get("M4", ""), answer.get("M5", ""))
        wanted = (NAMES[status], m4.hex(), m5.hex())
        if status:
            seen = (seen[0], seen[1].strip("0"), seen[2].strip("0"))
        if seen != wanted and seen[0] not in open_order:
            differences.append("LOAD_KEY %s %s %s: seen %s wanted %s" % (m1.hex(), m2.hex(), m3.hex(), seen, wanted))
        slot, data = dice.choice([*she.KEY_N, she.RAM_KEY]), dice.randbytes(dice.randrange(40))
        status, mac = device.generate_mac(slot, data)
        answer = console.say(cmd="GENERATE_MAC", keyId=slot, data=data.hex())
        macs += status == 0
        if answer.get("erc") != NAMES[status] or (status == 0 and answer["result"] != mac.hex()):
            differences.append("GENERATE_MAC %X %s: seen %s wanted %s %s" % (slot, data.hex(), answer, NAMES[status], mac.hex()))
        challenge = dice.randbytes(16)
        answer = console.say(cmd="GET_ID", challenge=challenge.hex())
        master = device.slots.get(she.MASTER)
        wanted = she.cmac(master["key"], challenge + uid + bytes.fromhex(answer["sreg"])) if master else bytes(16)
        if answer["uid"] != uid.hex() or answer["mac"] != wanted.hex():
            differences.append("GET_ID %s: seen %s wanted %s" % (challenge.hex(), answer, wanted.hex()))
    console.close()
    for line in differences[:5]:
        print(line)
    report.note("%d updates: two SHEs agree" % count, not differences, "%d differences" % len(differences), "none")
    for status, name in NAMES.items():
        report.note("%s was among them" % name, seen_results.get(status, 0) >= count / 200, seen_results.get(status, 0), "some")
    report.note("CMACs by loaded keys were among them", macs >= count / 50, macs, "some")


def builder(report, command, dice, count):
    lines, wanted = [], []
    for _ in range(count):
        uid, auth_key, key = dice.randbytes(15), dice.randbytes(16), dice.randbytes(16)
        auth, target, flags = dice.randrange(16), dice.randrange(16), dice.randrange(32)
        counter = dice.choice([0, 1, 2**28 - 1, dice.randrange(2**28)])
        fields = {"uid": uid.hex(), "authKeyId": auth, "authKey": auth_key.hex(), "keyId": target, "newKey": key.hex()}
        lines.append(json.dumps({**fields, "counter": counter, "flags": flags}))
        sets = she.build(uid, auth, auth_key, target, key, counter, flags)
        wanted.append(dict(zip(("M1", "M2", "M3", "M4", "M5"), (part.hex() for part in sets))))
    done = subprocess.run(shlex.split(command), input="\n".join(lines) + "\n", capture_output=True, text=True, timeout=60)
    seen = [json.loads(line) for line in done.stdout.splitlines()]
    wrong = [(line, s, w) for line, s, w in zip(lines, seen, wanted) if s != w]
    report.note("%d generated sets: as many answers" % count, len(seen) == count, "%d %s" % (len(seen), done.stderr), count)
    report.note("%d generated sets: byte for byte" % count, not wrong and seen, wrong[:1], "no difference")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", required=True)
    parser.add_argument("--builder", required=True)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(2**32))
    parser.add_argument("--count", type=int, default=2000)
    options = parser.parse_args()
    print("seed %d" % options.seed, flush=True)
    report = Report()
    dice = random.Random(options.seed)
    rounds(report, options.device, dice, options.count)
    builder(report, options.builder, dice, options.count)
    failed = [result["name"] for result in report.results if not result["ok"]]
    print(json.dumps({"passed": len(report.results) - len(failed), "failed": len(failed)}), flush=True)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
