# SPDX-License-Identifier: MIT
"""A full disk below the state directory: write itself says so, nothing else is harmed, and once there is
room again saves go on."""
import contextlib
import errno
import json
import os
import subprocess

import pytest

from conftest import run, until
from test_save import Vim, edited, refuse, writes

PAGE = 4096  # tmpfs gives room by the page
pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="mounting a small tmpfs takes root")


class Disk:
    """A small filesystem of its own; a ballast file takes what is to be taken."""

    def __init__(self, path, options):
        self.path, self.ballast = path, path / "ballast"
        path.mkdir()
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"mode=0700,{options}", "tmpfs", path], check=True)

    def leave(self, pages):
        """Takes all room but so many pages."""
        fd = os.open(self.ballast, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        with contextlib.suppress(OSError):
            while True:
                os.write(fd, b"b" * PAGE)
        os.ftruncate(fd, os.fstat(fd).st_size - pages * PAGE)
        os.close(fd)

    def free(self):
        os.unlink(self.ballast)


@pytest.fixture
def disks(tmp_path):
    made = []

    def make(options="size=256k"):
        made.append(Disk(tmp_path / f"disk{len(made)}", options))
        return made[-1]
    yield make
    for disk in made:
        subprocess.run(["umount", "-l", disk.path], check=True)


@pytest.fixture
def disk(disks):
    return disks()


@pytest.fixture
def folder(crm, mounts, disk):
    crm.fill("contacts", 20)
    folder = mounts(crm, state_dir=disk.path / "state") / "contacts"
    os.listdir(folder)
    return folder


@pytest.fixture
def card(crm, folder):
    record = crm.ids("contacts")[4]
    return folder / f"{record}.json", record


def code(call, *arguments):
    """The errno of what has to fail."""
    with pytest.raises(OSError) as e:
        call(*arguments)
    return e.value.errno


def write_until_full(fd, text):
    """A write that found room for a part says so; the rest is refused. Gives what was accepted."""
    done = 0
    with pytest.raises(OSError) as e:
        while done < len(text):
            done += os.write(fd, text[done:])
    assert e.value.errno == errno.ENOSPC
    return text[:done]


def test_a_full_disk_is_told_by_write_and_the_record_stays(crm, disk, card):
    path, _ = card
    before = path.read_bytes()
    text = edited(path, job_title="Ours")
    disk.leave(0)
    with crm.expect(requests=0):
        fd = os.open(path, os.O_WRONLY | os.O_TRUNC)
        assert code(os.write, fd, text) == errno.ENOSPC
        os.close(fd)
        assert path.read_bytes() == before


@pytest.mark.parametrize("pages", [1, 2, 3])
def test_what_write_refused_for_want_of_room_is_not_saved_by_close(crm, disk, card, pages):
    """Room for the text and not for what has to stand beside it: nobody may think half of it saved."""
    path, record = card
    before = path.read_bytes()
    text = edited(path, job_title="Ours")
    disk.leave(pages)
    mark = crm.mark()
    fd = os.open(path, os.O_WRONLY | os.O_TRUNC)
    try:
        os.write(fd, text)
    except OSError as e:
        assert e.errno == errno.ENOSPC
        os.close(fd)
        assert writes(crm, mark) == [] and path.read_bytes() == before
    else:
        os.close(fd)
        assert [r.body for r in writes(crm, mark)] == [{"job_title": "Ours"}]


def test_a_full_disk_harms_nothing_else_and_with_room_all_goes_on(crm, disk, folder, card):
    path, record = card
    other = folder / f"{crm.ids('contacts')[7]}.json"
    refuse(crm, record)
    text = edited(path, email="nope")
    assert code(path.write_bytes, text) == errno.EINVAL
    (folder / "notes.txt").write_bytes(b"notes\n")
    disk.leave(0)
    assert code(other.write_bytes, edited(other, job_title="Ours")) == errno.ENOSPC
    assert code((folder / "more.txt").write_bytes, b"more") == errno.ENOSPC
    assert path.read_bytes() == text and (folder / "notes.txt").read_bytes() == b"notes\n"
    assert {f"{i}.json" for i in crm.ids("contacts")} <= set(os.listdir(folder))
    assert all((folder / f"{i}.json").read_bytes() for i in crm.ids("contacts"))
    disk.free()
    with crm.expect(("PUT", f"/contacts/{other.stem}", {"job_title": "Ours"})):
        other.write_bytes(edited(other, job_title="Ours"))
    with crm.expect(("PUT", f"/contacts/{record}", {"email": "yes@example.org"})):
        path.write_bytes(edited(path, email="yes@example.org"))


def test_a_write_that_found_no_room_leaves_no_beginning_of_itself(disk, folder):
    path = folder / "notes.txt"
    with open(path, "ab", buffering=0) as f:
        f.write(b"first\n")
        text = b"first\n"
        disk.leave(2)
        for n in (60_000, 5 * PAGE, 30_000):
            text += write_until_full(f.fileno(), bytes([65 + n % 26]) * n)
            assert path.read_bytes() == text and os.stat(path).st_size == len(text)
        disk.free()
        f.write(b"second\n")
    assert path.read_bytes() == text + b"second\n"


def test_a_refused_text_keeps_its_bytes_when_there_is_no_room_for_more(crm, disk, card):
    path, record = card
    refuse(crm, record)
    text = edited(path, email="nope")
    assert code(path.write_bytes, text) == errno.EINVAL
    disk.leave(0)
    fd = os.open(path, os.O_WRONLY | os.O_APPEND)
    text += write_until_full(fd, b" " * 30_000)
    with contextlib.suppress(OSError):
        os.close(fd)
    assert path.read_bytes() == text


def test_vim_told_of_a_full_disk_leaves_the_record_as_it_was(crm, disk, card):
    path, _ = card
    before = path.read_bytes()
    text = edited(path, job_title="Ours")
    disk.leave(0)
    with crm.expect(requests=0):
        vim = Vim(path)
        assert vim.save(text) == errno.ENOSPC
        with contextlib.suppress(FileNotFoundError):  # what never took a byte is gone; vim does not ask
            os.unlink(path)
        os.rename(vim.backup, path)
        assert path.read_bytes() == before
    disk.free()
    with crm.expect(requests=1):
        assert Vim(path).save(text) == 0


def test_a_temporary_file_that_finds_no_room_leaves_the_record_as_it_was(crm, disk, folder, card):
    path, _ = card
    before = path.read_bytes()
    disk.leave(0)
    with crm.expect(requests=0):
        done = run("sed", "-i", 's/"job_title": .*/"job_title": "Ours",/', path)
        assert done.returncode != 0 and "No space left" in done.stderr, done
        assert path.read_bytes() == before
    assert [n for n in os.listdir(folder) if not n.endswith(".json")] == []


def test_a_text_that_found_room_is_renamed_onto_the_record_on_a_full_disk(crm, disk, folder, card):
    path, record = card
    (folder / ".tmp").write_bytes(edited(path, job_title="Ours"))
    disk.leave(0)
    with crm.expect(("PUT", f"/contacts/{record}", {"job_title": "Ours"})):
        os.rename(folder / ".tmp", path)
    assert json.loads(path.read_bytes())["job_title"] == "Ours"


def test_a_refusal_on_a_full_disk_is_told_as_one_and_the_text_kept(crm, disk, card):
    """Room for text and note as they are written, none for the note that has to say "refused"."""
    path, record = card
    text = edited(path, email="nope")
    fault = crm.fault(method="PUT", action="hold", status=422, body={"message": "no"})
    code_of = "import pathlib, sys; pathlib.Path(sys.argv[1]).write_bytes(sys.stdin.buffer.read())"
    writer = subprocess.Popen(["python3", "-c", code_of, path], stdin=subprocess.PIPE, stderr=subprocess.PIPE)
    writer.stdin.write(text)
    writer.stdin.close()
    crm.wait_held(fault)
    disk.leave(0)
    crm.release(fault)
    words = writer.stderr.read().decode()
    writer.stderr.close()
    assert writer.wait() != 0 and "Invalid argument" in words
    assert path.read_bytes() == text


@pytest.fixture
def crowded(crm, mounts, disks):
    """No inode is left."""
    disk = disks("size=1m,nr_inodes=40")
    crm.fill("contacts", 5)
    folder = mounts(crm, state_dir=disk.path / "state") / "contacts"
    os.listdir(folder)
    with pytest.raises(OSError):
        for n in range(60):
            (disk.path / f"i{n}").touch()
    return disk, folder


def test_without_room_for_a_new_file_open_says_so(crm, crowded):
    disk, folder = crowded
    path = folder / f"{crm.ids('contacts')[0]}.json"
    before = path.read_bytes()
    with crm.expect(requests=0):
        assert code(os.open, folder / "new.json", os.O_WRONLY | os.O_CREAT) == errno.ENOSPC
        assert code(os.open, path, os.O_WRONLY | os.O_TRUNC) == errno.ENOSPC
        assert code(os.symlink, "user@host", folder / ".#1.json") == errno.ENOSPC
        assert not os.path.lexists(folder / "new.json") and not os.path.lexists(folder / ".#1.json")
        assert path.read_bytes() == before
    for inode in disk.path.glob("i*"):
        inode.unlink()
    with crm.expect(requests=1):
        path.write_bytes(edited(path, job_title="Ours"))


def test_without_room_for_the_note_write_says_so_and_close_saves_nothing(crm, crowded):
    disk, folder = crowded
    path = folder / f"{crm.ids('contacts')[0]}.json"
    before = path.read_bytes()
    text = edited(path, job_title="Ours")
    (disk.path / "i0").unlink()  # for the text; its note finds none
    with crm.expect(requests=0):
        fd = os.open(path, os.O_WRONLY | os.O_TRUNC)
        assert code(os.write, fd, text) == errno.ENOSPC
        os.close(fd)
        assert path.read_bytes() == before
    assert not list(disk.path.glob("state/*/spool.*/*.tmp"))


def test_a_state_directory_that_cannot_be_written_is_refused_in_a_sentence(crm, mounts, disk):
    (disk.path / "state").mkdir(mode=0o700)
    subprocess.run(["mount", "-o", "remount,ro", disk.path], check=True)
    with pytest.raises(AssertionError, match="state directory"):
        mounts(crm, state_dir=disk.path / "state")


def test_a_create_that_found_no_room_before_it_left_is_not_looked_for(crm, disk, folder):
    path, text = folder / "new.json", b'{"first_name": "Twin"}'
    fd = os.open(path, os.O_WRONLY | os.O_CREAT)
    os.write(fd, text)
    disk.leave(0)
    with crm.expect(requests=0):
        assert code(os.fsync, fd) == errno.ENOSPC
    disk.free()
    crm.insert("contacts", first_name="Twin")  # somebody else's
    with crm.expect(("POST", "/contacts", {"first_name": "Twin"})):
        os.write(fd, b"\n")
        os.close(fd)
    assert crm.count("contacts") == 22


def test_a_symlink_that_found_no_room_is_not_there(disk, folder):
    disk.leave(0)
    assert code(os.symlink, "user@host", folder / ".#1.json") == errno.ENOSPC
    assert ".#1.json" not in os.listdir(folder) and not os.path.lexists(folder / ".#1.json")
    disk.free()
    os.symlink("user@host", folder / ".#1.json")
    assert os.readlink(folder / ".#1.json") == "user@host"
