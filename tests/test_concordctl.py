# SPDX-License-Identifier: MIT
"""concordctl on real mounts: what it says to people, what it says as JSON, and that it costs what it says."""
import errno
import json
import os
import pty
import re
import runpy
import signal
import subprocess
import threading

import pytest

from conftest import BINARY, ROOT, run, until
from test_refused import refused
from test_save import Vim, edited
from test_status import status

CTL = ROOT / "packaging" / "concordctl"


@pytest.fixture
def home(tmp_path):
    """A home where nothing is configured, and an environment in which only that is seen."""
    path = tmp_path / "home"
    (path / ".config" / "concordfs").mkdir(parents=True)
    return path


def environment(home):
    gone = ("CONCORDFS_TOKEN", "CREDENTIALS_DIRECTORY")
    env = {k: v for k, v in os.environ.items() if k not in gone and not k.startswith("XDG_")}
    return {**env, "HOME": str(home), "PATH": f"{os.path.dirname(BINARY)}:{os.environ['PATH']}", "COLUMNS": "120"}


def ctl(*words, cwd="/", home=None, code=0):
    done = run(CTL, *words, cwd=cwd, stdin=subprocess.DEVNULL, env=environment(home) if home else None)
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout


def as_json(*words, **more):
    return json.loads(ctl(*words, "--json", **more))


def says_in_one_sentence(*words, cwd="/", code=1):
    done = run(CTL, *words, cwd=cwd, stdin=subprocess.DEVNULL)
    assert done.returncode == code and done.stdout == "", done.stdout
    assert done.stderr.count("\n") == 1 and done.stderr.startswith("concordctl: "), done.stderr
    return done.stderr


@pytest.fixture
def card(crm, mnt):
    crm.fill("contacts", 20)
    os.listdir(mnt / "contacts")
    return mnt / "contacts" / f"{crm.ids('contacts')[4]}.json"


# Which mount


def test_the_mount_is_found_from_anywhere_in_it(crm, mnt, card, tmp_path):
    (tmp_path / "link").symlink_to(mnt / "contacts")
    inside = mnt / "contacts"
    for words, cwd in (([], mnt.path), ([], inside), (["."], inside), ([mnt], "/"), ([inside], "/"), ([card], "/"),
                       ([tmp_path / "link"], "/")):
        assert as_json("status", *words, cwd=cwd)["account"]["url"] == crm.url


@pytest.mark.skipif(os.geteuid() != 0 or run("unshare", "-m", "true").returncode != 0,
                    reason="only root can make a mount namespace")
def test_the_only_mount_there_is_is_found_from_anywhere(crm, mounts):
    """In a namespace in which nobody else's mounts are."""
    mnt, other = mounts(crm), mounts(crm)
    script = """awk '/ - fuse.concordfs / {print $5}' /proc/self/mountinfo | grep -vxF "$1" | grep -vxF "$2" |
                xargs -r umount -l; cd / && exec "$3" status --json"""
    alone = run("unshare", "-m", "sh", "-c", script, "sh", mnt, mnt, CTL)
    assert json.loads(alone.stdout)["account"]["url"] == crm.url, alone.stderr
    two = run("unshare", "-m", "sh", "-c", script, "sh", mnt, other, CTL)
    assert two.returncode == 1 and str(mnt.path) in two.stderr and str(other.path) in two.stderr
    none = run("unshare", "-m", "sh", "-c", script, "sh", "none", "none", CTL)
    assert none.returncode == 1 and "nothing is mounted" in none.stderr


def test_elsewhere_it_says_so(tmp_path):
    assert "not in a concordfs mount" in says_in_one_sentence("status", tmp_path)


def test_a_dead_mount_is_told_with_what_to_do(mnt):
    mnt.proc.kill()
    mnt.proc.wait()
    assert "fusermount3 -u" in says_in_one_sentence("status", mnt)


def test_its_version_is_that_of_concordfs():
    assert run(CTL, "-V").stdout.split()[1] == run(BINARY, "-V").stdout.split()[1]


# status, pending, why, rejected


def test_status_says_how_the_mount_stands(crm, mnt, card):
    with crm.expect(requests=0):
        said = ctl("status", mnt)
    assert str(mnt.path) in said and crm.url in said and "the server answers" in said
    assert re.search(r"^contacts +20 +complete +\d+ s ago$", said, re.MULTILINE) and "deals" not in said
    assert re.search(r"^deals +0 +unused$", ctl("status", "--all", mnt), re.MULTILINE)


def test_status_as_json_is_the_mounts_own(crm, mnt, card):
    said, own = as_json("status", mnt), status(mnt)
    assert set(json.loads(ctl("--json", "status", mnt))) == set(said)
    assert set(said) == set(own) and said["collections"]["contacts"]["records"] == 20


def test_pending_names_what_is_not_saved(crm, mnt, card):
    assert ctl("pending", mnt) == "everything is saved\n"
    assert as_json("pending", mnt) == {"pending": [], "refused": []}
    refused(card, edited(card, email="nope"))
    # A process of its own: what this one starts would close the file, too, and so save it.
    script = """import sys; f = open(sys.argv[1], "wb", 0); f.write(b'{"first_name": "Ada"}'); sys.stdin.read()"""
    typist = subprocess.Popen(["/usr/bin/python3", "-c", script, mnt / "contacts" / "new.json"], stdin=subprocess.PIPE)
    until(lambda: status(mnt)["drafts"]["pending"], what="the text")
    one, two = ctl("pending", mnt).splitlines()
    typist.communicate()
    assert one.startswith("contacts/new.json: not saved yet, 21 bytes, changed 20")
    assert two.startswith(f"contacts/{card.name}: refused, EINVAL: ") and "email" in two


def test_why_shows_the_words_of_a_refusal(crm, mnt, card):
    refused(card, edited(card, email="nope"))
    words = card.with_name(card.name + ".error").read_text()
    assert ctl("why", card) == words == ctl("why", f"{card.name}.error", cwd=mnt / "contacts")
    why = as_json("why", card)
    assert why["refused"] and why["words"] == words and why["event"]["errno"] == "EINVAL"


def test_why_still_knows_when_it_is_over(crm, mnt, card):
    refused(card, edited(card, email="nope"))
    os.unlink(f"{card}.error")
    said = ctl("why", card)
    assert f"contacts/{card.name}: EINVAL at 20" in said and "email" in said and "That is over" in said
    assert as_json("why", card)["words"] is None


def test_why_of_a_file_that_was_never_refused_is_told_by_the_exit_status(crm, mnt, card):
    assert "no save of it was refused" in ctl("why", card, code=1)


def test_rejected_lists_the_texts_with_words_and_prints_one(crm, mnt, card):
    assert ctl("rejected", mnt) == "nothing was set aside\n"
    text, vim = edited(card, email="nope"), Vim(card)
    assert vim.save(text) == errno.EINVAL
    vim.recover()
    until(lambda: status(mnt)["rejected"], what="the text set aside")
    (line,) = ctl("rejected", mnt).splitlines()
    name, _, words = line.partition("  ")
    assert name.endswith(f"contacts-{card.name}") and "email" in words
    assert ctl("rejected", mnt, name) == text.decode() == ctl("rejected", name, cwd=mnt.path)
    (entry,) = as_json("rejected", mnt)
    assert entry["name"] == name and entry["bytes"] == len(text) and "email" in entry["words"]
    assert as_json("rejected", mnt, name)["text"] == text.decode()
    assert "no such text" in says_in_one_sentence("rejected", mnt, "nothing")


# refresh


def test_refresh_has_the_server_asked_at_the_next_look(crm, mnt, card):
    record = int(card.stem)
    with crm.expect(("GET", f"/contacts/{record}")):
        assert "the next look asks the server" in ctl("refresh", card)
        card.read_bytes()
    with crm.expect(("GET", "/contacts")):
        assert as_json("refresh", "contacts", cwd=mnt.path) == [{"mount": str(mnt.path), "path": "contacts"}]
        os.listdir(mnt / "contacts")
    with crm.expect(("GET", "/contacts")):
        assert as_json("refresh", cwd=mnt / "contacts")[0]["path"] == "."
        os.listdir(mnt / "contacts")
    assert "no such path" in says_in_one_sentence("refresh", mnt / "contacts" / "9999999.json")


def test_refresh_of_a_read_only_mount_opens_the_record_past_the_caches(crm, mounts):
    crm.fill("contacts", 3)
    mnt = mounts(crm, ro=True)
    os.listdir(mnt / "contacts")
    record = crm.ids("contacts")[0]
    with crm.expect(("GET", f"/contacts/{record}")):
        ctl("refresh", mnt / "contacts" / f"{record}.json")
    assert "SIGHUP" in says_in_one_sentence("refresh", mnt / "contacts")


# warm


def test_warm_lists_the_collections_and_says_what_it_cost(crm, mnt):
    crm.fill("contacts", 250)
    crm.fill("deals", 10)
    said = ctl("warm", mnt, "contacts", "deals").splitlines()
    assert re.fullmatch(r"contacts: 250 records, 3 requests, [\d.]+ s", said[0])
    assert re.fullmatch(r"deals: 10 records, 1 request, [\d.]+ s", said[1])
    with crm.expect(requests=0):
        assert run("grep", "-r", "first_name", mnt / "contacts").returncode == 0
        assert as_json("warm", mnt / "contacts")["contacts"]["requests"] == 0


def test_warm_of_a_mount_is_all_of_it(crm, mnt):
    crm.fill("contacts", 3)
    crm.forbid("documents")
    results = as_json("warm", cwd=mnt.path)
    assert set(results) == set(status(mnt)["collections"])
    assert results["contacts"]["records"] == 3 and results["contacts"]["error"] is None
    assert results["documents"]["error"] == "EACCES"


def test_warm_of_what_cannot_be_listed_fails(crm, mnt):
    crm.forbid("contacts")
    assert ctl("warm", mnt, "contacts", code=1) == "contacts: Permission denied\n"
    assert "there is no such collection" in says_in_one_sentence("warm", mnt, "nothing")


class Terminal:
    """concordctl on a terminal of its own."""

    def __init__(self, *words):
        self.own, other = pty.openpty()
        self.proc = subprocess.Popen([CTL, *map(str, words)], stdin=other, stdout=other, stderr=other,
                                     start_new_session=True, env={**os.environ, "COLUMNS": "100", "LINES": "24"})
        os.close(other)
        self.text = ""
        self.reader = threading.Thread(target=self.read)
        self.reader.start()

    def read(self):
        try:
            while data := os.read(self.own, 4096):
                self.text += data.decode()
        except OSError:
            pass  # EIO: nobody has it open any more

    def end(self):
        code = self.proc.wait(timeout=20)
        self.reader.join()
        os.close(self.own)
        return code


def test_warm_shows_a_bar_on_a_terminal(start_crm, mounts):
    crm = start_crm(rate=600)
    crm.fill("contacts", 1000)
    mnt = mounts(crm)
    hold = crm.fault(method="GET", path=r"/contacts$", query="page=7", action="hold")
    terminal = Terminal("warm", mnt, "contacts")
    until(lambda: "9/10 pages" in terminal.text, what="the bar")
    last = terminal.text.split("\r\033[K")[-1]
    assert re.fullmatch(r"contacts \[#+\.+\] 9/10 pages, 900 records, budget \d+/600(, .* left)?", last), last
    crm.release(hold)
    assert terminal.end() == 0
    assert re.search(r"\r\033\[Kcontacts: 1,000 records, \d+ requests, [\d.]+ s\r\n$", terminal.text)


def test_the_time_left_is_what_the_budget_needs():
    program = runpy.run_path(str(CTL))

    def left(done, pages, **more):
        budget = {"limit": None, "remaining": None, "resets_in": None, **more}
        return program["time_left"]({"walk": {"pages_done": done, "pages": pages}}, budget, 2)

    assert left(10, 15) == 10  # at the pace seen
    assert left(10, 15, limit=60, remaining=5, resets_in=30) == 10
    assert left(10, 80, limit=60, remaining=10, resets_in=30) == 30  # 60 in the next window
    assert left(10, 81, limit=60, remaining=10, resets_in=30) == 90
    assert left(0, None) is None


def test_ctrl_c_ends_warm_cleanly(crm, mnt):
    crm.fill("contacts", 1000)
    hold = crm.fault(method="GET", path=r"/contacts$", query="page=7", action="hold")
    terminal = Terminal("warm", mnt, "contacts")
    until(lambda: "9/10 pages" in terminal.text, what="the bar")
    terminal.proc.send_signal(signal.SIGINT)
    assert terminal.end() == 130
    assert terminal.text.endswith("\r\033[Kstopped: what has come is kept\r\n") and "Traceback" not in terminal.text
    crm.release(hold)
    assert len(os.listdir(mnt / "contacts")) == 1000


# doctor


def findings(*words, home, code=0):
    found = as_json("doctor", *words, home=home, code=code)
    assert found["ok"] == (code == 0)
    return {(f["check"], f["level"]): f["message"] for f in found["findings"]}


def test_doctor_finds_nothing_wrong_with_a_good_mount(crm, mnt, home):
    with crm.expect(requests=1) as seen:
        found = findings(mnt, home=home)
    assert seen[0].status == 401 and "authorization" not in seen[0].headers  # a plain connection, without the token
    assert str(mnt.path) in found[("mount", "ok")]
    assert {("fuse", "ok"), ("fusermount3", "ok"), ("program", "ok"), ("server", "ok"), ("clock", "ok")} <= set(found)
    said = ctl("doctor", mnt, home=home)
    assert all(re.match(r"(ok     |warning)  [a-z0-9]+: ", line) for line in said.splitlines()), said


def test_doctor_says_what_to_do_about_files(crm, home):
    config, token = home / ".config" / "concordfs" / "config", home / "token file"
    token.write_text(crm.token)
    token.chmod(0o644)
    config.write_text(f"[defaults]\nttl = 5\n[work]\nurl = {crm.url}\nmountpoint = ~/crm\ntoken_file = ~/token file\n")
    config.chmod(0o644)
    found = findings(crm.url, home=home, code=1)
    assert "1 account" in found[("config", "ok")]
    assert found[("token", "error")].endswith(f"chmod 600 '{token}'")
    token.chmod(0o600)
    assert findings("work", home=home)[("server", "ok")].startswith(crm.url)
    config.chmod(0o666)
    found = findings(crm.url, home=home, code=1)
    assert found[("config", "error")] and found[("token", "ok")] and found[("server", "ok")]
    config.chmod(0o644)
    assert ("config", "error") not in findings(crm.url, home=home)
    config.write_text("[work]\nurl = x\ntoken_command = no-such-program show\n")
    assert "no-such-program" in findings(crm.url, home=home, code=1)[("token", "error")]
    assert crm.token not in ctl("doctor", crm.url, home=home, code=1)


def test_doctor_says_what_to_do_about_a_server(start_crm, home):
    crm = start_crm()
    assert findings(crm.url, home=home)[("server", "ok")]
    crm.stop()
    assert "cannot be reached" in findings(crm.url, home=home, code=1)[("server", "error")]


def test_doctor_says_what_to_do_about_a_clock(crm, home):
    crm.advance(3600)
    assert "NTP" in findings(crm.url, home=home)[("clock", "warning")]


def test_doctor_says_what_to_do_about_a_mount(crm, mounts, home):
    crm.fill("contacts", 3)
    mnt = mounts(crm, ttl=0, timeout=3, max_deletes=1)
    os.listdir(mnt / "contacts")
    path = mnt / "contacts" / f"{crm.ids('contacts')[0]}.json"
    refused(path, edited(path, email="nope"))
    os.unlink(mnt / "contacts" / f"{crm.ids('contacts')[1]}.json")
    found = findings(mnt, home=home)
    assert "concordctl pending" in found[("drafts", "warning")] and "allow_deletes" in found[("brake", "warning")]
    crm.down()
    os.listdir(mnt / "contacts")
    until(lambda: not status(mnt)["server"]["answers"], what="the loss of the server")
    said = ctl("doctor", mnt, home=home, code=1)
    assert "OUT OF REACH since" in said and f"{crm.url} cannot be reached" in said
    mnt.proc.kill()
    mnt.proc.wait()
    assert "fusermount3 -u" in findings(mnt, home=home, code=1)[("mount", "error")]
