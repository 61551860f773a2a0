# SPDX-License-Identifier: MIT
"""Fixtures: a simulated CRM, the real binary mounted on it, and a watchdog over every test."""
import contextlib
import faulthandler
import os
import pathlib
import re
import signal
import shutil
import subprocess
import sys
import threading
import time

import pytest

TESTS = pathlib.Path(__file__).resolve().parent
ROOT = TESTS.parent
sys.path.insert(0, str(TESTS))

from crm.client import Crm  # noqa: E402

BINARY = os.environ.get("CONCORDFS_BIN", str(ROOT / "build" / "concordfs"))
SLOW = float(os.environ.get("CONCORDFS_SLOW", "1"))  # sanitizer builds take their time
WATCHDOG_S = 60 * SLOW
SUSPICIOUS = re.compile(r"Sanitizer|runtime error:|\bBUG\b|Assertion|fuse: |stack smashing")


def pytest_configure(config):
    config.addinivalue_line("markers", "concurrent: many processes at once; also run under TSan")
    config.addinivalue_line("markers", "slow_watchdog(seconds): this test may take so long")
    # A shell starts what it leaves in the background with SIGINT ignored, and so would all that we start.
    signal.signal(signal.SIGINT, signal.default_int_handler)


def until(fact, timeout=10, what="the fact"):
    """Waits for a fact, with a limit; returns what it returned."""
    end = time.monotonic() + timeout * SLOW
    while True:
        got = fact()
        if got:
            return got
        if time.monotonic() > end:
            raise AssertionError(f"{what} did not come true within {timeout} s")
        time.sleep(0.005)


class Mount:
    """The real binary on a mountpoint of its own, in the foreground."""

    def __init__(self, crm, tmp, **options):
        self.crm = crm
        self.tmp = pathlib.Path(tmp)
        self.path = self.tmp / "crm"
        self.state = self.tmp / "state"
        self.log_path = self.tmp / "log"
        self.runtime = self.tmp.parent / "runtime"  # the mounts of a test share a limiter, those of two do not
        self.options = options
        self.proc = None
        self.path.mkdir(parents=True, exist_ok=True)
        self.runtime.mkdir(mode=0o700, exist_ok=True)

    def arguments(self):
        given = {"state_dir": self.state, "ttl": 60, **self.options}
        words = [k if v is True else f"{k}={v}" for k, v in given.items() if v is not None]
        return ["-f", "-o", ",".join(words)]

    def environment(self):
        env = dict(os.environ, CONCORDFS_TOKEN=self.crm.token, XDG_RUNTIME_DIR=str(self.runtime),
                   XDG_CONFIG_HOME=str(self.tmp / "config"))
        env.setdefault("ASAN_OPTIONS", "detect_leaks=1:abort_on_error=0:exitcode=23")
        env.setdefault("UBSAN_OPTIONS", "print_stacktrace=1:halt_on_error=1:exitcode=23")
        env.setdefault("TSAN_OPTIONS", "exitcode=23:halt_on_error=0:second_deadlock_stack=1")
        return env

    def start(self):
        with open(self.log_path, "ab") as log:
            self.proc = subprocess.Popen(
                [BINARY, *self.arguments(), self.crm.url, str(self.path)],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=self.environment())
        until(self.is_up, what="the mount")
        return self

    def is_up(self):
        if self.proc.poll() is not None:
            raise AssertionError(f"concordfs left with {self.proc.returncode}:\n{self.log()}")
        return os.path.ismount(self.path)

    def log(self):
        return self.log_path.read_text(errors="replace") if self.log_path.exists() else ""

    def rss_kib(self, field="VmRSS"):
        status = pathlib.Path(f"/proc/{self.proc.pid}/status").read_text()
        return int(re.search(rf"{field}:\s+(\d+)", status).group(1))

    def kill(self):
        """As a crash: no chance to say or save anything."""
        self.proc.kill()
        self.proc.wait()
        self.detach()

    def detach(self):
        subprocess.run(["fusermount3", "-u", "-z", "-q", str(self.path)], check=False)

    def stop(self):
        """Unmounts as a user would, and looks at how the daemon left."""
        subprocess.run(["fusermount3", "-u", str(self.path)], check=True)
        self.wait_gone()

    def wait_gone(self, status=0):
        try:
            code = self.proc.wait(timeout=20 * SLOW)
        except subprocess.TimeoutExpired:
            threads = self.threads()
            self.proc.kill()
            raise AssertionError(f"concordfs did not leave:\n{threads}\n{self.log()}") from None
        assert code == status, f"concordfs left with {code}:\n{self.log()}"

    def threads(self):
        """Where each of the daemon's threads is, for whoever looks at a hang."""
        told = []
        for task in pathlib.Path(f"/proc/{self.proc.pid}/task").glob("*"):
            for name in ("comm", "wchan", "syscall", "stack"):
                with contextlib.suppress(OSError):  # only root may read some of them
                    told.append(f"{name}: {(task / name).read_text().strip()}")
        if shutil.which("gdb"):
            gdb = ["gdb", "-p", str(self.proc.pid), "-batch", "-ex", "thread apply all bt"]
            told.append(subprocess.run(gdb, capture_output=True, check=False, text=True).stdout)
        return "\n".join(told)

    def check_log(self):
        bad = [line for line in self.log().splitlines() if SUSPICIOUS.search(line)]
        assert not bad, "suspicious lines in the daemon's log:\n" + self.log()[-8000:]

    def check_secret(self):
        """After every test: the token is in no log, no file of ours, and not where ps would show it."""
        secret = self.crm.token.split("|")[1]
        assert secret not in self.log()
        if self.proc and self.proc.poll() is None:
            for name in ("cmdline", "environ"):
                with contextlib.suppress(OSError):  # nobody but root may look
                    assert secret not in pathlib.Path(f"/proc/{self.proc.pid}/{name}").read_text()
        assert subprocess.run(["grep", "-rqF", secret, str(self.state)], check=False,
                              stderr=subprocess.DEVNULL).returncode != 0

    def __truediv__(self, name):
        return self.path / name

    def __fspath__(self):
        return str(self.path)

    __str__ = __fspath__


class Watchdog:
    """Ends what hangs: kills the daemons and detaches their mounts, so that callers come back."""

    def __init__(self, seconds):
        self.mounts = []
        self.barked = False
        self.timer = threading.Timer(seconds, self.bark)
        self.timer.daemon = True
        self.timer.start()

    def bark(self):
        self.barked = True
        faulthandler.dump_traceback(all_threads=True)
        for mount in self.mounts:
            if mount.proc and mount.proc.poll() is None:
                mount.proc.send_signal(signal.SIGABRT)
                mount.proc.kill()
            mount.detach()


@pytest.fixture(autouse=True)
def watchdog(request):
    mark = request.node.get_closest_marker("slow_watchdog")
    dog = Watchdog(mark.args[0] * SLOW if mark else WATCHDOG_S)
    yield dog
    dog.timer.cancel()
    assert not dog.barked, "the watchdog ended this test: something hung"


@pytest.fixture
def start_crm():
    """start_crm(records=…, rate=…): a simulated CRM that ends with the test."""
    running = []

    def start(**flags):
        crm = Crm.start(**{"records": 0, "rate": 0, **flags})
        running.append(crm)
        return crm

    yield start
    for crm in running:
        crm.stop()


@pytest.fixture
def crm(start_crm):
    return start_crm()


@pytest.fixture
def mounts(watchdog, tmp_path):
    """mounts(crm, **options): a mount that is checked and taken down at the end."""
    made = []

    def make(crm, tmp=None, **options):
        mount = Mount(crm, tmp or tmp_path / f"mount{len(made)}", **options)
        made.append(mount)
        watchdog.mounts.append(mount)
        return mount.start()

    yield make
    for mount in made:
        with contextlib.ExitStack() as stack:
            stack.callback(mount.detach)
            mount.check_secret()
            if mount.proc and mount.proc.poll() is None:
                mount.stop()
            mount.check_log()


@pytest.fixture
def mnt(crm, mounts):
    return mounts(crm)


def run(*command, **kwargs):
    """A command as a user types it; its output, its status."""
    kwargs.setdefault("timeout", 50 * SLOW)
    return subprocess.run([str(c) for c in command], capture_output=True, text=True, **kwargs)


def shell(script, **kwargs):
    return run("bash", "-c", script, **kwargs)
