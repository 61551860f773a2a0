# SPDX-License-Identifier: MIT
"""mount(8): by hand, from fstab, as root and as an ordinary user, over what a killed daemon left.

All in a mount namespace of its own, in which /etc has another fstab and another user, and /usr/sbin what a
package would put there: so nothing of it is seen by anybody else, and nothing is left behind.
"""
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import tempfile

import pytest

from conftest import BINARY, SLOW, run, until

UID = 54321

pytestmark = pytest.mark.skipif(os.geteuid() != 0 or run("unshare", "-m", "true").returncode != 0,
                                reason="only root can make a mount namespace")

LAY_OVER = """
mount -t overlay -o lowerdir="$1/etc":/etc none /etc &&
mount -t overlay -o lowerdir="$1/sbin":/usr/sbin none /usr/sbin &&
mknod -m 666 "$1/fuse" c 10 229 && mount --bind "$1/fuse" /dev/fuse && # as udev makes it
echo ready && exec sleep infinity
"""


class Machine:
    """What runs in the namespace."""

    def __init__(self):
        self.top = pathlib.Path(tempfile.mkdtemp(prefix="concordfs-mount8."))
        self.top.chmod(0o755)  # pytest's own directories are root's alone
        for name in ("etc", "sbin", "bin", "home", "crm"):
            (self.top / name).mkdir()
        self.point, self.token = self.top / "crm", self.top / "home" / "token"
        self.binary = self.top / "bin" / "concordfs"
        shutil.copy(BINARY, self.binary)
        for name in ("mount.concordfs", "concordfs"):
            (self.top / "sbin" / name).symlink_to(self.binary)
        for name, line in (("passwd", f"jo:x:{UID}:{UID}::{self.top}/home:/bin/sh\n"), ("group", f"jo:x:{UID}:\n")):
            (self.top / "etc" / name).write_text(pathlib.Path("/etc", name).read_text() + line)
        self.fstab("")
        self.proc = subprocess.Popen(["unshare", "-m", "sh", "-c", LAY_OVER, "sh", self.top], stdin=subprocess.DEVNULL,
                                     stdout=subprocess.PIPE, text=True)
        if self.proc.stdout.readline() != "ready\n":
            shutil.rmtree(self.top)
            pytest.skip("nothing can be laid over /etc here")

    def fstab(self, *lines):
        (self.top / "etc" / "fstab").write_text("".join(line + "\n" for line in lines))
        return self.top / "etc" / "fstab"

    def give_to_jo(self):
        for path in (self.point, self.top / "home", *(self.top / "home").rglob("*")):
            os.chown(path, UID, UID)

    def run(self, *command, jo=False, **env):
        """As root, or as the ordinary user jo."""
        who = ["setpriv", f"--reuid={UID}", f"--regid={UID}", "--clear-groups"] if jo else []
        clean = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": str(self.top / "home"), **env}
        return run("nsenter", "-t", self.proc.pid, "-m", *who, *command, env=clean, stdin=subprocess.DEVNULL)

    def mounted(self):
        """(type, source, options) of what is on the mountpoint, each."""
        lines = pathlib.Path(f"/proc/{self.proc.pid}/mountinfo").read_text().splitlines()
        return [(*line.split(" - ")[1].split()[:2], line.split(" - ")[0].split()[5])
                for line in lines if line.split()[4] == str(self.point)]

    def lists(self, jo=False):
        return self.run("ls", self.point, jo=jo).stdout.split()

    def daemons(self):
        """Those of this machine's binary."""
        found = []
        for proc in pathlib.Path("/proc").glob("[0-9]*"):
            try:
                if os.readlink(proc / "exe") == str(self.binary):
                    found.append(int(proc.name))
            except OSError:
                continue
        return found

    def kill_daemon(self):
        """As a crash: the mount stays, and answers nothing any more."""
        for pid in self.daemons():
            os.kill(pid, signal.SIGKILL)
        until(lambda: not self.daemons(), what="the daemon's end")

    def sees_it_dead(self, jo):
        """What was asked while the daemon died gets another error."""
        until(lambda: "not connected" in self.run("ls", self.point, jo=jo).stderr, what="a dead mount")

    def end(self):
        while self.mounted():
            assert self.run("umount", "-l", self.point).returncode == 0
        until(lambda: not self.daemons(), what="the daemon's end")
        self.proc.kill()
        self.proc.wait()
        self.proc.stdout.close()
        shutil.rmtree(self.top)


@pytest.fixture
def machine(crm):
    made = Machine()
    made.token.write_text(crm.token)
    made.token.chmod(0o600)
    yield made
    made.end()


def options(machine, *more):
    return ",".join([f"token_file={machine.token}", *more])


def succeeds(done):
    assert (done.returncode, done.stderr) == (0, ""), done


def is_one_sentence(done, status, *words):
    assert done.returncode == status, done
    lines = [line for line in done.stderr.splitlines() if line.startswith("concordfs: ")]
    assert len(lines) == 1, done.stderr
    for word in words:
        assert word in lines[0], lines[0]


# By hand


def test_mount_t_concordfs(crm, machine):
    succeeds(machine.run("mount", "-t", "concordfs", "-o", options(machine), crm.url, machine.point))
    assert "contacts" in machine.lists()
    succeeds(machine.run("umount", machine.point))
    assert machine.mounted() == []


def test_mount_t_fuse_concordfs(crm, machine):
    """mount.fuse3 calls `concordfs` then, and adds dev and suid."""
    succeeds(machine.run("mount", "-t", "fuse.concordfs", "-o", options(machine), crm.url, machine.point))
    assert "contacts" in machine.lists()


def test_mount_t_fuse_concordfs_with_a_helper_of_that_name(crm, machine):
    (machine.top / "sbin" / "mount.fuse.concordfs").symlink_to(machine.binary)
    succeeds(machine.run("mount", "-t", "fuse.concordfs", "-o", options(machine), crm.url, machine.point))
    assert "contacts" in machine.lists()


@pytest.mark.parametrize("kind", ["concordfs", "fuse.concordfs"])
def test_a_token_command_passes_through_mount(crm, machine, kind):
    command = f"token_command=cat '{machine.token}'"
    succeeds(machine.run("mount", "-t", kind, "-o", command, crm.url, machine.point))
    assert "contacts" in machine.lists()


def test_the_helper_takes_its_arguments_in_mounts_order(crm, machine):
    succeeds(machine.run("mount.concordfs", crm.url, machine.point, "-n", "-o", options(machine, "rw")))
    assert "contacts" in machine.lists()


def test_it_is_nosuid_nodev_noexec_by_default(crm, machine):
    for kind in ("concordfs", "fuse.concordfs"):
        succeeds(machine.run("mount", "-t", kind, "-o", options(machine), crm.url, machine.point))
        assert {"nosuid", "nodev", "noexec"} <= set(machine.mounted()[0][2].split(","))
        succeeds(machine.run("umount", machine.point))


def test_the_token_is_in_no_command_line_and_no_environment(crm, machine):
    command = machine.run("mount", "-t", "concordfs", crm.url, machine.point, CONCORDFS_TOKEN=crm.token)
    succeeds(command)
    pid, = machine.daemons()
    for name in ("cmdline", "environ", "mountinfo"):
        assert "demo-token" not in pathlib.Path(f"/proc/{pid}/{name}").read_text()


# fstab


FSTAB_WORDS = "_netdev,nofail,noauto,users,x-systemd.automount,x-gvfs-show,comment=crm,noatime"


def test_an_fstab_line_is_mounted_by_its_directory(crm, machine):
    machine.fstab(f"{crm.url} {machine.point} concordfs {options(machine, FSTAB_WORDS)} 0 0")
    succeeds(machine.run("mount", machine.point))
    assert "contacts" in machine.lists()


def test_an_fstab_line_of_another_file(crm, machine):
    table = machine.top / "table"
    table.write_text(f"{crm.url} {machine.point} concordfs defaults,{options(machine)} 0 0\n")
    succeeds(machine.run("mount", "--fstab", table, machine.point))
    assert "contacts" in machine.lists()


@pytest.mark.parametrize("kind", ["concordfs", "fuse.concordfs"])
def test_mount_a_mounts_it_once(crm, machine, kind):
    table = machine.fstab(f"{crm.url} {machine.point} {kind} defaults,_netdev,{options(machine)} 0 0")
    for _ in range(2):
        succeeds(machine.run("mount", "-a", "-T", table))
    assert len(machine.mounted()) == 1 and "contacts" in machine.lists()


@pytest.mark.parametrize("kind", ["a word", "a file"])
def test_an_account_can_stand_in_fstab_and_mount_a_finds_it_again(crm, machine, kind):
    """Also when mount(8), started in /, takes its name for that of a file."""
    (machine.top / "etc" / "concordfs").mkdir()
    name = {"a word": "crm-at-work", "a file": "home"}[kind]
    (machine.top / "etc" / "concordfs" / "config").write_text(
        f"[{name}]\nurl = {crm.url}\ntoken_file = {machine.token}\n")
    table = machine.fstab(f"{name} {machine.point} concordfs defaults,_netdev 0 0")
    for _ in range(2):
        succeeds(machine.run("mount", "-a", "-T", table))
    (what, source, _), = machine.mounted()
    assert what == "fuse.concordfs" and name in source and "contacts" in machine.lists()


def test_a_token_in_an_fstab_line_is_one_sentence(crm, machine):
    machine.fstab(f"{crm.url} {machine.point} concordfs token={crm.token} 0 0")
    done = machine.run("mount", machine.point)
    is_one_sentence(done, 1, "every user", "token_file")
    assert "demo-token" not in done.stderr and crm.log() == []


# An ordinary user


@pytest.mark.parametrize("kind", ["concordfs", "fuse.concordfs"])
def test_an_ordinary_user_mounts_an_fstab_line_and_unmounts_it(crm, machine, kind):
    machine.give_to_jo()
    machine.fstab(f"{crm.url} {machine.point} {kind} user,noauto,{options(machine)} 0 0")
    succeeds(machine.run("mount", machine.point, jo=True))
    assert "contacts" in machine.lists(jo=True)
    assert machine.lists() == []  # root is somebody else
    pid, = machine.daemons()
    assert f"Uid:\t{UID}\t{UID}\t{UID}" in pathlib.Path(f"/proc/{pid}/status").read_text()
    if SLOW == 1:  # the leak check of a sanitizer looks into the process
        assert os.stat(f"/proc/{pid}/environ").st_uid == 0  # nobody else does, not even the same user
    succeeds(machine.run("umount", machine.point, jo=True))
    assert machine.mounted() == []


def test_an_ordinary_user_mounts_by_the_command_itself(crm, machine):
    machine.give_to_jo()
    for name in ("concordfs", "mount.concordfs"):
        succeeds(machine.run(name, "-o", options(machine), crm.url, machine.point, jo=True))
        assert "contacts" in machine.lists(jo=True)
        succeeds(machine.run("fusermount3", "-u", machine.point, jo=True))


def test_an_ordinary_users_fusermount3_does_not_inherit_the_token(crm, machine):
    machine.give_to_jo()
    succeeds(machine.run("concordfs", "-o", "auto_unmount", crm.url, machine.point, jo=True, CONCORDFS_TOKEN=crm.token))
    helpers = [p for p in pathlib.Path("/proc").glob("[0-9]*")
               if str(machine.point) in reads(p / "cmdline") and "fusermount3" in reads(p / "cmdline")]
    assert helpers
    for proc in helpers:
        assert "demo-token" not in reads(proc / "environ") + reads(proc / "cmdline")


def reads(path):
    try:
        return path.read_text()
    except OSError:
        return ""


def test_an_ordinary_user_cannot_use_somebody_elses_token(crm, machine):
    os.chown(machine.point, UID, UID)
    machine.token.chmod(0o400)
    os.chown(machine.top / "home", UID, UID)
    done = machine.run("mount.concordfs", crm.url, machine.point, "-o", options(machine), jo=True)
    is_one_sentence(done, 1, "Permission denied")


# What lies there already


@pytest.mark.parametrize("jo", [False, True])
def test_a_dead_mount_of_our_own_is_detached_first(crm, machine, jo):
    machine.give_to_jo() if jo else None
    for name in ("concordfs", "mount.concordfs"):
        succeeds(machine.run(name, crm.url, machine.point, "-o", options(machine), jo=jo))
        machine.kill_daemon()
        machine.sees_it_dead(jo)
    succeeds(machine.run("mount.concordfs", crm.url, machine.point, "-o", options(machine), jo=jo))
    assert len(machine.mounted()) == 1 and "contacts" in machine.lists(jo=jo)


def test_a_dead_mount_is_detached_by_mount_too(crm, machine):
    machine.fstab(f"{crm.url} {machine.point} concordfs {options(machine)} 0 0")
    succeeds(machine.run("mount", machine.point))
    machine.kill_daemon()
    succeeds(machine.run("mount", "-t", "concordfs", "-o", options(machine), crm.url, machine.point))
    assert len(machine.mounted()) == 1 and "contacts" in machine.lists()


def test_a_dead_mount_is_found_by_a_relative_name_with_blanks(crm, machine):
    odd = machine.top / "home" / "my crm"
    odd.mkdir()
    machine.point = odd
    for _ in range(2):
        succeeds(machine.run("sh", "-c", f"cd {odd.parent} && concordfs -o {options(machine)} {crm.url} './my crm/'"))
        machine.kill_daemon()
    assert "my\\040crm" in pathlib.Path(f"/proc/{machine.proc.pid}/mountinfo").read_text()
    succeeds(machine.run("umount", "-l", odd))
    assert "my\\040crm" not in pathlib.Path(f"/proc/{machine.proc.pid}/mountinfo").read_text()


def test_anything_else_mounted_there_is_an_error(crm, machine):
    succeeds(machine.run("mount", "-t", "tmpfs", "none", machine.point))
    done = machine.run("mount", "-t", "concordfs", "-o", options(machine), crm.url, machine.point)
    is_one_sentence(done, 32, "mounted")
    assert [kind for kind, *_ in machine.mounted()] == ["tmpfs"] and crm.log() == []


def test_a_living_mount_of_our_own_is_an_error(crm, machine):
    succeeds(machine.run("mount.concordfs", crm.url, machine.point, "-o", options(machine)))
    is_one_sentence(machine.run("mount.concordfs", crm.url, machine.point, "-o", options(machine)), 32, "mounted")
    assert len(machine.mounted()) == 1


# Switches and exit codes


def test_fake_does_all_but_mount(crm, machine):
    done = machine.run("mount", "-f", "-v", "-t", "concordfs", "-o", options(machine), crm.url, machine.point)
    assert done.returncode == 0 and machine.mounted() == [] and crm.log() == []
    succeeds(machine.run("mount.concordfs", crm.url, machine.point, "-f", "-o", options(machine)))
    assert machine.mounted() == [] and crm.log() == []
    is_one_sentence(machine.run("mount.concordfs", crm.url, machine.point, "-f", "-o", "zebra"), 1, "zebra")


def test_sloppy_lets_unknown_options_pass(crm, machine):
    is_one_sentence(machine.run("mount.concordfs", crm.url, machine.point, "-o", options(machine, "zebra")), 1, "zebra")
    succeeds(machine.run("mount.concordfs", crm.url, machine.point, "-s", "-o", options(machine, "zebra")))
    assert "contacts" in machine.lists()


def test_verbose_says_what_is_mounted_where(crm, machine):
    done = machine.run("mount.concordfs", crm.url, machine.point, "-v", "-o", options(machine))
    assert done.returncode == 0 and crm.url in done.stdout and str(machine.point) in done.stdout


def test_exit_codes_are_mounts(crm, machine):
    def helper(*more, url=crm.url, point=machine.point):
        return machine.run("mount.concordfs", url, point, *more)
    is_one_sentence(helper("-o", "ttl=x"), 1)
    is_one_sentence(helper("-o", options(machine), url="http://crm.example.com"), 1)
    is_one_sentence(helper("-o", "token_command=false"), 1, "exit status 1")
    machine.token.chmod(0o644)
    is_one_sentence(helper("-o", options(machine)), 1, "0644")
    machine.token.chmod(0o600)
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        is_one_sentence(helper("-o", options(machine), url=f"http://127.0.0.1:{nobody.getsockname()[1]}"), 32)
    is_one_sentence(helper("-o", options(machine), point=machine.top / "nowhere"), 32, "nowhere")
    machine.token.write_text("9|wrong")
    is_one_sentence(helper("-o", options(machine)), 32, "token")
    assert machine.mounted() == []
