# SPDX-License-Identifier: MIT
"""The daemon is killed at any instant: nothing that a write accepted is lost, nothing is torn, and what
was removed stays removed (design 1.4, 3.6)."""
import contextlib
import errno
import json
import os
import pathlib
import random
import subprocess
import sys
import threading

import pytest

from conftest import SLOW

KILLS = int(os.environ.get("CONCORDFS_KILLS", "20"))
SCRIPT = pathlib.Path(__file__).with_name("writer.py")
MEANWHILE = errno.ECONNABORTED  # of an operation that was under way when the daemon died; later ones: ENOTCONN


class Journal:
    """What the writer told: what stands accepted under each name, and what was under way at the end."""

    def __init__(self):
        self.accepted = {}  # name -> [bytes accepted since it was begun, mark, whole text]
        self.saved, self.gone = {}, set()  # name -> the mark of its last good save
        self.refused = {}  # text -> name
        self.doing, self.failed = None, None
        self.steps = threading.Semaphore(0)

    def take(self, line):
        told = json.loads(line)
        self.steps.release()
        if "failed" in told:
            self.failed = told["failed"]
        elif "do" in told:
            self.doing = told["do"]
            if self.doing["op"] == "begin":
                self.accepted[self.doing["name"]] = ["", self.doing["mark"], self.doing["text"]]
        else:
            self.doing = None
            getattr(self, told["done"]["op"])(told["done"])

    def begin(self, done):
        pass

    def write(self, done):
        self.accepted.setdefault(done["name"], ["", None, None])[0] += done["piece"]
        self.gone.discard(done["name"])

    def commit(self, done):
        if not done["name"].startswith("tmp-"):
            self.saved[done["name"]] = done["mark"]
            self.accepted.pop(done["name"], None)

    def refuse(self, done):
        self.refused[done["text"]] = done["name"]
        del self.accepted[done["name"]]

    def rename(self, done):
        self.saved[done["to"]] = done["mark"]
        del self.accepted[done["name"]]

    def unlink(self, done):
        self.accepted.pop(done["name"], None)
        self.gone.add(done["name"])

    def under_way(self, op, name):
        return self.doing is not None and (self.doing["op"], self.doing["name"]) == (op, name)

    def texts(self, name):
        """What may stand there: the last write happened, or it did not."""
        text = self.accepted[name][0]
        return {text, text + self.doing["piece"]} if self.under_way("write", name) else {text}


def run_until(mount, seed, ids, moment, journal):
    """The writer runs until the daemon is killed: when moment(journal) returns."""
    writer = subprocess.Popen([sys.executable, "-B", SCRIPT, mount / "contacts", str(seed), *map(str, ids)],
                              stdout=subprocess.PIPE)
    reader = threading.Thread(target=lambda: [journal.take(line) for line in writer.stdout])
    reader.start()
    try:
        moment(journal)
    finally:
        mount.kill()
        reader.join()
        writer.stdout.close()
        assert writer.wait(timeout=20 * SLOW) == 0
    assert journal.failed in (errno.ENOTCONN, MEANWHILE), errno.errorcode.get(journal.failed, journal.failed)


class Aftermath:
    """The mount after the crash, held against the journal."""

    def __init__(self, crm, mount, journal):
        self.crm, self.folder, self.journal = crm, mount / "contacts", journal
        self.aside = {p.read_text() for p in mount.state.glob("*/rejected/*") if p.suffix not in (".note", ".error")}
        self.marks = [crm.get("contacts", i)["job_title"] for i in crm.ids("contacts")]

    def read(self, name):
        try:
            return (self.folder / name).read_text()
        except FileNotFoundError:
            return None

    def shows(self, name, mark):
        return f'"job_title": "{mark}"' in (self.read(name) or "")

    def check(self):
        for name, mark in self.journal.saved.items():
            self.check_saved(name, mark)
        for name in self.journal.accepted:
            self.check_accepted(name)
        for text, name in self.journal.refused.items():
            where = (self.read(name), self.read(f"{name}~"))  # vim moves it away before it writes
            assert text in self.aside or text in where, f"a refused text of {name} is lost"
        for name in self.journal.gone:
            assert self.read(name) is None, f"{name} is back"

    def check_saved(self, name, mark):
        """On the server, unless a later text of that name got there; creates: once."""
        later = self.journal.accepted.get(name, [None, None])[1]
        doing = self.journal.doing or {}
        if doing.get("op") == "rename" and doing["to"] == name:
            later = doing["mark"]
        if name.startswith("new-"):
            assert self.marks.count(mark) == 1, f"{name} is there {self.marks.count(mark)} times"
            return
        now = self.crm.get("contacts", int(name.partition(".")[0]))["job_title"]
        assert now in (mark, later), f"{name}: saved {mark}, then {later} was begun, the server has {now}"
        if name not in self.journal.accepted and name not in self.journal.refused.values():
            assert self.shows(name, now)

    def check_accepted(self, name):
        text, mark, whole = self.journal.accepted[name]
        if not text or self.journal.under_way("unlink", name):
            return
        if mark is not None and self.marks.count(mark) == 1:
            committing = self.journal.doing and self.journal.doing["op"] in ("commit", "rename")
            assert committing and self.journal.doing["mark"] == mark, f"{mark} was sent before its time"
            assert text == whole
            # The record shows it, unless an older text that was refused still stands there; a new one may
            # still have its text at the new name as well.
            at = self.journal.doing.get("to", name)
            assert name.startswith("new-") or self.shows(at, mark) or self.read(at) in self.journal.refused
            return
        assert self.marks.count(mark) == 0, f"{mark} is on the server {self.marks.count(mark)} times"
        places = [name] + ([self.journal.doing["to"]] if self.journal.under_way("rename", name) else [])
        found = {self.read(n) for n in places} | self.aside
        assert found & self.journal.texts(name), f"of {name} {len(text)} bytes were accepted; found:\n{found}"


@pytest.fixture
def crash(crm, mounts):
    """crash(seed, moment): the writer runs, the daemon is killed at that moment, a new one is checked."""
    crm.fill("contacts", 120)
    ids = crm.ids("contacts")

    def once(seed, moment):
        mount = mounts(crm)
        assert len(os.listdir(mount / "contacts")) >= 120
        journal = Journal()
        run_until(mount, seed, random.Random(seed).sample(ids, 3), moment, journal)
        crm.clear_faults()
        mount.start()
        Aftermath(crm, mount, journal).check()
        mount.stop()
        return journal

    return once


@pytest.mark.slow_watchdog(60 + 2 * KILLS)
def test_a_kill_at_any_instant_loses_nothing_that_was_accepted(crm, crash):
    dice, failures = random.Random(7), []
    for seed in range(KILLS):
        if seed % 2:
            for method in ("PUT", "POST"):
                crm.fault(method=method, delay=0.02, times=1000)
        target = dice.randint(10, 300)

        def moment(journal):
            for _ in range(target):
                assert journal.steps.acquire(timeout=20 * SLOW)
        failures.append(crash(seed, moment).failed)
    assert failures.count(MEANWHILE) >= KILLS / 3, f"hardly anything was in flight: {failures}"


@pytest.mark.slow_watchdog(90)
@pytest.mark.parametrize("action", ["hold", "hold_answer"])
@pytest.mark.parametrize("method", ["PUT", "POST"])
def test_a_kill_while_a_save_is_at_the_server_loses_nothing(crm, crash, action, method):
    """hold: the server has not done it yet; hold_answer: it has, and nobody was told."""
    for seed in range(20, 23):
        fault = crm.fault(method=method, action=action, after=seed - 20)
        journal = crash(seed, lambda _: crm.wait_held(fault))
        assert journal.failed == MEANWHILE and journal.doing["op"] in ("commit", "rename", "refuse")


def killed_in_a_save(crm, mounts, tmp_path, method, name, text):
    """The server has done it and its answer never came: the daemon died. Gives the next mount."""
    mount = mounts(crm, tmp=tmp_path / "m")
    os.listdir(mount / "contacts")
    fault = crm.fault(method=method, action="hold_answer")
    script = "import pathlib, sys; pathlib.Path(sys.argv[1]).write_text(sys.argv[2])"
    saving = subprocess.Popen([sys.executable, "-c", script, mount / "contacts" / name, text],
                              stderr=subprocess.DEVNULL)
    crm.wait_held(fault)
    mount.kill()
    assert saving.wait(timeout=20 * SLOW) != 0
    crm.clear_faults()
    mount.start()
    return mount / "contacts" / name


def test_a_kill_between_a_put_and_its_answer_has_one_effect_and_no_second(crm, mounts, tmp_path):
    crm.fill("contacts", 5)
    record = crm.ids("contacts")[0]
    text = json.dumps({"job_title": "Ours"})
    path = killed_in_a_save(crm, mounts, tmp_path, "PUT", f"{record}.json", text)
    done = crm.get("contacts", record)
    assert done["job_title"] == "Ours" and "Ours" in path.read_text()
    crm.advance(5)
    mark = crm.mark()
    path.write_text(text)
    assert [r for r in crm.log(since=mark) if r.method != "GET"] == []
    assert crm.get("contacts", record)["updated_at"] == done["updated_at"]
    assert json.loads(path.read_text())["id"] == record


def test_a_kill_between_a_post_and_its_answer_makes_no_duplicate_when_it_is_saved_again(crm, mounts, tmp_path):
    crm.fill("contacts", 5)
    text = json.dumps({"first_name": "Nova", "job_title": "Only one"})
    path = killed_in_a_save(crm, mounts, tmp_path, "POST", "new.json", text)
    assert crm.count("contacts") == 6
    with contextlib.suppress(OSError):  # it may be refused as long as nobody knows
        path.write_text(text)
    assert crm.count("contacts") == 6
    assert "Only one" in path.read_text()
