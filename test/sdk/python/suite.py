"""Drives an unmodified immudb-py with random operations and compares its answers with a model.

Prints CHECKPOINT at a third and two thirds of the way, where the runner kills and restarts the server
and answers GO; the last line is a report in JSON.
"""

import argparse
import json
import random
import sys
from importlib.metadata import version

from clients import connect
from model import Model
from reads import Reads
from writes import ModelLost, Writes

MAX_FAILURES = 20
# Transactions verified one by one at the end.
FINAL_READS = 100


def parse_options():
    parser = argparse.ArgumentParser()
    for name in ("port", "header-version", "seed", "operations"):
        parser.add_argument(f"--{name}", type=int, required=True)
    for name in ("database", "api", "state-dir", "public-key"):
        parser.add_argument(f"--{name}", required=True)
    options = parser.parse_args()
    options.release = version("immudb-py")
    return options


class Suite(Reads, Writes):
    def __init__(self, options):
        self.options = options
        self.random = random.Random(options.seed)
        self.model = Model()
        self.verified = 0
        self.state_tx = 0
        self.failures = []
        self.done = 0
        self.session = connect(options, options.database != "defaultdb")

    def fail(self, name: str, error: BaseException):
        detail = error.details() if hasattr(error, "details") else error
        self.failures.append({"operation": self.done, "name": name,
                              "detail": f"{type(error).__name__}: {detail}"})

    def run(self):
        operations = self.write_operations() + self.read_operations()
        weights = [weight for weight, _ in operations]
        third = max(self.options.operations // 3, 1)
        while self.done < self.options.operations:
            if self.done in (third, 2 * third):
                self.checkpoint()
            # The first is a verified write: from an empty state no read can be verified.
            perform = self.random.choices(operations, weights)[0][1] if self.done else self.verified_set
            try:
                perform()
            except Exception as error:
                self.fail(perform.__name__, error)
                if isinstance(error, ModelLost) or len(self.failures) >= MAX_FAILURES:
                    return
            finally:
                self.done += 1
        try:
            for tx in range(1, self.model.last + 1, max(self.model.last // FINAL_READS, 1)):
                self.verify_tx(tx)
        except Exception as error:
            self.fail("final check", error)

    def checkpoint(self):
        self.session.close()
        print("CHECKPOINT", self.done, flush=True)
        assert sys.stdin.readline().strip() == "GO"
        self.session = connect(self.options, False)
        # Otherwise the state was not kept and nothing would be proved across the restart.
        assert self.session.state_tx() == self.state_tx, "the stored state was not used"


def main():
    options = parse_options()
    report = {"sdk": "python", "version": options.release, "seed": options.seed}
    suite = None
    try:
        suite = Suite(options)
        suite.run()
    except Exception as error:
        if suite is None:
            report["failures"] = [{"operation": 0, "name": "login", "detail": repr(error)}]
        else:
            suite.fail("reconnect", error)
    if suite:
        report |= {"operations": suite.done, "verified": suite.verified, "failures": suite.failures}
    print(json.dumps(report), flush=True)
    sys.exit(1 if report["failures"] else 0)


main()
