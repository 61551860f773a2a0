# SPDX-License-Identifier: MIT
"""Extended attributes of record files: what is known beside the text, memory only (issue 5)."""
import errno
import json
import os
import subprocess

import pytest

from conftest import run
from test_refused import refused
from test_save import card, edited  # noqa: F401

OURS = "user.concordfs."


def get(path, name):
    return os.getxattr(path, OURS + name).decode()


def names(path):
    return sorted(name.removeprefix(OURS) for name in os.listxattr(path))


def test_a_record_tells_its_id_page_version_and_state(crm, card):
    path, record = card
    with crm.expect(requests=0):
        assert names(path) == ["id", "state", "updated_at", "url"]
        assert get(path, "id") == str(record)
        assert get(path, "url") == f"{crm.url}/contacts/{record}"
        assert get(path, "updated_at") == json.loads(path.read_text())["updated_at"].replace(".000000", "")
        assert get(path, "state") == "clean"


def test_getfattr_d_lists_them(crm, card):
    path, record = card
    with crm.expect(requests=0):
        told = run("getfattr", "-d", "--absolute-names", path).stdout
    assert f'user.concordfs.id="{record}"' in told and 'user.concordfs.state="clean"' in told
    assert f'user.concordfs.url="{crm.url}/contacts/{record}"' in told


@pytest.mark.parametrize("kind, has_page", [
    ("contacts", True), ("companies", True), ("deals", True), ("notes", False), ("sources", False)])
def test_only_what_has_a_page_in_the_crm_has_an_url(crm, mnt, kind, has_page):
    crm.fill(kind, 2)
    record = crm.ids(kind)[0]
    path = mnt / kind / f"{record}.json"
    path.read_bytes()
    assert ("url" in names(path)) is has_page
    if has_page:
        assert get(path, "url") == f"{crm.url}/{kind}/{record}"
    else:
        with pytest.raises(OSError) as e:
            get(path, "url")
        assert e.value.errno == errno.ENODATA


def test_a_record_that_nobody_read_is_asked_for_once(crm, mnt):
    crm.fill("contacts", 5)
    record = crm.ids("contacts")[2]
    path = mnt / "contacts" / f"{record}.json"
    with crm.expect(("GET", f"/contacts/{record}")):
        assert get(path, "id") == str(record)
        assert names(path) == ["id", "state", "updated_at", "url"]
        path.read_bytes()
    with crm.expect(("GET", "/contacts/99999999")):
        with pytest.raises(FileNotFoundError):
            os.getxattr(mnt / "contacts" / "99999999.json", OURS + "id")


def test_a_waiting_getxattr_can_be_killed_and_stops_nobody(crm, mnt):
    crm.fill("contacts", 5)
    one, other = crm.ids("contacts")[:2]
    hold = crm.fault(method="GET", path=f"/contacts/{one}", action="hold")
    waits = subprocess.Popen(["/usr/bin/python3", "-c", "import os, sys; os.getxattr(sys.argv[1], sys.argv[2])",
                              mnt / "contacts" / f"{one}.json", OURS + "id"], stderr=subprocess.DEVNULL)
    crm.wait_held(hold)
    assert get(mnt / "contacts" / f"{other}.json", "id") == str(other)
    waits.kill()
    waits.wait(timeout=10)


def test_a_text_that_is_being_written_is_a_draft(crm, card):
    path, record = card
    version = get(path, "updated_at")
    f = os.open(path, os.O_WRONLY)
    os.write(f, b"{")
    with crm.expect(requests=0):
        assert get(path, "state") == "draft" and get(path, "id") == str(record)
        assert get(path, "updated_at") == version
    os.pwrite(f, edited(path.parent / path.name)[:1], 0)
    os.close(f)
    assert get(path, "state") == "clean"


def test_a_refused_save_is_told_with_its_words_until_it_is_saved(crm, card):
    path, _ = card
    refused(path, edited(path, email="nope"))
    with crm.expect(requests=0):
        assert get(path, "state") == "refused" and "error" in names(path)
        assert "email: " in get(path, "error") and "valid email address" in get(path, "error")
        assert get(path, "error") in (path.parent / f"{path.name}.error").read_text()
    path.write_bytes(edited(path, email="yes@example.org"))
    assert get(path, "state") == "clean" and "error" not in names(path)
    with pytest.raises(OSError) as e:
        get(path, "error")
    assert e.value.errno == errno.ENODATA


def test_a_new_file_that_was_refused_has_a_state_and_no_id(crm, card):
    path = card[0].parent / "new.json"
    refused(path, b'{"last_name": "Nameless"}')
    assert names(path) == ["error", "state"] and get(path, "state") == "refused"
    path.write_bytes(b'{"first_name": "Ada"}')
    with crm.expect(requests=0):  # a symlink to the record now
        assert get(path, "id") == os.readlink(path).removesuffix(".json") and get(path, "state") == "clean"


def test_what_cannot_be_asked_again_is_stale(crm, mounts):
    crm.fill("contacts", 3)
    mnt = mounts(crm, ttl=0)
    path = mnt / "contacts" / f"{crm.ids('contacts')[0]}.json"
    path.read_bytes()
    crm.down()
    assert get(path, "state") == "stale" and get(path, "id")
    crm.up()


def test_size_queries_and_short_buffers_are_answered_as_linux_does(crm, card):
    import ctypes
    path, record = card
    libc = ctypes.CDLL(None, use_errno=True)
    name, value = f"{OURS}id".encode(), str(record).encode()
    room = ctypes.create_string_buffer(100)
    assert libc.getxattr(bytes(path), name, None, 0) == len(value)
    assert libc.getxattr(bytes(path), name, room, len(value)) == len(value) and room.raw.startswith(value)
    if len(value) > 1:
        assert libc.getxattr(bytes(path), name, room, len(value) - 1) == -1
        assert ctypes.get_errno() == errno.ERANGE
    whole = libc.listxattr(bytes(path), None, 0)
    assert whole == sum(len(OURS + n) + 1 for n in names(path))
    assert libc.listxattr(bytes(path), room, whole - 1) == -1 and ctypes.get_errno() == errno.ERANGE


def test_other_attributes_do_not_exist_and_none_can_be_set(crm, card):
    path, _ = card
    with crm.expect(requests=0):
        for name, error in (("user.other", errno.ENODATA), (f"{OURS}none", errno.ENODATA),
                            ("system.posix_acl_access", errno.EOPNOTSUPP), ("security.selinux", errno.EOPNOTSUPP)):
            with pytest.raises(OSError) as e:
                os.getxattr(path, name)
            assert e.value.errno == error, name
        for name in (f"{OURS}id", "user.other"):
            for attempt in (lambda n=name: os.setxattr(path, n, b"1"), lambda n=name: os.removexattr(path, n)):
                with pytest.raises(OSError) as e:
                    attempt()
                assert e.value.errno in (errno.EOPNOTSUPP, errno.EPERM)
    assert get(path, "state") == "clean"


def test_directories_and_files_that_are_no_records_have_none(crm, mnt, card):
    swap = card[0].parent / ".41.json.swp"
    swap.write_bytes(b"swap")
    with crm.expect(requests=0):
        for path in (mnt, mnt / "contacts", mnt / "deals", mnt / ".concordfs", swap,
                     mnt / ".concordfs" / "allow_deletes"):
            assert os.listxattr(path) == []
            with pytest.raises(OSError) as e:
                get(path, "id")
            assert e.value.errno == errno.ENODATA


def test_copies_with_attributes_work_in_both_directions(crm, mnt, card, tmp_path):
    path, record = card
    with crm.expect(requests=0):
        assert run("cp", "-a", path, tmp_path / "copy.json").returncode == 0
        assert run("cp", "-a", path, mnt / "contacts" / "copy.txt").returncode == 0
    with crm.expect(("PUT", f"/contacts/{record}", {"job_title": "Copied"})):
        (tmp_path / "copy.json").write_bytes(edited(path, job_title="Copied"))
        assert run("cp", "-a", tmp_path / "copy.json", path).returncode == 0


LISTER = """
import os, sys
asked = 0
for name in os.listdir(sys.argv[1]):
    try:
        asked += 1
        os.listxattr(os.path.join(sys.argv[1], name), follow_symlinks=False)
    except OSError:
        break
print(asked)
"""


def test_ls_is_told_once_that_there_are_no_access_lists(crm, card, tmp_path):
    """coreutils 9.6 lists the attributes of every file until it is told that there are none."""
    script = tmp_path / "lister.py"
    script.write_text("open('/proc/self/comm', 'w').write('ls')\n" + LISTER)
    assert run("/usr/bin/python3", script, card[0].parent).stdout.strip() == "1"
    script.write_text(LISTER)
    assert run("/usr/bin/python3", script, card[0].parent).stdout.strip() == "20"
    assert "+" not in run("ls", "-l", card[0]).stdout.split()[0]


def test_the_attributes_of_many_records_cost_nothing(crm, mnt):
    crm.fill("contacts", 300)
    os.listdir(mnt / "contacts")
    with crm.expect(requests=0):
        states = {get(mnt / "contacts" / name, "state") for name in os.listdir(mnt / "contacts")}
    assert states == {"clean"}
