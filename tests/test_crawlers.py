# SPDX-License-Identifier: MIT
"""What runs for long: indexers that crawl whatever is mounted cost no request, and the log goes to syslog."""
import os
import pathlib
import shutil
import socket
import subprocess

import pytest

from conftest import BINARY, ROOT, run, until
from test_refused import refused
from test_save import edited


@pytest.fixture
def named(tmp_path):
    """named("updatedb", "cat"): a copy of that program under another name, as the kernel knows it."""
    def copy(name, program="cat"):
        (tmp_path / "bin").mkdir(exist_ok=True)
        return shutil.copy(shutil.which(program), tmp_path / "bin" / name)
    return copy


CRAWLERS = ["updatedb", "updatedb.plocate", "tracker-miner-fs-3", "tracker-extract-3", "localsearch-3", "baloo_file",
            "baloo_file_extractor", "mds", "tumblerd", "gnome-thumbnailer", "totem-video-thumbnailer",
            "gvfsd-metadata"]


@pytest.mark.parametrize("crawler", CRAWLERS)
def test_a_crawler_costs_no_request(crm, mnt, named, crawler):
    crm.fill("contacts", 5)
    record = crm.ids("contacts")[0]
    with crm.expect(requests=0):
        assert run(named(crawler, "ls"), "-l", mnt).returncode == 0  # the root is memory
        done = run(named(crawler, "find"), mnt, "-type", "f", "-size", "-1")
        assert done.returncode != 0 and "contacts" in done.stderr and "Permission denied" in done.stderr
        for program in ("cat", "stat"):
            done = run(named(crawler, program), mnt / "contacts" / f"{record}.json")
            assert done.returncode != 0 and "Permission denied" in done.stderr
    with crm.expect(requests=1):
        assert run("ls", mnt / "contacts").returncode == 0  # anybody else


def test_what_is_known_is_served_to_crawlers(crm, mnt, named):
    crm.fill("contacts", 5)
    os.listdir(mnt / "contacts")
    path = mnt / "contacts" / f"{crm.ids('contacts')[0]}.json"
    with crm.expect(requests=0):
        assert run(named("updatedb"), path).stdout == path.read_text()
        assert len(run(named("updatedb", "ls"), mnt / "contacts").stdout.split()) == 5
        assert run(named("updatedb", "grep"), "-rc", "first_name", mnt / "contacts").returncode == 0


def test_what_is_stale_is_served_to_crawlers_as_it_is(crm, mounts, named):
    crm.fill("contacts", 5)
    mnt = mounts(crm, ttl=0)
    path = mnt / "contacts" / f"{crm.ids('contacts')[0]}.json"
    os.listdir(mnt / "contacts")
    before = path.read_text()
    crm.change("contacts", crm.ids("contacts")[0], first_name="Changed")
    with crm.expect(requests=0):
        assert run(named("tracker-miner-fs-3"), path).stdout == before
        assert len(run(named("tracker-miner-fs-3", "ls"), mnt / "contacts").stdout.split()) == 5
    assert "Changed" in run("cat", path).stdout


def test_a_name_that_no_listing_has_is_not_asked_for_by_a_crawler(crm, mounts, named):
    crm.fill("contacts", 5)
    mnt = mounts(crm, ttl=0)
    os.listdir(mnt / "contacts")
    with crm.expect(requests=0):
        assert run(named("updatedb"), mnt / "contacts" / "99999999.json").returncode != 0
    crm.fill("contacts", 1)
    assert run("cat", mnt / "contacts" / f"{crm.ids('contacts')[-1]}.json").returncode == 0


def test_a_crawler_does_not_wait_for_somebody_elses_listing(crm, mnt, named):
    crm.fill("contacts", 5)
    hold = crm.fault(method="GET", path="/contacts", action="hold")
    lists = subprocess.Popen(["ls", mnt / "contacts"], stdout=subprocess.DEVNULL)
    crm.wait_held(hold)
    assert "Permission denied" in run(named("updatedb", "ls"), mnt / "contacts", timeout=10).stderr
    crm.release(hold)
    assert lists.wait(timeout=10) == 0


THREADED = """
import os, sys, threading
open("/proc/self/comm", "w").write("baloo_file")
def crawl():
    open(f"/proc/self/task/{threading.get_native_id()}/comm", "w").write("pool-1")
    try:
        os.listdir(sys.argv[1])
    except PermissionError:
        print("refused")
thread = threading.Thread(target=crawl)
thread.start()
thread.join()
"""


def test_a_thread_of_a_crawler_is_one_too(crm, mnt):
    crm.fill("contacts", 5)
    with crm.expect(requests=0):
        assert run("/usr/bin/python3", "-c", THREADED, mnt / "contacts").stdout == "refused\n"


def test_the_list_is_an_option(crm, mounts, named):
    crm.fill("contacts", 5)
    mnt = mounts(crm, crawlers="nosy:a-very-long-program-name:some*")
    with crm.expect(requests=0):
        for name in ("nosy", "a-very-long-program-name", "somebody"):
            assert run(named(name, "ls"), mnt / "contacts").returncode != 0
    with crm.expect(requests=1):
        assert run(named("updatedb", "ls"), mnt / "contacts").returncode == 0


def test_an_empty_list_means_nobody(crm, mounts, named):
    crm.fill("contacts", 5)
    mnt = mounts(crm, crawlers="")
    with crm.expect(requests=1):
        assert run(named("updatedb", "ls"), mnt / "contacts").returncode == 0


def test_a_path_is_no_name_of_a_crawler(tmp_path):
    done = run(BINARY, "-o", "crawlers=/usr/bin/updatedb", "https://crm.example.com", tmp_path)
    assert done.returncode == 1 and "crawlers" in done.stderr and "updatedb*" in done.stderr


def test_a_crawler_that_writes_is_served_like_anybody(crm, mnt, named):
    crm.fill("contacts", 5)
    path = mnt / "contacts" / f"{crm.ids('contacts')[0]}.json"
    text = edited(path, job_title="Indexer")
    with crm.expect(("PUT", f"/contacts/{crm.ids('contacts')[0]}", {"job_title": "Indexer"})):
        assert run(named("updatedb", "tee"), path, input=text.decode()).returncode == 0


def test_the_readme_has_a_prunefs_line_that_updatedb_takes():
    line = next(l for l in (ROOT / "README.md").read_text().splitlines() if "PRUNEFS" in l and "fuse" in l)
    assert "fuse.concordfs" in line


# Syslog


@pytest.fixture
def syslog():
    """What the daemons of this machine say to syslog, where nobody else listens."""
    path = pathlib.Path("/dev/log")
    if path.exists() or not os.access("/dev", os.W_OK):
        pytest.skip("somebody else's syslog, or none can be made")
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    sock.bind(str(path))
    os.chmod(path, 0o666)
    sock.settimeout(0.05)
    heard = []

    def hear(word):
        """The first line with that word: (facility, level, text)."""
        def fact():
            try:
                while True:
                    heard.append(sock.recv(4096).decode())
            except TimeoutError:
                pass
            return next((line for line in heard if word in line), None)
        line = until(fact, what=f"a line with {word}")
        number, text = line.removeprefix("<").split(">", 1)
        return int(number) >> 3, int(number) & 7, text
    yield hear
    sock.close()
    path.unlink()


def test_in_the_background_the_log_goes_to_syslog_with_its_levels(crm, syslog, tmp_path):
    crm.fill("contacts", 5)
    mnt = tmp_path / "crm"
    mnt.mkdir()
    env = dict(os.environ, CONCORDFS_TOKEN=crm.token, XDG_RUNTIME_DIR=str(tmp_path))
    done = run(BINARY, "-o", f"state_dir={tmp_path}/state,debug=tree", crm.url, mnt, env=env)
    assert (done.returncode, done.stderr) == (0, "")
    try:
        path = mnt / "contacts" / f"{crm.ids('contacts')[0]}.json"
        refused(path, edited(path, email="nope"))
        facility, level, text = syslog("save refused")
        assert (facility, level) == (3, 4)  # daemon, warning
        assert "concordfs[" in text and "email" in text and crm.token not in text
        (mnt / ".concordfs" / "allow_deletes").write_text("3\n")
        assert syslog("more deletions are allowed")[1] == 6  # info
        os.listdir(mnt / "contacts")
        assert syslog("listing of contacts")[1] == 7  # debug
    finally:
        subprocess.run(["fusermount3", "-u", str(mnt)], check=True)
    until(lambda: not os.path.ismount(mnt))
