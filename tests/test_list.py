# SPDX-License-Identifier: MIT
"""Listings (design 3.6): complete or an error, one file per id, whatever moves meanwhile."""
import os
from concurrent.futures import ThreadPoolExecutor

import pytest

from conftest import run, until


def names_of(crm, kind):
    return sorted(f"{i}.json" for i in crm.ids(kind))


@pytest.mark.parametrize("kind", [
    "contacts", "companies", "deals", "activities", "notes", "calls", "products", "documents", "users",
    "pipelines", "pipeline-stages", "sources", "industries", "activity-types", "call-outcomes",
    "lost-reasons", "document-types", "document-templates"])
def test_every_collection_lists_what_the_server_has(start_crm, mounts, kind):
    crm = start_crm(records=200)
    mnt = mounts(crm)
    assert kind in os.listdir(mnt)
    assert sorted(os.listdir(mnt / kind)) == names_of(crm, kind)
    for name in os.listdir(mnt / kind)[:3]:
        assert (mnt / kind / name).read_bytes().startswith(b'{\n  "id": ')


def test_an_empty_collection_is_an_empty_directory(crm, mnt):
    with crm.expect(requests=1):
        assert os.listdir(mnt / "contacts") == []


@pytest.mark.parametrize("cap", [15, 37])
def test_a_server_that_caps_the_page_size_is_believed(crm, mnt, cap):
    crm.fill("contacts", 200)
    crm.page_max(cap)
    with crm.expect(requests=-(-200 // cap)):
        assert sorted(os.listdir(mnt / "contacts")) == names_of(crm, "contacts")


@pytest.mark.parametrize("how", ["purge", "trash"])
@pytest.mark.parametrize("page", [1, 3, 8])
def test_a_record_deleted_during_the_walk_hides_no_other(crm, mnt, how, page):
    crm.fill("contacts", 1_000)
    victim = crm.ids("contacts")[50]
    crm.on_page("contacts", page=page, do=(how, victim))
    last = crm.fault(method="GET", path="/contacts$", query=r"\bpage=10\b", action="hold")
    mark = crm.mark()
    with ThreadPoolExecutor() as pool:
        names = pool.submit(os.listdir, mnt / "contacts")
        until(lambda: victim not in crm.ids("contacts"), what="the deletion")
        crm.release(last)  # or it could have been cut before, and nothing would tell of the deletion
        assert sorted(names.result()) == names_of(crm, "contacts")
    assert len(crm.log(since=mark)) <= 10 + 8, "a few requests, not all of them again"


def test_a_record_inserted_during_the_walk_is_no_duplicate(crm, mnt):
    crm.fill("contacts", 450)
    crm.on_page("contacts", page=2, do=("insert", {"first_name": "Late"}))
    names = os.listdir(mnt / "contacts")
    assert len(names) == len(set(names))
    assert set(names) >= set(names_of(crm, "contacts")[:450])


def test_a_deletion_and_an_insertion_that_hide_each_other_are_found_by_the_next_check(crm, mounts):
    crm.fill("contacts", 450)
    for i in crm.ids("contacts")[100:210]:  # so that the one that is skipped is not among the newest
        crm.change("contacts", i, city="Newertown")
    crm.advance(60)
    mnt = mounts(crm, ttl=0)
    crm.on_page("contacts", page=3, do=("trash", crm.ids("contacts")[10]))
    crm.on_page("contacts", page=3, do=("insert", {"first_name": "Late"}))
    os.listdir(mnt / "contacts")
    assert sorted(os.listdir(mnt / "contacts")) == names_of(crm, "contacts")


@pytest.mark.parametrize("where", [5, 4_321, 9_990])
def test_one_hard_deletion_among_ten_thousand_costs_a_few_requests(crm, mounts, where):
    crm.fill("contacts", 10_000)
    mnt = mounts(crm, ttl=0)
    os.listdir(mnt / "contacts")
    os.listdir(mnt / "contacts")
    crm.purge("contacts", crm.ids("contacts")[where])
    mark = crm.mark()
    assert sorted(os.listdir(mnt / "contacts")) == names_of(crm, "contacts")
    assert len(crm.log(since=mark)) <= 2 + 8


def test_many_hard_deletions_are_found_too(crm, mounts):
    crm.fill("contacts", 2_000)
    mnt = mounts(crm, ttl=0)
    os.listdir(mnt / "contacts")
    for i in crm.ids("contacts")[100:1_900:150]:
        crm.purge("contacts", i)
    assert sorted(os.listdir(mnt / "contacts")) == names_of(crm, "contacts")


def test_a_collection_that_shrank_to_nothing_is_empty(crm, mounts):
    crm.fill("contacts", 250)
    mnt = mounts(crm, ttl=0)
    os.listdir(mnt / "contacts")
    for i in crm.ids("contacts"):
        crm.purge("contacts", i)
    assert os.listdir(mnt / "contacts") == []


def test_a_colleagues_change_shows_after_ttl_with_size_mtime_and_bytes(crm, mounts):
    crm.fill("contacts", 300)
    mnt = mounts(crm, ttl=0)
    record = crm.ids("contacts")[100]
    path = mnt / "contacts" / f"{record}.json"
    os.listdir(mnt / "contacts")
    before = path.read_bytes()
    crm.advance(5)
    crm.change("contacts", record, job_title="A considerably longer title than before")
    text = path.read_bytes()
    assert b"considerably longer" in text and text != before
    assert os.stat(path).st_size == len(text)


def test_the_server_out_of_reach_after_ttl_serves_what_is_known(crm, mounts):
    crm.fill("contacts", 300)
    mnt = mounts(crm, ttl=0, timeout=5)
    names = os.listdir(mnt / "contacts")
    crm.down()
    assert sorted(os.listdir(mnt / "contacts")) == sorted(names)
    assert (mnt / "contacts" / names[0]).read_bytes()
    with pytest.raises(OSError):
        os.listdir(mnt / "companies")
    crm.up()


@pytest.mark.parametrize("fault", [
    {"status": 500}, {"action": "truncate"}, {"action": "badjson"}, {"action": "html"},
    {"action": "reset"}])
def test_a_page_that_stays_broken_is_an_error_and_no_partial_listing(crm, mounts, fault):
    crm.fill("contacts", 500)
    mnt = mounts(crm, timeout=8)
    crm.fault(path=r"/contacts$", after=2, times=1_000, **fault)
    with pytest.raises(OSError):
        os.listdir(mnt / "contacts")
    crm.clear_faults()
    until(lambda: listed(mnt / "contacts"), timeout=40, what="a listing, once the server is well")
    assert sorted(os.listdir(mnt / "contacts")) == names_of(crm, "contacts")


def listed(path):
    try:
        return os.listdir(path)
    except OSError:
        return None


def test_a_page_that_breaks_once_is_asked_for_again(crm, mnt):
    crm.fill("contacts", 500)
    crm.fault(path=r"/contacts$", after=2, times=1, action="truncate")
    with crm.expect(requests=6):
        assert sorted(os.listdir(mnt / "contacts")) == names_of(crm, "contacts")


def test_a_collection_that_may_not_be_listed_is_there_and_closed(crm, mnt):
    crm.forbid("notes")
    assert "notes" in os.listdir(mnt)
    with pytest.raises(PermissionError):
        os.listdir(mnt / "notes")


def test_a_collection_that_the_server_lacks_is_absent(crm, mnt):
    crm.absent("documents")
    with pytest.raises(FileNotFoundError):
        os.listdir(mnt / "documents")
    assert "documents" not in os.listdir(mnt)


def test_only_the_collections_asked_for_are_there(crm, mounts):
    mnt = mounts(crm, collections="contacts:deals")
    assert sorted(os.listdir(mnt)) == ["README.md", "contacts", "deals"]


def test_a_total_that_lies_is_not_believed_for_ever(crm, mounts):
    crm.fill("contacts", 250)
    crm.lie_total("contacts", 7)
    mnt = mounts(crm)
    mark = crm.mark()
    with pytest.raises(OSError):
        os.listdir(mnt / "contacts")
    assert len(crm.log(since=mark)) < 20


def test_find_newermt_and_ls_t_follow_updated_at(crm, mnt):
    crm.fill("contacts", 50)
    crm.advance(3_600)
    record = crm.ids("contacts")[20]
    crm.change("contacts", record, job_title="Fresh")
    newest = run("ls", "-t", mnt / "contacts").stdout.split()[0]
    assert newest == f"{record}.json"


def test_inode_numbers_are_stable_across_mounts(crm, mounts, tmp_path):
    crm.fill("contacts", 20)
    mount = mounts(crm, tmp=tmp_path / "m")
    before = {e.name: e.inode() for e in os.scandir(mount / "contacts")}
    mount.stop()
    mount.start()
    assert {e.name: e.inode() for e in os.scandir(mount / "contacts")} == before
