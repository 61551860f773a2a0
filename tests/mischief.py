# SPDX-License-Identifier: MIT
"""python3 mischief.py DIRECTORY SEED ROUNDS: does at random what programs do to record files.

Errors are what the mount answers under faults and conflicts, and are counted; what must not happen
is that anything hangs, or that mount and server disagree afterwards (test_concurrent.py)."""
import collections
import errno
import json
import os
import random
import sys


class Mischief:
    def __init__(self, folder, seed):
        self.folder, self.seed, self.dice, self.n = folder, seed, random.Random(seed), 0

    def at(self, name):
        return os.path.join(self.folder, name)

    def record(self):
        return self.at(self.dice.choice([n for n in os.listdir(self.folder)
                                         if n[0].isdigit() and n.endswith(".json")]))

    def text(self, path, **members):
        with open(path) as f:
            return json.dumps({**json.load(f), **members}, indent=2)

    def put(self, path, text):
        with open(path, "w") as f:
            f.write(text)

    def title(self):
        return f"t{self.seed}-{self.n}"

    def read(self):
        with open(self.record()) as f:
            json.load(f)

    def stat(self):
        os.stat(self.record())

    def truncate(self):
        path = self.record()
        self.put(path, self.text(path, job_title=self.title()))

    def rename_over(self):
        path, tmp = self.record(), self.at(f"{self.title()}.tmp")
        self.put(tmp, self.text(path, job_title=self.title()))
        try:
            os.rename(tmp, path)
        except OSError:
            os.unlink(tmp)
            raise

    def vim(self, **members):
        """Rename away, create, fsync; after a refusal unlink and rename back."""
        path = self.record()
        text = self.text(path, **(members or {"job_title": self.title()}))
        backup = f"{path}~{self.seed}"
        os.rename(path, backup)
        try:
            with open(os.open(path, os.O_WRONLY | os.O_CREAT, 0o644), "w") as f:
                f.write(text)
                f.flush()
                os.fsync(f.fileno())
            os.unlink(backup)
        except OSError:
            self.recover(path, backup)
            raise

    def recover(self, path, backup):
        for step in (lambda: os.unlink(path), lambda: os.rename(backup, path)):
            try:
                step()
            except OSError:
                pass
        if os.path.lexists(backup):
            os.unlink(backup)

    def refused_vim(self):
        self.vim(email="nope")

    def create(self):
        path = self.at(f"new-{self.title()}.json")
        self.put(path, json.dumps({"first_name": self.title()}))
        os.unlink(path)

    def delete(self):
        if self.dice.random() < 0.2:
            os.unlink(self.record())

    def scratch(self):
        path = self.at(f".{self.title()}")
        with open(path, "w") as f:
            f.write("x" * self.dice.randrange(9_000))
            os.rename(path, path + "~")
            os.unlink(path + "~")
            f.write("y")

    def bad_json(self):
        path = self.record()
        try:
            self.put(path, "{bad")
        except OSError:
            os.unlink(path)

    def append(self):
        with open(self.record(), "a") as f:
            f.write("\n")

    def run(self, rounds):
        verbs = [self.read, self.stat, self.truncate, self.rename_over, self.vim, self.refused_vim,
                 self.create, self.delete, self.scratch, self.bad_json, self.append]
        errors = collections.Counter()
        for self.n in range(rounds):
            try:
                self.dice.choice(verbs)()
            except OSError as e:
                errors[errno.errorcode[e.errno]] += 1
            except ValueError:
                errors["no JSON"] += 1  # somebody's refused text stands there
        print(dict(errors))


if __name__ == "__main__":
    Mischief(sys.argv[1], int(sys.argv[2])).run(int(sys.argv[3]))
