# SPDX-License-Identifier: MIT
"""Unknown outcomes: a request that left and whose answer never came. Told apart from failures by
reading again, and never repeated blindly (design 1.4, faults.md d)."""
import errno
import json
import os
import signal
import subprocess
import sys
import time

import pytest

from conftest import until
from test_refused import has_words, refused, words_of
from test_save import edited, writes

FOREVER = 1_000


@pytest.fixture
def card(crm, mnt):
    crm.fill("contacts", 5)
    os.listdir(mnt / "contacts")
    record = crm.ids("contacts")[2]
    return mnt / "contacts" / f"{record}.json", record


def posts(crm, mark):
    return [r for r in writes(crm, mark) if r.method == "POST"]


def test_a_put_whose_answers_are_lost_is_found_to_be_saved(crm, card):
    path, record = card
    crm.fault(method="PUT", action="reset_after_apply", times=FOREVER)
    path.write_bytes(edited(path, job_title="Chief"))
    assert crm.get("contacts", record)["job_title"] == "Chief"
    assert json.loads(path.read_bytes())["job_title"] == "Chief"
    assert not has_words(path)


def test_a_put_that_never_arrives_is_told_so_and_kept(crm, card):
    path, record = card
    crm.fault(method="PUT", action="reset", times=FOREVER)
    text = edited(path, job_title="Chief")
    refused(path, text, errno.EIO)
    assert "does not have it" in words_of(path)
    assert path.read_bytes() == text
    crm.clear_faults()
    with crm.expect(("PUT", f"/contacts/{record}", {"job_title": "Chief"})):
        path.write_bytes(text)


def test_a_put_that_is_lost_once_and_then_refused_is_told_in_the_servers_words(crm, card):
    path, _ = card
    crm.fault(method="PUT", action="reset")
    refused(path, edited(path, email="nope"))
    assert "email: " in words_of(path) and "valid email address" in words_of(path)


INTERRUPTED = """
import ctypes, os, signal, sys
signal.signal(signal.SIGUSR1, lambda *_: None)
text = open(sys.argv[1], "rb").read().replace(b"Title0", b"Title1")
fd = os.open(sys.argv[1], os.O_WRONLY | os.O_TRUNC)
os.write(fd, text)
libc = ctypes.CDLL(None, use_errno=True)
print(libc.fsync(fd), ctypes.get_errno(), flush=True)
"""


def test_a_save_is_not_interrupted_while_its_lost_answer_is_looked_for(crm, card):
    path, record = card
    path.write_bytes(edited(path, job_title="Title0"))
    crm.fault(method="PUT", action="reset_after_apply", times=FOREVER)
    crm.fault(method="GET", path=f"/contacts/{record}", status=429, headers={"Retry-After": "3"})
    mark = crm.mark()
    saver = subprocess.Popen([sys.executable, "-c", INTERRUPTED, path], stdout=subprocess.PIPE)
    crm.wait(lambda log: any(r.status == 429 for r in log[mark:]))
    time.sleep(0.2)  # the question is queued
    saver.send_signal(signal.SIGUSR1)
    assert saver.communicate()[0] == b"0 0\n"  # it was saved
    assert crm.get("contacts", record)["job_title"] == "Title1"


def test_a_put_of_which_nothing_can_be_found_out_is_read_again_before_the_next(crm, card):
    path, record = card
    text = edited(path, job_title="Chief")
    crm.fault(method="PUT", action="reset_after_apply", times=FOREVER)
    crm.fault(method="GET", action="reset", times=FOREVER)
    refused(path, text, errno.EIO)
    assert "could not be asked since" in words_of(path)
    crm.clear_faults()
    with crm.expect(("GET", f"/contacts/{record}")):
        path.write_bytes(text)  # it was saved: nothing is left to send
    assert not has_words(path)


def test_a_post_whose_answer_is_lost_is_found_and_not_repeated(crm, card):
    path = card[0].parent / "new.json"
    crm.fault(method="POST", action="reset_after_apply")
    mark = crm.mark()
    path.write_bytes(b'{"first_name": "Lost", "city": "Oslo"}')
    assert len(posts(crm, mark)) == 1
    created = crm.ids("contacts")[-1]
    assert os.readlink(path) == f"{created}.json" and crm.count("contacts") == 6
    with crm.expect(("PUT", f"/contacts/{created}", {"city": "Bergen"})):
        path.write_bytes(b'{"first_name": "Lost", "city": "Bergen"}')


def test_a_post_that_did_not_arrive_is_told_so_and_the_next_save_looks_first(crm, card):
    path, text = card[0].parent / "new.json", b'{"first_name": "Lost"}'
    crm.fault(method="POST", action="reset")
    mark = crm.mark()
    refused(path, text, errno.EIO)
    assert "has no such record" in words_of(path) and len(posts(crm, mark)) == 1
    mark = crm.mark()
    path.write_bytes(text)
    assert [r.method for r in crm.log(since=mark)] == ["GET", "POST"]
    assert crm.count("contacts") == 6 and not has_words(path)


def test_a_post_that_arrived_late_is_found_by_the_next_save(crm, card):
    path = card[0].parent / "new.json"
    crm.fault(method="POST", action="reset_after_apply")
    crm.fault(method="GET", action="reset", times=FOREVER)
    refused(path, b'{"first_name": "Lost"}', errno.EIO)
    crm.clear_faults()
    mark = crm.mark()
    path.write_bytes(b'{"first_name": "Lost", "city": "Oslo"}')  # and the person typed on
    created = crm.ids("contacts")[-1]
    assert [(r.method, r.path, r.body) for r in writes(crm, mark)] == [
        ("PUT", f"/contacts/{created}", {"city": "Oslo"})]
    assert crm.count("contacts") == 6 and os.readlink(path) == f"{created}.json"


def test_a_twin_that_was_there_before_is_not_taken_for_ours(crm, card):
    path = card[0].parent / "new.json"
    (path.parent / "twin.json").write_bytes(b'{"first_name": "Twin"}')
    crm.fault(method="POST", action="reset")
    refused(path, b'{"first_name": "Twin"}', errno.EIO)
    assert not os.path.islink(path)
    path.write_bytes(b'{"first_name": "Twin"}')
    assert crm.count("contacts") == 7
    assert os.readlink(path) != os.readlink(path.parent / "twin.json")


def killed_while(crm, mount, method, then):
    """A writer whose request is on its way when the daemon dies."""
    hold = crm.fault(method=method, action="hold_answer")
    writer = subprocess.Popen([sys.executable, "-c", then])
    crm.wait_held(hold)
    mount.kill()
    writer.wait()
    crm.release(hold)
    mark = crm.mark()
    mount.start()
    return mark


def test_a_daemon_killed_between_a_post_and_its_answer_makes_no_second_one(crm, mounts, tmp_path):
    crm.fill("contacts", 5)
    mount = mounts(crm, tmp=tmp_path / "m")
    path = mount / "contacts" / "new.json"
    mark = killed_while(crm, mount, "POST", f"""open({str(path)!r}, "w").write('{{"first_name": "Once"}}')""")
    until(lambda: path.is_symlink(), what="the record that was created")
    assert crm.count("contacts") == 6 and posts(crm, mark) == []
    assert os.readlink(path) == f"{crm.ids('contacts')[-1]}.json"
    path.write_bytes(b'{"first_name": "Once", "city": "Oslo"}')
    assert crm.count("contacts") == 6 and not has_words(path)


def test_a_daemon_killed_before_a_post_arrived_says_so(crm, mounts, tmp_path):
    crm.fill("contacts", 5)
    mount = mounts(crm, tmp=tmp_path / "m")
    path = mount / "contacts" / "new.json"
    fault = crm.fault(method="POST", action="hold")
    writer = subprocess.Popen([sys.executable, "-c", f"""open({str(path)!r}, "w").write('{{"first_name": "Once"}}')"""])
    crm.wait_held(fault)
    mount.kill()
    writer.wait()
    mount.start()
    until(lambda: "the server does not have it" in words_of(path), what="the words")
    assert json.loads(path.read_bytes()) == {"first_name": "Once"}
    crm.release(fault)


def test_a_daemon_killed_between_a_put_and_its_answer_finds_it_saved(crm, mounts, tmp_path):
    crm.fill("contacts", 5)
    mount = mounts(crm, tmp=tmp_path / "m")
    record = crm.ids("contacts")[0]
    path = mount / "contacts" / f"{record}.json"
    text = edited(path, job_title="Once").decode()
    mark = killed_while(crm, mount, "PUT", f"open({str(path)!r}, 'w').write({text!r})")
    until(lambda: not has_words(path), what="the save being found")
    assert json.loads(path.read_bytes())["job_title"] == "Once"
    assert writes(crm, mark) == []


def test_what_the_server_leaves_out_without_a_word_is_told(crm, card):
    path, record = card
    shown = crm.get("contacts", record)
    crm.fault(method="PUT", body={**shown, "city": "Oslo"})  # job_title is closed to this role
    refused(path, edited(path, job_title="Chief", city="Oslo"), errno.EPERM)
    told = words_of(path)
    assert "job_title" in told and "city" not in told


def lost_and_typed_on(crm, path):
    """A POST whose answer was lost, and that is found by the next save, which changes it: the number."""
    crm.fault(method="POST", action="reset_after_apply")
    crm.fault(method="GET", action="reset", times=FOREVER)
    refused(path, b'{"first_name": "Lost", "city": "Oslo"}', errno.EIO)
    crm.clear_faults()
    return crm.ids("contacts")[-1]


def test_a_create_found_again_whose_change_is_left_out_is_not_created_twice(crm, card):
    path = card[0].parent / "new.json"
    created = lost_and_typed_on(crm, path)
    fault = crm.fault(method="PUT", body={**crm.get("contacts", created), "city": "Bergen"})
    text = b'{"first_name": "Lost", "city": "Bergen", "job_title": "Chief"}'
    refused(path, text, errno.EPERM)
    crm.release(fault)
    crm.change("contacts", created, city="Bergen")  # which the server has taken
    assert os.readlink(path) == f"{created}.json" and path.read_bytes() == text
    assert "job_title" in words_of(path.parent / f"{created}.json") and not has_words(path)
    mark = crm.mark()
    path.write_bytes(text)
    assert [(r.method, r.path) for r in writes(crm, mark)] == [("PUT", f"/contacts/{created}")]
    assert crm.count("contacts") == 6 and not has_words(path.parent / f"{created}.json")


def test_a_create_found_again_whose_change_is_lost_too_is_not_created_twice(crm, card):
    path = card[0].parent / "new.json"
    created = lost_and_typed_on(crm, path)
    crm.fault(method="PUT", action="reset_after_apply", times=FOREVER)
    crm.fault(method="GET", path=f"/contacts/{created}", action="reset", times=FOREVER)
    text = b'{"first_name": "Lost", "city": "Bergen"}'
    refused(path, text, errno.EIO)
    crm.clear_faults()
    mark = crm.mark()
    path.write_bytes(text)
    assert writes(crm, mark) == [] and crm.count("contacts") == 6
    assert os.readlink(path) == f"{created}.json" and not has_words(path.parent / f"{created}.json")
