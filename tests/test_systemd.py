# SPDX-License-Identifier: MIT
"""systemd: what the daemon tells it (sd_notify(3)), on a socket of our own; the units, by its own checks and in
a user's manager."""
import os
import pathlib
import re
import shlex
import shutil
import signal
import socket
import subprocess
import tempfile
import time

import pytest

from conftest import BINARY, ROOT, SLOW, run, until


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
    assert "Type=notify\n" in text and "LimitCORE=0\n" in text and "kill -HUP $MAINPID" in text


def commands(name):
    """As systemd reads them: $$ is a dollar."""
    line, = re.findall(rf"^{name}=-?(.*)$", UNIT.read_text(), re.MULTILINE)
    line = line.replace("/usr/bin/concordfs", BINARY)
    return [word.replace("$$", "$").replace("%i", "work") for word in shlex.split(line)]


@pytest.mark.parametrize("code,is_left", [("killed", False), ("exited", True)])
def test_a_dead_mount_is_put_away_after_a_crash_only(crm, mounts, tmp_path, code, is_left):
    """After an exit there is none of ours; what is there then is somebody else's."""
    mnt = mounts(crm)
    home = tmp_path / "home"
    (home / "concordfs").mkdir(parents=True)
    (home / "concordfs" / "config").write_text(f"[work]\nurl = {crm.url}\nmountpoint = {mnt.path}\n")
    if code == "killed":
        mnt.proc.kill()
        mnt.proc.wait()
    env = {**os.environ, "XDG_CONFIG_HOME": str(home), "EXIT_CODE": code}
    done = run(*commands("ExecStopPost"), env=env)
    assert (done.returncode, done.stderr) == (0, "")
    assert (str(mnt.path) in pathlib.Path("/proc/self/mountinfo").read_text()) == is_left


# The unit, run by a user's manager of our own: without a booted systemd, in a mount namespace in which
# it looks as if there was one, and in control groups below our own.

UID = 65534  # nobody, in every /etc/passwd

NAMESPACE = """
top=$1 && shift &&
mount -t tmpfs none /run && mkdir -p /run/systemd/system &&
mknod -m 666 $top/fuse c 10 229 && mount --bind $top/fuse /dev/fuse &&
for group in "$@"; do mkdir -p $group && chown -R %d:%d $group && echo $$ >$group/cgroup.procs || exit; done &&
exec setpriv --reuid=%d --regid=%d --clear-groups /usr/lib/systemd/systemd --user --log-target=console
""" % (UID, UID, UID, UID)


def own_groups():
    """The directories of our control groups in which a user's manager works."""
    ours = dict(line.split(":", 2)[1:] for line in pathlib.Path("/proc/self/cgroup").read_text().splitlines())
    for line in pathlib.Path("/proc/self/mounts").read_text().splitlines():
        _, where, kind, options, *_ = line.split()
        if kind == "cgroup2" and "" in ours:
            yield pathlib.Path(where + ours[""])
        elif kind == "cgroup" and "name=systemd" in options.split(","):
            yield pathlib.Path(where + ours["name=systemd"])


class Manager:
    """systemd --user of somebody who has the account [work]."""

    def __init__(self, crm):
        self.top = pathlib.Path(tempfile.mkdtemp(prefix="concordfs-systemd."))
        self.top.chmod(0o755)
        self.home, self.point = self.top / "home", self.top / "home" / "crm"
        self.units = self.home / ".config" / "systemd" / "user"
        for path in (self.point, self.home / ".config" / "concordfs", self.units, self.top / "run"):
            path.mkdir(parents=True)
        (self.top / "run").chmod(0o700)
        self.binary = self.top / "concordfs"
        shutil.copy(BINARY, self.binary)
        self.binary.chmod(0o755)
        (self.units / UNIT.name).write_text(UNIT.read_text().replace("/usr/bin/concordfs", str(self.binary)))
        (self.units / "default.target").write_text("[Unit]\nDescription=Nothing else\n")
        self.config = self.home / ".config" / "concordfs" / "config"
        self.config.write_text(f"[work]\nurl = {crm.url}\nmountpoint = ~/crm\ntoken_file = ~/.concord-token\n")
        (self.home / ".concord-token").write_text(crm.token)
        (self.home / ".concord-token").chmod(0o600)
        self.groups, self.proc = [group / self.top.name for group in own_groups()], None

    def start(self):
        for path in (self.home, self.top / "run", *self.home.rglob("*")):
            os.chown(path, UID, UID)
        env = {"HOME": str(self.home), "XDG_RUNTIME_DIR": str(self.top / "run"), "PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}
        with open(self.top / "log", "wb") as log:
            self.proc = subprocess.Popen(["unshare", "-m", "sh", "-c", NAMESPACE, "sh", self.top, *self.groups], env=env,
                                         stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        until(lambda: self.proc.poll() is not None or (self.top / "run/systemd/private").exists(), what="the manager")
        if self.proc.poll() is not None:
            pytest.skip("no user's manager can be run here: " + (self.top / "log").read_text()[-200:])

    def inside(self, *command):
        return ["nsenter", "-t", str(self.proc.pid), "-m", "setpriv", f"--reuid={UID}", f"--regid={UID}", "--clear-groups",
                *command]

    def run(self, *command):
        env = {"XDG_RUNTIME_DIR": str(self.top / "run"), "PATH": "/usr/bin:/bin", "HOME": str(self.home)}
        return run(*self.inside(*command), env=env, stdin=subprocess.DEVNULL)

    def does(self, verb):
        done = self.run("systemctl", "--user", "--no-pager", verb, "concordfs@work")
        assert done.returncode == 0, done.stderr + (self.top / "log").read_text()[-2000:]

    def shown(self, name):
        return self.run("systemctl", "--user", "show", "--value", "-p", name, "concordfs@work").stdout.strip()

    def is_mounted(self):
        return f" {self.point} " in pathlib.Path(f"/proc/{self.proc.pid}/mountinfo").read_text()

    def end(self):
        if self.proc and self.proc.poll() is None:
            self.run("systemctl", "--user", "stop", "concordfs@work")
            self.run("systemctl", "--user", "exit")
            try:
                self.proc.wait(timeout=20)
            except subprocess.TimeoutExpired:
                self.proc.kill()
                self.proc.wait()
        for group in self.groups:
            for path in sorted(group.rglob("*/"), reverse=True) + [group]:
                if path.is_dir():
                    path.rmdir()
        shutil.rmtree(self.top)


@pytest.fixture
def manager(crm):
    if os.geteuid() != 0 or run("unshare", "-m", "true").returncode or not os.path.exists("/usr/lib/systemd/systemd"):
        pytest.skip("only root can make a namespace for a user's manager")
    if SLOW > 1:
        pytest.skip("a sanitizer's reports would be lost")
    made = Manager(crm)
    yield made
    made.end()


def test_the_unit_starts_reloads_and_stops(crm, manager):
    """As an ordinary user, by the setuid fusermount3; it stops while somebody has a file open."""
    crm.fill("contacts", 1)
    manager.start()
    manager.does("start")
    assert manager.run("ls", manager.point / "contacts").stdout.split() == ["1.json"]
    manager.does("reload")
    assert (manager.shown("ActiveState"), manager.shown("SubState")) == ("active", "running")
    script = f"exec 3<{manager.point}/contacts/1.json && echo open && read x"
    reader = subprocess.Popen(manager.inside("sh", "-c", script), stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert reader.stdout.readline() == b"open\n"
    manager.does("stop")
    assert (manager.shown("Result"), manager.shown("ActiveState")) == ("success", "inactive")
    assert not manager.is_mounted()
    reader.communicate(b"\n")


def test_the_token_comes_as_a_credential(crm, manager):
    sample = (ROOT / "packaging" / "examples" / "concordfs@work-token.conf").read_text()
    manager.config.write_text("".join(line for line in manager.config.read_text().splitlines(True) if "token" not in line))
    (manager.units / "concordfs@work.service.d").mkdir()
    (manager.units / "concordfs@work.service.d" / "token.conf").write_text(sample)
    manager.start()
    manager.does("start")
    assert "contacts" in manager.run("ls", manager.point).stdout.split()


def test_after_a_crash_it_is_mounted_again(crm, manager):
    (manager.units / "concordfs@.service.d").mkdir()
    (manager.units / "concordfs@.service.d" / "soon.conf").write_text("[Service]\nRestartSec=1s\n")
    manager.start()
    manager.does("start")
    os.kill(int(manager.shown("MainPID")), signal.SIGKILL)
    until(lambda: not manager.is_mounted(), what="the dead mount's end")
    until(lambda: manager.shown("NRestarts") == "1" and manager.shown("SubState") == "running", 30, "the restart")
    assert "contacts" in manager.run("ls", manager.point).stdout.split()


def test_a_wrong_configuration_is_not_tried_again(crm, manager):
    manager.config.write_text("[work]\nurl = nonsense\n")
    manager.start()
    assert manager.run("systemctl", "--user", "start", "concordfs@work").returncode != 0
    assert (manager.shown("ActiveState"), manager.shown("NRestarts")) == ("failed", "0")
