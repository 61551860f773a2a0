# SPDX-License-Identifier: MIT
"""One budget for all mounts of an account on this machine, in processes of their own (design 3.6)."""
import fcntl
import os
import signal
import struct
import subprocess
import time

import pytest

from conftest import SLOW, until


def statuses(crm, mark=0):
    return [r.status for r in crm.log(since=mark)]


def walk(mnt, kind="contacts"):
    return subprocess.Popen(["ls", mnt / kind], stdout=subprocess.PIPE, text=True)


def names(ls):
    return len(ls.communicate()[0].splitlines())


def idle(crm, mark=0):
    before = len(crm.log(since=mark))
    time.sleep(0.7)  # the fact waited for is that nothing happens, longer than waiting mounts pause
    return len(crm.log(since=mark)) == before


def files(mnt):
    return sorted(os.listdir(mnt.runtime / "concordfs"))


def spent_by_walk(crm, mnt):
    """A walk that has all it may have of this minute, and waits for the next."""
    ls = walk(mnt)
    until(lambda: len(crm.log()) > 20, timeout=30, what="a walk under way")
    until(lambda: idle(crm), timeout=30, what="a walk that waits for its window")
    assert ls.poll() is None
    return ls


@pytest.mark.slow_watchdog(180)
def test_four_mounts_walk_at_once_without_a_429(start_crm, mounts):
    crm = start_crm(rate=60)
    crm.fill("contacts", 2_200)
    four = [mounts(crm, timeout=150) for _ in range(4)]
    mark = crm.mark()
    start = time.monotonic()
    walks = [walk(mnt) for mnt in four]
    assert [names(ls) for ls in walks] == [2_200] * 4
    assert 429 not in statuses(crm)
    assert len(statuses(crm, mark)) == 4 * 22
    assert time.monotonic() - start < 75 * SLOW, "two windows' worth: one window and a little"


@pytest.mark.slow_watchdog(120)
def test_a_save_in_one_mount_answers_during_the_walk_of_another(start_crm, mounts):
    crm = start_crm(rate=60)
    crm.fill("contacts", 8_000)
    crm.fill("companies", 5)
    a, b = mounts(crm, timeout=100), mounts(crm, timeout=100)
    ls = spent_by_walk(crm, a)
    company = crm.ids("companies")[0]
    path = b / "companies" / f"{company}.json"
    start = time.monotonic()
    assert path.read_bytes()
    path.write_bytes(b'{"domain": "new.example"}')
    assert time.monotonic() - start < 3 * SLOW
    assert crm.get("companies", company)["domain"] == "new.example"
    assert ls.poll() is None, "the walk still waits"
    ls.terminate()
    ls.wait()
    assert 429 not in statuses(crm)


@pytest.mark.slow_watchdog(120)
def test_listings_of_all_mounts_leave_the_reserve(start_crm, mounts):
    crm = start_crm(rate=60)
    crm.fill("contacts", 8_000)
    a, b = mounts(crm, timeout=100), mounts(crm, timeout=100)
    first = spent_by_walk(crm, a)
    mark = crm.mark()
    second = walk(b)
    until(lambda: idle(crm, mark), timeout=30, what="two walks that wait")
    assert crm.budget()["remaining"] >= 60 // 6
    assert 429 not in statuses(crm)
    for ls in first, second:
        ls.terminate()
        ls.wait()


@pytest.mark.slow_watchdog(120)
def test_a_mount_killed_in_its_walk_leaves_the_others_going(start_crm, mounts):
    crm = start_crm(rate=600)
    crm.fill("contacts", 20_000)
    a, b = mounts(crm), mounts(crm)
    doomed, other = walk(a), walk(b)
    until(lambda: len(crm.log()) > 30, what="two walks under way")
    a.kill()
    doomed.communicate()
    assert names(other) == 20_000
    assert 429 not in statuses(crm)


def test_a_mount_stopped_in_its_walk_leaves_the_others_going(start_crm, mounts):
    crm = start_crm(rate=600)
    crm.fill("contacts", 20_000)
    a, b = mounts(crm), mounts(crm)
    stopped, other = walk(a), walk(b)
    until(lambda: len(crm.log()) > 30, what="two walks under way")
    a.proc.send_signal(signal.SIGSTOP)
    try:
        assert names(other) == 20_000
    finally:
        a.proc.send_signal(signal.SIGCONT)
    assert names(stopped) == 20_000
    assert 429 not in statuses(crm)


def test_a_lock_that_is_never_let_go_holds_up_nobody(start_crm, mounts):
    crm = start_crm(rate=60)
    crm.fill("contacts", 250)
    mnt = mounts(crm)
    with open(mnt.runtime / "concordfs" / files(mnt)[0], "r+b") as held:
        whole = struct.pack("hhqqi4x", fcntl.F_WRLCK, os.SEEK_SET, 0, 1, 0)
        fcntl.fcntl(held, fcntl.F_OFD_SETLK, whole)
        start = time.monotonic()
        assert len(os.listdir(mnt / "contacts")) == 250
        assert time.monotonic() - start < 2 * SLOW
        mnt.stop()
    assert mnt.log().count("the rate limit is not shared") == 1


def test_a_429_told_to_one_mount_stops_all(start_crm, mounts):
    crm = start_crm()
    crm.fill("contacts", 3)
    crm.fill("companies", 3)
    a, b = mounts(crm, timeout=20), mounts(crm, timeout=20)
    contact, company = crm.ids("contacts")[0], crm.ids("companies")[0]
    crm.fault(path=f"/contacts/{contact}", status=429, body={"message": "Too Many Attempts."},
              headers={"Retry-After": "3", "X-RateLimit-Limit": "90", "X-RateLimit-Remaining": "0"})
    mark = crm.mark()
    start = time.monotonic()
    cat = subprocess.Popen(["cat", a / "contacts" / f"{contact}.json"], stdout=subprocess.DEVNULL)
    until(lambda: 429 in statuses(crm, mark), what="the 429")
    assert (b / "companies" / f"{company}.json").read_bytes()
    assert 2.9 < time.monotonic() - start < 6 * SLOW
    assert cat.wait() == 0
    assert statuses(crm, mark).count(429) == 1


def test_a_mount_whose_budget_is_spent_is_not_tried(start_crm, mounts):
    """GET /me is asked before the account is known, but not on top of what its other mounts spend."""
    crm = start_crm(rate=20)
    crm.fill("contacts", 3)
    a = mounts(crm)
    crm.spend(20)
    contact = crm.ids("contacts")[0]
    cat = subprocess.Popen(["cat", a / "contacts" / f"{contact}.json"], stdout=subprocess.DEVNULL)
    until(lambda: 429 in statuses(crm), what="the 429 that tells the first mount of the browser")
    mark = crm.mark()
    with pytest.raises(AssertionError, match="concordfs left with"):
        mounts(crm)
    assert not crm.log(since=mark), "no request"
    cat.terminate()
    cat.wait()


def test_a_new_mount_may_spend_what_reads_must_not(start_crm, mounts):
    """A person waits at the prompt."""
    crm = start_crm(rate=20)
    crm.fill("contacts", 3)
    a = mounts(crm)
    crm.spend(16)
    assert (a / "contacts" / f"{crm.ids('contacts')[0]}.json").read_bytes()
    assert crm.budget()["remaining"] == 2
    mounts(crm)
    assert crm.budget()["remaining"] == 1
    assert 429 not in statuses(crm)


def test_users_and_servers_do_not_share(start_crm, mounts):
    crm, other = start_crm(rate=20), start_crm(rate=20)
    crm.fill("contacts", 1)
    other.fill("contacts", 1)
    contact = crm.ids("contacts")[0]
    a, b = mounts(crm), mounts(other)
    crm.token = crm.second_token
    c = mounts(crm)
    assert len(files(a)) == 3
    crm.spend(20, user=1)
    with pytest.raises(BlockingIOError):
        (a / "contacts" / f"{contact}.json").read_bytes()
    assert 429 in statuses(crm)
    assert os.listdir(b / "contacts") and os.listdir(c / "contacts")


def test_a_restarted_mount_finds_its_place_and_leaves_no_file(start_crm, mounts):
    crm = start_crm(rate=60)
    crm.fill("contacts", 3)
    a, b = mounts(crm), mounts(crm)
    assert len(files(a)) == 1
    assert os.stat(a.runtime / "concordfs" / files(a)[0]).st_mode & 0o777 == 0o600
    assert os.stat(a.runtime / "concordfs").st_mode & 0o777 == 0o700
    a.kill()
    assert len(files(a)) == 1
    a.start()
    assert len(os.listdir(a / "contacts")) == 3
    assert len(files(a)) == 1
    a.stop()
    assert len(files(a)) == 1
    b.stop()
    assert not files(a)


def test_without_a_common_file_a_mount_works_alone(start_crm, mounts, tmp_path):
    crm = start_crm(rate=60)
    crm.fill("contacts", 250)
    (tmp_path / "runtime").mkdir(mode=0o700)
    (tmp_path / "runtime" / "concordfs").write_text("in the way")
    mnt = mounts(crm)
    assert len(os.listdir(mnt / "contacts")) == 250
    assert mnt.log().count("the rate limit is not shared") == 1
