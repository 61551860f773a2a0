# SPDX-License-Identifier: MIT
"""The command (design 1.7): one sentence and an exit code for what is wrong; secrets stay secret."""
import os
import pathlib
import signal
import socket
import stat
import subprocess

import pytest

from conftest import BINARY, SLOW, run, until


@pytest.fixture
def point(tmp_path):
    path = tmp_path / "mountpoint"
    path.mkdir()
    return path


def command(crm, point, *options, token=True, url=None):
    env = dict(os.environ, XDG_STATE_HOME=str(point.parent / "state"), XDG_CONFIG_HOME=str(point.parent / "config"))
    env.pop("CONCORDFS_TOKEN", None)
    if token:
        env["CONCORDFS_TOKEN"] = crm.token if token is True else token
    return run(BINARY, *options, url or crm.url, point, env=env, timeout=30)


def is_one_sentence(done, *words):
    lines = [line for line in done.stderr.splitlines() if not line.startswith("concordfs: warning")]
    assert len(lines) == 1, done.stderr
    for word in words:
        assert word in lines[0], lines[0]


@pytest.mark.parametrize("url", ["crm.example.com", "ftp://x.example", "https://user:pw@x.example", "https://",
                                 "http://crm.example.com", "https://x.example/?a=b"])
def test_a_bad_url_is_usage(crm, point, url):
    done = command(crm, point, url=url)
    assert done.returncode == 1
    is_one_sentence(done)


def test_an_unreachable_server_is_2(crm, point):
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        done = command(crm, point, url=f"http://127.0.0.1:{s.getsockname()[1]}")
    assert done.returncode == 2
    is_one_sentence(done)


def test_a_refused_token_is_2(crm, point):
    done = command(crm, point, token="9|wrong")
    assert done.returncode == 2
    is_one_sentence(done, "token")
    assert "9|wrong" not in done.stderr


def test_a_server_that_is_no_crm_is_2(crm, point):
    crm.fault(path="/me", action="html", times=100)
    done = command(crm, point)
    assert done.returncode == 2
    is_one_sentence(done)


def test_no_token_at_all_is_usage(crm, point):
    done = command(crm, point, token=False)
    assert done.returncode == 1
    is_one_sentence(done, "CONCORDFS_TOKEN", "token_file")


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o660, 0o604])
def test_a_token_file_that_others_can_read_is_refused(crm, point, tmp_path, mode):
    token = tmp_path / "token"
    token.write_text(crm.token)
    token.chmod(mode)
    done = command(crm, point, "-o", f"token_file={token}", token=False)
    assert done.returncode == 1
    is_one_sentence(done, str(token))


def test_a_private_token_file_works(crm, point, tmp_path):
    token = tmp_path / "token"
    token.write_text(crm.token + "\n")
    token.chmod(0o600)
    done = command(crm, point, "-o", f"token_file={token}", token=False)
    try:
        assert done.returncode == 0, done.stderr
        assert "contacts" in os.listdir(point)
    finally:
        run("fusermount3", "-u", "-z", point)


def test_a_missing_mountpoint_is_3(crm, tmp_path):
    done = command(crm, tmp_path / "nowhere")
    assert done.returncode == 3
    is_one_sentence(done, "nowhere")


def test_a_file_as_mountpoint_is_3(crm, tmp_path):
    (tmp_path / "file").write_text("")
    done = command(crm, tmp_path / "file")
    assert done.returncode == 3
    is_one_sentence(done)


def test_a_busy_mountpoint_is_3(crm, mnt):
    done = command(crm, mnt.path)
    assert done.returncode == 3
    is_one_sentence(done, "mounted")


@pytest.mark.parametrize("options", [["-o", "tttl=5"], ["-o", "ttl=x"], ["-o", "page_size=0"], ["-z"],
                                     ["-o", "collections=leads"], ["-o", "token=1|secret"]])
def test_an_unknown_option_is_usage(crm, point, options):
    done = command(crm, point, *options)
    assert done.returncode == 1
    is_one_sentence(done)
    assert "1|secret" not in done.stderr


def test_in_the_background_it_returns_when_the_mount_answers(crm, point):
    done = command(crm, point)
    try:
        assert done.returncode == 0, done.stderr
        assert os.path.ismount(point) and "contacts" in os.listdir(point)
    finally:
        assert run("fusermount3", "-u", point).returncode == 0


def test_help_and_version(crm):
    assert "token_file" in run(BINARY, "-h").stdout
    assert run(BINARY, "-V").stdout.startswith("concordfs ")


def test_the_token_is_checked_with_one_request(crm, mounts):
    with crm.expect(("GET", "/me")):
        mounts(crm)


@pytest.mark.parametrize("sig", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_unmounts_and_leaves_with_0(crm, mounts, sig):
    mnt = mounts(crm)
    mnt.proc.send_signal(sig)
    mnt.wait_gone()
    until(lambda: not os.path.ismount(mnt.path))


def test_the_mount_says_what_it_is(crm, mnt):
    line = next(x for x in open("/proc/self/mountinfo") if str(mnt.path) in x)
    for word in ("fuse.concordfs", crm.url, "nosuid", "nodev", "noexec", "default_permissions"):
        assert word in line, line


def test_the_token_is_nowhere_to_be_seen(crm, mounts):
    mnt = mounts(crm, debug="all")
    crm.fill("contacts", 5)
    os.listdir(mnt / "contacts")
    secret = crm.token.split("|")[1]
    proc = pathlib.Path(f"/proc/{mnt.proc.pid}")
    assert secret not in (proc / "cmdline").read_text()
    assert secret not in (proc / "environ").read_text()
    assert secret not in mnt.log() and "GET /contacts" in mnt.log()
    found = run("grep", "-rl", secret, mnt.state)
    assert found.stdout == ""


def test_what_is_kept_on_disk_is_for_the_owner_only(crm, mnt):
    (mnt / "contacts" / "x.tmp").write_bytes(b"x")
    for path in [mnt.state, *mnt.state.rglob("*")]:
        mode = stat.S_IMODE(os.stat(path).st_mode)
        assert mode == (0o700 if path.is_dir() else 0o600), (path, oct(mode))


def test_a_read_only_mount_refuses_writes(crm, mounts):
    crm.fill("contacts", 3)
    mnt = mounts(crm, ro=True)
    path = mnt / "contacts" / f"{crm.ids('contacts')[0]}.json"
    assert path.read_bytes()
    with pytest.raises(OSError):
        path.write_bytes(b"{}")
    with pytest.raises(OSError):
        os.unlink(path)


def test_two_mounts_of_one_account_do_not_disturb_each_other(crm, mounts):
    crm.fill("contacts", 3)
    one = mounts(crm)
    two = mounts(crm, state_dir=one.state)
    (one / "contacts" / "a.tmp").write_bytes(b"1")
    (two / "contacts" / "a.tmp").write_bytes(b"2")
    assert (one / "contacts" / "a.tmp").read_bytes() == b"1"


def test_a_save_under_way_is_finished_before_leaving(crm, mounts):
    crm.fill("contacts", 3)
    mnt = mounts(crm)
    record = crm.ids("contacts")[0]
    path = mnt / "contacts" / f"{record}.json"
    path.read_bytes()
    hold = crm.fault(method="PUT", action="hold")
    saver = subprocess.Popen(["bash", "-c", f"echo '{{\"job_title\": \"Last\"}}' > {path}"],
                             stderr=subprocess.DEVNULL)
    crm.wait_held(hold)
    mnt.proc.send_signal(signal.SIGTERM)
    crm.release(hold)
    mnt.wait_gone()
    saver.wait()
    assert crm.get("contacts", record)["job_title"] == "Last"


def test_memory_does_not_grow_over_many_rounds(crm, mounts):
    crm.fill("contacts", 80)
    mnt = mounts(crm, ttl=0)

    def round_():
        for name in os.listdir(mnt / "contacts"):
            open(mnt / "contacts" / name, "rb").read()
    for _ in range(3):
        round_()
    before = mnt.rss_kib()
    for _ in range(5):
        round_()
    assert mnt.rss_kib() < before + (8_000 if SLOW == 1 else 300_000)  # a sanitizer's quarantine grows


@pytest.fixture
def certificate(tmp_path):
    cert, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    done = run("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost",
               "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out", cert)
    assert done.returncode == 0, done.stderr
    return cert, key


def test_https_works_with_a_certificate_that_is_trusted(start_crm, mounts, certificate):
    crm = start_crm(tls=certificate)
    crm.fill("contacts", 3)
    mnt = mounts(crm, cacert=certificate[0])
    assert len(os.listdir(mnt / "contacts")) == 3


def test_https_is_refused_with_a_certificate_that_nobody_vouches_for(start_crm, point, certificate):
    crm = start_crm(tls=certificate)
    done = command(crm, point)
    assert done.returncode == 2
    is_one_sentence(done)
    assert crm.log() == []


def test_https_is_refused_when_the_certificate_is_another_hosts(start_crm, point, certificate):
    crm = start_crm(tls=certificate)
    done = command(crm, point, "-o", f"cacert={certificate[0]}", url=crm.url.replace("127.0.0.1", "localhost"))
    assert done.returncode == 2
    is_one_sentence(done)


def test_gzip_is_asked_for_and_understood(start_crm, mounts):
    crm = start_crm(gzip=True)
    crm.fill("contacts", 250)
    mnt = mounts(crm)
    assert len(os.listdir(mnt / "contacts")) == 250
    assert all("gzip" in r.headers["accept-encoding"] for r in crm.log())


def test_connections_are_kept_and_few(crm, mnt):
    crm.fill("contacts", 3_000)
    os.listdir(mnt / "contacts")
    assert len({r.conn for r in crm.log()}) <= 6


def test_requests_carry_what_the_api_wants_and_nothing_that_breaks_them(crm, mnt):
    os.listdir(mnt / "contacts")
    for r in crm.log():
        assert r.headers["accept"] == "application/json"
        assert r.headers["user-agent"].startswith("concordfs/")
        assert not {"origin", "referer", "cookie", "expect"} & set(r.headers)
