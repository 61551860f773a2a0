# SPDX-License-Identifier: MIT
"""A look that a person forces (design 1.5): .concordfs/refresh, SIGHUP, O_DIRECT; SIGUSR1 says how things stand."""
import errno
import json
import os
import signal
import threading

import pytest

from conftest import run, shell, until
from test_save import edited
from test_status import status

LONG = 100_000  # ttl: nothing gets old by itself


@pytest.fixture
def mnt(crm, mounts):
    crm.fill("contacts", 250)
    crm.fill("deals", 5)
    mnt = mounts(crm, ttl=LONG)
    os.listdir(mnt / "deals")
    for _ in range(2):  # after a walk of several pages the trash is looked into, once
        os.listdir(mnt / "contacts")
        refresh(mnt, "contacts")
    os.listdir(mnt / "contacts")
    return mnt


@pytest.fixture
def card(crm, mnt):
    record = crm.ids("contacts")[4]
    return mnt / "contacts" / f"{record}.json", record


def refresh(mnt, text):
    with open(mnt / ".concordfs" / "refresh", "wb", buffering=0) as f:
        f.write(text.encode())


def city(path):
    return json.loads(path.read_bytes())["city"]


def direct(path):
    fd = os.open(path, os.O_RDONLY | os.O_DIRECT)
    try:
        return json.loads(os.read(fd, 1 << 20))
    finally:
        os.close(fd)


def test_a_collection_that_is_written_there_is_asked_for_at_the_next_look(crm, mnt, card):
    path, record = card
    size = os.stat(path).st_size
    crm.advance(5)
    crm.change("contacts", record, city="A longer name of a city than before")
    with crm.expect(requests=0):
        assert os.stat(path).st_size == size
        refresh(mnt, "contacts\n")
        assert (mnt / "deals" / f"{crm.ids('deals')[0]}.json").read_bytes()
    with crm.expect(("GET", "/contacts")):
        assert city(path) == "A longer name of a city than before"
        assert os.stat(path).st_size == len(path.read_bytes()) > size
        os.listdir(mnt / "contacts")


def test_size_and_time_are_asked_for_too(crm, mnt, card):
    path, record = card
    before = os.stat(path)
    crm.advance(5)
    crm.change("contacts", record, city="A longer name of a city than before")
    refresh(mnt, "contacts")
    until(lambda: os.stat(path).st_size != before.st_size, what="the new size")  # the kernel is told by a thread
    assert os.stat(path).st_mtime > before.st_mtime


def test_what_is_new_and_what_is_gone_shows_in_ls(crm, mnt):
    crm.advance(5)
    gone, new = crm.ids("contacts")[0], crm.insert("contacts", first_name="Nova")
    crm.trash("contacts", gone)
    refresh(mnt, "contacts")
    names = os.listdir(mnt / "contacts")
    assert f"{gone}.json" not in names and f"{new}.json" in names


def test_a_record_is_asked_for_alone(crm, mnt, card):
    path, record = card
    other = path.with_name(f"{crm.ids('contacts')[7]}.json")
    crm.change("contacts", record, city="Oslo")
    with crm.expect(("GET", f"/contacts/{record}")):
        refresh(mnt, f"contacts/{path.name}\n")
        assert city(path) == "Oslo"
        assert city(path) == "Oslo"
        other.read_bytes()


def test_a_record_that_has_gone_is_gone_at_the_next_look(crm, mnt, card):
    path, record = card
    crm.trash("contacts", record)
    refresh(mnt, f"contacts/{path.name}")
    with pytest.raises(FileNotFoundError):
        path.read_bytes()
    assert path.name not in os.listdir(mnt / "contacts")


@pytest.mark.parametrize("text", ["\n", ".\n", "/", "./"])
def test_an_empty_line_or_a_dot_is_all(crm, mnt, text):
    refresh(mnt, text)
    with crm.expect(("GET", "/contacts"), ("GET", "/deals")):
        for name in ("contacts", "deals"):
            os.listdir(mnt / name)
            os.listdir(mnt / name)


@pytest.mark.parametrize("text", ["contacts/\n", "./contacts", "/contacts/\n", "deals\ncontacts\n"])
def test_a_path_may_be_written_as_people_and_completion_write_it(crm, mnt, text):
    refresh(mnt, text)
    with crm.expect(("GET", "/contacts")):
        os.listdir(mnt / "contacts")


@pytest.mark.parametrize("path", ["nothing", "contacts/nothing.txt", "contacts/99999999.json", "contacts/1.json/2",
                                  ".concordfs", "contacts/041.json", "x" * 2000])
def test_a_path_that_does_not_exist_is_refused_and_nothing_is_done(crm, mnt, path):
    with pytest.raises(FileNotFoundError):
        refresh(mnt, f"contacts\n{path}\n")
    with crm.expect(requests=0):
        os.listdir(mnt / "contacts")
    done = shell(f"echo {path} > {mnt}/.concordfs/refresh")
    assert done.returncode != 0 and "No such file or directory" in done.stderr


def test_the_name_a_record_was_created_under_will_do(crm, mnt):
    (mnt / "contacts" / "new.json").write_text('{"first_name": "Ada"}')
    record = max(crm.ids("contacts"))
    with crm.expect(("GET", f"/contacts/{record}")):
        refresh(mnt, "contacts/new.json")
        (mnt / "contacts" / "new.json").read_bytes()


def test_a_local_text_has_nobody_to_be_asked(crm, mnt):
    (mnt / "contacts" / "notes.txt").write_text("mine")
    with crm.expect(requests=0):
        refresh(mnt, "contacts/notes.txt")
        assert (mnt / "contacts" / "notes.txt").read_text() == "mine"


def test_a_refused_list_is_asked_for_again_at_once(crm, mounts):
    crm.forbid("contacts")
    mnt = mounts(crm, ttl=LONG)
    with pytest.raises(PermissionError):
        os.listdir(mnt / "contacts")
    crm.forbid("contacts", False)
    with crm.expect(requests=0), pytest.raises(PermissionError):
        os.listdir(mnt / "contacts")
    refresh(mnt, "contacts")
    assert os.listdir(mnt / "contacts") == []


def test_a_name_that_was_absent_is_asked_for_again(crm, mounts):
    mnt = mounts(crm, ttl=LONG)
    path = mnt / "contacts" / "1.json"
    assert not path.exists()
    assert crm.fill("contacts", 1) is None and crm.ids("contacts") == [1]
    assert not path.exists()
    refresh(mnt, "contacts")
    assert path.exists() and json.loads(path.read_bytes())["id"] == 1


def test_an_answer_that_left_before_is_none(crm, mnt, card):
    """The walk under way read the old text; who looks after the refresh gets the new one."""
    path, record = card
    hold = crm.fault(method="GET", path=r"/contacts$", action="hold_answer")
    refresh(mnt, "contacts")
    early = threading.Thread(target=os.listdir, args=(mnt / "contacts",))
    early.start()
    crm.wait_held(hold)
    crm.advance(5)
    crm.change("contacts", record, city="Oslo")
    refresh(mnt, "contacts")
    seen = []
    late = threading.Thread(target=lambda: seen.append(city(path)))
    late.start()
    crm.release(hold)
    early.join()
    late.join()
    assert seen == ["Oslo"]


def test_a_save_after_it_reads_the_record_again_first(crm, mnt, card):
    path, record = card
    text = edited(path, city="Oslo")
    crm.advance(5)
    crm.change("contacts", record, job_title="Chief")
    refresh(mnt, f"contacts/{path.name}")
    with crm.expect(("GET", f"/contacts/{record}"), ("PUT", f"/contacts/{record}", {"city": "Oslo"})):
        path.write_bytes(text)
    assert json.loads(path.read_bytes())["job_title"] == "Chief"


def test_with_the_server_out_of_reach_what_is_known_stays(crm, mnt, card):
    path, _ = card
    text = path.read_bytes()
    crm.down()
    refresh(mnt, "\n")
    assert path.read_bytes() == text and len(os.listdir(mnt / "contacts")) == 250
    crm.up()


# O_DIRECT


def test_an_o_direct_open_asks_the_server_for_that_record(crm, mnt, card):
    path, record = card
    crm.change("contacts", record, city="Oslo")
    with crm.expect(("GET", f"/contacts/{record}")):
        assert direct(path)["city"] == "Oslo"
    with crm.expect(("GET", f"/contacts/{record}")):
        done = run("dd", f"if={path}", "iflag=direct", "bs=1M", "status=none")
        assert json.loads(done.stdout)["city"] == "Oslo"
    with crm.expect(requests=0):
        assert city(path) == "Oslo"


def test_an_o_direct_open_of_a_record_nobody_has_seen_asks_after_its_stat(crm, mounts):
    crm.fill("contacts", 5)
    path = mounts(crm) / "contacts" / f"{crm.ids('contacts')[0]}.json"
    with crm.expect(requests=2):  # the kernel's look at its permissions, and the opening
        assert direct(path)["id"]


def test_an_o_direct_open_of_a_text_of_yours_asks_nobody(crm, mnt, card):
    path, _ = card
    with crm.expect(requests=0), pytest.raises(OSError), open(path, "wb", buffering=0) as f:
        f.write(b'{"id": 1')
        fd = os.open(path, os.O_RDONLY | os.O_DIRECT)
        assert os.read(fd, 100) == b'{"id": 1'
        os.close(fd)


def test_directories_have_no_o_direct(mnt):
    """Linux says so itself, after the open has reached us."""
    with pytest.raises(OSError) as e:
        os.open(mnt / "contacts", os.O_RDONLY | os.O_DIRECT | os.O_DIRECTORY)
    assert e.value.errno == errno.EINVAL


# Signals


def test_sighup_makes_everything_old(crm, mnt, card):
    path, record = card
    crm.advance(5)
    crm.change("contacts", record, city="Oslo")
    mnt.proc.send_signal(signal.SIGHUP)
    until(lambda: city(path) == "Oslo", what="the new text")
    with crm.expect(("GET", "/deals")):
        os.listdir(mnt / "deals")
        os.listdir(mnt / "contacts")


def told(mnt):
    return [line for line in mnt.log().splitlines() if " status {" in line and line.endswith("}")]


def test_sigusr1_says_how_things_stand_on_one_line_of_the_log(crm, mnt):
    with crm.expect(requests=0):
        for n in (1, 2):
            mnt.proc.send_signal(signal.SIGUSR1)
            until(lambda n=n: len(told(mnt)) == n, what="the line")
    s, now = json.loads(told(mnt)[-1].split(" status ")[1]), status(mnt)
    assert set(s) == set(now) and s["collections"]["contacts"]["records"] == 250
    assert crm.token not in mnt.log()
