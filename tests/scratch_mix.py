# SPDX-License-Identifier: MIT
"""scratch_mix.py MOUNT PLAIN NUMBER ROUNDS: random calls on names of its own, the same in both places;
leaves with 1 and a sentence at the first difference. Says every round. When MOUNT's daemon has gone, does to PLAIN
what it is told: first "half" of the call of then (a create writes, too), then "do"."""
import ctypes
import errno
import os
import random
import stat
import sys

LIBC = ctypes.CDLL(None, use_errno=True)
COLLS = ("contacts", "companies")


def renameat2(a, b, flags):
    if LIBC.renameat2(-100, os.fsencode(a), -100, os.fsencode(b), flags) < 0:
        raise OSError(ctypes.get_errno(), "")


class Place:
    """One of the two trees, and what is open in it."""

    def __init__(self, root):
        self.root, self.open_files = root, []

    def path(self, name):
        return os.path.join(self.root, name)

    def do(self, verb, *arguments):
        try:
            return getattr(self, verb)(*arguments)
        except OSError as e:
            return errno.errorcode[e.errno]

    def create(self, name, flags, mode, text):
        fd = os.open(self.path(name), os.O_CREAT | flags, mode)
        if len(self.open_files) >= 6:
            os.close(self.open_files.pop(0))
        self.open_files.append(fd)
        return os.write(fd, text)

    def pick(self, i):
        if not self.open_files:
            raise OSError(errno.EBADF, "")
        return self.open_files[i % len(self.open_files)]

    def write(self, i, text, at):
        return os.pwrite(self.pick(i), text, at)

    def read(self, i, n, at):
        return os.pread(self.pick(i), n, at)

    def cut(self, i, size):
        return os.ftruncate(self.pick(i), size)

    def look(self, i):
        st = os.fstat(self.pick(i))
        return st.st_size, st.st_mode, st.st_nlink

    def sync(self, i):
        return os.fsync(self.pick(i))

    def truncate(self, name, size):
        return os.truncate(self.path(name), size)

    def whole(self, name):
        with open(self.path(name), "rb") as f:
            return f.read()

    def mode(self, name, mode):
        os.chmod(self.path(name), mode)
        return stat.S_IMODE(os.stat(self.path(name)).st_mode)

    def time(self, name, seconds):
        os.utime(self.path(name), (seconds, seconds))
        return os.stat(self.path(name)).st_mtime

    def move(self, a, b, flags):
        return renameat2(self.path(a), self.path(b), flags)

    def unlink(self, name):
        return os.unlink(self.path(name))

    def link(self, name, target):
        os.symlink(target, self.path(name))
        return os.readlink(self.path(name))

    def names(self, coll, mine):
        return sorted(n for n in os.listdir(self.path(coll)) if mine in n)


def random_call(dice, mine):
    def name():
        return dice.choice(COLLS) + "/" + dice.choice((".{}.swp", "{}.txt", "{}.json~", "{}", "{}.b")).format(mine)

    text = bytes(dice.choices(b"abc{}\n", k=dice.choice((0, 1, 10, 5_000))))
    at, n = dice.randrange(9_000), dice.randrange(64)
    return dice.choice((
        ("create", name(), dice.choice((os.O_RDWR, os.O_RDWR | os.O_EXCL, os.O_RDWR | os.O_TRUNC,
                                        os.O_RDWR | os.O_APPEND)), dice.choice((0o600, 0o644)), text),
        ("write", n, text, at), ("write", n, text, at), ("read", n, 6_000, at), ("cut", n, at), ("look", n),
        ("sync", n), ("truncate", name(), at), ("whole", name()), ("whole", name()),
        ("mode", name(), dice.choice((0o600, 0o640, 0o755))), ("time", name(), at),
        ("move", name(), name(), 0), ("move", name(), name(), dice.choice((0, 0, 1, 2))),
        ("unlink", name()), ("link", name(), f"{mine}to{n % 4}"), ("names", dice.choice(COLLS), mine)))


def part_of(call, order):
    if call[0] != "create":
        return call
    verb, name, flags, mode, text = call
    return (verb, name, flags, mode, b"") if order == "half\n" else (verb, name, flags & ~os.O_EXCL, mode, text)


def main(mount, plain, number, rounds):
    dice = random.Random(int(number))
    here, there = Place(mount), Place(plain)
    for i in range(int(rounds)):
        call = random_call(dice, f"p{number}-")
        print(i, flush=True)
        got = here.do(*call)
        if got in ("ENOTCONN", "ECONNABORTED") or not os.path.ismount(mount):
            print("gone", flush=True)
            for order in sys.stdin:
                there.do(*part_of(call, order))
                print("done", flush=True)
            sys.exit(3)
        want = there.do(*call)
        if got != want:
            sys.exit(f"process {number}, round {i}: {call[:3]}: {str(got)[:200]}, and on tmpfs {str(want)[:200]}")


main(*sys.argv[1:])
