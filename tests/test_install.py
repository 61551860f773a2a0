# SPDX-License-Identifier: MIT
"""make install and uninstall, into a directory of our own; and that shell scripts are sound."""
import os

import pytest

from conftest import BINARY, ROOT, run

PACKAGING = ROOT / "packaging"


def install(destdir, what="install", **variables):
    done = run(PACKAGING / "install.sh", what, env={**os.environ, "BINARY": BINARY, "DESTDIR": str(destdir), **variables})
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def files(top):
    return sorted(str(p.relative_to(top)) for p in top.rglob("*") if p.is_symlink() or not p.is_dir())


@pytest.mark.parametrize("prefix,helper", [
    ("/usr", "usr/sbin"), ("/usr/local", "usr/sbin"), ("/opt/crm", "opt/crm/sbin")])
def test_all_is_there_and_goes_again(tmp_path, prefix, helper):
    install(tmp_path, PREFIX=prefix)
    here = tmp_path / prefix[1:]
    assert run(here / "bin" / "concordfs", "-V").stdout.startswith("concordfs ")
    link = tmp_path / helper / "mount.concordfs"
    assert link.resolve() == here / "bin" / "concordfs" and not os.readlink(link).startswith("/")
    unit = (here / "lib" / "systemd" / "user" / "concordfs@.service").read_text()
    assert f"ExecStart={prefix}/bin/concordfs -f %i" in unit
    for name in ("man/man1/concordfs.1", "man/man5/concordfs.conf.5", "man/man7/concordfs-tree.7", "man/man8/mount.concordfs.8",
                 "bash-completion/completions/concordfs", "zsh/site-functions/_concordfs",
                 "fish/vendor_completions.d/concordfs.fish", "doc/concordfs/README.md", "doc/concordfs/examples/fstab"):
        assert (here / "share" / name).stat().st_mode & 0o777 == 0o644, name
    assert (here / "bin" / "concordctl").exists() == (here / "share/man/man1/concordctl.1").exists() == \
        (PACKAGING / "concordctl").exists()
    install(tmp_path, "uninstall", PREFIX=prefix)
    assert files(tmp_path) == []
    assert not (here / "share" / "doc" / "concordfs").exists()


def test_what_is_somebody_elses_stays(tmp_path):
    other = tmp_path / "usr/share/doc/concordfs/NEWS"
    other.parent.mkdir(parents=True)
    other.touch()
    install(tmp_path, PREFIX="/usr")
    install(tmp_path, "uninstall", PREFIX="/usr")
    assert files(tmp_path) == ["usr/share/doc/concordfs/NEWS"]


def scripts():
    paths = [p for p in PACKAGING.rglob("*") if p.suffix in (".sh", ".bash") or p.parent.name == "tests" and p.is_file()]
    return sorted(p for p in paths if p.name != "control") + [ROOT / ".ci" / "run"]


@pytest.mark.parametrize("path", scripts(), ids=lambda p: str(p.relative_to(ROOT)))
def test_shellcheck_has_nothing_to_say(path):
    done = run("shellcheck", *(["-s", "bash"] if path.suffix == ".bash" else []), path)
    assert (done.returncode, done.stdout) == (0, "")
