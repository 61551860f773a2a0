# SPDX-License-Identifier: MIT
"""python3 writer.py DIRECTORY SEED ID…: saves, creates and scribbles in DIRECTORY until the mount dies,
and tells on stdout, a JSON line each, what it is about to do and what was accepted, before it goes on.

    {"do": …}     begins: a write, a close, a rename, an unlink; with the name and what it is about
    {"done": …}   that returned without an error
    {"failed": errno}   that did not, and the writer leaves"""
import contextlib
import errno
import json
import os
import random
import sys


def tell(**what):
    os.write(1, json.dumps(what).encode() + b"\n")


class Writer:
    def __init__(self, folder, seed, ids):
        self.folder, self.dice, self.ids, self.n = folder, random.Random(seed), ids, 0
        self.seed = seed

    def at(self, name):
        return os.path.join(self.folder, name)

    def doing(self, call, *arguments, **what):
        tell(do=what)
        result = call(*arguments)
        tell(done=what)
        return result

    def text(self, i):
        with open(self.at(f"{i}.json")) as f:
            record = {**json.load(f), "email": None}  # what stands there may be a refused text
        self.n += 1
        record["job_title"] = f"m{self.seed}-{self.n}"
        return record["job_title"], json.dumps({**record, "street": "s" * self.dice.randrange(150)}, indent=2)

    def write(self, fd, name, mark, text):
        """In pieces no larger than a page, which a kill cannot tear."""
        at = 0
        while at < len(text):
            piece = text[at:at + self.dice.randint(1, 900)]
            self.doing(os.write, fd, piece.encode(), op="write", name=name, mark=mark, piece=piece)
            at += len(piece)

    def save(self, name, flags, mark, text, sync=False):
        fd = self.doing(os.open, self.at(name), os.O_WRONLY | flags, 0o644, op="begin", name=name, mark=mark, text=text)
        self.write(fd, name, mark, text)
        if sync:
            self.doing(os.fsync, fd, op="commit", name=name, mark=mark)
        self.doing(os.close, fd, op="commit", name=name, mark=mark)

    def record(self):
        return self.dice.choice(self.ids)

    def truncate(self):
        i = self.record()
        self.save(f"{i}.json", os.O_TRUNC, *self.text(i), sync=self.dice.random() < 0.5)

    def vim(self):
        i = self.record()
        mark, text = self.text(i)
        os.rename(self.at(f"{i}.json"), self.at(f"{i}.json~"))
        self.save(f"{i}.json", os.O_CREAT, mark, text, sync=True)
        os.unlink(self.at(f"{i}.json~"))

    def rename_over(self):
        i = self.record()
        mark, text = self.text(i)
        self.save(f"tmp-{mark}", os.O_CREAT | os.O_EXCL, mark, text)
        self.doing(os.rename, self.at(f"tmp-{mark}"), self.at(f"{i}.json"), op="rename", name=f"tmp-{mark}",
                   mark=mark, to=f"{i}.json")

    def create(self):
        self.n += 1
        mark = f"m{self.seed}-{self.n}"
        text = json.dumps({"first_name": "New", "job_title": mark, "street": "s" * self.dice.randrange(150)})
        self.save(f"new-{mark}.json", os.O_CREAT | os.O_EXCL, mark, text)

    def refused(self):
        """A text that the server refuses: it stays, as the file's content or set aside."""
        i = self.record()
        mark, text = self.text(i)
        text = json.dumps({**json.loads(text), "email": "nope"})
        fd = self.doing(os.open, self.at(f"{i}.json"), os.O_WRONLY | os.O_TRUNC, op="begin", name=f"{i}.json", mark=mark,
                        text=text)
        self.write(fd, f"{i}.json", mark, text)
        tell(do={"op": "refuse", "name": f"{i}.json", "mark": mark})
        try:
            os.close(fd)
        except OSError as e:
            if e.errno != errno.EINVAL:
                raise
        tell(done={"op": "refuse", "name": f"{i}.json", "text": text})

    def scratch(self):
        """Appends to a local file, sometimes removes it."""
        self.n += 1
        name = f"notes-{self.n % 3}.txt"
        if os.path.exists(self.at(name)) and self.dice.random() < 0.3:
            self.doing(os.unlink, self.at(name), op="unlink", name=name)
            return
        fd = os.open(self.at(name), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        self.write(fd, name, None, f"line {self.n} " + "x" * self.dice.randrange(600) + "\n")
        os.close(fd)

    def run(self):
        with contextlib.suppress(BrokenPipeError):
            try:
                while True:
                    self.dice.choice([self.truncate, self.vim, self.rename_over, self.create, self.scratch,
                                      self.refused])()
            except OSError as e:
                tell(failed=e.errno)


if __name__ == "__main__":
    Writer(sys.argv[1], int(sys.argv[2]), sys.argv[3:]).run()
