# SPDX-License-Identifier: MIT
"""The shared rate limiter (design 3.6, concord-api.md 1.2): no 429, and saves before listings."""
import os
import subprocess
import time

import pytest

from conftest import SLOW, until


def statuses(crm, mark):
    return [r.status for r in crm.log(since=mark)]


@pytest.mark.slow_watchdog(150)
def test_a_walk_longer_than_a_window_provokes_no_429(start_crm, mounts):
    crm = start_crm(rate=90)
    crm.fill("contacts", 10_000)
    mnt = mounts(crm, timeout=100)
    mark = crm.mark()
    start = time.monotonic()
    assert len(os.listdir(mnt / "contacts")) == 10_000
    assert 429 not in statuses(crm, mark)
    assert len(statuses(crm, mark)) == 100
    assert time.monotonic() - start < 75 * SLOW, "one window and a little"


@pytest.mark.slow_watchdog(150)
def test_a_cat_and_a_save_during_a_walk_answer_in_a_round_trip(start_crm, mounts):
    crm = start_crm(rate=60)
    crm.fill("contacts", 8_000)
    crm.fill("companies", 5)
    mnt = mounts(crm, timeout=100)
    ls = subprocess.Popen(["ls", mnt / "contacts"], stdout=subprocess.DEVNULL)
    mark = crm.mark()
    until(lambda: len(crm.log(since=mark)) > 30, timeout=30, what="a walk under way")
    until(lambda: idle(crm, mark), timeout=30, what="a walk that waits for its window")
    company = crm.ids("companies")[0]
    path = mnt / "companies" / f"{company}.json"
    start = time.monotonic()
    assert path.read_bytes()
    path.write_bytes(b'{"domain": "new.example"}')
    assert time.monotonic() - start < 3 * SLOW
    assert crm.get("companies", company)["domain"] == "new.example"
    assert ls.poll() is None, "the walk still waits"
    ls.terminate()
    ls.wait()
    assert 429 not in statuses(crm, 0)


def idle(crm, mark):
    before = len(crm.log(since=mark))
    time.sleep(0.5)  # the fact waited for is that nothing happens
    return len(crm.log(since=mark)) == before


def test_a_429_is_obeyed_to_the_second(start_crm, mounts):
    crm = start_crm()
    crm.fill("contacts", 3)
    mnt = mounts(crm)
    record = crm.ids("contacts")[0]
    crm.fault(path=f"/contacts/{record}", status=429, body={"message": "Too Many Attempts."},
              headers={"Retry-After": "2", "X-RateLimit-Limit": "90", "X-RateLimit-Remaining": "0"})
    start = time.monotonic()
    assert (mnt / "contacts" / f"{record}.json").read_bytes()
    assert 1.9 < time.monotonic() - start < 4 * SLOW


def test_a_429_past_the_deadline_is_eagain(start_crm, mounts):
    crm = start_crm()
    crm.fill("contacts", 3)
    mnt = mounts(crm, timeout=3)
    record = crm.ids("contacts")[0]
    crm.fault(path=f"/contacts/{record}", status=429, body={"message": "Too Many Attempts."},
              headers={"Retry-After": "50", "X-RateLimit-Limit": "90", "X-RateLimit-Remaining": "0"})
    with pytest.raises(BlockingIOError):
        (mnt / "contacts" / f"{record}.json").read_bytes()


def test_a_browser_that_spent_the_budget_is_noticed(start_crm, mounts):
    crm = start_crm(rate=30)
    crm.fill("contacts", 3_000)
    mnt = mounts(crm, timeout=100)
    crm.spend(10)
    mark = crm.mark()
    ls = subprocess.Popen(["ls", mnt / "contacts"], stdout=subprocess.DEVNULL)
    until(lambda: len(crm.log(since=mark)) >= 10, what="a walk under way")
    until(lambda: idle(crm, mark), timeout=20, what="a walk that waits")
    assert 429 not in statuses(crm, mark)
    ls.terminate()
    ls.wait()
