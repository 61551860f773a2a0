# SPDX-License-Identifier: MIT
"""systemd: what the daemon tells it (sd_notify(3)), on a socket of our own."""
import os
import pathlib
import re
import shlex
import signal
import socket
import time

import pytest

from conftest import BINARY, ROOT, SLOW, run


class Supervisor:
    """The end of NOTIFY_SOCKET that systemd holds."""

    def __init__(self, address):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(address)
        self.socket.settimeout(20 * SLOW)

    def next(self):
        return self.socket.recv(4096).decode()

    def has_more(self):
        self.socket.setblocking(False)
        try:
            return bool(self.socket.recv(4096, socket.MSG_PEEK))
        except BlockingIOError:
            return False


@pytest.fixture(params=["a file", "no file"])
def supervisor(request, tmp_path, monkeypatch):
    name = str(tmp_path / "notify") if request.param == "a file" else f"@concordfs-test-{os.getpid()}"
    made = Supervisor(name.replace("@", "\0"))
    monkeypatch.setenv("NOTIFY_SOCKET", name)
    yield made
    made.socket.close()


def test_ready_is_said_when_the_mount_is_there(crm, mounts, supervisor):
    mnt = mounts(crm)
    assert supervisor.next() == "READY=1" and os.path.ismount(mnt.path)
    assert "contacts" in os.listdir(mnt.path) and not supervisor.has_more()


def test_a_mount_that_fails_never_says_ready(crm, mounts, supervisor):
    crm.token = "9|wrong"
    with pytest.raises(AssertionError, match="token"):
        mounts(crm)
    assert not supervisor.has_more()


def test_a_reload_begins_and_ends(crm, mounts, supervisor):
    """The time is that of the reload, in microseconds of CLOCK_MONOTONIC: Type=notify-reload wants it."""
    mnt = mounts(crm)
    assert supervisor.next() == "READY=1"
    before = time.monotonic()
    mnt.proc.send_signal(signal.SIGHUP)
    told = re.fullmatch(r"RELOADING=1\nMONOTONIC_USEC=(\d+)", supervisor.next())
    assert before - 0.001 <= int(told[1]) / 1e6 <= time.monotonic()
    assert supervisor.next() == "READY=1"


@pytest.mark.parametrize("how", ["SIGTERM", "fusermount3"])
def test_stopping_is_said_and_the_exit_is_clean(crm, mounts, supervisor, how):
    mnt = mounts(crm)
    assert supervisor.next() == "READY=1"
    mnt.proc.terminate() if how == "SIGTERM" else run("fusermount3", "-u", mnt.path)
    assert supervisor.next() == "STOPPING=1"
    mnt.wait_gone()
    assert not os.path.ismount(mnt.path)


def test_the_socket_is_not_handed_on_to_children(crm, mounts, supervisor, tmp_path):
    script = tmp_path / "token.sh"
    script.write_text(f'#!/bin/sh\nenv >"{tmp_path}/env"\necho "{crm.token}"\n')
    script.chmod(0o755)
    mounts(crm, token_command=script)
    assert supervisor.next() == "READY=1"
    assert "NOTIFY_SOCKET" not in (tmp_path / "env").read_text()


@pytest.mark.parametrize("name", ["", "/", "relative", "vsock:2:1234", "/" + "x" * 200, "/nowhere/at/all"])
def test_a_socket_that_cannot_be_told_is_no_error(crm, mounts, monkeypatch, name):
    monkeypatch.setenv("NOTIFY_SOCKET", name)
    assert "contacts" in os.listdir(mounts(crm).path)


# The units

UNIT = ROOT / "packaging" / "systemd" / "concordfs@.service"

# What would hide the mount in a namespace of its own, and what implies NoNewPrivileges= in a user's
# manager, which takes its setuid from fusermount3 (systemd.exec(5)).
HARMFUL = re.compile(
    r"^(Private(Tmp|Devices|Network|Users|Mounts|IPC)|Protect\w+|(Read(Write|Only)|Inaccessible|Exec|NoExec)Paths|"
    r"TemporaryFileSystem|Bind\w*Paths|Root\w+|Mount\w+|NoNewPrivileges|SystemCall\w+|Restrict\w+|LockPersonality|"
    r"MemoryDenyWriteExecute|CapabilityBoundingSet|DynamicUser|User|\w+Directory)=", re.MULTILINE)


@pytest.fixture
def verify(tmp_path):
    """verify(*paths, user=False): systemd-analyze on copies whose program is there."""
    def go(*paths, user=False):
        for path in paths:
            text = path.read_text().replace("/usr/bin/concordfs", BINARY)
            (tmp_path / path.name).write_text(text)
        (tmp_path / "run").mkdir(mode=0o700)
        names = [tmp_path / path.name.replace("@.", "@work.") for path in paths]
        return run("systemd-analyze", "verify", "--man=no", *(["--user"] if user else []), *names,
                   env={**os.environ, "XDG_RUNTIME_DIR": str(tmp_path / "run")})
    return go


def test_the_user_unit_is_sound(verify):
    done = verify(UNIT, user=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_the_sample_units_are_sound(verify):
    done = verify(*(ROOT / "packaging" / "examples").glob("srv-crm.*"))
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_the_unit_neither_hides_the_mount_nor_hinders_fusermount3():
    text = UNIT.read_text()
    assert not HARMFUL.search(text), HARMFUL.search(text)
    assert "Type=notify\n" in text and "LimitCORE=0\n" in text and "ExecReload=/bin/kill -HUP $MAINPID\n" in text


def commands(name):
    """As systemd reads them: $$ is a dollar."""
    line, = re.findall(rf"^{name}=-?(.*)$", UNIT.read_text(), re.MULTILINE)
    return [word.replace("$$", "$").replace("%i", "work") for word in shlex.split(line)]


@pytest.mark.parametrize("code,is_left", [("killed", False), ("exited", True)])
def test_a_dead_mount_is_put_away_after_a_crash_only(crm, mounts, tmp_path, code, is_left):
    """After an exit there is none of ours; what is there then is somebody else's."""
    mnt = mounts(crm)
    home = tmp_path / "home"
    (home / "concordfs").mkdir(parents=True)
    (home / "concordfs" / "config").write_text(f"[work]\nurl = {crm.url}\nmountpoint = {mnt.path}\n")
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "concordfs").symlink_to(BINARY)
    if code == "killed":
        mnt.proc.kill()
        mnt.proc.wait()
    env = {**os.environ, "XDG_CONFIG_HOME": str(home), "EXIT_CODE": code,
           "PATH": f"{tmp_path}/bin:{os.environ['PATH']}"}
    done = run(*commands("ExecStopPost"), env=env)
    assert (done.returncode, done.stderr) == (0, "")
    assert (str(mnt.path) in pathlib.Path("/proc/self/mountinfo").read_text()) == is_left
