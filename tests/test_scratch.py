# SPDX-License-Identifier: MIT
"""Names that are no records (design 1.4, F7) are POSIX files: the same calls here and on tmpfs say the same."""
import ctypes
import errno
import json
import mmap
import os
import pathlib
import random
import shutil
import stat
import subprocess
import sys
import tempfile
import time

import pytest

from conftest import SLOW, run, shell, until

LIBC = ctypes.CDLL(None, use_errno=True)
NOREPLACE, EXCHANGE, WHITEOUT = 1, 2, 4
LEAD = b'{"first_name": "Nova", "last_name": "Lead"}\n'
REFUSED = b'{"last_name": "Only"}\n'  # the server wants a first name


def renameat2(a, b, flags):
    if LIBC.renameat2(-100, os.fsencode(a), -100, os.fsencode(b), flags) < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def outcome(call, *arguments):
    """What a call returned, or the name of its error."""
    try:
        return call(*arguments)
    except OSError as e:
        return errno.errorcode[e.errno]


@pytest.fixture
def plain():
    """A directory on tmpfs, where what POSIX wants can be asked."""
    path = tempfile.mkdtemp(dir="/dev/shm")
    yield pathlib.Path(path)
    shutil.rmtree(path)


@pytest.fixture
def contacts(crm, mnt):
    crm.fill("contacts", 20)
    os.listdir(mnt / "contacts")
    return mnt / "contacts"


def facts(path):
    st = os.lstat(path)
    return stat.S_IFMT(st.st_mode), stat.S_IMODE(st.st_mode), st.st_size, st.st_nlink


def scratch_names(folder):
    """What is neither a record nor the words about a refused text."""
    return sorted(n for n in os.listdir(folder) if not n.endswith(".json.error") and
                  (not n.removesuffix(".json").isdigit() or n.isdigit()))


def whole(folder):
    """Every scratch name: its facts and its bytes, or where it points."""
    return {n: (facts(folder / n), os.readlink(folder / n) if os.path.islink(folder / n)
                else (folder / n).read_bytes()) for n in scratch_names(folder)}


# One file


def exclusive(d, name):
    first = os.open(d / name, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o640)
    os.close(first)
    yield outcome(os.open, d / name, os.O_CREAT | os.O_EXCL | os.O_RDWR)
    yield outcome(os.open, d / name, os.O_CREAT | os.O_DIRECTORY)
    yield outcome(os.symlink, "x", d / name)
    yield outcome(os.mkdir, d / name)
    yield outcome(os.listdir, d / name)
    yield outcome(os.stat, d / name / "below")


def empty_files(d, name):
    os.close(os.open(d / name, os.O_CREAT | os.O_RDONLY, 0o600))
    yield facts(d / name), (d / name).read_bytes(), os.stat(d / name).st_blocks
    with open(d / name, "rb") as f:
        yield f.read(), os.pread(f.fileno(), 10, 10)
        yield outcome(os.write, f.fileno(), b"x")


def truncation(d, name):
    (d / name).write_bytes(b"0123456789")
    fd = os.open(d / name, os.O_RDWR)
    for size in (4, 0, 7, 7, 70_000, 3):
        os.ftruncate(fd, size)
        yield os.fstat(fd).st_size, (d / name).read_bytes()
        os.pwrite(fd, b"ab", 1)
    for size in (1, 9_000, 0):
        os.truncate(d / name, size)
        yield os.stat(d / name).st_size, os.pread(fd, 10_000, 0)
    os.write(fd, b"again")
    with open(d / name, "wb") as f:
        yield os.fstat(fd).st_size, os.pread(fd, 10, 0)
        f.write(b"new")
    yield os.pread(fd, 10, 0)
    yield outcome(os.ftruncate, fd, -1)
    os.close(fd)
    fd = os.open(d / name, os.O_RDONLY)
    yield outcome(os.ftruncate, fd, 1)
    os.close(fd)


def appenders(d, name):
    a = os.open(d / name, os.O_CREAT | os.O_WRONLY | os.O_APPEND)
    b = os.open(d / name, os.O_WRONLY | os.O_APPEND)
    for i in range(50):
        os.write((a, b)[i % 2], b"%d;" % i * (i % 7 + 1))
    yield os.pwrite(a, b"at the end", 0)
    yield (d / name).read_bytes()
    os.truncate(d / name, 5)
    os.write(b, b"!")
    yield (d / name).read_bytes()
    os.close(a)
    os.close(b)


def holes(d, name):
    fd = os.open(d / name, os.O_CREAT | os.O_RDWR)
    yield os.pwrite(fd, b"end", 300_000), os.fstat(fd).st_size
    yield os.pread(fd, 10, 150_000), os.pread(fd, 10, 299_998), os.pread(fd, 10, 300_003)
    os.pwrite(fd, b"middle", 4_094)
    yield os.pread(fd, 10, 4_092), (d / name).read_bytes()
    yield os.lseek(fd, 0, os.SEEK_END), outcome(os.lseek, fd, 400_000, os.SEEK_DATA)
    yield os.posix_fallocate(fd, 0, 400_000), os.fstat(fd).st_size
    os.close(fd)


def two_descriptors(d, name):
    w = os.open(d / name, os.O_CREAT | os.O_RDWR | os.O_TRUNC)
    r = os.open(d / name, os.O_RDONLY)
    for text in (b"one", b"two two", b"3"):
        os.pwrite(w, text, 0)
        yield os.pread(r, 100, 0), (d / name).read_bytes(), os.fstat(r).st_size
    os.close(w)
    with open(d / name, "ab") as f:
        f.write(b"more")
    yield os.pread(r, 100, 0)
    os.close(r)


def shared_maps(d, name):
    (d / name).write_bytes(b"a" * 10_000)
    fd = os.open(d / name, os.O_RDWR)
    with mmap.mmap(fd, 10_000) as one, mmap.mmap(fd, 10_000, prot=mmap.PROT_READ) as two:
        one[0:3] = b"xyz"
        one[9_997:] = b"end"
        yield two[:5], two[-5:]
        one.flush()
        yield os.pread(fd, 5, 0), (d / name).read_bytes()
        os.pwrite(fd, b"written", 4_094)
        yield one[4_090:4_105]
        os.close(fd)
        one[5:8] = b"ZZZ"
    yield (d / name).read_bytes()


def appending_maps(d, name):
    (d / name).write_bytes(b"a" * 5_000)
    fd = os.open(d / name, os.O_RDWR | os.O_APPEND)
    with mmap.mmap(fd, 5_000) as m:
        m[0:3] = b"xyz"
        m.flush()
        os.write(fd, b"tail")
        m[3:6] = b"uvw"
    os.close(fd)
    yield (d / name).read_bytes()


def private_maps(d, name):
    (d / name).write_bytes(b"a" * 5_000)
    with open(d / name, "r+b") as f, mmap.mmap(f.fileno(), 5_000, flags=mmap.MAP_PRIVATE,
                                               prot=mmap.PROT_READ | mmap.PROT_WRITE) as m:
        m[0:3] = b"xyz"
        yield m[:5], (d / name).read_bytes()


def unlinked_while_open(d, name):
    fd = os.open(d / name, os.O_CREAT | os.O_RDWR)
    os.write(fd, b"hello world")
    os.unlink(d / name)
    yield outcome(os.stat, d / name), os.listdir(d).count(name), outcome(os.unlink, d / name)
    os.pwrite(fd, b"HELLO", 0)
    os.ftruncate(fd, 8)
    os.fchmod(fd, 0o400)
    os.fsync(fd)
    yield os.pread(fd, 100, 0), os.fstat(fd).st_size, os.fstat(fd).st_nlink, os.fstat(fd).st_mode
    (d / name).write_bytes(b"another")
    yield os.pread(fd, 100, 0), (d / name).read_bytes()
    again = os.open(f"/proc/self/fd/{fd}", os.O_RDONLY)
    yield os.read(again, 100)
    os.close(again)
    os.close(fd)
    yield (d / name).read_bytes()


def modes(d, name):
    os.close(os.open(d / name, os.O_CREAT | os.O_RDWR, 0o640))
    for mode in (0o600, 0o000, 0o444, 0o755, 0o4711):
        os.chmod(d / name, mode)
        yield facts(d / name)
    with open(d / name, "r+b") as f:
        os.fchmod(f.fileno(), 0o606)
        yield os.fstat(f.fileno()).st_mode
        f.write(b"x")
    yield facts(d / name)
    with open(d / name, "wb") as f:
        f.write(b"y")
    yield facts(d / name)


def times(d, name):
    (d / name).write_bytes(b"x")
    yield abs(os.stat(d / name).st_mtime - time.time()) < 5
    os.utime(d / name, ns=(1_000_000_007, 2_000_000_009))
    yield os.stat(d / name).st_mtime_ns, (d / name).read_bytes(), os.stat(d / name).st_mtime_ns
    with open(d / name, "r+b") as f:
        os.utime(f.fileno(), (3, 4))
        yield os.fstat(f.fileno()).st_mtime
        f.write(b"y")
    yield abs(os.stat(d / name).st_mtime - time.time()) < 5
    os.utime(d / name, (3, 4))
    os.chmod(d / name, 0o600)
    yield os.stat(d / name).st_mtime
    os.rename(d / name, d / "other")
    yield os.stat(d / "other").st_mtime
    os.truncate(d / "other", 0)
    yield abs(os.stat(d / "other").st_mtime - time.time()) < 5
    os.rename(d / "other", d / name)


def links(d, name):
    os.symlink("some/where", d / name)
    yield os.readlink(d / name), facts(d / name), outcome(os.stat, d / name)
    yield outcome(os.symlink, "x", d / name), outcome(os.open, d / name, os.O_RDONLY | os.O_NOFOLLOW)
    yield outcome(os.readlink, d / "none"), outcome(os.unlink, d / "none")
    (d / "file").write_bytes(b"x")
    yield outcome(os.readlink, d / "file")
    os.unlink(d / name)
    os.symlink("file", d / name)
    yield (d / name).read_bytes(), outcome(os.open, d / name, os.O_CREAT | os.O_EXCL | os.O_WRONLY)
    (d / name).write_bytes(b"through it")
    os.rename(d / name, d / "moved")
    yield (d / "file").read_bytes(), os.readlink(d / "moved")


def sizes_and_blocks(d, name):
    for size in (0, 1, 511, 4_096, 100_000):
        (d / name).write_bytes(b"x" * size)
        st = os.stat(d / name)
        yield st.st_size, st.st_blocks * 512 >= size, st.st_blocks == 0, st.st_nlink
        yield [e.stat().st_size for e in os.scandir(d) if e.name == name]


ONE_FILE = [exclusive, empty_files, truncation, appenders, holes, two_descriptors, shared_maps, appending_maps,
            private_maps, unlinked_while_open, modes, times, links, sizes_and_blocks]


@pytest.mark.parametrize("name", [".41.json.swp", "4913", "notes.txt", "x.json~"])
@pytest.mark.parametrize("calls", ONE_FILE, ids=lambda f: f.__name__)
def test_a_scratch_file_answers_as_tmpfs_does(crm, contacts, plain, calls, name):
    with crm.expect(requests=0):
        assert list(calls(contacts, name)) == list(calls(plain, name))
        assert whole(contacts) == whole(plain)


def test_what_a_scratch_file_cannot_have(crm, contacts):
    (contacts / "tmp").write_bytes(b"x")
    assert outcome(os.link, contacts / "tmp", contacts / "two") == "EPERM"
    assert outcome(os.link, contacts / "1.json", contacts / "two") == "EPERM"
    assert outcome(os.mkdir, contacts / "folder") == "EPERM"
    assert outcome(os.mkfifo, contacts / "fifo") == "EPERM"
    assert scratch_names(contacts) == ["tmp"]


@pytest.mark.parametrize("name", [b"\xff\xfe", b"a\nb %25", "ä ö".encode(), b"-", b"~", b"x" * 255, b"x" * 256,
                                  b"x" * 1_100, b"\\", b"1", b".json", b"1.json.json~", b"01.JSON"])
def test_any_name_will_do_that_does_on_tmpfs(crm, mnt, contacts, plain, name):
    def calls(d):
        path = os.path.join(os.fsencode(d), name)
        (d / "a").write_bytes(b"text")
        yield outcome(os.rename, d / "a", path), outcome(os.rename, path, path)
        yield outcome(os.symlink, "x", path), outcome(os.open, path, os.O_CREAT | os.O_EXCL), whole(d)

    with crm.expect(requests=0):
        assert list(calls(contacts)) == list(calls(plain))
    mnt.kill()
    mnt.start()
    assert whole(contacts) == whole(plain)


def test_two_processes_that_append_lose_nothing(crm, contacts):
    script = "import os, sys; f = os.open(sys.argv[1], os.O_WRONLY | os.O_CREAT | os.O_APPEND)\n" \
             "for i in range(500): os.write(f, sys.argv[2].encode() * (i % 90) + b'\\n')"
    procs = [subprocess.Popen([sys.executable, "-c", script, contacts / "log.txt", c]) for c in "abc"]
    assert [p.wait(timeout=50 * SLOW) for p in procs] == [0] * 3
    lines = (contacts / "log.txt").read_text().splitlines()
    assert sorted(lines) == sorted(c * (i % 90) for c in "abc" for i in range(500))


# Renames


def fill(d, name, kind):
    if kind == "file":
        (d / name).write_bytes(b"text of " + name.encode())
        os.chmod(d / name, 0o640)
    elif kind == "empty":
        os.close(os.open(d / name, os.O_CREAT | os.O_WRONLY, 0o600))
    elif kind == "link":
        os.symlink("where " + name, d / name)


@pytest.mark.parametrize("flags", [0, NOREPLACE, EXCHANGE, EXCHANGE | NOREPLACE])
@pytest.mark.parametrize("target", ["file", "empty", "link", "none"])
@pytest.mark.parametrize("source", ["file", "empty", "link", "none"])
def test_a_rename_of_scratch_files_answers_as_on_tmpfs(crm, contacts, plain, source, target, flags):
    def calls(d):
        fill(d, "a", source)
        fill(d, "b.tmp", target)
        yield outcome(renameat2, d / "a", d / "b.tmp", flags)
        yield whole(d)
        yield outcome(renameat2, d / "b.tmp", d / "b.tmp", flags)
        yield outcome(renameat2, d / "b.tmp", d / ".c.swp", flags)
        yield whole(d)

    with crm.expect(requests=0):
        assert list(calls(contacts)) == list(calls(plain))


def test_open_files_follow_their_rename(crm, contacts, plain):
    def calls(d):
        (d / "a").write_bytes(b"text of a")
        (d / "b").write_bytes(b"text of b")
        a, b = os.open(d / "a", os.O_RDWR), os.open(d / "b", os.O_RDWR)
        os.rename(d / "a", d / "b")
        yield os.pread(a, 99, 0), os.pread(b, 99, 0), os.fstat(b).st_nlink, (d / "b").read_bytes()
        os.pwrite(a, b"TEXT", 0)
        os.pwrite(b, b"GONE", 0)
        yield os.pread(a, 99, 0), os.pread(b, 99, 0), (d / "b").read_bytes()
        fill(d, "c", "file")
        renameat2(d / "b", d / "c", EXCHANGE)
        os.pwrite(a, b"again", 0)
        yield os.pread(a, 99, 0), (d / "b").read_bytes(), (d / "c").read_bytes()
        os.close(a)
        os.close(b)
        yield whole(d)

    with crm.expect(requests=0):
        assert list(calls(contacts)) == list(calls(plain))


def test_a_whiteout_is_refused(crm, contacts):
    (contacts / "a").write_bytes(b"x")
    with crm.expect(requests=0):
        assert outcome(renameat2, contacts / "a", contacts / "b", WHITEOUT) == "EINVAL"
        assert outcome(renameat2, contacts / "1.json", contacts / "b", WHITEOUT) == "EINVAL"
        assert outcome(renameat2, contacts / "a", contacts / "1.json", WHITEOUT) == "EINVAL"


@pytest.mark.parametrize("source, target", [
    ("tmp", "1.json"), ("1.json", "tmp"), ("1.json", "2.json"), ("new.json", "1.json"), ("1.json", "new.json"),
    ("tmp", "new.json"), ("new.json", "tmp"), ("made.json", "tmp"), ("tmp", "made.json")])
def test_no_rename_replaces_what_it_was_told_not_to(crm, contacts, source, target):
    (contacts / "made.json").write_bytes(LEAD)
    (contacts / "tmp").write_bytes(LEAD)
    outcome((contacts / "new.json").write_bytes, REFUSED)
    before = {n: (contacts / n).read_bytes() for n in os.listdir(contacts)}
    with crm.expect(requests=0):
        assert outcome(renameat2, contacts / source, contacts / target, NOREPLACE) == "EEXIST"
        assert {n: (contacts / n).read_bytes() for n in os.listdir(contacts)} == before


# Exchange with records


def edited(path, **members):
    return json.dumps({**json.loads(path.read_bytes()), **members}, indent=2).encode() + b"\n"


@pytest.fixture
def card(crm, contacts):
    record = crm.ids("contacts")[4]
    return contacts / f"{record}.json", record


@pytest.mark.parametrize("turned", [False, True])
def test_an_exchange_with_a_record_is_a_save_and_keeps_the_old_text(crm, mnt, card, turned):
    path, record = card
    tmp, old = path.parent / "tmp", path.read_bytes()
    tmp.write_bytes(edited(path, job_title="Chief"))
    names = (path, tmp) if turned else (tmp, path)
    held = open(path, "rb", buffering=0)
    with crm.expect(("PUT", f"/contacts/{record}", {"job_title": "Chief"})):
        renameat2(*names, EXCHANGE)
    with crm.expect(requests=0), open(tmp, "rb") as again:
        assert json.loads(path.read_bytes())["job_title"] == "Chief"
        assert again.read() == held.read() == old
        assert tmp.read_bytes() == old and os.stat(tmp).st_size == len(old)
        assert scratch_names(path.parent) == ["tmp"] and path.name in os.listdir(path.parent)
    held.close()
    crm.advance(2)
    mnt.kill()
    mnt.start()
    assert tmp.read_bytes() == old and json.loads(path.read_bytes())["job_title"] == "Chief"
    old_title = json.loads(old)["job_title"]
    mark = crm.mark()
    renameat2(tmp, path, EXCHANGE)
    assert [r.body for r in crm.log(since=mark) if r.method == "PUT"] == [{"job_title": old_title}]
    assert crm.get("contacts", record)["job_title"] == old_title


def test_an_exchange_there_and_back_are_two_saves(crm, card):
    path, record = card
    tmp, old = path.parent / "tmp", path.read_bytes()
    tmp.write_bytes(edited(path, job_title="Chief"))
    for title in ("Chief", json.loads(old)["job_title"], "Chief"):
        crm.advance(2)
        with crm.expect(("PUT", f"/contacts/{record}", {"job_title": title})):
            renameat2(tmp, path, EXCHANGE)
        assert json.loads(path.read_bytes())["job_title"] == title
    assert json.loads(tmp.read_bytes())["job_title"] == json.loads(old)["job_title"]
    os.unlink(tmp)
    assert scratch_names(path.parent) == []


@pytest.mark.parametrize("text", [b"no json", b'{"email": "nope"}', b"", b'{"id": 999999}'])
def test_a_refused_exchange_changes_no_name(crm, card, text):
    path, record = card
    tmp, old = path.parent / "tmp", path.read_bytes()
    tmp.write_bytes(text)
    crm.fault(method="PUT", path=f"/contacts/{record}", status=422, body={"message": "no"})
    assert outcome(renameat2, path, tmp, EXCHANGE) == "EINVAL"
    with crm.expect(requests=0):
        assert path.read_bytes() == old and tmp.read_bytes() == text
        assert scratch_names(path.parent) == ["tmp"]


def test_an_exchange_with_a_refused_edit_swaps_that_too(crm, card):
    path, record = card
    tmp = path.parent / "tmp"
    crm.fault(method="PUT", path=f"/contacts/{record}", status=422, body={"message": "no"})
    good, bad = edited(path, job_title="Chief"), edited(path, email="nope")
    assert outcome(path.write_bytes, bad) == "EINVAL"
    tmp.write_bytes(good)
    with crm.expect(("PUT", f"/contacts/{record}", {"job_title": "Chief"})):
        renameat2(tmp, path, EXCHANGE)
    assert tmp.read_bytes() == bad and json.loads(path.read_bytes())["job_title"] == "Chief"
    tmp.write_bytes(b"anything")
    assert tmp.read_bytes() == b"anything"


def test_what_cannot_be_exchanged(crm, contacts):
    (contacts / "made.json").write_bytes(LEAD)
    (contacts / "tmp").write_bytes(b"x")
    with crm.expect(requests=0):
        for a, b, why in [("1.json", "2.json", "EINVAL"), ("1.json", "none", "ENOENT"), ("none", "1.json", "ENOENT"),
                          ("tmp", "none", "ENOENT"), ("tmp", "777777.json", "ENOENT"), ("tmp", "made.json", "EINVAL"),
                          ("made.json", "tmp", "EINVAL"), ("made.json", "1.json", "EINVAL")]:
            assert outcome(renameat2, contacts / a, contacts / b, EXCHANGE) == why, (a, b)
        assert scratch_names(contacts) == ["made.json", "tmp"]


def test_an_exchange_with_a_record_that_nobody_read_asks_for_it(crm, mnt):
    crm.fill("contacts", 3)
    record, folder = crm.ids("contacts")[0], mnt / "contacts"
    (folder / "tmp").write_bytes(b'{"job_title": "Chief"}')
    mark = crm.mark()
    renameat2(folder / f"{record}.json", folder / "tmp", EXCHANGE)
    assert [(r.method, r.path) for r in crm.log(since=mark)] == \
        [("GET", f"/contacts/{record}"), ("PUT", f"/contacts/{record}")]
    assert json.loads((folder / "tmp").read_bytes())["id"] == record
    assert outcome(renameat2, folder / "tmp", folder / "777777.json", EXCHANGE) == "ENOENT"
    assert scratch_names(folder) == ["tmp"]


def test_an_exchange_that_the_server_forbids_changes_nothing_and_can_be_repeated(crm, card):
    path, record = card
    tmp, old = path.parent / "tmp", path.read_bytes()
    tmp.write_bytes(b'{"job_title": "Chief"}')
    crm.fault(method="PUT", path=f"/contacts/{record}", status=403, body={"message": "no"}, times=1)
    assert outcome(renameat2, tmp, path, EXCHANGE) == "EPERM"
    assert path.read_bytes() == old and tmp.read_bytes() == b'{"job_title": "Chief"}'
    renameat2(tmp, path, EXCHANGE)
    assert tmp.read_bytes() == old and json.loads(path.read_bytes())["job_title"] == "Chief"


def test_what_cannot_be_written_cannot_be_renamed_onto(crm, mnt):
    record = crm.ids("users")[0]
    os.listdir(mnt / "users")
    (mnt / "users" / "tmp").write_bytes(b'{"name": "Other"}')
    with crm.expect(requests=0):
        for flags in (0, EXCHANGE):
            assert outcome(renameat2, mnt / "users" / "tmp", mnt / "users" / f"{record}.json", flags) == "EACCES"
        os.rename(mnt / "users" / f"{record}.json", mnt / "users" / "away")
        os.rename(mnt / "users" / "away", mnt / "users" / f"{record}.json")


def test_an_exchange_that_would_have_to_create_a_record_is_refused(crm, contacts):
    assert outcome((contacts / "new.json").write_bytes, REFUSED) == "EINVAL"
    (contacts / "tmp").write_bytes(LEAD)
    with crm.expect(requests=0):
        for names in (("tmp", "new.json"), ("new.json", "tmp")):
            assert outcome(renameat2, *(contacts / n for n in names), EXCHANGE) == "EINVAL"
    assert (contacts / "tmp").read_bytes() == LEAD and (contacts / "new.json").read_bytes() == REFUSED


@pytest.mark.parametrize("name", ["new2.json", "tmp"])
def test_an_exchange_with_a_text_that_is_not_to_be_sent_is_local(crm, contacts, name):
    assert outcome((contacts / "new.json").write_bytes, REFUSED) == "EINVAL"
    outcome((contacts / name).write_bytes, b"[1, 2]")
    with crm.expect(requests=0):
        renameat2(contacts / "new.json", contacts / name, EXCHANGE)
    assert (contacts / name).read_bytes() == REFUSED and (contacts / "new.json").read_bytes() == b"[1, 2]"


# Between collections


@pytest.mark.parametrize("flags", [0, NOREPLACE, EXCHANGE])
@pytest.mark.parametrize("target", ["file", "empty", "link", "none"])
@pytest.mark.parametrize("source", ["file", "empty", "link"])
def test_a_scratch_file_moves_to_another_collection(crm, mnt, plain, source, target, flags):
    def calls(a, b):
        fill(a, "tmp", source)
        fill(b, "other.txt", target)
        yield outcome(renameat2, a / "tmp", b / "other.txt", flags)
        yield whole(a), whole(b)

    crm.fill("companies", 3)
    os.mkdir(plain / "contacts")
    os.mkdir(plain / "companies")
    assert list(calls(mnt / "contacts", mnt / "companies")) == \
        list(calls(plain / "contacts", plain / "companies"))
    mnt.kill()
    mnt.start()
    assert whole(mnt / "contacts") == whole(plain / "contacts")
    assert whole(mnt / "companies") == whole(plain / "companies")


def test_an_open_file_is_written_on_in_its_new_collection(crm, mnt):
    with open(mnt / "contacts" / "tmp", "wb", buffering=0) as f:
        f.write(b"one ")
        os.rename(mnt / "contacts" / "tmp", mnt / "companies" / "tmp")
        f.write(b"two")
    assert (mnt / "companies" / "tmp").read_bytes() == b"one two"
    os.unlink(mnt / "companies" / "tmp")
    assert scratch_names(mnt / "companies") == scratch_names(mnt / "contacts") == []


def test_mv_to_another_collection_is_one_rename_and_no_request(crm, mnt):
    (mnt / "contacts" / "x.json~").write_bytes(b"text")
    with crm.expect(requests=0):
        assert run("mv", mnt / "contacts" / "x.json~", mnt / "companies").returncode == 0
    assert (mnt / "companies" / "x.json~").read_bytes() == b"text"


@pytest.mark.parametrize("name", ["new.json", "tmp"])
def test_a_new_text_moved_to_a_new_name_elsewhere_is_created_there(crm, mnt, name):
    source = mnt / "contacts" / name
    outcome(source.write_bytes, b'{"name": "Acme"}\n')  # which is no contact
    mark = crm.mark()
    os.rename(source, mnt / "companies" / "acme.json")
    assert [(r.method, r.path) for r in crm.log(since=mark)] == [("POST", "/companies")]
    assert os.path.islink(mnt / "companies" / "acme.json") and not os.path.lexists(source)
    (record,) = crm.ids("companies")
    assert json.loads((mnt / "companies" / f"{record}.json").read_bytes())["name"] == "Acme"
    with crm.expect(("PUT", f"/companies/{record}", {"name": "Acme Ltd"})):
        crm.advance(2)
        (mnt / "companies" / "acme.json").write_bytes(b'{"name": "Acme Ltd"}\n')
    assert crm.count("contacts") == 0 and scratch_names(mnt / "contacts") == []


def test_a_new_text_refused_elsewhere_stays_where_it_was(crm, mnt):
    source, target = mnt / "contacts" / "new.json", mnt / "companies" / "new.json"
    assert outcome(source.write_bytes, REFUSED) == "EINVAL"
    assert outcome(os.rename, source, target) == "EINVAL"
    assert 'file=companies/"new.json"' in mnt.log()
    assert source.read_bytes() == REFUSED and not os.path.lexists(target)
    assert run("mv", source, target).returncode != 0
    assert source.read_bytes() == REFUSED


def test_what_belongs_to_a_record_does_not_leave_its_collection(crm, mnt, contacts):
    (contacts / "made.json").write_bytes(LEAD)
    (contacts / "tmp").write_bytes(b"{}")
    crm.fill("companies", 3)
    os.listdir(mnt / "companies")
    os.rename(contacts / "2.json", contacts / "2.json~")
    other = mnt / "companies"
    with crm.expect(requests=0):
        assert outcome(os.rename, contacts / "made.json", other / "made.json") == "EXDEV"
        assert outcome(os.rename, contacts / "2.json~", other / "2.json~") == "EXDEV"
        assert outcome(os.rename, contacts / "1.json", other / "tmp") == "EPERM"
        assert outcome(os.rename, contacts / "tmp", other / "1.json") == "EXDEV"
        assert outcome(renameat2, contacts / "tmp", other / "1.json", EXCHANGE) == "EXDEV"
        assert outcome(os.rename, contacts / "tmp", mnt / "tmp") == "EPERM"
        os.rename(contacts / "2.json~", contacts / "2.json")


# The directory


def test_the_directory_tells_every_change_by_its_time(crm, mnt, contacts):
    other = mnt / "companies"
    os.listdir(other)
    changes = [lambda: (contacts / "a").write_bytes(b""), lambda: os.rename(contacts / "a", contacts / "b"),
               lambda: os.symlink("x", contacts / "c"), lambda: renameat2(contacts / "b", contacts / "c", EXCHANGE),
               lambda: os.unlink(contacts / "c"), lambda: os.rename(contacts / "b", other / "b")]
    for change in changes:
        before = os.stat(contacts).st_mtime_ns
        change()
        assert os.stat(contacts).st_mtime_ns > before
    before = os.stat(other).st_mtime_ns
    os.rename(other / "b", contacts / "b")
    assert os.stat(other).st_mtime_ns > before
    assert abs(os.stat(other).st_mtime - time.time()) < 5


def test_writing_does_not_change_the_directory(crm, contacts):
    (contacts / "a").write_bytes(b"x")
    before = os.stat(contacts).st_mtime_ns
    (contacts / "a").write_bytes(b"y")
    os.chmod(contacts / "a", 0o600)
    assert os.stat(contacts).st_mtime_ns == before


# Surviving


def everything(folder):
    return {n: (*got, os.lstat(folder / n).st_mtime_ns) for n, got in whole(folder).items()}


def test_scratch_files_survive_a_killed_daemon(crm, mnt, contacts):
    (contacts / "notes.txt").write_bytes(b"notes")
    os.close(os.open(contacts / "empty", os.O_CREAT | os.O_WRONLY, 0o640))
    os.close(os.open(contacts / "read-only", os.O_CREAT | os.O_RDONLY, 0o400))
    os.symlink("me@host.1:2", contacts / ".#41.json")
    for mode, name in enumerate(("m0", "m1", "m2")):
        (contacts / name).write_bytes(name.encode())
        os.chmod(contacts / name, mode)
    (contacts / "old").write_bytes(b"old")
    os.utime(contacts / "old", ns=(5, 1_234_567_890))
    (contacts / "old too").write_bytes(b"old")
    os.utime(contacts / "old too", (5, 6))
    (contacts / "old too").write_bytes(b"and written again")
    (contacts / "cut").write_bytes(b"a long text")
    os.truncate(contacts / "cut", 3)
    (contacts / "emptied").write_bytes(b"a long text")
    os.truncate(contacts / "emptied", 0)
    assert outcome((contacts / "new.json").write_bytes, REFUSED) == "EINVAL"
    before = everything(contacts)
    assert len(before) == 12
    mnt.kill()
    mnt.start()
    assert everything(contacts) == before
    mnt.stop()
    mnt.start()
    assert everything(contacts) == before


@pytest.mark.parametrize("change, left", [
    ("unlink a", {"b": b"B"}), ("rename a c", {"c": b"A", "b": b"B"}), ("rename a b", {"b": b"A"}),
    ("exchange a b", {"a": b"B", "b": b"A"}), ("rename a new.json", {"new.json": b"A", "b": b"B"}),
    ("rename empty b", {"a": b"A", "b": b""}), ("unlink empty", {"a": b"A", "b": b"B"}),
    ("open a", {"b": b"B"})])
def test_what_a_name_became_is_what_comes_back(crm, mnt, contacts, change, left):
    (contacts / "a").write_bytes(b"A")
    (contacts / "b").write_bytes(b"B")
    verb, *names = change.split()
    if "empty" in names:
        (contacts / "empty").write_bytes(b"")
    paths = [contacts / n for n in names]
    if verb == "open":  # unlinked, and written on
        fd = os.open(paths[0], os.O_RDWR)
        os.unlink(paths[0])
        os.write(fd, b"more")
        os.fsync(fd)
        mnt.kill()
        outcome(os.close, fd)
    else:
        {"unlink": os.unlink, "rename": os.rename,
         "exchange": lambda a, b: renameat2(a, b, EXCHANGE)}[verb](*paths)
        mnt.kill()
    mnt.start()
    assert {n: (contacts / n).read_bytes() for n in scratch_names(contacts)} == left
    for n in left:
        os.unlink(contacts / n)
    mnt.kill()
    mnt.start()
    assert scratch_names(contacts) == []


def test_two_texts_of_one_name_come_back_as_one_and_the_other_is_set_aside(crm, mnt, contacts):
    for name in ("a.txt", "b.txt"):
        (contacts / name).write_bytes(name.encode())
    mnt.kill()
    (note,) = [p for p in mnt.state.glob("*/spool.*/*.note") if b"a.txt" in p.read_bytes()]
    body = note.read_bytes().replace(b"a.txt", b"b.txt")
    body = body[:body.rindex(b"sum ")]
    total = 0xcbf29ce484222325
    for byte in body:
        total = ((total ^ byte) * 0x100000001b3) & (2**64 - 1)
    note.write_bytes(body + b"sum %016x\n" % total)
    mnt.start()
    assert scratch_names(contacts) == ["b.txt"]
    kept = {(contacts / "b.txt").read_bytes()}
    kept |= set(rejected(mnt))
    assert kept == {b"a.txt", b"b.txt"}


# A save by rename that is refused


def rejected(mnt):
    return [p.read_bytes() for p in mnt.state.glob("*/rejected/*") if p.suffix != ".error"]


@pytest.mark.parametrize("text, status", [(b'{"email": "nope"}', 422), (b"no json", None)])
def test_a_refused_save_by_rename_keeps_the_text_whatever_comes_next(crm, mnt, card, text, status):
    path, record = card
    tmp, old = path.parent / "tmp", path.read_bytes()
    tmp.write_bytes(text)
    if status:
        crm.fault(method="PUT", path=f"/contacts/{record}", status=status, body={"message": "no"})
    assert outcome(os.rename, tmp, path) == "EINVAL"
    assert tmp.read_bytes() == text and path.read_bytes() == old
    os.unlink(tmp)
    assert until(lambda: rejected(mnt)) == [text]
    assert scratch_names(path.parent) == [] and path.read_bytes() == old


def test_sed_loses_nothing_when_the_server_refuses(crm, mnt, card):
    path, record = card
    old = path.read_bytes()
    crm.fault(method="PUT", path=f"/contacts/{record}", status=422, body={"message": "no"})
    done = run("sed", "-i", 's/"email": .*/"email": "nope",/', path)
    assert done.returncode != 0 and "Invalid argument" in done.stderr
    assert path.read_bytes() == old and scratch_names(path.parent) == []
    assert b"nope" in until(lambda: rejected(mnt))[0]


def test_a_text_that_was_never_refused_leaves_nothing_behind(crm, mnt, card):
    path, _ = card
    (path.parent / "tmp").write_bytes(b"no json")
    os.unlink(path.parent / "tmp")
    assert shell(f"sed -i s/a/a/ {path}").returncode == 0
    assert rejected(mnt) == []
    assert not list(mnt.state.glob("**/*.text"))


# All at once


MIXED = os.path.join(os.path.dirname(__file__), "scratch_mix.py")


@pytest.mark.concurrent
@pytest.mark.slow_watchdog(120)
def test_many_processes_with_names_of_their_own_see_what_tmpfs_shows(crm, mounts, plain):
    crm.fill("contacts", 30)
    mnt = mounts(crm)
    for coll in ("contacts", "companies"):
        os.listdir(mnt / coll)
        os.mkdir(plain / coll)
    procs = [subprocess.Popen([sys.executable, MIXED, mnt, plain, str(i), "400"], stderr=subprocess.PIPE,
                              stdout=subprocess.DEVNULL)
             for i in range(8)]
    said = [p.communicate(timeout=100 * SLOW)[1].decode() for p in procs]
    assert [p.returncode for p in procs] == [0] * 8, "\n".join(said)
    for coll in ("contacts", "companies"):
        assert whole(mnt / coll) == whole(plain / coll)
    mnt.kill()
    mnt.start()
    for coll in ("contacts", "companies"):
        assert whole(mnt / coll) == whole(plain / coll)
    assert crm.count("contacts") == 30


def both(root):
    return whole(root / "contacts"), whole(root / "companies")


def agrees_after_a_crash(mnt, plain, proc):
    """The call that the crash cut off happened, or it did not; a create writes, too."""
    for order in (None, "half", "do"):
        if order:
            proc.stdin.write(order + "\n")
            proc.stdin.flush()
            assert proc.stdout.readline() == "done\n"
        if both(mnt.path) == both(plain):
            return True
    return False


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.slow_watchdog(120)
def test_after_a_crash_at_any_moment_all_that_was_done_is_there(crm, mounts, plain, seed):
    mnt = mounts(crm)
    dice = random.Random(seed)
    for coll in ("contacts", "companies"):
        os.mkdir(plain / coll)
    for turn in range(10):
        proc = subprocess.Popen([sys.executable, MIXED, mnt, plain, str(100 * seed + turn), "1000000"],
                                stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for _ in range(dice.randrange(5, 150)):
            assert proc.stdout.readline()
        mnt.kill()
        assert "gone\n" in iter(proc.stdout.readline, ""), f"seed {seed}, turn {turn}"
        mnt.start()
        assert agrees_after_a_crash(mnt, plain, proc), f"seed {seed}, turn {turn}"
        proc.stdin.close()
        proc.wait(timeout=10)
