# SPDX-License-Identifier: MIT
"""What saving does (design 1.4, 3.10): one PUT of what changed, and nothing typed is ever lost."""
import errno
import json
import mmap
import os
import subprocess

import pytest

from conftest import run, shell, until


@pytest.fixture
def card(crm, mnt):
    """A listed contact: its path, its id."""
    crm.fill("contacts", 20)
    os.listdir(mnt / "contacts")
    record = crm.ids("contacts")[4]
    return mnt / "contacts" / f"{record}.json", record


def edited(path, **members):
    record = json.loads(path.read_bytes())
    record.update(members)
    return (json.dumps(record, indent=2, ensure_ascii=False) + "\n").encode()


def refuse(crm, record, **kwargs):
    return crm.fault(method="PUT", path=f"/contacts/{record}", status=422, body={
        "message": "The email field must be a valid email address.",
        "errors": {"email": ["The email field must be a valid email address."]}}, **kwargs)


def writes(crm, mark):
    return [r for r in crm.log(since=mark) if r.method != "GET"]


class Vim:
    """What vim does to a file, as system calls (design 3.10, journey 3)."""

    def __init__(self, path):
        self.path, self.backup = str(path), str(path) + "~"

    def save(self, text):
        """Returns the error of fsync or 0; leaves the backup, as vim does until it has succeeded."""
        os.rename(self.path, self.backup)
        fd = os.open(self.path, os.O_WRONLY | os.O_CREAT, 0o644)
        try:
            os.ftruncate(fd, 0)
            os.write(fd, text)
            os.fsync(fd)
            return 0
        except OSError as e:
            return e.errno
        finally:
            try:
                os.close(fd)
            except OSError:
                pass

    def forget_backup(self):
        os.unlink(self.backup)

    def recover(self):
        os.unlink(self.path)
        os.rename(self.backup, self.path)


def test_the_trap_a_refused_save_and_vims_recovery_send_no_delete(crm, mnt, card):
    path, record = card
    before = path.read_bytes()
    refuse(crm, record)
    mark = crm.mark()
    vim = Vim(path)
    assert vim.save(edited(path, email="nope")) == errno.EINVAL
    vim.recover()
    assert [(r.method, r.path) for r in writes(crm, mark)] == [("PUT", f"/contacts/{record}")]
    assert path.read_bytes() == before
    assert crm.get("contacts", record) is not None
    # What was wrong can still be read: the person has seen no more than an error number.
    assert set(os.listdir(path.parent)) == {f"{i}.json" for i in crm.ids("contacts")} | {f"{path.name}.error"}


def test_the_trap_with_bad_json_sends_nothing_at_all(crm, card):
    path, _ = card
    before = path.read_bytes()
    with crm.expect(requests=0):
        vim = Vim(path)
        assert vim.save(b'{"first_name": ') == errno.EINVAL
        vim.recover()
        assert path.read_bytes() == before


def test_what_vims_recovery_dropped_is_set_aside_and_not_lost(crm, mnt, card):
    path, record = card
    refuse(crm, record)
    vim = Vim(path)
    vim.save(edited(path, email="nope"))
    vim.recover()
    kept = shell(f"grep -rl nope {mnt.state}")
    assert "rejected" in kept.stdout, kept


def test_what_a_recovery_overwrites_is_set_aside_too(crm, mnt, card):
    path, record = card
    refuse(crm, record)
    before = path.read_bytes()
    with pytest.raises(OSError):
        path.write_bytes(edited(path, email="nope"))
    path.write_bytes(before)  # as vi does, whose backups are copies
    assert path.read_bytes() == before
    until(lambda: "rejected" in shell(f"grep -rl nope {mnt.state}").stdout, what="the refused text")


def test_what_is_appended_beyond_the_largest_text_is_refused_by_write(card):
    path = card[0].parent / "long.tmp"
    with open(path, "ab", buffering=0) as f:
        for _ in range(16):
            f.write(b"x" * (1 << 20))
        with pytest.raises(OSError) as e:
            f.write(b"x")
    assert e.value.errno == errno.EFBIG and path.stat().st_size == 16 << 20


def test_a_second_try_after_a_refusal_is_one_put(crm, card):
    path, record = card
    refuse(crm, record)
    vim = Vim(path)
    vim.save(edited(path, email="nope"))
    vim.recover()
    with crm.expect(("PUT", f"/contacts/{record}", {"email": "yes@example.org"})):
        assert vim.save(edited(path, email="yes@example.org")) == 0
        vim.forget_backup()
    assert json.loads(path.read_bytes())["email"] == "yes@example.org"


def test_vims_save_is_one_put_of_the_changed_member(crm, card):
    path, record = card
    with crm.expect(("PUT", f"/contacts/{record}", {"job_title": "Chief"})):
        vim = Vim(path)
        assert vim.save(edited(path, job_title="Chief")) == 0
        vim.forget_backup()
    assert crm.get("contacts", record)["job_title"] == "Chief"
    assert json.loads(path.read_bytes())["job_title"] == "Chief"
    assert len(path.read_bytes()) == os.stat(path).st_size


def test_three_saves_of_one_buffer_are_three_puts_without_a_conflict(crm, card):
    path, record = card
    text = json.loads(path.read_bytes())
    for title in ("One", "Two", "Three"):
        text["job_title"] = title  # the buffer keeps the updated_at it was loaded with
        crm.advance(2)
        with crm.expect(("PUT", f"/contacts/{record}", {"job_title": title})):
            vim = Vim(path)
            assert vim.save(json.dumps(text, indent=2).encode()) == 0
            vim.forget_backup()


def test_a_local_copy_that_is_brought_again_and_again_is_a_put_each_time(crm, card, tmp_path):
    path, record = card
    copy = tmp_path / "copy.json"
    assert run("cp", path, copy).returncode == 0
    for title, more in (("One", {}), ("Two", {"city": "Oslo"}), ("Three", {})):
        crm.advance(2)
        copy.write_bytes(edited(copy, job_title=title, **more))
        with crm.expect(("PUT", f"/contacts/{record}", {"job_title": title, **more})):
            assert run("cp", copy, path).returncode == 0
    assert crm.get("contacts", record)["city"] == "Oslo"


def test_an_older_buffer_does_not_undo_what_another_program_here_saved(crm, card, tmp_path):
    path, record = card
    stale = edited(path, job_title="Chief")
    assert shell(f"""sed -i 's/"city": .*/"city": "Oslo",/' {path}""").returncode == 0
    crm.advance(2)
    with crm.expect(("PUT", f"/contacts/{record}", {"job_title": "Chief"})):
        path.write_bytes(stale)
    assert crm.get("contacts", record)["city"] == "Oslo"


def test_undoing_a_saved_change_in_the_same_buffer_is_a_put_too(crm, card):
    path, record = card
    old = json.loads(path.read_bytes())
    vim = Vim(path)
    assert vim.save(json.dumps({**old, "job_title": "Other"}).encode()) == 0
    vim.forget_backup()
    crm.advance(2)
    with crm.expect(("PUT", f"/contacts/{record}", {"job_title": old["job_title"]})):
        assert vim.save(json.dumps(old).encode()) == 0
        vim.forget_backup()


def test_a_save_without_a_change_sends_nothing(crm, card):
    path, _ = card
    with crm.expect(requests=0):
        path.write_bytes(path.read_bytes())
        vim = Vim(path)
        assert vim.save(path.read_bytes()) == 0
        vim.forget_backup()


def test_a_refused_save_keeps_the_text_as_the_files_content(crm, card):
    path, record = card
    refuse(crm, record)
    text = edited(path, email="nope")
    with pytest.raises(OSError) as e:
        with open(path, "wb", buffering=0) as f:
            f.write(text)
    assert e.value.errno == errno.EINVAL
    assert path.read_bytes() == text
    assert os.stat(path).st_size == len(text)
    with crm.expect(requests=0):
        os.unlink(path)  # drops the refused text, locally
        assert json.loads(path.read_bytes())["email"] != "nope"


def test_bad_json_is_refused_by_write_itself(crm, card):
    path, _ = card
    with crm.expect(requests=0):
        done = shell(f"echo 'not json' > {path}")
        assert done.returncode != 0 and "Invalid argument" in done.stderr
    assert path.read_bytes() == b"not json\n"


def test_bad_json_that_only_ends_too_early_is_refused_by_close(crm, card):
    path, _ = card
    with crm.expect(requests=0), pytest.raises(OSError) as e:
        with open(path, "wb", buffering=0) as f:
            f.write(b'{"first_name": "A"')
    assert e.value.errno == errno.EINVAL
    assert path.read_bytes() == b'{"first_name": "A"'


def test_a_read_only_member_is_refused(crm, card):
    path, _ = card
    with crm.expect(requests=0), pytest.raises(OSError) as e:
        path.write_bytes(edited(path, id=4711))
    assert e.value.errno == errno.EINVAL


def test_a_colleagues_change_to_another_member_stays(crm, card):
    path, record = card
    text = edited(path, job_title="Ours")
    crm.advance(2)
    crm.change("contacts", record, city="Theirs")
    with crm.expect(("PUT", f"/contacts/{record}", {"job_title": "Ours"})):
        path.write_bytes(text)
    got = json.loads(path.read_bytes())
    assert (got["job_title"], got["city"]) == ("Ours", "Theirs")


def test_a_colleagues_change_to_the_same_member_is_a_conflict(crm, mounts):
    crm.fill("contacts", 5)
    record = crm.ids("contacts")[0]
    path = mounts(crm, ttl=0) / "contacts" / f"{record}.json"
    text = edited(path, job_title="Ours")
    crm.advance(2)
    crm.change("contacts", record, job_title="Theirs")
    mark = crm.mark()
    with pytest.raises(OSError) as e:
        with open(path, "wb", buffering=0) as f:
            f.write(text)
    assert e.value.errno == errno.EBUSY
    assert writes(crm, mark) == []
    assert crm.get("contacts", record)["job_title"] == "Theirs"
    assert path.read_bytes() == text
    path.write_bytes(text)  # told, and saved again: knowingly
    assert crm.get("contacts", record)["job_title"] == "Ours"


def test_a_recovery_after_a_conflict_overrides_nothing(crm, mounts):
    crm.fill("contacts", 5)
    record = crm.ids("contacts")[0]
    path = mounts(crm, ttl=0) / "contacts" / f"{record}.json"
    before = path.read_bytes()
    text = edited(path, job_title="Ours")
    crm.advance(2)
    crm.change("contacts", record, job_title="Theirs")
    with pytest.raises(OSError):
        path.write_bytes(text)
    mark = crm.mark()
    path.write_bytes(before)  # vi writes its backup back
    assert writes(crm, mark) == []
    assert crm.get("contacts", record)["job_title"] == "Theirs"
    assert json.loads(path.read_bytes())["job_title"] == "Theirs"


def test_a_conflict_saved_again_overrides_the_conflict_and_nothing_else(crm, mounts):
    crm.fill("contacts", 5)
    record = crm.ids("contacts")[0]
    path = mounts(crm, ttl=0) / "contacts" / f"{record}.json"
    text = edited(path, job_title="Ours")
    crm.advance(2)
    crm.change("contacts", record, job_title="Theirs", city="Theirtown")
    with pytest.raises(OSError):
        path.write_bytes(text)
    mark = crm.mark()
    path.write_bytes(text)
    assert [(r.path, r.body) for r in writes(crm, mark)] == [
        (f"/contacts/{record}", {"job_title": "Ours"})]


def test_a_text_from_an_unknown_version_is_a_conflict_and_not_an_overwrite(crm, card):
    path, record = card
    old = json.loads(path.read_bytes())
    old.update(updated_at="2001-01-01T00:00:00.000000Z", job_title="From a backup")
    with crm.expect(requests=0), pytest.raises(OSError) as e:
        path.write_bytes(json.dumps(old).encode())
    assert e.value.errno == errno.EBUSY


def test_a_stale_base_is_read_again_before_the_put(crm, mounts):
    crm.fill("contacts", 5)
    record = crm.ids("contacts")[0]
    path = mounts(crm, ttl=0) / "contacts" / f"{record}.json"
    text = edited(path, job_title="Ours")
    with open(path, "r+b", buffering=0) as f:
        f.truncate(0)
        mark = crm.mark()
        f.write(text)
        os.fsync(f.fileno())
        assert [(r.method, r.path) for r in crm.log(since=mark)] == [
            ("GET", f"/contacts/{record}"), ("PUT", f"/contacts/{record}")]


def test_an_older_answer_that_arrives_after_a_save_does_not_undo_it(crm, mnt):
    crm.fill("contacts", 30)
    record = crm.ids("contacts")[0]
    path = mnt / "contacts" / f"{record}.json"
    hold = crm.fault(method="GET", path="/contacts$", action="hold_answer")
    ls = subprocess.Popen(["ls", path.parent], stdout=subprocess.DEVNULL)
    crm.wait_held(hold)  # the page is cut, and on its way
    path.write_bytes(edited(path, job_title="Ours"))
    crm.release(hold)
    ls.wait()
    assert json.loads(path.read_bytes())["job_title"] == "Ours"
    assert len(os.listdir(path.parent)) == 30


def test_a_record_deleted_meanwhile_is_busy_and_the_text_kept(crm, card):
    path, record = card
    text = edited(path, job_title="Ours")
    crm.trash("contacts", record)
    with pytest.raises(OSError) as e:
        with open(path, "wb", buffering=0) as f:
            f.write(text)
    assert e.value.errno == errno.EBUSY
    assert path.read_bytes() == text


def test_fsync_then_close_commit_once(crm, card):
    path, record = card
    text = edited(path, job_title="Once")
    with crm.expect(("PUT", f"/contacts/{record}", {"job_title": "Once"})):
        with open(path, "wb", buffering=0) as f:
            f.write(text)
            os.fsync(f.fileno())
            os.fsync(f.fileno())


def test_a_refused_fsync_is_told_again_by_close_and_sent_once(crm, card):
    path, record = card
    refuse(crm, record)
    text = edited(path, email="nope")
    mark = crm.mark()
    fd = os.open(path, os.O_WRONLY | os.O_TRUNC)
    os.write(fd, text)
    for call in (lambda: os.fsync(fd), lambda: os.close(fd)):
        with pytest.raises(OSError) as e:
            call()
        assert e.value.errno == errno.EINVAL
    assert len(writes(crm, mark)) == 1


def test_emacs_way_rename_truncate_close_without_fsync(crm, card):
    path, record = card
    text = edited(path, job_title="Emacs")
    with crm.expect(("PUT", f"/contacts/{record}", {"job_title": "Emacs"})):
        os.symlink("user@host.1:1", path.parent / f".#{record}.json")
        os.rename(path, f"{path}~")
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
        os.write(fd, text)
        os.close(fd)
        os.close(os.open(path, os.O_WRONLY))
        os.unlink(path.parent / f".#{record}.json")
    assert json.loads(path.read_bytes())["job_title"] == "Emacs"


def test_a_record_moved_away_is_untouched_and_comes_back(crm, card):
    path, record = card
    before = path.read_bytes()
    with crm.expect(requests=0):
        os.rename(path, f"{path}~")
        assert not path.exists()
        assert open(f"{path}~", "rb").read() == before
        os.rename(f"{path}~", path)
        assert path.read_bytes() == before
        os.rename(path, path.parent / "elsewhere")
        os.unlink(path.parent / "elsewhere")
        assert path.read_bytes() == before


def test_two_editors_saving_one_record_at_once_delete_nothing(crm, card):
    path, record = card
    mark = crm.mark()
    one, two = Vim(path), Vim(path)
    two.backup = f"{path}~2"
    text = edited(path, job_title="One")
    os.rename(path, one.backup)
    fd = os.open(path, os.O_WRONLY | os.O_CREAT, 0o644)
    os.write(fd, text)
    os.rename(path, two.backup)  # the other editor begins in the middle
    os.fsync(fd)
    os.close(fd)
    one.forget_backup()
    fd = os.open(path, os.O_WRONLY | os.O_CREAT, 0o644)
    os.write(fd, text.replace(b"One", b"Two"))
    os.fsync(fd)
    os.close(fd)
    two.forget_backup()
    assert [(r.method, r.body) for r in writes(crm, mark)] == [("PUT", {"job_title": "Two"})]
    assert json.loads(path.read_bytes())["job_title"] == "Two"


def test_a_record_moved_onto_another_is_refused(crm, card):
    path, record = card
    other = crm.ids("contacts")[7]
    with crm.expect(requests=0), pytest.raises(OSError) as e:
        os.rename(path, path.parent / f"{other}.json")
    assert e.value.errno == errno.EINVAL
    assert path.exists()


def test_a_record_is_not_moved_to_another_collection(crm, mnt, card):
    path, record = card
    with crm.expect(requests=0):
        done = run("mv", path, mnt / "companies" / "x")
        assert done.returncode != 0
    assert crm.get("contacts", record)


def test_the_files_times_follow_the_record(crm, card):
    path, record = card
    crm.advance(100)
    path.write_bytes(edited(path, job_title="Later"))
    import datetime
    stamp = crm.get("contacts", record)["updated_at"]
    when = datetime.datetime.fromisoformat(stamp.replace("Z", "+00:00")).timestamp()
    assert os.stat(path).st_mtime == when


def test_a_server_that_answers_with_another_text_shows_that_text(crm, card):
    path, record = card
    path.write_bytes(edited(path, job_title="  padded  "))
    assert json.loads(path.read_bytes())["job_title"] == "padded"


def test_a_killed_daemon_keeps_the_refused_text_and_a_remount_shows_it(crm, mounts, tmp_path):
    crm.fill("contacts", 5)
    record = crm.ids("contacts")[0]
    mount = mounts(crm, tmp=tmp_path / "m")
    path = mount / "contacts" / f"{record}.json"
    text = edited(path, email="nope")
    refuse(crm, record)
    with pytest.raises(OSError):
        path.write_bytes(text)
    (mount / "contacts" / "scratch.txt").write_bytes(b"notes\n")
    mount.kill()
    mount.start()
    assert path.read_bytes() == text
    assert (mount / "contacts" / "scratch.txt").read_bytes() == b"notes\n"
    with crm.expect(requests=1):
        assert f"{record}.json" in os.listdir(mount / "contacts")


def test_a_change_through_a_memory_map_is_saved_when_it_is_unmapped(crm, card):
    path, record = card
    text = edited(path, job_title="Mapped")
    path.write_bytes(edited(path, job_title="Before"))
    mark = crm.mark()
    fd = os.open(path, os.O_RDWR)
    os.ftruncate(fd, len(text))
    view = mmap.mmap(fd, len(text))
    os.close(fd)
    view[:] = text.replace(b'"Mapped"', b'"MAPPED"')
    view.close()
    until(lambda: crm.get("contacts", record)["job_title"] == "MAPPED", what="the save")
    assert [r.method for r in writes(crm, mark)] == ["PUT"]


def test_a_good_save_leaves_nothing_in_the_spool(crm, mnt, card):
    path, _ = card
    path.write_bytes(edited(path, job_title="Saved"))
    until(lambda: not [p for p in mnt.state.rglob("*") if p.is_file() and p.name != "lock"],
          what="an empty spool")


def test_a_refused_text_that_a_rename_replaces_is_set_aside(crm, mnt, card):
    path, record = card
    refuse(crm, record)
    with pytest.raises(OSError):
        path.write_bytes(edited(path, email="nope"))
    (path.parent / "tmp").write_bytes(b'{"id": %d, "job_title": "New"}' % record)
    os.rename(path.parent / "tmp", path)
    assert json.loads(path.read_bytes())["job_title"] == "New"
    until(lambda: "rejected" in shell(f"grep -rl nope {mnt.state}").stdout, what="the refused text")


def test_a_refused_create_that_a_rename_replaces_is_not_back_after_a_remount(crm, mounts, tmp_path):
    crm.fill("contacts", 3)
    mount = mounts(crm, tmp=tmp_path / "m")
    path = mount / "contacts" / "new.json"
    with pytest.raises(OSError):
        path.write_bytes(b'{"last_name": "Refused"}')
    (path.parent / "tmp").write_bytes(b'{"first_name": "Good"}')
    os.rename(path.parent / "tmp", path)
    assert json.loads(path.read_bytes())["first_name"] == "Good"
    until(lambda: "rejected" in shell(f"grep -rl Refused {mount.state}").stdout, what="the refused text")
    mount.kill()
    mount.start()
    assert not os.path.lexists(path)


def test_what_a_partial_text_left_out_is_no_change_when_a_whole_one_is_saved(crm, mounts):
    crm.fill("contacts", 5)
    record = crm.ids("contacts")[0]
    path = mounts(crm, ttl=0) / "contacts" / f"{record}.json"
    path.write_bytes(b'{"job_title": "First"}')
    text = edited(path, job_title="Second")
    crm.advance(2)
    crm.change("contacts", record, city="Theirs")
    mark = crm.mark()
    path.write_bytes(text)
    assert [(r.path, r.body) for r in writes(crm, mark)] == [
        (f"/contacts/{record}", {"job_title": "Second"})]
    assert crm.get("contacts", record)["city"] == "Theirs"


def test_a_refused_text_whose_temporary_name_is_removed_is_set_aside(crm, mnt, card):
    path, record = card
    refuse(crm, record)
    temporary = path.parent / ".goutputstream-XYZ"
    temporary.write_bytes(edited(path, email="nope"))
    with pytest.raises(OSError) as e:
        os.rename(temporary, path)
    assert e.value.errno == errno.EINVAL
    os.unlink(temporary)
    until(lambda: path.read_bytes() and "rejected" in shell(f"grep -rl nope {mnt.state}").stdout,
          what="the refused text")


def test_a_record_found_deleted_by_the_open_itself_takes_no_text(crm, mounts):
    crm.fill("contacts", 5)
    record = crm.ids("contacts")[0]
    mnt = mounts(crm, ttl=0)
    path = mnt / "contacts" / f"{record}.json"
    assert len(os.listdir(path.parent)) == 5
    text = edited(path, job_title="Ours")
    crm.trash("contacts", record)
    with pytest.raises(FileNotFoundError):
        os.open(path, os.O_WRONLY | os.O_TRUNC)
    with pytest.raises(PermissionError):
        path.write_bytes(text)  # ids are the server's


def test_a_record_found_deleted_while_it_is_open_refuses_what_is_written(crm, mounts):
    crm.fill("contacts", 5)
    record = crm.ids("contacts")[0]
    mnt = mounts(crm, ttl=0)
    path = mnt / "contacts" / f"{record}.json"
    text = edited(path, job_title="Ours")
    fd = os.open(path, os.O_WRONLY)
    crm.trash("contacts", record)
    assert len(os.listdir(path.parent)) == 4
    os.pwrite(fd, text, 0)
    os.ftruncate(fd, len(text))
    with pytest.raises(OSError) as e:
        os.close(fd)
    assert e.value.errno == errno.EBUSY
    assert path.read_bytes() == text
