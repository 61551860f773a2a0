# SPDX-License-Identifier: MIT
"""Every way of saving is one PUT of what changed: real editors and tools, on a real mount."""
import json
import os
import pathlib
import signal
import subprocess
import sys
import time

import pytest

import editors
import replays
from conftest import SLOW, shell
from replays import remembered


class Home(type(pathlib.Path())):
    """A home of its own, so that nobody's settings count: a path, and the environment for it."""

    @property
    def environment(self):
        kept = {k: v for k, v in os.environ.items() if k in ("PATH", "ASAN_OPTIONS")}
        return {**kept, "HOME": str(self), "TMPDIR": str(self / "tmp"), "TERM": "xterm-256color",
                "LC_ALL": "C.UTF-8", "SHELL": "/bin/sh", "GIT_CONFIG_NOSYSTEM": "1"}


@pytest.fixture
def home(tmp_path):
    home = Home(tmp_path / "home")
    (home / "tmp").mkdir(parents=True)
    return home


@pytest.fixture
def card(crm, mnt):
    """A listed contact: its path, its id. The server's clock is slow, so that no time of a write here is
    ever taken for that of a record."""
    crm.advance(-3600)
    crm.fill("contacts", 5)
    record = crm.ids("contacts")[2]
    crm.change("contacts", record, job_title="Title0", email="first@example.org")
    os.listdir(mnt / "contacts")
    return mnt / "contacts" / f"{record}.json", record


def with_title(path, title):
    """The text of the file, with another title: what a buffer holds after a change."""
    text = path.read_bytes()
    old = json.dumps(json.loads(text)["job_title"]).encode()
    assert text.count(old) == 1
    return text.replace(old, json.dumps(title).encode())


def assert_saved(crm, card, leaves=(), **members):
    """The file is the server's version, and beside it is what belongs there."""
    path, record = card
    shown, there = json.loads(path.read_bytes()), crm.get("contacts", record)
    for name, value in {**members, "updated_at": there["updated_at"]}.items():
        assert (shown[name], there[name]) == (value, value)
    assert os.stat(path).st_size == len(path.read_bytes())
    assert names_in(path) == sorted([f"{i}.json" for i in crm.ids("contacts")]
                                    + [name.format(name=path.name, id=record) for name in leaves])


def names_in(path):
    return sorted(os.listdir(path.parent))


def put(record, **members):
    return "PUT", f"/contacts/{record}", members


# Editors in a terminal

# The third save is of the very text that was read first, as after two undos.
STEPS = [("Title0", "Title1"), ("Title1", "Title2"), ("Title2", "Title0")]
VIM_WAYS = ["", "set backupcopy=yes", "set backupcopy=no", "set backupcopy=auto", "set nowritebackup",
            "set nofsync", "set backup", "set backup backupcopy=yes", "set patchmode=.orig", "set noswapfile"]
VIM_LEAVES = {"set backup": ("{name}~",), "set backup backupcopy=yes": ("{name}~",),
              "set patchmode=.orig": ("{name}.orig",)}
EMACS_WAYS = ["", "(setq backup-by-copying t)", "(setq make-backup-files nil)",
              "(global-auto-revert-mode 1)"]


def ways():
    for way in VIM_WAYS:
        yield pytest.param(editors.Vim, way, VIM_LEAVES.get(way, ()), id=f"vim {way}")
    for way in VIM_WAYS[:5] + ["set fsync"]:
        yield pytest.param(editors.Neovim, way, (), id=f"nvim {way}")
    for way in EMACS_WAYS:
        leaves = () if "nil" in way else editors.Emacs.leaves
        yield pytest.param(editors.Emacs, way, leaves, id=f"emacs {way}")
    yield pytest.param(editors.Nano, "", (), id="nano")
    yield pytest.param(editors.Nano, "--backup", ("{name}~",), id="nano --backup")
    for editor in editors.Kakoune, editors.Micro, editors.Joe, editors.Nvi:
        yield pytest.param(editor, "", editor.leaves, id=editor.__name__.lower())


@pytest.mark.parametrize("editor,way,leaves", ways())
def test_three_saves_of_one_buffer_are_three_puts(crm, card, home, editor, way, leaves):
    path, record = card
    with editor(home, path, *([way] if way else [])) as e:
        for old, new in STEPS:
            crm.advance(2)
            with crm.expect(put(record, job_title=new)):
                e.change(old, new)
                e.save()
        with crm.expect(requests=0):
            e.leave()
    assert_saved(crm, card, leaves, job_title="Title0")


@pytest.mark.parametrize("editor", [
    editors.Vim, editors.Neovim, editors.Emacs, editors.Nano, editors.Kakoune, editors.Micro, editors.Joe,
    editors.Nvi])
def test_a_refused_save_is_seen_and_a_better_one_is_one_put(crm, card, home, editor):
    path, record = card
    before = path.read_bytes()
    with editor(home, path) as e:
        with crm.expect(put(record, email="nope")):
            e.change("first@example.org", "nope")
            e.save_refused()
        assert crm.get("contacts", record)["email"] == "first@example.org"
        crm.advance(2)
        with crm.expect(put(record, email="second@example.org")):
            e.change("nope", "second@example.org")
            e.save_after_refusal()
        e.leave()
    assert before != path.read_bytes()
    assert_saved(crm, card, editor.leaves, email="second@example.org")


def test_vim_told_of_a_refusal_puts_its_backup_back(crm, card, home):
    path, record = card
    before = path.read_bytes()
    with editors.Vim(home, path) as vim, crm.expect(put(record, email="nope")):
        vim.change("first@example.org", "nope")
        vim.save_refused()
        vim.order("q!")
        vim.left()
    assert path.read_bytes() == before
    assert_saved(crm, card, ("{name}.error",), email="first@example.org")


def test_what_vim_keeps_beside_the_file_stays_local(crm, card, home):
    path, record = card
    swap, undo, info = f".{path.name}.swp", f".{path.name}.un~", "vim.info"
    keep = f"set undofile undodir=. directory=. viminfo='10,n{path.parent}/{info}"
    with crm.expect(put(record, job_title="Title1")):
        with editors.Vim(home, path, keep) as vim:
            vim.change("Title0", "Title1")
            vim.see("Title1")
            assert swap in names_in(path)
            vim.save()
            vim.leave()
        assert_saved(crm, card, (undo, info), job_title="Title1")


@pytest.mark.parametrize("editor,leaves", [
    (editors.Vim, ()), (editors.Neovim, ()), (editors.Emacs, ("{id}.json~",)), (editors.Nano, ()),
    (editors.Kakoune, ()), (editors.Joe, ()), (editors.Nvi, ())])
def test_a_new_records_later_saves_are_puts(crm, card, home, editor, leaves):
    path = card[0].parent / "new.json"
    with editor(home, path) as e:
        with crm.expect(("POST", "/contacts", {"first_name": "Ada", "job_title": "Title0"})):
            e.begin('{"first_name": "Ada", "job_title": "Title0"}')
            e.save()
        record = max(crm.ids("contacts"))
        for n in range(2):
            crm.advance(2)
            with crm.expect(put(record, job_title=f"Title{n + 1}")):
                e.change(f"Title{n}", f"Title{n + 1}")
                e.save()
        e.leave()
    assert os.readlink(path) == f"{record}.json"
    assert_saved(crm, (path, record), ("{name}", *leaves), job_title="Title2")


# Commands

TITLE = r's/"job_title": .*/"job_title": "Chief",/'
ELISP = """(progn (replace-string "Title0" "Chief") (save-buffer))"""
BACKUPS = "--eval '(setq backup-enable-predicate (lambda (_) t))'"

# {p} the file, {d} its directory, {h} a directory elsewhere, {new} the changed text there
COMMANDS = [
    "sed -i '{s}' {p}",
    "perl -i -pe '{s}' {p}",
    "jq '.job_title = \"Chief\"' {p} > {d}/tmp.json && mv {d}/tmp.json {p}",
    "jq '.job_title = \"Chief\"' {p} | sponge {p}",
    "jq -c '.job_title = \"Chief\"' {p} > {h}/x && cp {h}/x {p}",
    "jq '.job_title = \"Chief\"' {p} > {h}/x && {{ echo; cat {h}/x; echo; }} > {p}",
    "awk '{{ sub(/Title0/, \"Chief\"); print }}' {p} > {d}/tmp && mv {d}/tmp {p}",
    "mawk '{{ sub(/Title0/, \"Chief\"); print }}' {p} > {h}/x && mv {h}/x {p}",
    "gawk -i inplace '{{ sub(/Title0/, \"Chief\"); print }}' {p}",
    "printf '%s\\n' ',{s}' w q | ed -s {p}",
    "printf '%s\\n' '%{s}' x | ex -s {p}",
    "vim -Nu NONE -es -c 'set backupskip=' -c '%{s}' -c wq {p}",
    "nvim --headless -u NONE -i NONE -c 'set backupskip=' -c '%{s}' -c wq {p}",
    "emacs -Q --batch {p} --eval '{elisp}'",
    "emacs -Q --batch --eval '(setq file-precious-flag t)' {p} --eval '{elisp}'",
    "kak -n -ui dummy -e 'execute-keys %{{%sTitle0<ret>cChief<esc>:write<ret>:quit<ret>}}' {p}",
    "kak -n -ui dummy -e 'set global writemethod replace; "
    "execute-keys %{{%sTitle0<ret>cChief<esc>:wq<ret>}}' {p}",
    "cat {new} > {p}",
    "cat {new} >| {p}",
    "cat {new} 1<> {p}",
    "tee {p} < {new} > /dev/null",
    "dd status=none if={new} of={p}",
    "cp {new} {p}",
    "cp -p {new} {p}",
    "cp -f {new} {p}",
    "cp --remove-destination {new} {p}",
    "cp {new} {d}/tmp && mv {d}/tmp {p}",
    "install -m 644 {new} {p}",
    "mv {new} {p}",
    "sort -m -o {p} {new}",
    "curl -s -o {p} file://{new}",
    "rsync -I {new} {p}",
    "rsync -a -I {new} {p}",
    "rsync -I --inplace {new} {p}",
    "mkdir {h}/up && mv {new} {h}/up/{n} && rsync -aI {h}/up/ {d}/",
    "mkdir {h}/up && mv {new} {h}/up/{n} && tar -C {h}/up -c {n} | tar -C {d} -x",
    "gio save {p} < {new}",
    "gio save -e $(gio info -a etag::value {p} | sed -n 's/.*etag::value: //p') {p} < {new}",
    "gio copy {new} {p}",
    "gio move {new} {p}",
    "diff -u {p} {new} > {h}/diff; patch -s {p} {h}/diff",
    "echo '{{\"job_title\": \"Chief\"}}' > {p}",
]
KEEPING = [  # these leave the old text beside the file, as they are told to
    ("sed -i.bak '{s}' {p}", "{name}.bak"),
    ("perl -i.bak -pe '{s}' {p}", "{name}.bak"),
    ("diff -u {p} {new} > {h}/diff; patch -s --backup {p} {h}/diff", "{name}.orig"),
    ("cp --backup {new} {p}", "{name}~"),
    ("mv --backup {new} {p}", "{name}~"),
    ("install -b {new} {p}", "{name}~"),
    ("rsync -I --backup {new} {p}", "{name}~"),
    ("gio save -b {p} < {new}", "{name}~"),
    ("gio copy -b {new} {p}", "{name}~"),
    ("vim -Nu NONE -es -c 'set backup backupskip=' -c '%{s}' -c wq {p}", "{name}~"),
    ("emacs -Q --batch {b} {p} --eval '{elisp}'", "{name}~"),
    ("emacs -Q --batch {b} --eval '(setq backup-by-copying t)' {p} --eval '{elisp}'", "{name}~"),
]


def command(script, card, home):
    path, _ = card
    new = home / "new"
    new.write_bytes(with_title(path, "Chief"))
    done = shell(script.format(p=path, d=path.parent, n=path.name, h=home, new=new, s=TITLE, elisp=ELISP,
                               b=BACKUPS), env=home.environment, cwd=home)
    assert done.returncode == 0, done.stderr + done.stdout
    return done


@pytest.mark.parametrize("script", COMMANDS)
def test_a_commands_save_is_one_put_of_the_changed_member(crm, card, home, script):
    with crm.expect(put(card[1], job_title="Chief")):
        command(script, card, home)
    assert_saved(crm, card, job_title="Chief")


@pytest.mark.parametrize("script,kept", KEEPING)
def test_a_save_that_keeps_the_old_text_is_one_put_too(crm, card, home, script, kept):
    before = card[0].read_bytes()
    with crm.expect(put(card[1], job_title="Chief")):
        command(script, card, home)
    assert_saved(crm, card, (kept,), job_title="Chief")
    assert (card[0].parent / kept.format(name=card[0].name)).read_bytes() == before


# git, with its repository elsewhere

GIT_CHANGES = {
    "apply": "git apply {h}/diff",
    "checkout-index": "{stage} && git checkout-index -f {n}",
    "checkout": "{stage} && git checkout -- {n}",
    "restore": "{stage} && git restore {n}",
    "reset": "{stage} && git commit -qm 2 && git reset -q --hard",
    "merge": "git checkout -q --detach && git apply --cached {h}/diff && git commit -qm 2 && "
             "new=$(git rev-parse HEAD) && git reset -q --soft main && git read-tree main && "
             "git checkout -q main && git merge -q --ff-only $new",
}
STAGE = "git update-index --cacheinfo 100644,$(git hash-object -w {new}),{n}"


@pytest.fixture
def repository(card, home):
    """The collection as a work tree, and all of it committed."""
    path, _ = card
    (home / ".gitconfig").write_text("[user]\nname = A\nemail = a@b.c\n[init]\ndefaultBranch = main\n")
    env = {**home.environment, "GIT_DIR": str(home / "git"), "GIT_WORK_TREE": str(path.parent)}
    new = home / "new"
    new.write_bytes(with_title(path, "Chief"))

    def git(script):
        stage = STAGE.format(new=new, n=path.name)
        line = script.format(h=home, n=path.name, new=new, stage=stage)
        done = shell(f"set -e; {line}", env=env, cwd=path.parent)
        assert done.returncode == 0, done.stderr + done.stdout
        return done

    git("git init -q; git add -A; git commit -qm 1; "
        "diff -u --label a/{n} --label b/{n} {n} {new} >{h}/diff || true")
    return git


@pytest.mark.parametrize("how", GIT_CHANGES)
def test_what_git_writes_is_one_put_and_no_delete(crm, card, repository, how):
    with crm.expect(put(card[1], job_title="Chief")):
        repository(GIT_CHANGES[how])
    assert_saved(crm, card, job_title="Chief")


def test_git_overrides_no_conflict_by_trying_again(crm, mounts, home):
    """When a write fails it writes once more by another way: nobody has said that it should."""
    crm.freeze(crm.now())  # two texts of one second: from which one git's was made nobody can tell
    crm.fill("contacts", 3)
    record = crm.ids("contacts")[0]
    crm.change("contacts", record, job_title="Title0")
    path = mounts(crm) / "contacts" / f"{record}.json"
    env = {**home.environment, "GIT_DIR": str(home / "git"), "GIT_WORK_TREE": str(path.parent)}
    who = "-c user.name=A -c user.email=a@b.c"
    done = shell(f"set -e; git init -q; git add -A; git {who} commit -qm 1; sed -i 's/Title0/Chief/' {path.name}",
                 cwd=path.parent, env=env)
    assert done.returncode == 0, done.stderr
    mark = crm.mark()
    shell(f"git checkout -- {path.name}", cwd=path.parent, env=env)
    assert [r for r in crm.log(since=mark) if r.method != "GET"] == []
    assert crm.get("contacts", record)["job_title"] == "Chief"


def test_a_text_as_it_was_once_read_holds_no_change(crm, card, repository, home):
    crm.advance(2)
    command("sed -i '{s}' {p}", card, home)
    with crm.expect(requests=0):
        repository("git checkout -- {n}")
    assert_saved(crm, card, job_title="Chief")


def test_git_deletes_no_record(crm, card, repository):
    path, record = card
    with crm.expect(requests=0):
        repository("git rm -q {n}")
        assert not path.exists()  # for a minute: for what git may write there
    assert crm.get("contacts", record)


# What cannot be had here, replayed

@pytest.mark.parametrize("save", replays.LEAVES, ids=lambda f: f.__name__)
def test_three_replayed_saves_of_one_buffer_are_three_puts(crm, card, save):
    path, record = card
    buffer = path.read_bytes()  # it is not read again: an editor's text keeps the time it was read with
    known = remembered(path)
    for _, title in STEPS:
        crm.advance(2)
        assert remembered(path) == known  # else: "changed on disk"
        with crm.expect(put(record, job_title=title)):
            known = save(str(path), buffer.replace(b"Title0", title.encode()))
    assert remembered(path) == known
    assert_saved(crm, card, replays.LEAVES[save], job_title="Title0")


@pytest.mark.parametrize("save", replays.LEAVES, ids=lambda f: f.__name__)
def test_a_refused_replayed_save_fails_and_deletes_nothing(crm, card, save):
    path, record = card
    before = path.read_bytes()
    with crm.expect(put(record, email="nope")), pytest.raises(OSError):
        save(str(path), before.replace(b"first@example.org", b"nope"))
    assert crm.get("contacts", record)["email"] == "first@example.org"
    if save in replays.MOVED_AWAY:  # it stops in the middle, here as everywhere
        path = path.parent / replays.MOVED_AWAY[save].format(name=path.name)
    assert path.name in names_in(path)
    assert json.loads(path.read_bytes())["email"] in ("first@example.org", "nope")


def test_who_saves_a_wrong_value_in_vim_reads_which_and_why_mends_it_and_the_words_go(crm, card, home):
    """The session that the README shows."""
    path, record = card
    words = path.parent / f"{path.name}.error"
    with editors.Vim(home, path) as vim:
        with crm.expect(put(record, email="nope")):
            vim.change("first@example.org", "nope")
            vim.save_refused()
        line = next(n for n, text in enumerate(path.read_text().splitlines(), 1) if '"email"' in text)
        assert f"{path.name}:{line}:" in words.read_text()
        vim.order(f"cd {path.parent}")
        vim.order(f"cfile {words.name}")  # to the place, with the words below
        vim.see("must be a valid email address")
        vim.order("echo 'at ' . line('.')")
        vim.see(f"at {line}")
        with crm.expect(put(record, email="second@example.org")):
            vim.order("s/nope/second@example.org/")
            vim.see('"second@example.org"')
            vim.save()
        assert not words.exists()
        vim.leave()
    assert_saved(crm, card, email="second@example.org")
# What a close waits with, while signals come that mean nothing to it: Go's scheduler sends its own threads
# SIGURG, a shell gets SIGCHLD, a window is resized.
STRAY = """
import ctypes, os, signal, sys
signal.signal(getattr(signal, sys.argv[2]), lambda *_: None)
text = open(sys.argv[1], "rb").read().replace(b"Title0", b"Title1")
fd = os.open(sys.argv[1], os.O_WRONLY | os.O_TRUNC)
os.write(fd, text)
print("written", flush=True)
sys.stdin.readline()
libc = ctypes.CDLL(None, use_errno=True)
if libc.close(fd):  # os.close would say nothing of EINTR
    sys.exit(os.strerror(ctypes.get_errno()))
"""


@pytest.mark.parametrize("name,status", [("SIGURG", 0), ("SIGCHLD", 0), ("SIGWINCH", 0), ("SIGUSR1", 1)])
def test_a_stray_signal_does_not_give_up_a_save(crm, mounts, tmp_path, name, status):
    crm.fill("contacts", 3)
    record = crm.ids("contacts")[0]
    crm.change("contacts", record, job_title="Title0")
    path = mounts(crm, ttl=0) / "contacts" / f"{record}.json"
    path.read_bytes()
    saver = subprocess.Popen([sys.executable, "-c", STRAY, path, name], stdin=subprocess.PIPE,
                             stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert saver.stdout.readline() == "written\n"
    hold = crm.fault(method="GET", path=f"/contacts/{record}", action="hold")
    saver.stdin.write("go on\n")
    saver.stdin.flush()
    crm.wait_held(hold)
    saver.send_signal(getattr(signal, name))
    os.listdir(path.parent.parent)  # a round trip: the kernel sends interrupts first
    crm.release(hold)
    said = saver.communicate()[1]
    assert (saver.returncode, "Interrupted" in said) == (status, bool(status)), said
    assert crm.get("contacts", record)["job_title"] == ("Title0" if status else "Title1")


def test_a_saver_that_was_told_something_is_soon_let_go_at_any_time(crm, mounts):
    crm.fill("contacts", 3)
    record = crm.ids("contacts")[0]
    crm.change("contacts", record, job_title="Title0")
    path = mounts(crm) / "contacts" / f"{record}.json"
    path.read_bytes()
    crm.fault(method="PUT", status=429, headers={"Retry-After": "50"}, times=None)
    saver = subprocess.Popen([sys.executable, "-c", STRAY, path, "SIGURG"], stdin=subprocess.PIPE,
                             stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert saver.stdout.readline() == "written\n"
    mark = crm.mark()
    saver.stdin.write("go on\n")
    saver.stdin.flush()
    crm.wait(lambda log: any(r.method == "PUT" for r in log[mark:]))
    saver.send_signal(signal.SIGURG)
    time.sleep(1)  # nothing else happens: the save waits for the server's window
    began = time.monotonic()
    saver.kill()
    saver.communicate(timeout=30 * SLOW)
    assert time.monotonic() - began < 2 * SLOW


def test_a_saver_that_was_told_something_can_be_killed_all_the_same(crm, mounts):
    crm.fill("contacts", 3)
    record = crm.ids("contacts")[0]
    crm.change("contacts", record, job_title="Title0")
    path = mounts(crm, ttl=0) / "contacts" / f"{record}.json"
    path.read_bytes()
    saver = subprocess.Popen([sys.executable, "-c", STRAY, path, "SIGURG"], stdin=subprocess.PIPE,
                             stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert saver.stdout.readline() == "written\n"
    hold = crm.fault(method="GET", path=f"/contacts/{record}", action="hold")
    saver.stdin.write("go on\n")
    saver.stdin.flush()
    crm.wait_held(hold)
    saver.send_signal(signal.SIGURG)
    os.listdir(path.parent.parent)
    saver.kill()
    saver.communicate(timeout=10 * SLOW)  # the server has not answered, and the deadline is a minute
    crm.release(hold)
    assert crm.get("contacts", record)["job_title"] == "Title0"
