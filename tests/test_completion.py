# SPDX-License-Identifier: MIT
"""Completion on Tab in bash, zsh and fish."""
import os
import re

import pytest

from conftest import BINARY, ROOT, run
from test_manual import help_options

HERE = ROOT / "packaging" / "completion"
COMMANDS = ["doctor", "pending", "refresh", "rejected", "status", "warm", "why"]


@pytest.fixture
def env(tmp_path):
    """A home with two accounts; `concordfs` is ours."""
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "concordfs").symlink_to(BINARY)
    (tmp_path / "home" / ".config" / "concordfs").mkdir(parents=True)
    (tmp_path / "home" / ".config" / "concordfs" / "config").write_text(
        "[work]\nurl = https://crm.example.com\nmountpoint = ~/crm\n[home]\nurl = https://crm.example.org\n")
    (tmp_path / "home" / "crm" / "contacts").mkdir(parents=True)
    (tmp_path / "home" / "crm" / "deals").mkdir()
    (tmp_path / "home" / "notes.txt").touch()
    kept = {k: v for k, v in os.environ.items() if not k.startswith("XDG_")}
    return {**kept, "PATH": f"{tmp_path}/bin:/usr/bin:/bin", "HOME": str(tmp_path / "home")}


def bash(env, program, *words):
    """What is offered at the end of the words, as readline splits them."""
    script = f'source "{HERE}/{program}.bash"; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _{program}; ' \
             'printf "%s\\n" "${COMPREPLY[@]}"'
    done = run("bash", "-c", script, "bash", program, *words, env=env, cwd=env["HOME"])
    assert (done.returncode, done.stderr) == (0, "")
    return sorted(done.stdout.split())


def fish(env, program, line):
    done = run("fish", "--no-config", "-c", f'source {HERE}/{program}.fish; complete -C "{line}"', env=env,
               cwd=env["HOME"])
    assert (done.returncode, done.stderr) == (0, "")
    return sorted(offer.split("\t")[0] for offer in done.stdout.splitlines())


@pytest.mark.parametrize("words,offered", [
    ([""], ["home", "work"]),
    (["w"], ["work"]),
    (["-o", "co"], ["collections=", "conflict="]),
    (["-o", "ro,con"], ["ro,conflict="]),
    (["-o", "conflict", "="], ["ask", "mine", "theirs"]),
    (["-o", "ro,conflict", "=", "m"], ["mine"]),
    (["-o", "collections", "=", "de"], ["deals"]),
    (["-o", "collections", "=", "contacts", ":", "de"], ["deals"]),
    (["-o", "ttl", "=", "5,max"], ["5,max_deletes="]),
    (["-o", "token_file", "=", "no"], ["notes.txt"]),
    (["-o", "ttl", "=", "5", "work", "c"], ["crm"]),
    (["https", ":", "//crm.example.com", "c"], ["crm"]),
    (["--print-config", "h"], ["home"]),
    (["--pr"], ["--print-config"]),
    (["work", "crm", ""], []),
], ids=str)
def test_bash(env, words, offered):
    assert bash(env, "concordfs", *words) == offered


@pytest.mark.parametrize("words,offered", [
    ([""], COMMANDS), (["re"], ["refresh", "rejected"]), (["--v"], ["--version"]), (["status", "--"], ["--all", "--help", "--json"]), (["why", "no"], ["notes.txt"]),
    (["warm", "c"], ["crm"]), (["warm", "crm", "d"], ["deals"]), (["status", "c"], ["crm"]),
], ids=str)
def test_bash_concordctl(env, words, offered):
    assert bash(env, "concordctl", *words) == offered


@pytest.mark.parametrize("line,offered", [
    ("concordfs ", ["home", "work"]),
    ("concordfs -o co", ["collections=", "conflict="]),
    ("concordfs -o ro,con", ["ro,conflict="]),
    ("concordfs -o conflict=", ["conflict=ask", "conflict=mine", "conflict=theirs"]),
    ("concordfs -o ro,collections=contacts:de", ["ro,collections=contacts:deals"]),
    ("concordfs -o state_dir=cr", ["state_dir=crm/"]),
    ("concordfs -o ttl=5 work c", ["crm/"]),
], ids=str)
def test_fish(env, line, offered):
    assert fish(env, "concordfs", line) == offered


def test_fish_concordctl(env):
    assert fish(env, "concordctl", "concordctl ") == COMMANDS
    assert "crm/" in fish(env, "concordctl", "concordctl warm c")


@pytest.mark.parametrize("path", sorted(HERE.iterdir()), ids=lambda p: p.name)
def test_the_shell_can_parse_it(path):
    shell = {".bash": "bash", ".fish": "fish"}.get(path.suffix, "zsh")
    done = run(shell, "-n", path)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("name", ["concordfs.bash", "_concordfs", "concordfs.fish"])
def test_the_options_are_those_of_the_help(name):
    text = (HERE / name).read_text()
    own, foreign = help_options()
    pattern = {"_concordfs": r"^\t\t'([a-z_]+)\[", "concordfs.fish": r"\"\$lead\"'([a-z_]+)=?' '"}.get(name)
    block = text if pattern else text.split("_concordfs_reply \"$whole\" \"$lead\" '")[1].split("'")[0]
    assert sorted(re.findall(pattern or r"[a-z_]+", block, re.MULTILINE)) == sorted(own + foreign)


@pytest.mark.parametrize("name", ["concordfs.bash", "_concordfs", "concordfs.fish"])
def test_the_collections_are_those_of_the_table(name):
    kinds = re.findall(r'\.name = "([\w-]+)"', (ROOT / "fs" / "crm" / "kinds.c").read_text())
    words = set(re.findall(r"[\w-]+", (HERE / name).read_text()))
    assert kinds and set(kinds) <= words
