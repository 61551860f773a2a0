# SPDX-License-Identifier: MIT
"""The API token: where it is found, how it is replaced without a remount, and that it is nowhere to be seen."""
import errno
import fcntl
import os
import pathlib
import pty
import re
import signal
import subprocess
import termios

import pytest

from conftest import BINARY, SLOW, run, until


@pytest.fixture
def place(tmp_path):
    """A mountpoint, and an environment that has no token in it."""
    (tmp_path / "point").mkdir()
    yield tmp_path / "point"
    run("fusermount3", "-u", "-z", "-q", tmp_path / "point")


def environment(place, **more):
    env = {k: v for k, v in os.environ.items() if k not in ("CONCORDFS_TOKEN", "CREDENTIALS_DIRECTORY")}
    return {**env, "XDG_STATE_HOME": str(place.parent / "state"), "XDG_CONFIG_HOME": str(place.parent / "config"),
            **more}


def mount(crm, place, *options, **more):
    words = ["-o", ",".join(options)] if options else []
    return run(BINARY, *words, crm.url, place, env=environment(place, **more), stdin=subprocess.DEVNULL)


def private(path, text, mode=0o600):
    """Written as a person or a program would: whole, and for the owner only."""
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_name(path.name + ".new")
    new.write_text(text)
    new.chmod(mode)
    new.rename(path)
    return path


def is_mounted(done, place):
    assert done.returncode == 0, done.stderr
    assert "contacts" in os.listdir(place)


def is_one_sentence(done, *words, status=1):
    assert done.returncode == status, done.stderr
    assert done.stderr.count("\n") == 1 and done.stderr.startswith("concordfs: "), done.stderr
    for word in words:
        assert word in done.stderr, done.stderr


# Where it is found


def test_a_token_command_gives_the_token(crm, place):
    store = private(place.parent / "the store", crm.token + "\nuser: jo\nurl: https://crm.example.com\n")
    is_mounted(mount(crm, place, f"token_command=cat '{store}'"), place)


def test_a_token_command_is_no_shell(crm, place):
    done = mount(crm, place, f"token_command=echo {crm.token} ; touch {place.parent}/made")
    is_one_sentence(done, "token_command", "not a token")
    assert not (place.parent / "made").exists()


def test_a_credential_of_systemd_is_found(crm, place):
    private(place.parent / "credentials" / "concordfs-token", crm.token, 0o400)
    is_mounted(mount(crm, place, CREDENTIALS_DIRECTORY=str(place.parent / "credentials")), place)


def test_the_token_in_the_configuration_directory_is_found(crm, place):
    private(place.parent / "config" / "concordfs" / "token", crm.token + "\n")
    is_mounted(mount(crm, place), place)


def test_sources_are_tried_in_the_documented_order(crm, place):
    """Each source in turn is the only one with the right token, and all below it have a wrong one."""
    wrong, base = "9|wrong", place.parent
    token_file, credentials = base / "token", base / "credentials"
    for right in range(5):
        tokens = [crm.token if i == right else wrong for i in range(5)]
        private(token_file, tokens[0])
        private(credentials / "concordfs-token", tokens[2])
        private(base / "config" / "concordfs" / "token", tokens[4])
        options = ([f"token_file={token_file}"] if right < 1 else []) + (
            [f"token_command=echo {tokens[1]}"] if right < 2 else [])
        more = {"CREDENTIALS_DIRECTORY": str(credentials)} if right < 3 else {}
        if right < 4:
            more["CONCORDFS_TOKEN"] = tokens[3]
        is_mounted(mount(crm, place, *options, **more), place)
        assert run("fusermount3", "-u", place).returncode == 0


def test_a_source_that_is_there_and_fails_is_not_passed_over(crm, place):
    done = mount(crm, place, f"token_file={place.parent}/missing", CONCORDFS_TOKEN=crm.token)
    is_one_sentence(done, "token_file", "missing")


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660])
def test_a_group_readable_token_file_is_one_sentence(crm, place, mode):
    token = private(place.parent / "token", crm.token, mode)
    is_one_sentence(mount(crm, place, f"token_file={token}"), str(token), f"{mode:04o}", "chmod 600")
    own = private(place.parent / "config" / "concordfs" / "token", crm.token, mode)
    is_one_sentence(mount(crm, place), str(own), f"{mode:04o}", "chmod 600")


def test_a_token_in_the_options_is_one_sentence_and_not_repeated(crm, place):
    done = mount(crm, place, f"token={crm.token}")
    is_one_sentence(done, "every user", "token_file")
    assert crm.token not in done.stderr


def test_no_token_at_all_is_one_sentence_that_names_the_sources(crm, place):
    is_one_sentence(mount(crm, place), "token_file", "token_command", "CONCORDFS_TOKEN", "concordfs/token")


@pytest.mark.parametrize("command, word", [("false", "exit status 1"), ("sh -c 'exit 42'", "exit status 42"),
                                           ("sh -c 'kill -9 $$'", "signal 9"), ("no-such-program x", "No such file"),
                                           ("true", "no token"), ("pass 'show", "quote")])
def test_a_token_command_that_fails_is_one_sentence(crm, place, command, word):
    is_one_sentence(mount(crm, place, f"token_command={command}"), "token_command", word)


def test_what_a_token_command_says_on_stderr_is_passed_through(crm, place):
    done = mount(crm, place, "token_command=sh -c 'echo the vault is locked >&2; exit 2'")
    assert done.returncode == 1
    assert done.stderr.splitlines() == ["the vault is locked",
                                        "concordfs: token_command sh: failed with exit status 2"]


def test_a_token_command_has_as_long_as_an_operation(crm, place):
    is_one_sentence(mount(crm, place, "timeout=0.3", "token_command=sleep 1000"), "token_command sleep", "0.3 s")


# The terminal


class Terminal:
    """A program with a terminal of its own, as its foreground job."""

    def __init__(self, *command, env):
        self.master, slave = pty.openpty()
        self.proc = subprocess.Popen([str(c) for c in command], env=env, stdin=slave, stdout=slave, stderr=slave,
                                     start_new_session=True, preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0))
        self.slave, self.text = slave, ""
        os.set_blocking(self.master, False)

    def shows(self, text):
        def fact():
            try:
                self.text += os.read(self.master, 4096).decode()
            except OSError:
                pass
            return text in self.text
        until(fact, what=f"{text!r} on the terminal")

    def has_echo(self):
        return bool(termios.tcgetattr(self.slave)[3] & termios.ECHO)

    def type(self, text):
        os.write(self.master, text.encode())

    def close(self):
        os.close(self.slave)
        os.close(self.master)


def test_at_a_terminal_the_token_is_asked_for_and_not_shown(crm, place):
    terminal = Terminal(BINARY, crm.url, place, env=environment(place))
    terminal.shows("token: ")
    assert not terminal.has_echo()
    terminal.type(crm.token + "\n")
    assert terminal.proc.wait(timeout=30) == 0, terminal.text
    assert "contacts" in os.listdir(place)
    terminal.shows("\n")
    assert terminal.has_echo() and "demo-token" not in terminal.text
    terminal.close()


def test_ctrl_c_at_the_question_leaves_the_terminal_as_it_was(crm, place):
    terminal = Terminal(BINARY, crm.url, place, env=environment(place))
    terminal.shows("token: ")
    terminal.type("\x03")
    assert terminal.proc.wait(timeout=30) == -signal.SIGINT
    assert terminal.has_echo()
    terminal.close()


def test_closing_the_window_ends_what_runs_in_it(crm, place):
    token = private(place.parent / "token", crm.token)
    terminal = Terminal(BINARY, "-f", "-o", f"token_file={token}", crm.url, place, env=environment(place))
    until(lambda: os.path.ismount(place), what="the mount")
    terminal.proc.send_signal(signal.SIGHUP)  # no window was closed: the token is read again
    assert os.listdir(place / "contacts") == []
    terminal.close()
    assert terminal.proc.wait(timeout=30) == 0
    assert not os.path.ismount(place)


# Another token without a remount


@pytest.fixture
def token(tmp_path, crm):
    return private(tmp_path / "token", crm.token)


def test_a_token_rotated_in_its_file_needs_no_remount(crm, mounts, token):
    crm.fill("contacts", 1)
    mnt = mounts(crm, token_file=token)
    first, = crm.ids("contacts")
    crm.rotate("1|rotated-not-secret")
    private(token, crm.token)
    with crm.expect(("GET", f"/contacts/{first}"), ("GET", "/me"), ("GET", f"/contacts/{first}")) as seen:
        assert (mnt / "contacts" / f"{first}.json").read_bytes()
    assert [r.status for r in seen] == [401, 200, 200]
    crm.rotate("1|rotated-again-not-secret")
    private(token, crm.token)
    with crm.expect(("PUT", f"/contacts/{first}"), ("GET", "/me"),
                    ("PUT", f"/contacts/{first}", {"first_name": "Ada"})):
        (mnt / "contacts" / f"{first}.json").write_text('{"first_name": "Ada"}')


def test_a_creation_that_meets_a_rotated_token_is_done_once(crm, mounts, token):
    mnt = mounts(crm, token_file=token)
    crm.rotate("1|rotated-not-secret")
    private(token, crm.token)
    (mnt / "contacts" / "new.json").write_text('{"first_name": "Nova"}')
    assert crm.count("contacts") == 1


def test_a_token_command_is_asked_again_once_for_many_refusals(crm, mounts, tmp_path):
    crm.fill("contacts", 20)
    store, runs = private(tmp_path / "store", crm.token), tmp_path / "runs"
    mnt = mounts(crm, token_command=f"sh -c 'echo run >>{runs}; cat {store}'", ttl=0)
    crm.rotate("1|rotated-not-secret")
    private(store, crm.token)
    paths = [mnt / "contacts" / f"{i}.json" for i in crm.ids("contacts")]
    readers = [subprocess.Popen(["cat", path], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) for path in paths]
    assert [r.communicate()[1] for r in readers] == [b""] * 20
    assert runs.read_text() == "run\n" * 2


def test_a_token_that_stays_refused_is_asked_for_once_and_fails(crm, mounts, tmp_path, token):
    crm.fill("contacts", 5)
    runs = tmp_path / "runs"
    mnt = mounts(crm, token_command=f"sh -c 'echo run >>{runs}; cat {token}'", ttl=0)
    crm.rotate("1|nobody-told-us")
    with crm.expect(requests=1):
        for i in crm.ids("contacts"):
            with pytest.raises(OSError) as e:
                (mnt / "contacts" / f"{i}.json").read_bytes()
            assert e.value.errno == errno.EACCES
    assert runs.read_text() == "run\n" * 2
    assert mnt.log().count("the server refuses the token") == 1


def test_sighup_reads_the_token_again(crm, mounts, token):
    crm.fill("contacts", 1)
    mnt = mounts(crm, token_file=token, ttl=0)
    crm.rotate("1|rotated-not-secret")
    private(token, crm.token)
    mnt.proc.send_signal(signal.SIGHUP)
    until(lambda: "the token was replaced" in mnt.log(), what="the reload")
    with crm.expect(("GET", "/contacts")) as seen:
        os.listdir(mnt / "contacts")
    assert seen[0].status == 200


def test_another_users_token_is_not_used(crm, mounts, token):
    """What is kept on disk and what is shown is the user's who mounted."""
    crm.fill("contacts", 1)
    mnt = mounts(crm, token_file=token, ttl=0)
    private(token, crm.second_token)
    mnt.proc.send_signal(signal.SIGHUP)
    until(lambda: "another user's" in mnt.log(), what="the refusal")
    with crm.expect(("GET", "/contacts")) as seen:
        os.listdir(mnt / "contacts")
    assert seen[0].status == 200 and "replaced" not in mnt.log()


def test_a_new_token_that_is_refused_leaves_the_old_one_in_place(crm, mounts, token):
    mnt = mounts(crm, token_file=token, ttl=0)
    private(token, "9|wrong")
    mnt.proc.send_signal(signal.SIGHUP)
    until(lambda: "does not let us in" in mnt.log(), what="the refusal")
    assert os.listdir(mnt / "contacts") == [] and "replaced" not in mnt.log()


def test_the_same_token_again_changes_nothing(crm, mounts, token):
    mnt = mounts(crm, token_file=token, debug="main")
    with crm.expect(requests=0):
        for n in range(1, 4):
            mnt.proc.send_signal(signal.SIGHUP)
            until(lambda n=n: mnt.log().count("was read again") == n, what="the reload")
    assert "replaced" not in mnt.log()
    assert os.listdir(mnt / "contacts") == []


def test_a_bad_token_file_on_sighup_is_one_log_line_and_the_old_token_stays(crm, mounts, token):
    mnt = mounts(crm, token_file=token)
    private(token, "2|other", 0o644)
    mnt.proc.send_signal(signal.SIGHUP)
    until(lambda: "has mode 0644" in mnt.log(), what="the refusal")
    assert os.listdir(mnt / "contacts") == []
    assert len([line for line in mnt.log().splitlines() if "token" in line]) == 1


def test_a_token_from_the_environment_stays_and_sighup_says_so(crm, mounts):
    mnt = mounts(crm)
    mnt.proc.send_signal(signal.SIGHUP)
    until(lambda: "cannot be read again" in mnt.log(), what="the line")
    assert os.listdir(mnt / "contacts") == []


def test_leaving_does_not_wait_for_a_token_command(crm, mounts, tmp_path, token):
    first = tmp_path / "first"
    mnt = mounts(crm, token_command=f"sh -c 'if mkdir {first}; then cat {token}; else exec sleep 1000; fi'")
    mnt.proc.send_signal(signal.SIGHUP)
    until(lambda: children(mnt.proc.pid), what="the command")
    mnt.proc.send_signal(signal.SIGTERM)
    mnt.wait_gone()


# Nowhere to be seen


def children(pid):
    return [int(p) for task in pathlib.Path(f"/proc/{pid}/task").iterdir()
            for p in (task / "children").read_text().split()]


def test_children_do_not_inherit_the_token(crm, mounts, tmp_path):
    """CONCORDFS_TOKEN is in the daemon's environment when it starts; fusermount3 stays for auto_unmount."""
    seen, secret = tmp_path / "seen", crm.token.split("|")[1]
    env = "tr '\\0' '\\n' </proc/$$/environ"
    store = private(tmp_path / "store", crm.token)
    mnt = mounts(crm, auto_unmount=True, token_command=f"sh -c \"{env} >{seen}; ls /proc/$$/fd >>{seen}; cat {store}\"")
    assert "PATH=" in seen.read_text()
    assert secret not in seen.read_text() and "CONCORDFS_TOKEN" not in seen.read_text()
    for pid in [mnt.proc.pid, *children(mnt.proc.pid)]:
        for name in ("environ", "cmdline"):
            assert secret not in pathlib.Path(f"/proc/{pid}/{name}").read_text(), (pid, name)


def test_no_core_and_no_look_into_the_process(crm, mnt):
    limits = pathlib.Path(f"/proc/{mnt.proc.pid}/limits").read_text()
    assert re.search(r"Max core file size\s+0\s+0\s", limits)


def occurrences(pid, needle):
    """What stands before each of them in the memory of a process."""
    with open(f"/proc/{pid}/mem", "rb", 0) as memory:
        for line in pathlib.Path(f"/proc/{pid}/maps").read_text().splitlines():
            start, end = (int(x, 16) for x in line.split()[0].split("-"))
            try:
                memory.seek(start)
                data = memory.read(end - start)
            except (OSError, OverflowError):  # [vvar], [vsyscall]
                continue
            yield from (data[max(0, m.start() - 32):m.start()] for m in re.finditer(re.escape(needle), data))


@pytest.mark.skipif(os.geteuid() != 0 or SLOW != 1, reason="needs root, and the memory that a program has by itself")
@pytest.mark.parametrize("source", ["environment", "token_file", "token_command", "rotated"])
def test_our_copies_of_the_token_are_wiped(crm, mounts, token, source):
    """But the header's page, and what libcurl keeps of the last requests."""
    option = {"token_file": {"token_file": token}, "token_command": {"token_command": f"cat {token}"},
              "rotated": {"token_file": token}}.get(source, {})
    mnt = mounts(crm, **option)
    if source == "rotated":
        crm.rotate("1|rotated-not-secret")
        private(token, crm.token)
    os.listdir(mnt / "contacts")
    before = list(occurrences(mnt.proc.pid, crm.token.encode()))
    assert before and all(x.endswith(b"Authorization: Bearer ") for x in before), before


def test_a_token_is_in_no_file_and_no_log(crm, mounts, tmp_path, place):
    """Through a rotation, a refused save, a draft, a bad reload and the end."""
    crm.fill("contacts", 3)
    token = private(tmp_path / "vault" / "token", crm.token)
    secrets = [crm.token.split("|")[1], "rotated-not-secret", "leaky-not-secret"]
    mnt = mounts(crm, token_file=token, debug="all", ttl=0)
    path = mnt / "contacts" / f"{crm.ids('contacts')[0]}.json"
    path.read_bytes()
    crm.rotate("1|rotated-not-secret")
    private(token, crm.token)
    path.read_bytes()
    (mnt / "contacts" / "draft.tmp").write_text("x")
    with pytest.raises(OSError):
        path.write_text("not json")
    private(token, "3|leaky-not-secret", 0o644)
    mnt.proc.send_signal(signal.SIGHUP)
    until(lambda: "has mode 0644" in mnt.log(), what="the refusal")
    proc = pathlib.Path(f"/proc/{mnt.proc.pid}")
    shown = (proc / "cmdline").read_text() + (proc / "environ").read_text() + (proc / "mountinfo").read_text()
    token.unlink()
    mnt.stop()
    for secret in secrets:
        assert secret not in shown
        assert run("grep", "-rl", "--", secret, tmp_path).stdout == ""
