# SPDX-License-Identifier: MIT
"""What a record file contains (design 1.2), and real tools over it."""
import datetime
import json
import os
import tarfile

import pytest

from conftest import run, shell


@pytest.fixture
def demo(start_crm, mounts):
    crm = start_crm(records=120)
    return crm, mounts(crm)


KINDS = ["contacts", "companies", "deals", "activities", "notes", "calls", "products", "documents",
         "users", "pipelines", "pipeline-stages", "sources"]


@pytest.mark.parametrize("kind", KINDS)
def test_the_bytes_do_not_depend_on_the_request_that_brought_them(start_crm, mounts, kind):
    crm = start_crm(records=120)
    alone, listed = mounts(crm), mounts(crm)
    os.listdir(listed / kind)
    for record in crm.ids(kind)[:5]:
        name = f"{record}.json"
        assert (alone / kind / name).read_bytes() == (listed / kind / name).read_bytes()


@pytest.mark.parametrize("kind", KINDS)
def test_sizes_are_exact(demo, kind):
    _, mnt = demo
    for entry in os.scandir(mnt / kind):
        assert entry.stat().st_size == len(open(entry.path, "rb").read())


@pytest.mark.parametrize("kind", KINDS)
def test_files_are_json_with_id_first_and_times_last(demo, kind):
    crm, mnt = demo
    for name in os.listdir(mnt / kind)[:10]:
        text = (mnt / kind / name).read_text()
        record = json.loads(text)
        keys = list(record)
        assert keys[0] == "id" and f"{record['id']}.json" == name
        if "updated_at" in keys:
            assert keys[-1] == "updated_at"
        assert text.endswith("}\n") and not text.endswith("\n\n")
        assert all(line.startswith("  ") for line in text.splitlines()[1:-1])


def test_volatile_members_are_not_shown(demo):
    crm, mnt = demo
    for kind in ("contacts", "deals", "activities"):
        for name in os.listdir(mnt / kind)[:5]:
            keys = set(json.loads((mnt / kind / name).read_bytes()))
            assert not keys & {"authorizations", "actions", "time_in_stages", "is_due", "path",
                               "was_recently_created", "next_activity_date", "avatar_url"}
            assert not [k for k in keys if k.endswith("_count") or k.startswith("timeline_")]


def test_the_owner_can_be_had_as_the_api_documents_it(demo):
    crm, mnt = demo
    record = next(i for i in crm.ids("contacts") if crm.get("contacts", i)["user"])
    done = run("jq", "-r", ".user.name", mnt / "contacts" / f"{record}.json")
    assert done.stdout.strip() == crm.get("contacts", record)["user"]["name"]


@pytest.mark.parametrize("raw, shown", [
    ("1250.33", "1250.33"), ("1250.0", "1250.0"), ("9007199254740993", "9007199254740993"),
    ("123456789012345678901234567890", "123456789012345678901234567890"), ("1e3", "1e3")])
def test_numbers_are_the_servers_own_digits(crm, mnt, raw, shown):
    crm.fill("deals", 1)
    record = crm.ids("deals")[0]
    crm.raw_item("deals", record, '{"id": %d, "name": "x", "amount": %s, "updated_at": '
                 '"2025-01-01T00:00:00.000000Z"}' % (record, raw))
    assert f'"amount": {shown}' in (mnt / "deals" / f"{record}.json").read_text()


def test_escapes_become_characters_except_control_characters(crm, mnt):
    crm.fill("contacts", 1)
    record = crm.ids("contacts")[0]
    crm.raw_item("contacts", record, '{"id": %d, "first_name": "\\u00c5sa \\/ \\ud83d\\ude00 '
                 '\\u001b[31m \\" \\\\", "updated_at": "2025-01-01T00:00:00.000000Z"}' % record)
    text = (mnt / "contacts" / f"{record}.json").read_text()
    assert '"first_name": "Åsa / 😀 \\u001b[31m \\" \\\\"' in text


def test_mtime_is_updated_at(demo):
    crm, mnt = demo
    for record in crm.ids("companies")[:10]:
        stamp = crm.get("companies", record)["updated_at"].replace("Z", "+00:00")
        st = os.stat(mnt / "companies" / f"{record}.json")
        assert st.st_mtime == datetime.datetime.fromisoformat(stamp).timestamp()
        assert st.st_ctime == st.st_mtime


def test_modes_and_owner(demo):
    crm, mnt = demo
    st = os.stat(mnt / "contacts" / f"{crm.ids('contacts')[0]}.json")
    assert st.st_mode & 0o777 == 0o644 and st.st_uid == os.getuid()
    assert os.stat(mnt / "contacts").st_mode & 0o777 == 0o755


def test_tar_and_rsync_and_cp_make_true_copies(demo, tmp_path):
    crm, mnt = demo
    assert run("tar", "cf", tmp_path / "x.tar", "-C", mnt, "contacts").returncode == 0
    with tarfile.open(tmp_path / "x.tar") as tar:
        assert len([m for m in tar if m.isfile()]) == crm.count("contacts")
    for tool in (["rsync", "-a"], ["cp", "-a"]):
        target = tmp_path / tool[0]
        done = run(*tool, f"{mnt}/contacts/", target)
        assert done.returncode == 0, done.stderr
        assert run("diff", "-r", target, mnt / "contacts").stdout == ""
    with crm.expect(requests=0):
        again = run("rsync", "-ai", f"{mnt}/contacts/", tmp_path / "rsync")
        assert again.stdout == ""


def test_grep_and_jq_and_awk_find_what_is_there(demo):
    crm, mnt = demo
    wanted = [i for i in crm.ids("contacts") if crm.get("contacts", i)["email"]]
    out = shell(f"jq -r '.email // empty' {mnt}/contacts/*.json | wc -l").stdout
    assert int(out) == len(wanted)
    email = crm.get("contacts", wanted[0])["email"]
    assert run("grep", "-rl", email, mnt / "contacts").stdout.split() == [
        str(mnt / "contacts" / f"{wanted[0]}.json")]
    out = shell(f"rg -l --no-ignore first_name {mnt}/contacts | wc -l").stdout
    assert int(out) == crm.count("contacts")


def test_a_reader_in_the_middle_keeps_its_version_whole(crm, mounts):
    crm.fill("contacts", 3)
    record = crm.ids("contacts")[0]
    crm.change("contacts", record, cf_note="x" * 400_000)
    mnt = mounts(crm, ttl=0)
    path = mnt / "contacts" / f"{record}.json"
    with open(path, "rb", buffering=0) as f:
        head = f.read(4096)
        crm.advance(2)
        crm.change("contacts", record, cf_note="y" * 400_000)
        assert b"yyyy" in path.read_bytes()
        rest = f.read()
        while piece := f.read(1 << 20):
            rest += piece
    text = head + rest
    assert b"xy" not in text and b"yx" not in text
    json.loads(text)


def test_a_record_of_50_kb_and_one_of_a_megabyte_are_read_whole(crm, mnt):
    crm.fill("contacts", 2)
    for record, size in zip(crm.ids("contacts"), (50_000, 1_000_000)):
        crm.change("contacts", record, cf_note="n" * size)
        text = (mnt / "contacts" / f"{record}.json").read_bytes()
        assert len(json.loads(text)["cf_note"]) == size
        assert os.stat(mnt / "contacts" / f"{record}.json").st_size == len(text)
