# SPDX-License-Identifier: MIT
"""The manual pages: well-formed, and they name what the program takes, no more and no less."""
import re
import shutil
import subprocess
import sys

import pytest

from conftest import BINARY, ROOT, run

PAGES = sorted((ROOT / "packaging" / "man").glob("*.[1-8]"))


def page(name):
    return (ROOT / "packaging" / "man" / name).read_text()


def help_text():
    return run(BINARY, "-h").stdout


def help_options():
    """(what stands behind -o, what goes to libfuse) by concordfs -h."""
    own, foreign = [], []
    for line in help_text().split("  -o OPT", 1)[1].split("\n\n", 1)[0].splitlines():
        if "go to libfuse" in line:
            foreign += re.findall(r"[a-z_]+", line.split(" and others")[0])
        elif re.match(r"     [a-z]", line):
            own += re.findall(r"(?:^ {5}|(?<=\w) )([a-z_]+)(?==|\s{2,})", line)
    return own, foreign


def words():
    """(ours, for a file alone, libfuse's, mount(8)'s that are dropped) by the table itself."""
    text = (ROOT / "fs" / "words.c").read_text()
    table = re.findall(r'\{"(\w+)",\s*([A-Z_| ]+),\s*(\w+)', text)
    ours = [n for n, flags, take in table if take != "NULL" and not re.search("HIDDEN|IN_FILE", flags)]
    in_file = [n for n, flags, _ in table if "IN_FILE" in flags]
    libfuses = [n for n, flags, take in table if take == "NULL" and not re.search("HIDDEN|IN_FILE", flags)]
    dropped = re.findall(r'"([^"]+)"', text.split("dropped[] = {")[1].split("};")[0])
    beginnings = re.findall(r'"([^"]+)"', text.split("beginnings[] = {")[1].split("};")[0])
    return ours, in_file, libfuses, dropped + beginnings


def items(text, macro):
    """What the .It lines name by that macro, and nested in them."""
    found = []
    for line in re.findall(r"^\.It (.*)$", text, re.MULTILINE):
        for part in re.split(r" , ", line):
            found += re.findall(rf"(?:^|(?<= )){macro} ((?:Fl )?[\w-]+)", part)
            found += re.findall(r"^([a-z_]+)$", part) if f"{macro} " in line else []
    return found


@pytest.mark.parametrize("path", PAGES, ids=lambda p: p.name)
def test_mandoc_has_nothing_to_say(path):
    done = run("mandoc", "-Tlint", "-W", "warning", path)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.parametrize("path", PAGES, ids=lambda p: p.name)
def test_groff_has_nothing_to_say(path):
    if not shutil.which("groff"):
        pytest.skip("no groff")
    done = subprocess.run(["groff", "-mandoc", "-Tutf8", "-ww", "-z", path], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_the_options_of_the_manual_are_those_of_the_help():
    own, foreign = help_options()
    text = page("concordfs.1").split(".Ss Mount options")[1].split(".Ss The token")[0]
    ours, libfuses = (items(part, "Cm") for part in text.split("These go to libfuse"))
    assert own and sorted(ours) == sorted(own)
    assert set(foreign) <= set(libfuses)


def test_the_options_of_the_help_and_the_manual_are_those_of_the_table():
    ours, in_file, libfuses, _ = words()
    assert sorted(help_options()[0]) == sorted(ours)
    text = page("concordfs.1").split("These go to libfuse")[1].split(".Ss The token")[0]
    assert sorted(items(text, "Cm")) == sorted(libfuses)
    assert sorted(items(page("concordfs.conf.5").split(".Ss Keys")[1], "Cm")) == sorted(in_file)


def test_the_switches_of_the_manual_are_those_of_the_help():
    said = set(re.findall(r"^  (-.), (--\w+)", help_text(), re.MULTILINE))
    told = {word for pair in said for word in pair} | set(re.findall(r"^  (--?[\w-]+)", help_text(), re.MULTILINE))
    text = page("concordfs.1").split("The options are as follows")[1].split(".Ss Mount options")[0]
    shown = {"-" + flag.replace("Fl ", "-") for flag in items(text, "Fl")}
    assert shown == told


def test_what_is_dropped_of_fstab_is_in_the_manual():
    text = page("mount.concordfs.8").split("are taken and dropped")[1].split("Each mount is")[0]
    assert sorted(re.findall(r"[\w-]+=?", re.sub(r"^\.Cm|^or$|^and everything.*$", "", text, flags=re.MULTILINE))) == \
        sorted(words()[3])


def test_every_page_that_is_referred_to_is_ours_or_known():
    """A slip in a name would lead nowhere."""
    known = {"concordctl 1", "concordfs 1", "concordfs.conf 5", "concordfs-tree 7", "mount.concordfs 8", "fstab 5", "fsync 2",
             "emacs 1", "find 1", "fusermount3 1", "git 1", "install 1", "ls 1", "mount 8", "mount.fuse3 8", "mv 1",
             "sd_notify 3", "ssh 1", "stat 2", "syslog 3", "systemd 1", "systemd.automount 5", "systemd.exec 5", "tar 1", "updatedb 8", "write 2"}
    for path in PAGES:
        assert set(re.findall(r"\bXr (\S+ \d)", path.read_text())) <= known, path.name
    assert {f"{p.stem} {p.suffix[1:]}" for p in PAGES} <= known


def test_the_errors_in_the_manual_are_those_that_are_given():
    """errmap.c's, all of them but what never reaches a program."""
    named = set(re.findall(r"\bE[A-Z]+\b", page("concordfs-tree.7")))
    mapped = set(re.findall(r"-(E[A-Z]+)", (ROOT / "fs" / "http" / "errmap.c").read_text()))
    assert mapped - {"ENOMEM", "ECANCELED"} <= named


def test_the_collections_in_the_manual_are_those_of_the_table():
    names = re.findall(r'\.name = "([\w-]+)"', (ROOT / "fs" / "crm" / "kinds.c").read_text())
    layout = page("concordfs-tree.7").split(".Sh LAYOUT")[1].split(".Ed")[0]
    shown = {name for name in re.findall(r"([a-z-]+)/", layout) if name != "concordfs"}
    assert names and shown == set(names)


def test_the_control_files_in_the_manual_are_those_of_the_table():
    table = (ROOT / "fs" / "tree" / "control.c").read_text().split("controls[] = {")[1].split("};")[0]
    text = page("concordfs-tree.7").split(".Sh CONTROL FILES")[1].split(".Sh ATTRIBUTES")[0]
    shown = re.findall(r"^\.It Pa ([\w.]+)", text, re.MULTILINE)
    assert sorted(shown) == sorted(re.findall(r'\{"([\w.]+)"', table))


def test_the_attributes_in_the_manual_are_those_of_the_code():
    named = set(re.findall(r"user\.concordfs\.\w+", page("concordfs-tree.7")))
    code = (ROOT / "fs" / "tree" / "xattr.c").read_text() + (ROOT / "fs" / "tree" / "xattr.h").read_text()
    assert named and named == set(re.findall(r"user\.concordfs\.\w+", code))


def test_the_commands_and_options_of_concordctl_are_in_its_manual():
    """By what each command itself says that it takes."""
    def said(*arguments):
        return run(sys.executable, "-B", ROOT / "packaging" / "concordctl", *arguments, "--help").stdout
    text = page("concordctl.1")
    synopsis = text.split(".Sh SYNOPSIS")[1].split(".Nm\n.Fl h")[0]
    commands = re.findall(r"^    ([a-z]+) ", said(), re.MULTILINE)
    assert commands and commands == re.findall(r"^\.Cm (\w+)", synopsis, re.MULTILINE)
    assert set(commands) <= set(items(text.split(".Sh EXIT STATUS")[0], "Cm"))
    for command, part in zip(commands, synopsis.split(".Nm\n")[1:]):
        options = set(re.findall(r"^  (--\w+|-\w)", said(command), re.MULTILINE)) - {"-h"}
        assert options == {"-" + flag.replace("Fl ", "-") for flag in re.findall(r"Fl ((?:Fl )?\w+)", part)}, command
