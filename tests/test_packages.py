# SPDX-License-Identifier: MIT
"""What packagers' tools read. The Debian package itself is tried by packaging/package_test.sh."""
import re

from conftest import BINARY, ROOT, run

PACKAGING = ROOT / "packaging"


def test_the_version_is_one():
    """fs/base/version.h has it; what packagers' tools read repeats it."""
    version = re.search(r'VERSION "(.*)"', (ROOT / "fs/base/version.h").read_text())[1]
    assert run(BINARY, "-V").stdout == f"concordfs {version}\n"
    for name, pattern in (("concordctl", r'(?m)^VERSION = "(.*)"'), ("debian/changelog", r"^concordfs \((.*?)\)"), ("concordfs.spec", r"(?m)^Version:\s+(\S+)"),
                          ("PKGBUILD", r"(?m)^pkgver=(\S+)")):
        assert re.search(pattern, (PACKAGING / name).read_text())[1] == version, name


def test_the_pkgbuild_is_sound():
    assert run("bash", "-n", PACKAGING / "PKGBUILD").returncode == 0
    done = run("shellcheck", "-s", "bash", "-e", "SC2034,SC2154,SC2164", PACKAGING / "PKGBUILD")  # makepkg's variables
    assert (done.returncode, done.stdout) == (0, "")


def test_the_spec_is_sound():
    done = run("rpmspec", "-P", "--define", "dist .test", PACKAGING / "concordfs.spec")
    assert (done.returncode, done.stderr) == (0, "") and "%{" not in done.stdout
