#!/usr/bin/python3
"""Asks an ECU everything that the interface page says, by another hand than the one that wrote the ECU.

tester.py --start 'COMMAND with {state}' [--only AREA …]: COMMAND starts an ECU (one for each area, some of them
killed and started again on the same state file) and prints {"listening": "slcan+tcp://HOST:PORT"} first.
A line a check, `ok NAME` or `FAIL NAME: seen … wanted …`, and a JSON summary as the last line; exit 1 with a FAIL.
"""

import argparse
import concurrent.futures
import json
import sys
import time
import traceback

import checks_basic
import checks_certificates
import checks_download
import checks_she
import checks_time
import checks_wire
from bench import Ecu, Report

# The waiting ones first: they leave the processors to the others.
AREAS = {
    "s3": checks_time.s3,
    "lockout": checks_time.lockout,
    "power cuts": checks_time.lockout_over_power_cuts,
    "lockout over reset": checks_time.lockout_over_reset,
    "basic": checks_basic.run,
    "she": checks_she.run,
    "certificates": checks_certificates.run,
    "download": checks_download.run,
    "wire": checks_wire.run,
    "persistence": checks_time.persistence,
}


def examine(report, area, command):
    begin = time.monotonic()
    ecu = None
    try:
        ecu = Ecu(report, area, command)
        AREAS[area](ecu)
    except Exception as error:  # a check that cannot go on is a result, not the end of the others
        where = traceback.extract_tb(error.__traceback__)
        line = "; ".join("%s:%d" % (frame.filename.rsplit("/", 1)[-1], frame.lineno) for frame in where[1:])
        said = ecu.last_words() if ecu else ""
        report.note("%s: goes to its end" % area, False, "%s: %s (%s) %s" % (type(error).__name__, error, line, said))
    finally:
        if ecu is not None:
            ecu.close()
    return area, round(time.monotonic() - begin, 1)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--start", required=True)
    parser.add_argument("--only", action="append", choices=list(AREAS))
    parser.add_argument("--workers", type=int, default=6)
    options = parser.parse_args()
    report = Report()
    with concurrent.futures.ThreadPoolExecutor(options.workers) as pool:
        jobs = [pool.submit(examine, report, area, options.start) for area in options.only or AREAS]
        seconds = dict(job.result() for job in jobs)
    failed = [result["name"] for result in report.results if not result["ok"]]
    print(json.dumps({"passed": len(report.results) - len(failed), "failed": len(failed), "seconds": seconds}), flush=True)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
