# SPDX-License-Identifier: MIT
"""Bad input from the server (faults.md): a clear error, nothing lost, never a crash, never a hang."""
import errno
import json
import os
import signal
import subprocess
import time

import pytest

from conftest import SLOW, until


@pytest.fixture
def one(crm, mounts):
    crm.fill("contacts", 30)
    mnt = mounts(crm, timeout=6)
    record = crm.ids("contacts")[0]
    return crm, mnt, mnt / "contacts" / f"{record}.json", record


def fails(path, *errnos):
    with pytest.raises(OSError) as e:
        path.read_bytes()
    assert e.value.errno in errnos, e.value


@pytest.mark.parametrize("status, wanted", [
    (400, errno.EINVAL), (401, errno.EACCES), (403, errno.EPERM), (405, errno.EPERM),
    (408, errno.ETIMEDOUT), (413, errno.EFBIG), (500, errno.EIO), (502, errno.EIO), (503, errno.EIO)])
def test_a_status_becomes_its_errno(one, status, wanted):
    crm, mnt, path, record = one
    crm.fault(path=f"/contacts/{record}", status=status, body={"message": "x"}, times=100)
    fails(path, wanted)


def test_404_is_enoent(one):
    crm, mnt, path, record = one
    crm.purge("contacts", record)
    fails(path, errno.ENOENT)


@pytest.mark.parametrize("action", ["badjson", "html", "chunk_cut", "truncate", "reset", "close"])
def test_a_broken_answer_is_eio_and_heals(one, action):
    crm, mnt, path, record = one
    crm.fault(path=f"/contacts/{record}", action=action, times=100)
    fails(path, errno.EIO)
    crm.clear_faults()
    assert json.loads(path.read_bytes())["id"] == record


@pytest.mark.parametrize("action", ["reset", "close", "truncate", "chunk_cut"])
def test_a_broken_connection_is_tried_again_unseen(one, action):
    crm, mnt, path, record = one
    crm.fault(path=f"/contacts/{record}", action=action, times=1)
    assert json.loads(path.read_bytes())["id"] == record


@pytest.mark.parametrize("action", ["huge", "gzip_bomb", "endless"])
def test_a_monstrous_answer_is_cut_off_and_memory_stays(one, action):
    crm, mnt, path, record = one
    crm.fault(path=f"/contacts/{record}", action=action, times=100)
    fails(path, errno.EFBIG)
    assert mnt.rss_kib("VmHWM") < 150_000 * SLOW
    crm.clear_faults()
    assert json.loads(path.read_bytes())["id"] == record


@pytest.mark.parametrize("action", ["stall", "slow"])
def test_a_stalling_server_ends_at_the_deadline_and_others_are_served(one, action):
    crm, mnt, path, record = one
    other = crm.ids("contacts")[1]
    crm.fault(path=f"/contacts/{record}", action=action, times=100)
    start = time.monotonic()
    reader = subprocess.Popen(["cat", path], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    assert (mnt / "contacts" / f"{other}.json").read_bytes()
    assert time.monotonic() - start < 3 * SLOW
    assert b"timed out" in reader.communicate()[1]
    assert time.monotonic() - start < 15 * SLOW


def test_a_redirect_to_another_host_is_not_followed(one, start_crm):
    crm, mnt, path, record = one
    other = start_crm()
    crm.fault(path=f"/contacts/{record}", action="redirect", times=100,
              location=f"{other.url}/api/contacts/1")
    fails(path, errno.EIO)
    assert other.log() == []


@pytest.mark.parametrize("id_text", ['"../x"', "-1", "0", "1.5", "1e3", "null", '"abc"', "9223372036854775808",
                                     "[]", "{}", "true"])
def test_an_item_without_a_usable_id_is_no_file_and_hides_no_other(crm, mnt, id_text):
    crm.fill("contacts", 10)
    victim = crm.ids("contacts")[4]
    crm.raw_item("contacts", victim, '{"id": %s, "first_name": "x", "updated_at": '
                 '"2025-01-01T00:00:00.000000Z"}' % id_text)
    names = os.listdir(mnt / "contacts")
    assert sorted(names) == sorted(f"{i}.json" for i in crm.ids("contacts") if i != victim)


def test_a_record_without_updated_at_is_listed_with_some_time(crm, mnt):
    crm.fill("contacts", 10)
    record = crm.ids("contacts")[4]
    crm.raw_item("contacts", record, '{"id": %d, "first_name": "x"}' % record)
    os.listdir(mnt / "contacts")
    assert os.stat(mnt / "contacts" / f"{record}.json").st_mtime > 0


@pytest.mark.parametrize("raw", [
    '{"id": %d, "x": ' + "[" * 10_000 + "]" * 10_000 + "}", '{"id": %d, "x": 1' + "0" * 10_000 + "}",
    '{"id": %d, "x": "\\ud800"}', '{"id": "%d\\u0000"}', '{"id": %d,, "x": 1}', '{"id": %d, "x": "\x01"}', '[%d]', '"%d"'])
def test_hostile_json_is_eio_for_the_listing_and_never_a_crash(crm, mounts, raw):
    crm.fill("contacts", 10)
    crm.raw_item("contacts", crm.ids("contacts")[4], raw % crm.ids("contacts")[4])
    mnt = mounts(crm, timeout=5)
    try:
        names = os.listdir(mnt / "contacts")
        assert len(names) == 9
    except OSError as e:
        assert e.errno == errno.EIO
    assert os.listdir(mnt / "companies") == []


def test_a_maintenance_page_serves_what_is_known(one):
    crm, mnt, path, record = one
    before = path.read_bytes()
    crm.fault(action="html503", times=1_000)
    assert path.read_bytes() == before


def test_a_dead_server_fails_fast_after_a_while(one):
    crm, mnt, path, record = one
    crm.down()
    for i in range(50, 55):
        with pytest.raises(OSError):
            (mnt / "contacts" / f"{i}.json").read_bytes()
    start = time.monotonic()
    for i in range(100, 140):
        with pytest.raises(OSError) as e:
            (mnt / "contacts" / f"{i}.json").read_bytes()
        assert e.value.errno not in (errno.ENOENT, errno.ESTALE)
    assert time.monotonic() - start < 10 * SLOW
    crm.up()

    def back():
        try:
            return path.read_bytes()
        except OSError:
            return None
    assert until(back, timeout=40, what="a way back to the server")


def test_a_401_in_mid_session_stops_the_hammering(one):
    crm, mnt, path, record = one
    crm.fault(status=401, body={"message": "Unauthenticated."}, times=1_000)
    mark = crm.mark()
    for i in crm.ids("contacts"):
        fails(mnt / "contacts" / f"{i}.json", errno.EACCES)
    assert len(crm.log(since=mark)) <= 2


@pytest.mark.parametrize("sig", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_a_waiting_reader_dies_at_once_when_it_is_killed(one, sig):
    crm, mnt, path, record = one
    hold = crm.fault(path=f"/contacts/{record}", action="hold", times=10)
    reader = subprocess.Popen(["cat", path], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    crm.wait_held(hold)
    start = time.monotonic()
    reader.send_signal(sig)
    reader.wait(timeout=5)
    assert time.monotonic() - start < 0.5 * SLOW
    crm.release(hold)


def test_a_saver_that_is_killed_dies_at_once_and_its_save_goes_on(one):
    crm, mnt, path, record = one
    path.read_bytes()
    hold = crm.fault(method="PUT", action="hold")
    saver = subprocess.Popen(["sh", "-c", f"echo '{{\"job_title\": \"Killed\"}}' > {path}"])
    crm.wait_held(hold)
    start = time.monotonic()
    saver.kill()
    saver.wait(timeout=5)
    assert time.monotonic() - start < 0.5 * SLOW
    crm.release(hold)
    until(lambda: crm.get("contacts", record)["job_title"] == "Killed", what="the save")
    until(lambda: json.loads(path.read_bytes())["job_title"] == "Killed", what="the answer")


def test_a_save_that_waits_for_its_turn_is_given_up_on_ctrl_c(one):
    crm, mnt, path, record = one
    text = path.read_bytes()
    crm.fault(path=f"/contacts/{record}", method="PUT", status=429, body={"message": "Too Many Attempts."},
              headers={"Retry-After": "5", "X-RateLimit-Limit": "90", "X-RateLimit-Remaining": "0"})
    mark = crm.mark()
    saver = subprocess.Popen(["sh", "-c", f"echo '{{\"job_title\": \"Late\"}}' > {path}"])
    until(lambda: len(crm.log(since=mark)) == 1 and crm.log(since=mark)[0].status == 429)
    start = time.monotonic()
    saver.send_signal(signal.SIGINT)
    saver.wait(timeout=5)
    assert time.monotonic() - start < 0.5 * SLOW
    assert b"Late" in path.read_bytes() and path.read_bytes() != text
    assert len(crm.log(since=mark)) == 1


def test_a_waiting_ls_can_be_interrupted_and_the_directory_stays_usable(one):
    crm, mnt, path, record = one
    hold = crm.fault(path=r"/contacts$", action="hold", times=10)
    ls = subprocess.Popen(["ls", mnt / "contacts"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    crm.wait_held(hold)
    assert path.read_bytes()
    (mnt / "contacts" / "scratch").write_bytes(b"x")
    os.unlink(mnt / "contacts" / "scratch")
    ls.send_signal(signal.SIGINT)
    ls.wait(timeout=5)
    crm.release(hold)
    until(lambda: len(os.listdir(mnt / "contacts")) == 30)


def test_a_save_that_cannot_reach_the_server_keeps_the_text(one):
    crm, mnt, path, record = one
    text = path.read_bytes().replace(b'"job_title"', b'"job_title"')
    changed = json.dumps({**json.loads(text), "job_title": "Unsent"}).encode()
    crm.down()
    with pytest.raises(OSError) as e:
        path.write_bytes(changed)
    assert e.value.errno in (errno.EHOSTUNREACH, errno.ECONNREFUSED, errno.EIO, errno.ETIMEDOUT)
    assert path.read_bytes() == changed
    crm.up()


def test_a_put_whose_answer_was_lost_is_repeated_and_true(one):
    crm, mnt, path, record = one
    text = json.dumps({**json.loads(path.read_bytes()), "job_title": "Twice"}).encode()
    crm.fault(method="PUT", action="reset_after_apply", times=1)
    path.write_bytes(text)
    assert crm.get("contacts", record)["job_title"] == "Twice"
    assert json.loads(path.read_bytes())["job_title"] == "Twice"


def test_a_delete_whose_answer_was_lost_is_done(one):
    crm, mnt, path, record = one
    crm.fault(method="DELETE", action="reset_after_apply", times=1)
    os.unlink(path)
    assert crm.get("contacts", record) is None


def test_a_record_of_tens_of_thousands_of_members_is_saved_at_once(crm, mounts):
    crm.fill("contacts", 1)
    (record,) = crm.ids("contacts")
    shown = crm.get("contacts", record) | {f"cf_x{i}": 1 for i in range(120_000)}
    crm.raw_item("contacts", record, json.dumps(shown))
    path = mounts(crm) / "contacts" / f"{record}.json"
    text = json.dumps({**json.loads(path.read_bytes()), "city": "Oslo"}, indent=1)
    crm.fault(method="PUT", body={**shown, "city": "Oslo"})
    began = time.monotonic()
    path.write_text(text)
    assert time.monotonic() - began < 5 * SLOW  # all others wait as long


def test_a_tag_among_a_hundred_thousand_is_found_at_once(crm, mounts):
    crm.fill("contacts", 2)
    one, other = crm.ids("contacts")
    tags = [{"id": i, "name": f"tag {i}", "type": "contacts"} for i in range(1, 100_001)]
    crm.raw_item("contacts", other, json.dumps({**crm.get("contacts", other), "tags": tags}))
    mnt = mounts(crm)
    os.listdir(mnt / "contacts")
    path = mnt / "contacts" / f"{one}.json"
    text = json.dumps({**json.loads(path.read_bytes()), "tags": ["tag 77"]}, indent=1)
    fault = crm.fault(method="PUT", action="hold")
    began = time.monotonic()
    saver = subprocess.Popen(["sh", "-c", 'printf %s "$1" > "$2"', "sh", text, path])
    crm.wait_held(fault)
    assert time.monotonic() - began < 3 * SLOW
    crm.release(fault)
    saver.wait()


def test_a_full_disk_is_enospc_from_write_and_harms_nothing_else(crm, mounts, tmp_path):
    crm.fill("contacts", 3)
    disk = tmp_path / "disk"
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", disk], check=True)
    try:
        mnt = mounts(crm, state_dir=disk / "state")
        path = mnt / "contacts" / f"{crm.ids('contacts')[0]}.json"
        before = path.read_bytes()
        with pytest.raises(OSError) as e:
            (mnt / "contacts" / "big").write_bytes(b"x" * 200_000)
        assert e.value.errno == errno.ENOSPC
        os.unlink(mnt / "contacts" / "big")
        assert path.read_bytes() == before
        path.write_bytes(json.dumps({**json.loads(before), "job_title": "Fits"}).encode())
        assert crm.get("contacts", crm.ids("contacts")[0])["job_title"] == "Fits"
        mnt.stop()
    finally:
        subprocess.run(["umount", "-l", disk], check=True)
