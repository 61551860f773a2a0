# SPDX-License-Identifier: MIT
"""The house: who may include whom (design 3.6), which library is known where, what lies on top."""
import os
import pathlib
import re
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parent.parent
FS = ROOT / "fs"

# A room includes itself and these.
MAY_INCLUDE = {
    "base": set(),
    "http": {"base"},
    "crm": {"base", "http"},
    "store": {"base"},
    "tree": {"base", "http", "crm", "store"},
    "fuse": {"base", "http", "crm", "store", "tree"},
    "main": {"base", "http", "crm", "store", "tree", "fuse"},  # the files directly in fs/
}

# A library's header: where alone it may stand.
LIBRARIES = {
    r"jansson\.h": ("crm/",),
    r"curl/.*": ("http/",),
    r"fuse.*": ("fuse/",),
    r"sqlite3\.h": ("store/db.c",),
}

TOP_LEVEL = {
    ".ci", ".clang-format", ".gitignore", ".github", "CHANGELOG.md", "CONTRIBUTING.md", "LICENSE", "Makefile",
    "README.md", "SECURITY.md", "docs", "fs", "packaging", "tests",
}

INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]', re.MULTILINE)


def sources():
    return sorted(p for p in FS.rglob("*.[ch]"))


def room_of(path):
    parts = path.relative_to(FS).parts
    return parts[0] if len(parts) > 1 else "main"


def includes(path):
    return INCLUDE.findall(path.read_text())


def shipped():
    """What git has or would take: everything but what .gitignore names."""
    done = subprocess.run(["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], cwd=ROOT,
                          stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False)
    if done.returncode:  # an archive without .git
        pytest.skip("not a git work tree")
    return [name for name in done.stdout.decode().split("\0") if name and os.path.lexists(ROOT / name)]


def test_the_rooms_are_those_of_the_design():
    assert {room_of(p) for p in sources()} <= set(MAY_INCLUDE)
    assert all(len(p.relative_to(FS).parts) <= 2 for p in sources())


def test_a_room_includes_itself_and_rooms_to_its_left():
    wrong = []
    for path in sources():
        room = room_of(path)
        for bracket, name in includes(path):
            if bracket == "<":
                continue
            other = name.split("/")[0] if "/" in name else "main"
            if other != room and other not in MAY_INCLUDE[room]:
                wrong.append(f"{path.relative_to(ROOT)}: {name}")
    assert not wrong


def test_an_include_names_the_room_and_exists():
    missing = [f"{path.relative_to(ROOT)}: {name}" for path in sources() for bracket, name in includes(path)
               if bracket == '"' and not (FS / name).is_file()]
    assert not missing


def test_each_library_is_known_in_one_place():
    wrong = []
    for path in sources():
        where = str(path.relative_to(FS))
        for bracket, name in includes(path):
            for library, places in LIBRARIES.items():
                if bracket == "<" and re.fullmatch(library, name) and not where.startswith(places):
                    wrong.append(f"{where}: {name}")
    assert not wrong


def test_every_file_says_its_licence_first():
    wrong = [str(p.relative_to(ROOT)) for p in sources()
             if not p.read_text().startswith("/* SPDX-License-Identifier: MIT */\n/*")]
    assert not wrong


def test_a_todo_carries_an_issue_number():
    mark = re.compile(r"\b(TODO|FIXME|XXX)\b(?!.*#\d+)")
    wrong = []
    for name in shipped():
        path = ROOT / name
        if path.suffix not in {".c", ".h", ".py", ".sh", ".awk"} and path.name != "Makefile":
            continue
        if path == pathlib.Path(__file__).resolve():
            continue
        for number, line in enumerate(path.read_text(errors="replace").splitlines(), 1):
            if mark.search(line) and "XXXXXX" not in line:
                wrong.append(f"{name}:{number}: {line.strip()}")
    assert not wrong


def test_the_top_level_holds_only_what_belongs_there():
    assert {name.split("/")[0] for name in shipped()} - TOP_LEVEL == set()
