# SPDX-License-Identifier: MIT
"""What reading costs (design 1.3): requests are the currency, so they are counted exactly."""
import math
import os
import subprocess
import threading

import pytest

from conftest import run, shell, until

SIZES = [1_000, 10_000]


@pytest.fixture(params=SIZES)
def filled(request, crm, mnt):
    crm.fill("contacts", request.param)
    return mnt / "contacts", request.param


def pages(n):
    return math.ceil(n / 100)


def listing_only(seen):
    assert all(r.method == "GET" and r.path == "/contacts" for r in seen), seen


@pytest.mark.parametrize("command", [
    "ls {d}", "ls -l {d}", "find {d} -type f", "du -s {d}", "grep -r zzzz {d}; test $? = 1",
    "cat {d}/*.json", "jq -r .email {d}/*.json", "wc -c {d}/*.json", "tar cf /dev/null {d}"])
def test_a_cold_command_over_n_records_costs_one_request_a_page(crm, mnt, command):
    crm.fill("contacts", 1_000)
    with crm.expect(requests=pages(1_000)) as seen:
        done = shell(command.format(d=mnt / "contacts"))
    assert done.returncode == 0, done.stderr
    listing_only(seen)


def test_ls_cold_then_warm(crm, filled):
    path, n = filled
    with crm.expect(requests=pages(n)) as seen:
        assert len(os.listdir(path)) == n
    listing_only(seen)
    with crm.expect(requests=0):
        assert run("ls", "-l", path).stdout.count("\n") == n + 1
        assert shell(f"cat {path}/*.json | wc -l").returncode == 0
        assert run("grep", "-rl", "first_name", path).stdout.count("\n") == n


def test_one_cat_of_an_unlisted_collection_is_one_request(crm, filled):
    path, _ = filled
    record = crm.ids("contacts")[10]
    with crm.expect(("GET", f"/contacts/{record}")):
        assert run("cat", path / f"{record}.json").returncode == 0
    with crm.expect(requests=0):
        assert run("cat", path / f"{record}.json").returncode == 0
        os.stat(path / f"{record}.json")


def test_stat_of_an_unlisted_record_is_one_request(crm, filled):
    path, _ = filled
    record = crm.ids("contacts")[3]
    with crm.expect(("GET", f"/contacts/{record}")):
        size = os.stat(path / f"{record}.json").st_size
    with crm.expect(requests=0):
        assert len((path / f"{record}.json").read_bytes()) == size


@pytest.mark.parametrize("name", [".git", "4913", "5.json~", "foo", ".5.json.swp", "x.txt", "05.json",
                                  "new.json", "99999999999999999999.json", "5.jsonx", "#5.json#"])
def test_a_name_that_cannot_be_a_record_costs_nothing(crm, mnt, name):
    crm.fill("contacts", 10)
    with crm.expect(requests=0):
        assert not os.path.lexists(mnt / "contacts" / name)


def test_an_unknown_id_in_a_complete_listing_costs_nothing(crm, filled):
    path, _ = filled
    os.listdir(path)
    with crm.expect(requests=0):
        assert not os.path.exists(path / "99999999.json")
        assert shell(f"cat {path}/99999999.json").returncode == 1


def test_an_unknown_id_in_an_unlisted_collection_is_asked_for_once(crm, mnt):
    crm.fill("contacts", 10)
    with crm.expect(("GET", "/contacts/99999999")):
        assert not os.path.exists(mnt / "contacts" / "99999999.json")
        with pytest.raises(FileNotFoundError):
            open(mnt / "contacts" / "99999999.json")


def test_two_readers_asking_for_one_record_at_once_are_as_one(crm, mnt):
    crm.fill("contacts", 10)
    record = crm.ids("contacts")[0]
    hold = crm.fault(method="GET", path=f"/contacts/{record}", action="hold", times=10)
    mark = crm.mark()
    readers = [subprocess.Popen(["cat", mnt / "contacts" / f"{record}.json"],
                                stdout=subprocess.PIPE) for _ in range(5)]
    crm.wait_held(hold)
    until(lambda: blocked(readers) == 5, what="five blocked readers")
    crm.release(hold)
    texts = {r.communicate()[0] for r in readers}
    assert len(texts) == 1 and texts.pop()
    assert len(crm.log(since=mark)) == 1


def blocked(procs):
    """How many of them wait in an open on the mount."""
    n = 0
    for p in procs:
        with open(f"/proc/{p.pid}/wchan") as f:
            n += f.read().startswith("request_wait")
    return n


def test_two_listings_at_once_are_as_one(crm, mnt):
    crm.fill("contacts", 300)
    counts = []
    threads = [threading.Thread(target=lambda: counts.append(len(os.listdir(mnt / "contacts"))))
               for _ in range(6)]
    with crm.expect(requests=3):
        for t in threads:
            t.start()
        for t in threads:
            t.join()
    assert counts == [300] * 6


@pytest.mark.parametrize("n", SIZES)
def test_after_ttl_an_unchanged_collection_costs_one_or_two_requests(crm, mounts, n):
    crm.fill("contacts", n)
    mnt = mounts(crm, ttl=0)
    os.listdir(mnt / "contacts")
    for _ in range(3):
        mark = crm.mark()
        assert len(os.listdir(mnt / "contacts")) == n
        assert 1 <= len(crm.log(since=mark)) <= 2


def test_after_ttl_changes_and_deletions_cost_at_most_two_requests(crm, mounts):
    crm.fill("contacts", 1_000)
    mnt = mounts(crm, ttl=0)
    path = mnt / "contacts"
    os.listdir(path)
    os.listdir(path)
    ids = crm.ids("contacts")
    crm.change("contacts", ids[500], job_title="Chief Tester")
    new = crm.insert("contacts", first_name="Nova")
    crm.trash("contacts", ids[100])
    mark = crm.mark()
    names = set(os.listdir(path))
    assert len(crm.log(since=mark)) <= 2
    assert f"{new}.json" in names and f"{ids[100]}.json" not in names and len(names) == 1_000


def test_opening_for_writing_and_truncating_send_nothing(crm, mnt):
    crm.fill("contacts", 10)
    os.listdir(mnt / "contacts")
    record = crm.ids("contacts")[0]
    path = mnt / "contacts" / f"{record}.json"
    before = path.read_bytes()
    with crm.expect(requests=0):
        fd = os.open(path, os.O_RDWR)
        os.close(fd)
        fd = os.open(path, os.O_WRONLY | os.O_TRUNC)
        os.close(fd)
        assert until(lambda: path.read_bytes() == before, what="the record, as nothing was saved")
