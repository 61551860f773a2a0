#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""`make bench`: what concordfs costs, beside the same files on tmpfs and beside memfs, the least that a
FUSE program can do. Not a test: it asserts nothing about time. Rounds of all media are interleaved, so
that a slow minute of the machine is everybody's; the figures are medians.

    bench.py [--rounds N] [--medium-only] [SIZE ...]        (sizes: 1000 10000 100000)
"""
import argparse
import contextlib
import http.client
import json
import os
import pathlib
import re
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.parse

TESTS = pathlib.Path(__file__).resolve().parent.parent
ROOT = TESTS.parent
BUILD = pathlib.Path(os.environ.get("BUILD", ROOT / "build"))
BINARY = os.environ.get("CONCORDFS_BIN", str(BUILD / "concordfs"))
PAGE = 100
ABSENT = "zebra-that-is-nowhere"

# grep sees /dev/null behind it and stops at the first match: so it looks for what is not there.
COMMANDS = {
    "ls": "ls >/dev/null",
    "ls -l": "ls -l >/dev/null",
    "grep -r": f"grep -r {ABSENT} .; test $? = 1",
    "rg": f"rg {ABSENT}; test $? = 1",
    "cat * | jq": "printf '%s\\0' *.json | xargs -0 cat | jq .id >/dev/null",
}


def run(command, where):
    """Seconds that a shell command takes in a directory."""
    start = time.perf_counter()
    subprocess.run(["bash", "-c", command], cwd=where, check=True, stdin=subprocess.DEVNULL)
    return time.perf_counter() - start


def opens(where, seconds=0.5):
    done = subprocess.run([BUILD / "bench" / "opens", where, str(seconds)], check=True, stdout=subprocess.PIPE)
    return float(done.stdout)


class Mounted:
    """A FUSE program in the foreground, and how it ends: unmounted, then waited for by its pid."""

    def __init__(self, argv, point, env=None):
        self.point = pathlib.Path(point)
        self.point.mkdir(parents=True, exist_ok=True)
        self.proc = subprocess.Popen(argv, stdin=subprocess.DEVNULL, env=env)
        end = time.monotonic() + 120
        while not os.path.ismount(self.point):
            if self.proc.poll() is not None or time.monotonic() > end:
                self.stop()
                raise SystemExit(f"{argv[0]} does not mount")
            time.sleep(0.002)

    def rss(self):
        """(now, at most) in MiB."""
        status = pathlib.Path(f"/proc/{self.proc.pid}/status").read_text()
        return tuple(int(re.search(rf"{f}:\s+(\d+)", status).group(1)) / 1024 for f in ("VmRSS", "VmHWM"))

    def stop(self):
        subprocess.run(["fusermount3", "-u", "-z", "-q", self.point], check=False)
        try:
            self.proc.wait(timeout=30)
        except subprocess.TimeoutExpired:
            self.proc.kill()
            self.proc.wait()


def memfs(tmp, files, name, *flags):
    point = tmp / name
    point.mkdir(exist_ok=True)
    return Mounted([str(BUILD / "bench" / "memfs"), *flags, str(files), str(point)], point)


class Ours:
    """concordfs on the simulated CRM, mounted anew for every cold figure."""

    def __init__(self, crm, tmp):
        self.crm, self.tmp, self.mounted = crm, tmp, None

    def mount(self, ttl=100_000):
        self.unmount()
        env = dict(os.environ, CONCORDFS_TOKEN=self.crm.token)
        options = f"ttl={ttl},timeout=600,state_dir={self.tmp}/state"
        self.mounted = Mounted([BINARY, "-f", "-o", options, self.crm.url, str(self.tmp / "ours")],
                               self.tmp / "ours", env)
        return self.tmp / "ours" / "contacts"

    def unmount(self):
        if self.mounted:
            self.mounted.stop()
        self.mounted = None

    def cold(self, command):
        where = self.mount()
        mark = self.crm.mark()
        seconds = run(command, where)
        return seconds, len(self.crm.log(since=mark)), self.mounted.rss()


class Api:
    """The same server, without us: one kept connection."""

    def __init__(self, crm):
        url = urllib.parse.urlsplit(crm.url)
        self.prefix = url.path.rstrip("/") + "/api"
        self.conn = http.client.HTTPConnection(url.hostname, url.port)
        self.conn.connect()  # a body that follows its headers must not wait for a delayed ACK
        self.conn.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.headers = {"Authorization": f"Bearer {crm.token}", "Accept": "application/json",
                        "Content-Type": "application/json"}

    def ask(self, method, path, body=None):
        start = time.perf_counter()
        self.conn.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)  # nor an answer in two parts
        self.conn.request(method, self.prefix + path, body and json.dumps(body), self.headers)
        answer = self.conn.getresponse()
        text = answer.read()
        if answer.status >= 300:
            raise SystemExit(f"{method} {path}: {answer.status} {text[:200]!r}")
        return time.perf_counter() - start


def curl_pages(crm, tmp, pages):
    """All pages with curl: one process, one connection."""
    config = tmp / "curl.conf"
    config.touch(mode=0o600)
    lines = ["silent", "fail", f'header = "Authorization: Bearer {crm.token}"', 'header = "Accept: application/json"']
    for page in range(1, pages + 1):
        lines += [f'url = "{crm.url}/api/contacts?order=id&per_page={PAGE}&page={page}"', 'output = "/dev/null"']
    config.write_text("\n".join(lines) + "\n")
    start = time.perf_counter()
    subprocess.run(["curl", "-K", config], check=True)
    return time.perf_counter() - start


def copy_of(directory, to):
    """The same files on tmpfs."""
    to.mkdir()
    for entry in os.scandir(directory):
        (to / entry.name).write_bytes(pathlib.Path(entry.path).read_bytes())
    return to


def made_up(n, to):
    to.mkdir()
    for i in range(1, n + 1):
        (to / f"{i}.json").write_text(json.dumps({"id": i, "first_name": f"N{i}", "notes": "x" * 1000}, indent=2) + "\n")
    return to


def ms(seconds):
    return f"{seconds * 1000:,.1f}" if seconds < 10 else f"{seconds * 1000:,.0f}"


def table(title, head, rows):
    rows = [head, *rows]
    widths = [max(len(str(r[i])) for r in rows) for i in range(len(head))]
    print(f"\n{title}\n")
    for i, row in enumerate(rows):
        first, *rest = (str(c) for c in row)
        print("  " + "  ".join([first.ljust(widths[0]), *(c.rjust(w) for c, w in zip(rest, widths[1:]))]))
        if i == 0:
            print("  " + "  ".join("-" * w for w in widths))
    sys.stdout.flush()


def warm(media, rounds, n):
    """media: name -> directory. Every medium in every round, after one that is not counted."""
    took = {(c, m): [] for c in [*COMMANDS, "opens"] for m in media}
    for number in range(rounds + 1):
        for command, line in COMMANDS.items():
            for name, where in media.items():
                seconds = run(line, where)
                if number:
                    took[command, name].append(seconds)
        for name, where in media.items():
            per_second = opens(where)
            if number:
                took["opens", name].append(per_second)
    median = {key: statistics.median(values) for key, values in took.items()}
    names = list(media)
    rows = []
    for command in COMMANDS:
        row = [command, *(ms(median[command, m]) for m in names)]
        last = median[command, names[-1]]
        rows.append([*row, *(f"{last / median[command, m]:.2f}x" for m in names[:-1])])
    row = ["open+read+close /s", *(f"{median['opens', m]:,.0f}" for m in names)]
    last = median["opens", names[-1]]
    rows.append([*row, *(f"{median['opens', m] / last:.2f}x" for m in names[:-1])])
    table(f"{n:,} records, warm: ms (median of {rounds}), and how many times as long {names[-1]} takes",
          ["", *names, *(f"/ {m}" for m in names[:-1])], rows)


def cold(ours, n, rounds):
    rows = []
    for command, line in COMMANDS.items():
        got = [ours.cold(line) for _ in range(rounds)]
        now, most = got[-1][2]
        rows.append([command, ms(statistics.median(g[0] for g in got)), got[-1][1], f"{now:.1f}", f"{most:.1f}"])
    table(f"{n:,} records, cold: a fresh mount for each", ["", "ms", "requests", "VmRSS MiB", "VmHWM MiB"], rows)


def floor(ours, files, tmp, n, rounds):
    """Cold `ls -l` against what it cannot do without: the pages, and a directory of that size."""
    line = COMMANDS["ls -l"]
    pages = -(-n // PAGE)
    curl, medium, us = [], [], []
    for _ in range(rounds):
        curl.append(curl_pages(ours.crm, tmp, pages))
        with contextlib.closing(Closing(memfs(tmp, files, "floor", "noflush"))) as m:
            medium.append(run(line, m.mounted.point))
        us.append(ours.cold(line)[0])
    curl, medium, us = (statistics.median(x) for x in (curl, medium, us))
    table(f"{n:,} records, cold ls -l: ms", ["curl, one connection", "memfs ls -l", "sum", "ours", "ours / sum"],
          [[ms(curl), ms(medium), ms(curl + medium), ms(us), f"{us / (curl + medium):.2f}x"]])


class Closing:
    """So that a mount can stand in a with statement."""

    def __init__(self, mounted):
        self.mounted = mounted
        self.close = mounted.stop


def vim(path, text):
    os.rename(path, f"{path}~")
    fd = os.open(path, os.O_WRONLY | os.O_CREAT, 0o644)
    os.write(fd, text)
    os.fsync(fd)
    os.close(fd)
    os.unlink(f"{path}~")


def truncate(path, text):
    fd = os.open(path, os.O_WRONLY | os.O_TRUNC)
    os.write(fd, text)
    os.close(fd)


def alone(api, requests, other):
    """What the same requests take without us; the record that is saved is left in peace."""
    took = 0
    for r in requests:
        query = urllib.parse.urlencode(r.query)
        path = re.sub(r"/\d+$", f"/{other}", r.path)
        took += api.ask(r.method, path + (f"?{query}" if query else ""), r.body)
    return took


def save(ours, path, other, idiom, text):
    """(seconds, those of the requests alone, how many)."""
    mark = ours.crm.mark()
    start = time.perf_counter()
    idiom(path, text)
    took = time.perf_counter() - start
    requests = ours.crm.log(since=mark)
    return took, alone(Api(ours.crm), requests, other), len(requests)


def saves(ours, rounds):
    """From `:w` to the prompt: all system calls of a save, less what the same requests take without us.
    Checked: the record is fresh; asks: ttl=0."""
    rows, number = [], 0
    for ttl, base in ((100_000, "checked"), (0, "asks")):
        where = ours.mount(ttl)
        names = sorted(p.name for p in where.iterdir() if p.suffix == ".json")
        path, other = where / names[0], names[1].removesuffix(".json")
        for delay in (0, 0.02):
            if delay:
                ours.crm.fault(path="/contacts", delay=delay, times=None)
            for idiom, changes in ((vim, True), (truncate, True), (truncate, False)):
                got = []
                for _ in range(rounds * 5):
                    number += changes
                    text = re.sub(r'("first_name": )"[^"]*"', rf'\1"Bench {number}"', path.read_text(), count=1)
                    got.append(save(ours, path, other, idiom, text.encode()))
                whole, bare, requests = (statistics.median(g[i] for g in got) for i in range(3))
                rows.append([f"{idiom.__name__}{'' if changes else ', unchanged'}", base, f"{delay * 1000:.0f}",
                             f"{requests:.0f}", ms(whole), ms(bare), ms(whole - bare),
                             f"{whole / bare:.2f}x" if bare else ""])
            ours.crm.clear_faults()
    table(f"a save, from :w to the prompt: ms (median of {rounds * 5})",
          ["", "base", "server's delay", "requests", "whole", "the requests alone", "ours", "ratio"], rows)


def bench(n, rounds, crm_class):
    shm = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    with contextlib.ExitStack() as stack:
        tmp = pathlib.Path(tempfile.mkdtemp(prefix="concordfs-bench.", dir=shm))
        stack.callback(shutil.rmtree, tmp, ignore_errors=True)
        ours = None
        if crm_class:
            crm = crm_class.start(records=0, rate=0)
            stack.callback(crm.stop)
            crm.fill("contacts", n)
            ours = Ours(crm, tmp)
            stack.callback(ours.unmount)
            files = copy_of(ours.mount(), tmp / "tmpfs")
            ours.unmount()
            cold(ours, n, 1 if n > 20_000 else min(rounds, 3))
            floor(ours, files, tmp, n, 1 if n > 20_000 else min(rounds, 3))
        else:
            files = made_up(n, tmp / "tmpfs")
        media = {"tmpfs": files}
        for name, flags in (("memfs", []), ("memfs noflush", ["noflush"])):
            m = memfs(tmp, files, name.replace(" ", "-"), *flags)
            stack.callback(m.stop)
            media[name] = m.point
        if ours:
            media["ours"] = ours.mount()
        warm(media, rounds, n)
        if ours:
            now, most = ours.mounted.rss()
            print(f"\n  memory after all of it: VmRSS {now:.1f} MiB, VmHWM {most:.1f} MiB")
            saves(ours, rounds)


def main():
    args = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    args.add_argument("sizes", nargs="*", type=int, default=[1_000, 10_000, 100_000], metavar="SIZE")
    args.add_argument("--rounds", type=int, default=5)
    args.add_argument("--medium-only", action="store_true", help="made-up files, no CRM and no concordfs")
    args = args.parse_args()
    crm_class = None
    if not args.medium_only:
        sys.path.insert(0, str(TESTS))
        from crm.client import Crm
        crm_class = Crm
    for n in args.sizes:
        bench(n, args.rounds if n <= 20_000 else min(args.rounds, 3), crm_class)


if __name__ == "__main__":
    main()
