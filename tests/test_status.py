# SPDX-License-Identifier: MIT
"""What .concordfs/status.json and metrics say of a mount: exact, valid at any instant, for nothing."""
import errno
import json
import os
import re
import threading
import time

import pytest

from conftest import run, until
from test_refused import refused
from test_save import edited

KINDS = {"contacts", "companies", "deals", "activities", "notes", "calls", "products", "documents", "users",
         "pipelines", "pipeline-stages", "sources", "industries", "activity-types", "call-outcomes", "lost-reasons",
         "document-types", "document-templates"}


def status(mnt):
    return json.loads((mnt / ".concordfs" / "status.json").read_bytes())


def contacts(mnt):
    return status(mnt)["collections"]["contacts"]


def metrics(mnt):
    return parse((mnt / ".concordfs" / "metrics").read_text())


SAMPLE = re.compile(r'(?P<name>[a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(?P<labels>.*)\})? (?P<value>\S+)')
LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"(?:,|$)')


def parse(text):
    """Strictly: each family once, HELP and TYPE before its samples, no sample twice.
    {(name, labels): value}"""
    assert text.endswith("\n")
    found, kinds, helped, last = {}, {}, set(), None
    for line in text.splitlines():
        if line.startswith("# HELP "):
            last = line.split(" ", 3)[2]
            assert last not in helped and line.split(" ", 3)[3]
            helped.add(last)
            continue
        if line.startswith("# TYPE "):
            _, _, name, kind = line.split(" ")
            assert name == last and name not in kinds and kind in ("counter", "gauge")
            assert (kind == "counter") == name.endswith("_total")
            kinds[name] = kind
            continue
        sample = SAMPLE.fullmatch(line)
        assert sample and sample["name"] == last and last in kinds, line
        labels = sample["labels"] or ""
        assert "".join(m.group(0) for m in LABEL.finditer(labels)) == labels, line
        key = (sample["name"], *sorted(m.groups() for m in LABEL.finditer(labels)))
        assert key not in found, line
        found[key] = float(sample["value"])
    return found


# What it says


def test_it_says_whose_mount_it_is(crm, mnt):
    s = status(mnt)
    assert re.fullmatch(r"\d+\.\d+\.\d+", s["version"])
    assert s["account"]["url"] == crm.url and s["account"]["user_id"] == 1 and s["account"]["user_name"]
    assert abs(time.time() - time.mktime(time.strptime(s["mounted_since"], "%Y-%m-%dT%H:%M:%SZ")) + time.timezone) < 60
    assert 0 <= s["uptime"] < 60 and s["ttl"] == 60 and s["read_only"] is False


def test_every_collection_is_there_and_unused_at_first(mnt):
    colls = status(mnt)["collections"]
    assert set(colls) == KINDS
    for c in colls.values():
        assert c["state"] == "unused" and not c["complete"] and c["records"] == 0
        assert c["age"] is None and c["mark"] is None and c["walk"] is None and c["error"] is None


def test_a_listed_collection_is_counted_exactly(crm, mnt):
    crm.fill("contacts", 250)
    os.listdir(mnt / "contacts")
    c = contacts(mnt)
    assert (c["state"], c["complete"], c["records"], c["requests"]) == ("complete", True, 250, 3)
    assert 0 <= c["age"] < 30 and c["mark"].endswith("Z")
    sizes = sum(os.stat(mnt / "contacts" / name).st_size for name in os.listdir(mnt / "contacts"))
    assert c["text_bytes"] == sizes
    assert status(mnt)["cache"] == {"records": 250, "text_bytes": sizes}


def test_counts_follow_every_change(crm, mnt):
    crm.fill("contacts", 20)
    os.listdir(mnt / "contacts")
    os.unlink(mnt / "contacts" / f"{crm.ids('contacts')[0]}.json")
    assert contacts(mnt)["records"] == 19
    (mnt / "contacts" / "new.json").write_text('{"first_name": "Ada"}')
    assert contacts(mnt)["records"] == 20 and status(mnt)["cache"]["records"] == 20


def test_a_record_read_alone_is_a_part_of_its_collection(crm, mnt):
    crm.fill("contacts", 20)
    (mnt / "contacts" / f"{crm.ids('contacts')[3]}.json").read_bytes()
    c = contacts(mnt)
    assert (c["state"], c["complete"], c["records"], c["requests"]) == ("partial", False, 1, 0)


def test_requests_are_counted_exactly(crm, mnt):
    crm.fill("contacts", 250)
    before = len(crm.log())
    assert status(mnt)["requests"]["sent"] == before
    os.listdir(mnt / "contacts")
    assert status(mnt)["requests"] == {"sent": before + 3, "retries": 0, "failures": 0}


def test_a_failed_listing_is_told_with_its_error(crm, mnt):
    crm.forbid("contacts")
    with pytest.raises(PermissionError):
        os.listdir(mnt / "contacts")
    c = contacts(mnt)
    assert c["state"] == "failed" and c["error"]["errno"] == "EPERM" and c["error"]["again_in"] > 0
    crm.absent("calls")
    with pytest.raises(FileNotFoundError):
        os.listdir(mnt / "calls")
    assert status(mnt)["collections"]["calls"]["state"] == "absent"


def test_the_budget_is_told(start_crm, mounts):
    crm = start_crm(rate=90)
    mnt = mounts(crm)
    budget = until(lambda: (b := status(mnt)["budget"])["remaining"] == 89 and b, what="the budget")
    assert budget["limit"] == 90 and 50 < budget["resets_in"] < 70 and budget["running"] == 0
    assert budget["waiting"] == {"save": 0, "read": 0, "listing": 0, "background": 0}


def test_a_server_without_a_limit_has_no_budget(mnt):
    budget = status(mnt)["budget"]
    assert budget["limit"] is None and budget["remaining"] is None


def test_a_walk_tells_how_far_it_is(crm, mnt):
    crm.fill("contacts", 1000)
    hold = crm.fault(method="GET", path=r"/contacts$", query="page=4", action="hold")
    lister = threading.Thread(target=os.listdir, args=(mnt / "contacts",))
    lister.start()
    walk = until(lambda: (w := contacts(mnt)["walk"]) and w["pages_done"] == 9 and w, what="all pages but one")
    assert walk == {"pages_done": 9, "pages": 10}
    s = contacts(mnt)
    assert s["state"] == "walking" and not s["complete"] and s["records"] == 900
    crm.release(hold)
    lister.join()
    assert contacts(mnt)["state"] == "complete" and contacts(mnt)["walk"] is None


def test_a_server_out_of_reach_is_told_with_since_when(crm, mounts):
    crm.fill("contacts", 3)
    mnt = mounts(crm, ttl=0, timeout=3)
    os.listdir(mnt / "contacts")
    assert status(mnt)["server"] == {"answers": True, "out_of_reach_since": None, "reason": None,
                                     "breaker": {"open": False, "since": None}}
    crm.down()
    os.listdir(mnt / "contacts")
    server = until(lambda: (s := status(mnt)["server"])["breaker"]["open"] and s, what="the breaker")
    assert not server["answers"] and server["reason"]
    assert server["out_of_reach_since"] <= server["breaker"]["since"] <= status(mnt)["time"]
    c = contacts(mnt)
    assert c["complete"] and c["error"]["errno"] in ("ECONNREFUSED", "EIO", "EHOSTUNREACH")
    assert metrics(mnt)[("concordfs_server_up",)] == 0 and metrics(mnt)[("concordfs_breaker_open",)] == 1
    crm.up()
    until(lambda: os.listdir(mnt / "contacts") and status(mnt)["server"]["answers"], what="the server again")


def test_what_is_typed_and_not_saved_is_pending(crm, mnt):
    crm.fill("contacts", 3)
    path = mnt / "contacts" / f"{crm.ids('contacts')[0]}.json"
    text = edited(path, city="Oslo")
    (mnt / "contacts" / ".41.json.swp").write_text("swap")
    (mnt / "contacts" / "notes.txt").write_text("local")
    assert status(mnt)["drafts"] == {"pending": [], "refused": []}
    with open(path, "wb", buffering=0) as f, open(mnt / "contacts" / "new.json", "wb", buffering=0) as new:
        f.write(text)
        new.write(b'{"first_name": "Ada"')
        one, two = sorted(status(mnt)["drafts"]["pending"], key=lambda d: d["what"])
        assert (one["path"], one["what"], one["bytes"]) == (f"contacts/{path.name}", "edit", len(text))
        assert (two["path"], two["what"], two["saving"]) == ("contacts/new.json", "new", False)
        new.write(b"}")
    assert status(mnt)["drafts"] == {"pending": [], "refused": []}


def test_a_refused_save_is_told_until_it_is_dropped(crm, mnt):
    crm.fill("contacts", 3)
    path = mnt / "contacts" / f"{crm.ids('contacts')[0]}.json"
    refused(path, edited(path, email="nope"))
    s = status(mnt)
    assert s["refusals"] == {"EINVAL": 1} and s["drafts"]["pending"] == []
    (draft,) = s["drafts"]["refused"]
    assert (draft["path"], draft["errno"], draft["kept_as"]) == (f"contacts/{path.name}", "EINVAL", None)
    assert "email: " in draft["message"] and s["rejected"] == 0
    os.unlink(f"{path}.error")
    s = until(lambda: (s := status(mnt))["rejected"] and s, what="the text set aside")
    assert s["rejected"] == 1 and s["drafts"]["refused"] == [] and s["refusals"] == {"EINVAL": 1}


def test_the_brake_is_told(crm, mounts):
    crm.fill("contacts", 5)
    mnt = mounts(crm, max_deletes=2)
    assert status(mnt)["deletions_left"] == 2
    for n, i in enumerate(crm.ids("contacts")[:3]):
        if n < 2:
            os.unlink(mnt / "contacts" / f"{i}.json")
            continue
        with pytest.raises(PermissionError):
            os.unlink(mnt / "contacts" / f"{i}.json")
    s = status(mnt)
    assert s["deletions_left"] == 0 and s["refusals"] == {"EPERM": 1}
    assert status(mounts(crm, max_deletes=0))["deletions_left"] is None


# How it says it


@pytest.mark.concurrent
def test_it_is_valid_json_while_a_walk_runs_and_eight_read_it(crm, mnt):
    crm.fill("contacts", 3000)
    crm.fault(method="GET", path=r"/contacts$", times=None, delay=0.05)
    over, wrong, seen = threading.Event(), [], []

    def read():
        while not over.is_set():
            try:
                s = status(mnt)
                c, walk = s["collections"]["contacts"], s["collections"]["contacts"]["walk"]
                assert s["cache"]["records"] == c["records"]
                assert c["complete"] == (c["records"] == 3000) or walk
                assert not walk or not walk["pages"] or c["records"] == 100 * walk["pages_done"]
                seen.append(c["records"])
                metrics(mnt)
            except Exception as e:  # pylint: disable=broad-except
                wrong.append(e)
                return

    readers = [threading.Thread(target=read) for _ in range(8)]
    for r in readers:
        r.start()
    os.listdir(mnt / "contacts")
    over.set()
    for r in readers:
        r.join()
    assert not wrong, wrong
    assert len(set(seen)) > 2, "the walk was not seen"


def test_what_is_open_stays_the_moment_of_its_opening(crm, mnt):
    crm.fill("contacts", 30)
    with open(mnt / ".concordfs" / "status.json", "rb", buffering=0) as f:
        first = f.read(40)
        os.listdir(mnt / "contacts")
        s = json.loads(first + f.read())
        assert s["collections"]["contacts"]["records"] == 0
        f.seek(0)
        assert json.loads(f.read()) == s
    assert contacts(mnt)["records"] == 30


def test_it_costs_no_request(crm, mnt):
    crm.fill("contacts", 3)
    with crm.expect(requests=0):
        for _ in range(20):
            status(mnt)
            metrics(mnt)


def test_the_token_is_not_in_it(crm, mnt):
    os.listdir(mnt / "contacts")
    text = "".join((mnt / ".concordfs" / name).read_text() for name in ("status.json", "metrics"))
    assert crm.token not in text and crm.token.split("|")[1] not in text


def test_programs_that_look_at_the_size_read_it_whole(mnt):
    path = mnt / ".concordfs" / "status.json"
    for command in (["jq", "-e", ".version", path], ["python3", "-c", f"import json; json.load(open('{path}'))"]):
        assert run(*command).returncode == 0
    for command in (["cp", path, mnt.tmp / "copy"], ["dd", f"if={path}", f"of={mnt.tmp / 'copy'}", "status=none"]):
        assert run(*command).returncode == 0 and json.loads((mnt.tmp / "copy").read_text())
    assert os.stat(path).st_size > 1000


def test_it_cannot_be_written_or_removed(mnt):
    for name in ("status.json", "metrics"):
        for attempt in (lambda p: os.open(p, os.O_WRONLY), os.unlink, lambda p: os.rename(p, f"{p}.x")):
            with pytest.raises(OSError) as e:
                attempt(mnt / ".concordfs" / name)
            assert e.value.errno in (errno.EACCES, errno.EPERM)


def test_metrics_say_the_same(crm, mnt):
    crm.fill("contacts", 250)
    os.listdir(mnt / "contacts")
    path = mnt / "contacts" / f"{crm.ids('contacts')[0]}.json"
    refused(path, edited(path, email="nope"))
    s, m = status(mnt), metrics(mnt)
    assert m[("concordfs_records", ("collection", "contacts"))] == 250
    assert m[("concordfs_listing_complete", ("collection", "contacts"))] == 1
    assert m[("concordfs_listing_complete", ("collection", "deals"))] == 0
    assert ("concordfs_listing_age_seconds", ("collection", "deals")) not in m
    assert m[("concordfs_text_bytes", ("collection", "contacts"))] == s["cache"]["text_bytes"]
    assert m[("concordfs_requests_total",)] == s["requests"]["sent"]
    assert m[("concordfs_refusals_total", ("errno", "EINVAL"))] == 1
    assert m[("concordfs_drafts", ("state", "refused"))] == 1 and m[("concordfs_drafts", ("state", "pending"))] == 0
    assert m[("concordfs_requests_waiting", ("lane", "save"))] == 0
    assert m[("concordfs_server_up",)] == 1 and m[("concordfs_breaker_open",)] == 0
    assert m[("concordfs_deletions_left",)] == 25
    assert [k for k in m if k[0] == "concordfs_info"] == [
        ("concordfs_info", ("url", crm.url), ("user_id", "1"), ("version", s["version"]))]
