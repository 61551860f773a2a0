# SPDX-License-Identifier: MIT
"""The configuration files: an account mounted by its name, what lies over what, and mistakes in one sentence."""
import os
import pathlib
import re
import subprocess

import pytest

from conftest import BINARY, run, until


class Home:
    """A person's home and what is configured there."""

    def __init__(self, path):
        self.path = path
        self.file = path / ".config" / "concordfs" / "config"
        self.file.parent.mkdir(parents=True)
        self.env = {k: v for k, v in os.environ.items() if k not in ("CONCORDFS_TOKEN", "CREDENTIALS_DIRECTORY")
                    and not k.startswith("XDG_")}
        self.env["HOME"] = str(path)
        (path / "crm").mkdir()
        (path / "other").mkdir()

    def write(self, text, mode=0o644):
        self.file.write_text(text)
        self.file.chmod(mode)

    def concordfs(self, *arguments, etc=None):
        """With etc: /etc/concordfs/config is this file, for this one process."""
        command = [BINARY, *arguments]
        if etc:
            script = 'mount -t overlay -o lowerdir="$1":/etc none /etc && shift && exec "$@"'
            command = ["unshare", "-m", "sh", "-c", script, "sh", etc, *command]
        return run(*command, env=self.env, stdin=subprocess.DEVNULL)

    def detach(self):
        for name in ("crm", "other"):
            run("fusermount3", "-u", "-z", "-q", self.path / name)


@pytest.fixture
def home(tmp_path):
    made = Home(tmp_path / "jo")
    yield made
    made.detach()


@pytest.fixture
def token(home, crm):
    path = home.path / ".token"
    path.write_text(crm.token)
    path.chmod(0o600)
    return path


@pytest.fixture
def etc(tmp_path):
    """etc(text): a directory to be laid over /etc."""
    if os.geteuid() != 0 or run("unshare", "-m", "true").returncode:
        pytest.skip("only root can lay something over /etc")

    def make(text, mode=0o644):
        path = tmp_path / "etc" / "concordfs" / "config"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        path.chmod(mode)
        return tmp_path / "etc"
    return make


def is_one_sentence(done, *words):
    assert done.returncode == 1, done
    assert done.stderr.count("\n") == 1 and done.stderr.startswith("concordfs: "), done.stderr
    for word in words:
        assert word in done.stderr, done.stderr


def shown(done):
    """{key: (value, where it comes from)} of one account."""
    assert done.returncode == 0, done.stderr
    pairs = [line.split(" # ") for line in done.stdout.splitlines() if " = " in line]
    return {pair.split(" = ")[0]: (pair.split(" = ")[1].strip(), where) for pair, where in pairs}


# Mounting


def test_an_account_is_mounted_by_its_name(crm, home, token):
    home.write(f"# mine\n[work]\nurl = {crm.url}\nmountpoint = ~/crm\ntoken_file = ~/.token\n")
    done = home.concordfs("work")
    assert (done.returncode, done.stderr) == (0, "")
    assert "contacts" in os.listdir(home.path / "crm")


def test_an_account_can_be_mounted_elsewhere(crm, home, token):
    home.write(f"[work]\nurl = {crm.url}\nmountpoint = ~/crm\ntoken_file = ~/.token\n")
    done = home.concordfs("work", home.path / "other")
    assert (done.returncode, done.stderr) == (0, "")
    assert "contacts" in os.listdir(home.path / "other") and not os.path.ismount(home.path / "crm")


def test_an_account_of_etc_is_mounted_by_its_name(crm, home, token, etc):
    """The mount belongs to the process's namespace, so the account is asked for what it would mount."""
    lower = etc(f"[work]\nurl = {crm.url}\nmountpoint = {home.path}/crm\ntoken_file = {token}\n")
    assert shown(home.concordfs("--print-config", "work", etc=lower))["url"] == (crm.url, "/etc/concordfs/config:2")
    script = f'mount -t overlay -o lowerdir="{lower}":/etc none /etc && {BINARY} work && ls {home.path}/crm; ' \
             f'fusermount3 -u {home.path}/crm'
    assert "contacts" in run("unshare", "-m", "sh", "-c", script, env=home.env).stdout


def test_options_and_keys_do_what_they_do_behind_o(crm, home, token):
    crm.fill("contacts", 1)
    home.write(f"[defaults]\noptions = ro,noreadme,collections=contacts:deals\n"
               f"[work]\nurl = {crm.url}\ntoken_file = ~/.token\nmountpoint = ~/crm\n")
    assert home.concordfs("work").returncode == 0
    assert sorted(name for name in os.listdir(home.path / "crm") if not name.startswith(".")) == ["contacts", "deals"]
    with pytest.raises(OSError):
        (home.path / "crm" / "contacts" / "x.json").write_text("{}")


def test_defaults_hold_for_a_mount_by_address_too(crm, home, token):
    home.write("[defaults]\ntoken_file = ~/.token\n")
    assert home.concordfs(crm.url, home.path / "crm").returncode == 0


# What lies over what


def test_precedence_is_as_documented(home, etc):
    """Command line, the user's account, the user's defaults, /etc's account, /etc's defaults, built in."""
    lower = etc("[defaults]\npage_size = 1\nttl = 1\nmax_deletes = 1\nconflict = mine\numask = 1\n"
                "[work]\nurl = https://etc.example\npage_size = 2\nttl = 2\nmax_deletes = 2\nconflict = theirs\n")
    home.write("[defaults]\npage_size = 3\nttl = 3\nmax_deletes = 3\n[work]\npage_size = 4\nttl = 4\n")
    got = shown(home.concordfs("--print-config", "-o", "ttl=5", "work", etc=lower))
    assert got["ttl"] == ("5", "command line")
    assert got["page_size"] == ("4", f"{home.file}:6")
    assert got["max_deletes"] == ("3", f"{home.file}:4")
    assert got["conflict"] == ("theirs", "/etc/concordfs/config:12")
    assert got["umask"] == ("1", "/etc/concordfs/config:6")
    assert got["timeout"] == ("60", "built in")


def test_a_token_source_named_higher_up_takes_the_place_of_one_below(crm, home, token):
    home.write("[defaults]\ntoken_file = /missing\n")
    done = home.concordfs("-o", f"token_command=cat {token}", crm.url, home.path / "crm")
    assert (done.returncode, done.stderr) == (0, "")


# Mistakes


def test_a_config_with_a_typo_is_one_sentence_with_file_line_and_the_nearest_key(home):
    home.write("[work]\nurl = https://crm.example.com\n\ntokenfile = ~/.token\n")
    is_one_sentence(home.concordfs("work", home.path / "crm"), f"{home.file}:4", "tokenfile", "token_file")
    is_one_sentence(home.concordfs("--print-config"), f"{home.file}:4", "tokenfile", "token_file")


def test_a_bad_value_is_one_sentence_with_file_and_line(home):
    home.write("[work]\nurl = https://crm.example.com\nttl = soon\n")
    is_one_sentence(home.concordfs("work", home.path / "crm"), f"{home.file}:3", "ttl", "seconds")


def test_a_token_in_the_config_is_refused_and_not_repeated(crm, home):
    for line in (f"token = {crm.token}", f"options = ttl=5,token={crm.token}", crm.token):
        home.write(f"[work]\nurl = {crm.url}\n{line}\n")
        done = home.concordfs("work", home.path / "crm")
        is_one_sentence(done, f"{home.file}:3")
        assert "demo-token" not in done.stderr and "demo-token" not in done.stdout


@pytest.mark.parametrize("mode", [0o664, 0o666, 0o646])
def test_a_config_that_others_can_write_is_refused(home, mode):
    home.write("[work]\nurl = https://crm.example.com\n", mode)
    is_one_sentence(home.concordfs("work", home.path / "crm"), str(home.file), f"{mode:04o}", "go-w")


def test_a_config_that_others_can_read_is_fine(crm, home, token):
    home.write(f"[work]\nurl = {crm.url}\nmountpoint = ~/crm\ntoken_file = ~/.token\n", 0o644)
    assert home.concordfs("work").returncode == 0


def test_a_config_of_somebody_else_is_refused(home):
    if os.geteuid() != 0:
        pytest.skip("only root can give a file away")
    home.write("[work]\nurl = https://crm.example.com\n")
    os.chown(home.file, 65534, 65534)
    is_one_sentence(home.concordfs("work", home.path / "crm"), str(home.file), "somebody else")


def test_an_account_that_is_not_there_is_one_sentence(home):
    home.write("[work]\nurl = https://crm.example.com\n")
    is_one_sentence(home.concordfs("wrk"), "[wrk]", str(home.file))
    is_one_sentence(home.concordfs("--print-config", "wrk"), "[wrk]")


# Showing it


def test_print_config_shows_all_accounts(home):
    home.write("[work]\nurl = https://crm.example.com\nro\n[home]\nurl = https://home.example\nmountpoint = ~/crm\n")
    done = home.concordfs("--print-config")
    assert [line for line in done.stdout.splitlines() if line.startswith("[")] == ["[work]", "[home]"]
    assert f"mountpoint = {home.path}/crm" in done.stdout
    assert shown(home.concordfs("--print-config", "work"))["ro"] == ("yes", f"{home.file}:3")


def test_what_print_config_shows_can_be_a_config(home):
    home.write("[work]\nurl = https://crm.example.com\nmountpoint = ~/crm\nttl = 7\nallow_other\nstate_dir = ~/state\n")
    first = home.concordfs("--print-config")
    home.write(first.stdout)
    second = shown(home.concordfs("--print-config"))
    assert {k: v for k, (v, _) in second.items()} == {k: v for k, (v, _) in shown(first).items()}


def test_print_config_shows_no_secrets(crm, home, token):
    home.write(f"[work]\nurl = {crm.url}\ntoken_command = sh -c 'echo {crm.token}'\n")
    home.env["CONCORDFS_TOKEN"] = crm.token
    done = home.concordfs("--print-config", "work")
    assert shown(done)["token_command"] == ("sh ...", f"{home.file}:3")
    assert "demo-token" not in done.stdout + done.stderr
    assert crm.log() == []


def test_the_readmes_example_is_understood(home):
    readme = (pathlib.Path(__file__).parent.parent / "README.md").read_text()
    home.write(re.search(r"```\n(\[defaults\].*?)```", readme, re.DOTALL).group(1))
    got = {key: value for key, (value, _) in shown(home.concordfs("--print-config")).items()}
    assert got == {**got, "url": "https://crm.example.com", "mountpoint": f"{home.path}/crm", "ttl": "120", "ro": "yes",
                   "token_command": "pass ...", "noatime": "yes", "collections": "contacts:deals"}


def test_long_options(home):
    assert home.concordfs("--help").stdout == home.concordfs("-h").stdout
    for word in ("token_command", "--print-config", "CREDENTIALS_DIRECTORY", "/etc/concordfs/config"):
        assert word in home.concordfs("--help").stdout
    assert home.concordfs("--version").stdout.startswith("concordfs ")


def test_somebody_elses_home_is_not_read(home):
    """mount.fuse3 sets HOME=/root for everybody, sudo -E keeps the caller's."""
    if os.geteuid() != 0:
        pytest.skip("only root can give a directory away")
    home.write("[work]\nzebra = 1\n")
    os.chown(home.path, 65534, 65534)
    done = home.concordfs("--print-config", "work")
    assert done.returncode == 1 and "zebra" not in done.stderr and "[work]" in done.stderr


def test_the_environment_is_as_empty_as_at_boot(crm, home, token):
    """No HOME: the password database knows it. Nothing there is read, the mount works."""
    home.env = {"PATH": os.environ["PATH"], "XDG_CONFIG_HOME": str(home.path / "none")}
    state = home.path / "state"
    done = home.concordfs("-o", f"token_file={token},state_dir={state}", crm.url, home.path / "crm")
    assert (done.returncode, done.stderr) == (0, "")
    until(lambda: os.path.ismount(home.path / "crm"))
