# SPDX-License-Identifier: MIT
"""Creating and deleting (design 1.4): POST once, an alias afterwards; DELETE only what is a record."""
import errno
import json
import os
import subprocess
import sys
import time

import pytest

from conftest import run, shell, until
from test_save import writes

LEAD = b'{"first_name": "Nova", "last_name": "Lead"}\n'


@pytest.fixture
def contacts(crm, mnt):
    crm.fill("contacts", 20)
    os.listdir(mnt / "contacts")
    return mnt / "contacts"


def test_a_new_file_is_one_post_and_then_its_record(crm, contacts):
    known = set(crm.ids("contacts"))
    with crm.expect(("POST", "/contacts", {"first_name": "Nova", "last_name": "Lead"})):
        (contacts / "new-lead.json").write_bytes(LEAD)
    (record,) = set(crm.ids("contacts")) - known
    assert os.readlink(contacts / "new-lead.json") == f"{record}.json"
    with crm.expect(requests=0):
        assert json.loads((contacts / f"{record}.json").read_bytes())["first_name"] == "Nova"
        assert (contacts / "new-lead.json").read_bytes() == (contacts / f"{record}.json").read_bytes()
        assert f"{record}.json" in os.listdir(contacts)


def test_a_second_save_under_the_new_name_is_a_put_and_no_duplicate(crm, contacts):
    path = contacts / "new-lead.json"
    path.write_bytes(LEAD)
    record = int(os.readlink(path).split(".")[0])
    crm.advance(2)
    with crm.expect(("PUT", f"/contacts/{record}", {"last_name": "Customer"})):
        path.write_bytes(b'{"first_name": "Nova", "last_name": "Customer"}\n')
    assert crm.count("contacts") == 21


def test_a_second_save_by_rename_onto_the_new_name_is_a_put_too(crm, contacts):
    path = contacts / "new-lead.json"
    path.write_bytes(LEAD)
    record = int(os.readlink(path).split(".")[0])
    crm.advance(2)
    with crm.expect(("PUT", f"/contacts/{record}", {"last_name": "Customer"})):
        (contacts / "tmp").write_bytes(b'{"first_name": "Nova", "last_name": "Customer"}\n')
        os.rename(contacts / "tmp", path)
    assert json.loads(path.read_bytes())["last_name"] == "Customer"
    assert crm.count("contacts") == 21


def test_a_rename_onto_a_name_that_is_being_created_is_a_put_to_it(crm, contacts):
    path = contacts / "new-lead.json"
    hold = crm.fault(method="POST", action="hold_answer")
    first = subprocess.Popen([sys.executable, "-c", f"open({str(path)!r}, 'wb').write({LEAD!r})"])
    crm.wait_held(hold)
    (contacts / "tmp").write_bytes(b'{"first_name": "Nova", "last_name": "Customer"}\n')
    mark = crm.mark()
    second = subprocess.Popen([sys.executable, "-c", f"import os; os.rename({str(contacts / 'tmp')!r}, {str(path)!r})"])
    time.sleep(0.3)
    crm.release(hold)
    assert (first.wait(), second.wait()) == (0, 0)
    record = int(os.readlink(path).split(".")[0])
    assert [(r.method, r.path, r.body) for r in writes(crm, mark)] == [
        ("PUT", f"/contacts/{record}", {"last_name": "Customer"})]
    assert crm.count("contacts") == 21 and os.listdir(contacts).count(path.name) == 1


def test_an_editor_that_renames_the_new_name_away_makes_no_duplicate(crm, contacts):
    path = contacts / "new-lead.json"
    path.write_bytes(LEAD)
    record = int(os.readlink(path).split(".")[0])
    crm.advance(2)
    with crm.expect(("PUT", f"/contacts/{record}", {"last_name": "Customer"})):
        os.rename(path, f"{path}~")
        path.write_bytes(b'{"first_name": "Nova", "last_name": "Customer"}\n')
        os.unlink(f"{path}~")
    assert crm.count("contacts") == 21


@pytest.mark.parametrize("script", [
    "cp {t}/lead {d}/new.json", "cat {t}/lead > {d}/new.json", "mv {t}/lead {d}/new.json",
    "cp {t}/lead {d}/.tmp && mv {d}/.tmp {d}/new.json", "tee {d}/new.json < {t}/lead >/dev/null",
    "vim -Nu NONE -es -c 'call setline(1, readfile(\"{t}/lead\"))' -c wq {d}/new.json </dev/null",
    "{{ head -c 20 {t}/lead; tail -c +21 {t}/lead; }} > {d}/new.json"])
def test_however_a_file_comes_to_be_it_is_one_post(crm, contacts, tmp_path, script):
    (tmp_path / "lead").write_bytes(LEAD)
    with crm.expect(("POST", "/contacts", {"first_name": "Nova", "last_name": "Lead"})):
        done = shell(script.format(d=contacts, t=tmp_path))
        assert done.returncode == 0, done.stderr
    assert os.path.islink(contacts / "new.json")


@pytest.mark.parametrize("name, text", [
    ("tmp.json", b'{"id": 5, "first_name": "A"}'), ("empty.json", b""), (".hidden.json", LEAD),
    ("lead.txt", LEAD), ("lead.json~", LEAD), ("4913", LEAD), ("#lead.json#", LEAD)])
def test_what_is_not_to_become_a_record_stays_local(crm, mnt, contacts, name, text):
    with crm.expect(requests=0):
        (contacts / name).write_bytes(text)
        assert (contacts / name).read_bytes() == text
        assert name in os.listdir(contacts)
        os.unlink(contacts / name)
        assert name not in os.listdir(contacts)


@pytest.mark.parametrize("name", ["777777.json", "0.json", "007.json", "99999999999999999999.json"])
def test_ids_are_the_servers(crm, contacts, name):
    with crm.expect(requests=0), pytest.raises(PermissionError):
        (contacts / name).write_bytes(LEAD)


def test_an_id_of_an_unlisted_collection_is_not_created_either(crm, mnt):
    crm.fill("contacts", 3)
    with crm.expect(("GET", "/contacts/777777")), pytest.raises(PermissionError):
        (mnt / "contacts" / "777777.json").write_bytes(LEAD)


def test_a_refused_create_keeps_the_text_and_says_so(crm, contacts):
    path = contacts / "new.json"
    with pytest.raises(OSError) as e:
        path.write_bytes(b'{"last_name": "Only"}')
    assert e.value.errno == errno.EINVAL
    assert path.read_bytes() == b'{"last_name": "Only"}'
    with crm.expect(("POST", "/contacts", {"last_name": "Only", "first_name": "Now"})):
        path.write_bytes(b'{"last_name": "Only", "first_name": "Now"}')
    assert os.path.islink(path)


@pytest.mark.parametrize("text", [b"[1, 2]", b'"text"', b"17", b"null"])
def test_json_that_is_no_object_is_refused(crm, contacts, text):
    with crm.expect(requests=0), pytest.raises(OSError) as e:
        (contacts / "new.json").write_bytes(text)
    assert e.value.errno == errno.EINVAL


def test_removing_the_alias_removes_only_the_alias(crm, contacts):
    (contacts / "new.json").write_bytes(LEAD)
    record = os.readlink(contacts / "new.json")
    with crm.expect(requests=0):
        os.unlink(contacts / "new.json")
        assert (contacts / record).exists() and not os.path.lexists(contacts / "new.json")


def test_rm_of_a_record_is_one_delete(crm, contacts):
    record = crm.ids("contacts")[3]
    with crm.expect(("DELETE", f"/contacts/{record}")):
        os.unlink(contacts / f"{record}.json")
    with crm.expect(requests=0):
        assert not (contacts / f"{record}.json").exists()
        assert f"{record}.json" not in os.listdir(contacts)
    assert crm.get("contacts", record) is None


def test_rm_of_a_record_of_an_unlisted_collection_is_one_delete(crm, mnt):
    crm.fill("contacts", 3)
    record = crm.ids("contacts")[0]
    mark = crm.mark()
    os.unlink(mnt / "contacts" / f"{record}.json")
    assert ("DELETE", f"/contacts/{record}") in [(r.method, r.path) for r in crm.log(since=mark)]
    assert len(crm.log(since=mark)) <= 2


def test_a_record_that_a_colleague_deleted_first_counts_as_deleted(crm, contacts):
    record = crm.ids("contacts")[3]
    crm.trash("contacts", record)
    os.unlink(contacts / f"{record}.json")
    assert not (contacts / f"{record}.json").exists()


def test_a_refused_delete_leaves_the_record(crm, contacts):
    record = crm.ids("contacts")[3]
    crm.fault(method="DELETE", path=f"/contacts/{record}", status=403,
              body={"message": "This action is unauthorized."})
    with pytest.raises(PermissionError):
        os.unlink(contacts / f"{record}.json")
    assert (contacts / f"{record}.json").exists()


def test_an_open_record_is_readable_after_its_deletion(crm, contacts):
    record = crm.ids("contacts")[3]
    with open(contacts / f"{record}.json", "rb") as f:
        os.unlink(contacts / f"{record}.json")
        assert json.loads(f.read())["id"] == record


def test_collections_cannot_be_removed_or_made(crm, mnt):
    with crm.expect(requests=0):
        for call in (lambda: os.rmdir(mnt / "contacts"), lambda: os.mkdir(mnt / "leads"),
                     lambda: os.mkdir(mnt / "contacts" / "x"),
                     lambda: open(mnt / "x.json", "w").close()):
            with pytest.raises(PermissionError):
                call()


def test_the_brake_stops_a_mass_deletion(crm, mounts):
    crm.fill("contacts", 1_000)
    mnt = mounts(crm)
    done = run("rm", "-rf", mnt / "contacts")
    assert done.returncode != 0
    assert crm.count("contacts") == 975


def test_the_brake_can_be_taken_off(crm, mounts):
    crm.fill("contacts", 60)
    mnt = mounts(crm, max_deletes=0)
    shell(f"rm {mnt}/contacts/*.json")
    assert crm.count("contacts") == 0


def test_local_files_behave_as_posix_files(crm, contacts):
    a, b = contacts / "a.tmp", contacts / "b.tmp"
    with crm.expect(requests=0):
        fd = os.open(a, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600)
        with pytest.raises(FileExistsError):
            os.open(a, os.O_CREAT | os.O_EXCL | os.O_RDWR)
        os.write(fd, b"hello world")
        os.ftruncate(fd, 5)
        assert os.pread(fd, 100, 0) == b"hello"
        os.rename(a, b)
        with open(b, "ab") as more:
            more.write(b"!")
        assert b.read_bytes() == b"hello!"
        os.unlink(b)
        assert os.pread(fd, 100, 0) == b"hello!"
        os.close(fd)
        os.symlink("target", a)
        assert os.readlink(a) == "target"
        os.unlink(a)
        a.write_bytes(b"x")
        os.utime(a, (1_000, 2_000))
        os.chmod(a, 0o600)
        assert os.stat(a).st_mtime == 2_000 and os.stat(a).st_mode & 0o777 == 0o600
        os.unlink(a)


def test_the_new_record_is_in_the_listing_of_others_handles_too(crm, contacts):
    (contacts / "one.json").write_bytes(LEAD)
    (contacts / "two.json").write_bytes(LEAD)
    names = os.listdir(contacts)
    assert len([n for n in names if n[0].isdigit()]) == 22
    assert {"one.json", "two.json"} <= set(names)
    until(lambda: len(set(names)) == len(names))


def test_a_rename_onto_the_new_name_leaves_no_old_file_at_the_records_name(crm, contacts):
    alias = contacts / "new-lead.json"
    alias.write_bytes(LEAD)
    path = contacts / os.readlink(alias)
    record = int(path.stem)
    assert json.loads(path.read_bytes())["last_name"] == "Lead"
    crm.advance(2)
    (contacts / "tmp").write_bytes(b'{"last_name": "Second"}')
    os.rename(contacts / "tmp", alias)
    for last_name in ("Third", "Fourth"):
        crm.advance(2)
        text = path.read_bytes().replace(b'"last_name": "', b'"last_name": "%s, not ' % last_name.encode())
        with crm.expect(requests=1):
            path.write_bytes(text)
        assert crm.get("contacts", record)["last_name"].startswith(last_name)
        assert json.loads(path.read_bytes())["updated_at"] == crm.get("contacts", record)["updated_at"]
