# SPDX-License-Identifier: MIT
"""Many processes at once, killed at random: the mount stays healthy. Also run under TSan."""
import contextlib
import json
import os
import random
import signal
import subprocess
import sys
import threading

import pytest

from conftest import SLOW, until

pytestmark = [pytest.mark.concurrent, pytest.mark.slow_watchdog(150)]

START = """import json, os, random, signal, sys
signal.signal(signal.SIGINT, signal.SIG_DFL)  # python loses a KeyboardInterrupt in a destructor
d = sys.argv[1]
"""
READER = """
for i in range(10_000):
 for n in os.listdir(d):
  open(d + '/' + n, 'rb').read()
  if not i: os.write(1, b'r'); i = 1
"""


def python(body, *arguments):
    return subprocess.Popen([sys.executable, "-c", START + body,
                             *map(str, arguments)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)


def have_begun(readers):
    for r in readers:
        assert r.stdout.read(1) == b"r"


def test_a_hundred_readers_killed_at_random_leave_a_healthy_mount(crm, mounts):
    crm.fill("contacts", 500)
    crm.fault(path="/contacts", delay=0.02, times=10_000)
    mnt = mounts(crm, ttl=1)
    dice = random.Random(1)
    readers = [python(READER, mnt / "contacts") for _ in range(100)]
    have_begun(readers)
    for victim in dice.sample(readers, 100):
        victim.send_signal(dice.choice([signal.SIGKILL, signal.SIGINT, signal.SIGTERM]))
        if dice.random() < 0.3:
            os.listdir(mnt / "contacts")
    for r in readers:
        r.wait(timeout=60 * SLOW)
    crm.clear_faults()
    assert len(os.listdir(mnt / "contacts")) == 500
    for record in crm.ids("contacts")[:50]:
        assert json.loads((mnt / "contacts" / f"{record}.json").read_bytes())["id"] == record


def test_readers_writers_creators_and_a_colleague_at_once_lose_no_save(crm, mounts):
    crm.fill("contacts", 60)
    mnt = mounts(crm, ttl=0, max_deletes=0)
    folder = mnt / "contacts"
    ids = crm.ids("contacts")
    writer = """
for i in range(15):
 p = d + '/' + sys.argv[2] + '.json'
 r = json.load(open(p)); r['job_title'] = 'w%d' % i
 open(p, 'w').write(json.dumps(r))
"""
    creator = """
for i in range(10):
 p = d + '/new-%s-%d.json' % (sys.argv[2], i)
 open(p, 'w').write(json.dumps({'first_name': 'N' + sys.argv[2]}))
 if i % 2: os.unlink(d + '/' + os.readlink(p))
"""
    procs = [python(writer, folder, i) for i in ids[:6]]
    procs += [python(creator, folder, n) for n in range(3)]
    readers = [python(READER, folder) for _ in range(4)]
    stop = threading.Event()

    def colleague():
        dice = random.Random(2)
        while not stop.is_set():
            crm.change("contacts", dice.choice(ids[6:]), city=f"c{dice.random()}")

    other = threading.Thread(target=colleague)
    other.start()
    try:
        assert [p.wait(timeout=100 * SLOW) for p in procs] == [0] * len(procs)
    finally:
        stop.set()
        other.join()
        for r in readers:
            r.kill()
            r.wait()
    for i in ids[:6]:
        assert crm.get("contacts", i)["job_title"] == "w14"
    assert crm.count("contacts") == 60 + 3 * 5
    until(lambda: sorted(n for n in os.listdir(folder) if n[0].isdigit())
          == sorted(f"{i}.json" for i in crm.ids("contacts")), what="mount and server agreeing")


def test_writers_of_one_file_leave_one_whole_text(crm, mounts):
    crm.fill("contacts", 3)
    mnt = mounts(crm)
    record = crm.ids("contacts")[0]
    path = mnt / "contacts" / f"{record}.json"
    path.read_bytes()
    body = """
for i in range(20):
 t = d + '.%s.tmp' % sys.argv[2]
 open(t, 'w').write(json.dumps({'id': int(sys.argv[3]), 'job_title': sys.argv[2] * 50}))
 os.rename(t, d)
"""
    procs = [python(body, path, name, record) for name in "abcd"]
    for p in procs:
        p.wait(timeout=100 * SLOW)
    title = json.loads(path.read_bytes())["job_title"]
    assert title == crm.get("contacts", record)["job_title"] and len(set(title)) == 1


def test_an_unmount_in_the_middle_of_everything_is_clean(crm, mounts):
    crm.fill("contacts", 300)
    crm.fault(path="/contacts", delay=0.05, times=10_000)
    mnt = mounts(crm, ttl=0)
    readers = [python(READER, mnt / "contacts") for _ in range(10)]
    have_begun(readers)
    mnt.proc.send_signal(signal.SIGTERM)
    mnt.wait_gone()
    for r in readers:
        r.kill()
        r.wait()


FAULTS = [{"action": "reset"}, {"action": "close"}, {"status": 500}, {"action": "truncate"}, {"delay": 0.2},
          {"action": "reset_after_apply"}, {"action": "badjson"}, {"status": 422, "body": {"message": "no"}}]


def a_colleague_and_bad_luck(crm, dice):
    ids = crm.ids("contacts")
    verb = dice.choice(["change", "change", "change", "insert", "trash", "purge", "fault", "fault"])
    if verb == "insert":
        crm.insert("contacts", first_name="Late")
    elif verb == "fault":
        crm.fault(times=dice.randrange(1, 4), **dice.choice(FAULTS))
    else:
        more = {"city": f"c{dice.randrange(9_999)}"} if verb == "change" else {}
        with contextlib.suppress(AssertionError):  # the record may have gone since
            getattr(crm, verb)("contacts", dice.choice(ids), **more)


def refused_names(mnt):
    """Records whose file is somebody's refused text, by the notes in the spool."""
    return {line.removeprefix("name ") for note in mnt.state.glob("*/spool.*/*.note")
            for line in note.read_text(errors="replace").splitlines() if line.startswith("name ")}


def disagreements(crm, mnt):
    folder, refused = mnt / "contacts", refused_names(mnt)
    names = {n for n in os.listdir(folder) if n[0].isdigit() and n.endswith(".json")}
    found = (names ^ {f"{i}.json" for i in crm.ids("contacts")}) - refused
    for name in names - refused - found:
        mine, true = json.loads((folder / name).read_bytes()), crm.get("contacts", int(name[:-5]))
        if any(mine[k] != true[k] for k in ("job_title", "city", "email", "updated_at")):
            found.add(name)
    return found


@pytest.mark.parametrize("seed", [1, 2])
def test_after_all_kinds_of_mischief_mount_and_server_agree(crm, mounts, seed):
    crm.fill("contacts", 150)
    mnt = mounts(crm, ttl=1, timeout=8 * SLOW, max_deletes=0)
    script = os.path.join(os.path.dirname(__file__), "mischief.py")
    procs = [subprocess.Popen([sys.executable, script, mnt / "contacts", str(10 * seed + i), "250"],
                              stdout=subprocess.DEVNULL) for i in range(6)]
    dice = random.Random(seed)
    while any(p.poll() is None for p in procs):
        a_colleague_and_bad_luck(crm, dice)
        crm.wait(lambda log, n=crm.mark(): len(log) > n or all(p.poll() is not None for p in procs))
    assert [p.returncode for p in procs] == [0] * 6
    crm.clear_faults()
    until(lambda: not disagreements(crm, mnt), timeout=30,
          what="mount and server agreeing")


def test_a_daemon_killed_while_a_deletion_waits_and_news_comes_leaves_nobody_behind(crm, mounts, tmp_path):
    """The notifier must not sleep in the kernel on a directory that a caller has locked: a thread that
    sleeps there keeps /dev/fuse open, so that not even a killed daemon's callers came back."""
    crm.fill("contacts", 20)
    mount = mounts(crm, tmp=tmp_path / "m", ttl=0)
    folder = mount / "contacts"
    one, two = crm.ids("contacts")[:2]
    assert len(os.listdir(folder)) == 20
    stat = os.stat(folder / f"{two}.json")
    hold = crm.fault(method="DELETE", action="hold")
    rm = subprocess.Popen(["rm", folder / f"{one}.json"], stderr=subprocess.DEVNULL)
    crm.wait_held(hold)
    crm.trash("contacts", two)  # its entry is to be invalidated, in the directory that rm has locked
    mark = crm.mark()
    reader = subprocess.Popen(["ls", folder], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    crm.wait(lambda log: any(r.method == "GET" and r.status for r in log[mark:]))
    mount.kill()
    assert rm.wait(timeout=10 * SLOW) != 0 and reader.wait(timeout=10 * SLOW) != 0
    assert stat.st_size
    crm.clear_faults()
    mount.start()
    assert f"{two}.json" not in os.listdir(folder)
