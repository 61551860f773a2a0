# SPDX-License-Identifier: MIT
"""What a person is told when a save is refused (design 1.4): <name>.error, .concordfs/, the brake."""
import contextlib
import errno
import json
import os
import subprocess
import time

import pytest

from conftest import SLOW, run, shell, until
from test_save import Vim, edited, writes


@pytest.fixture
def contacts(crm, mnt):
    crm.fill("contacts", 20)
    os.listdir(mnt / "contacts")
    return mnt / "contacts"


@pytest.fixture
def card(crm, contacts):
    """A listed contact: its path, its id."""
    record = crm.ids("contacts")[4]
    return contacts / f"{record}.json", record


def words_of(path):
    return (path.parent / f"{path.name}.error").read_text()


def has_words(path):
    return os.path.lexists(f"{path}.error") or f"{path.name}.error" in os.listdir(path.parent)


def refused(path, text, error=errno.EINVAL):
    with pytest.raises(OSError) as e:
        with open(path, "wb", buffering=0) as f:
            f.write(text)
    assert e.value.errno == error, os.strerror(e.value.errno)


def events(mnt):
    return [json.loads(line) for line in (mnt / ".concordfs" / "errors.ndjson").read_text().splitlines()]


def rejected(mnt):
    folder = mnt / ".concordfs" / "rejected"
    return {name: (folder / name).read_bytes() for name in os.listdir(folder)}


def line_of(path, member):
    return next(n for n, line in enumerate(path.read_text().splitlines(), 1) if line.startswith(f'  "{member}":'))


def test_a_refused_save_is_explained_beside_the_file_with_the_line(crm, card):
    path, _ = card
    refused(path, edited(path, email="nope"))
    told = words_of(path)
    assert told.startswith(f"{path.name} was not saved: Invalid argument")
    assert f"{path.name}:{line_of(path, 'email')}:" in told and "email: " in told
    assert "valid email address" in told
    assert f"rm {path.name}.error" in told


def test_the_words_and_the_control_files_are_files_with_a_name(mnt, card):
    path, _ = card
    refused(path, edited(path, email="nope"))
    os.unlink(path)
    until(lambda: rejected(mnt), what="the text in rejected/")
    refused(path, edited(path, email="nope"))
    kept = next((mnt / ".concordfs" / "rejected").iterdir())
    for file in (path.parent / f"{path.name}.error", mnt / ".concordfs" / "errors.ndjson", kept):
        assert file.stat().st_nlink == 1, file
    with open(f"{path}.error") as f:
        os.unlink(f"{path}.error")
        assert os.fstat(f.fileno()).st_nlink == 0


def test_a_persons_own_file_called_as_the_words_comes_back_after_them(card):
    path, _ = card
    own = path.parent / f"{path.name}.error"
    own.write_text("my own")
    refused(path, edited(path, email="nope"))
    assert "email: " in own.read_text() and os.listdir(path.parent).count(own.name) == 1
    os.unlink(own)
    assert own.read_text() == "my own" and os.listdir(path.parent).count(own.name) == 1


def test_a_good_save_takes_the_words_away(crm, card):
    path, record = card
    refused(path, edited(path, email="nope"))
    assert has_words(path)
    with crm.expect(("PUT", f"/contacts/{record}", {"email": "yes@example.org"})):
        path.write_bytes(edited(path, email="yes@example.org"))
    assert not has_words(path)


def test_removing_the_words_drops_the_text_and_shows_the_servers_version(crm, mnt, card):
    path, _ = card
    before, text = path.read_bytes(), edited(path, email="nope")
    refused(path, text)
    with crm.expect(requests=0):
        os.unlink(f"{path}.error")
        assert path.read_bytes() == before
        assert not has_words(path)
    until(lambda: text in rejected(mnt).values(), what="the dropped text in rejected/")


def test_vims_recovery_leaves_the_words_until_the_next_good_save(crm, mnt, card):
    path, record = card
    before, text = path.read_bytes(), edited(path, email="nope")
    vim = Vim(path)
    assert vim.save(text) == errno.EINVAL
    vim.recover()
    assert path.read_bytes() == before
    kept = next(name for name, content in rejected(mnt).items() if content == text)
    assert "email: " in words_of(path) and kept in words_of(path)
    assert b"email: " in rejected(mnt)[f"{kept}.error"]
    with crm.expect(("PUT", f"/contacts/{record}", {"email": "yes@example.org"})):
        assert vim.save(edited(path, email="yes@example.org")) == 0
        vim.forget_backup()
    assert not has_words(path)


def test_a_recovery_that_writes_the_old_text_back_leaves_the_words_too(crm, card):
    path, _ = card
    before = path.read_bytes()
    refused(path, edited(path, email="nope"))
    with crm.expect(requests=0):
        path.write_bytes(before)  # vi's, in the same process
    assert path.read_bytes() == before and "email: " in words_of(path)


def test_somebody_who_removes_the_refused_file_needs_no_words(crm, mnt, card):
    path, _ = card
    text = edited(path, email="nope")
    refused(path, text)
    with crm.expect(requests=0):
        assert run("rm", path).returncode == 0
    assert not has_words(path) and json.loads(path.read_bytes())["email"] != "nope"
    until(lambda: text in rejected(mnt).values(), what="the dropped text in rejected/")


def test_bad_json_is_told_with_line_and_column(crm, card):
    path, _ = card
    with crm.expect(requests=0):
        refused(path, b'{\n  "first_name": "A"\n  "city": "B"\n}\n')
    assert f"{path.name}:3:3: " in words_of(path)


@pytest.mark.parametrize("member", ["unknown_{}", "city"])
def test_a_text_with_tens_of_thousands_of_mistakes_is_refused_at_once(crm, card, member):
    path, _ = card
    lines = ",\n".join(f'"{member.format(i)}": "{"y" * 200}"' for i in range(64_000))
    began = time.monotonic()
    with crm.expect(requests=0):
        refused(path, f"{{\n{lines}\n}}\n".encode())
    assert time.monotonic() - began < 8 * SLOW  # all others wait as long
    assert "more" in words_of(path)


def test_bad_json_that_write_itself_refused_is_told_too(crm, card):
    path, _ = card
    with crm.expect(requests=0):
        assert shell(f"echo 'not json' > {path}").returncode != 0
    assert f"{path.name}:1:" in words_of(path)


def test_a_refused_create_is_explained_beside_its_name(crm, contacts):
    path = contacts / "new.json"
    refused(path, b'{"last_name": "Nameless"}')
    assert "first_name" in words_of(path).replace("first name", "first_name")
    path.write_bytes(b'{"first_name": "Ada"}')
    assert not has_words(path) and os.readlink(path).endswith(".json")


def test_a_rename_that_is_refused_is_explained_beside_the_record(crm, mnt, card):
    path, _ = card
    done = shell(f"sed -i 's/^  \"email\": .*/  \"email\": \"nope\",/' {path}")
    assert done.returncode != 0 and "Invalid argument" in done.stderr
    assert "email: " in words_of(path)
    assert any(b'"nope"' in text for text in rejected(mnt).values())


def test_the_words_are_read_only_and_no_name_for_anything_else(crm, card):
    path, _ = card
    refused(path, edited(path, email="nope"))
    told = f"{path}.error"
    assert os.stat(told).st_mode & 0o777 == 0o444 and os.stat(told).st_nlink == 1
    assert os.stat(told).st_size == len(words_of(path).encode())
    with crm.expect(requests=0):
        for attempt in (lambda: os.open(told, os.O_WRONLY), lambda: os.truncate(told, 0),
                        lambda: os.rename(told, f"{path}.x"), lambda: os.rename(path, told)):
            with pytest.raises(OSError) as e:
                attempt()
            assert e.value.errno in (errno.EACCES, errno.EPERM)


def test_a_second_refusal_replaces_the_words(crm, card):
    path, _ = card
    refused(path, edited(path, email="nope"))
    refused(path, edited(path, email="yes@example.org", id=4711))
    assert "id" in words_of(path) and "email" not in words_of(path)


def test_a_remount_shows_the_refused_text_and_the_words(crm, mounts, tmp_path):
    crm.fill("contacts", 5)
    mount = mounts(crm, tmp=tmp_path / "m")
    path = mount / "contacts" / f"{crm.ids('contacts')[0]}.json"
    text = edited(path, email="nope")
    refused(path, text)
    told = words_of(path)
    mount.kill()
    mount.start()
    assert path.read_bytes() == text
    assert words_of(path).split("\n\n")[1] == told.split("\n\n")[1]
    path.write_bytes(text.replace(b"nope", b"yes@example.org"))
    assert not has_words(path)


def test_a_text_that_the_daemons_death_cut_off_is_told_of(crm, mounts, tmp_path):
    crm.fill("contacts", 5)
    mount = mounts(crm, tmp=tmp_path / "m")
    record = crm.ids("contacts")[0]
    path = mount / "contacts" / f"{record}.json"
    text = edited(path, job_title="Unsaved")
    f = os.open(path, os.O_WRONLY | os.O_TRUNC)
    os.write(f, text)
    mount.kill()
    with pytest.raises(OSError):
        os.close(f)
    mark = crm.mark()
    mount.start()
    assert path.read_bytes() == text
    until(lambda: events(mount), what="the new mount having asked what became of it")
    assert "the mount ended before this text was saved" in words_of(path)
    assert writes(crm, mark) == []  # nobody asked for it
    with crm.expect(("PUT", f"/contacts/{record}", {"job_title": "Unsaved"})):
        path.write_bytes(text)
    assert not has_words(path)


def test_every_refusal_is_a_line_of_errors_ndjson(crm, mnt, card):
    path, _ = card
    refused(path, edited(path, email="nope"))
    done = run("bash", "-c", f"echo '{{' > {path}")
    assert done.returncode == 0  # bash looks at write only
    one, two = events(mnt)
    assert (one["path"], one["errno"], one["status"]) == (f"contacts/{path.name}", "EINVAL", 422)
    assert one["pid"] == os.getpid() and one["command"]
    assert one["problems"][0]["member"] == "email" and one["problems"][0]["line"] > 1
    assert (two["status"], two["command"]) == (None, "bash") and "JSON" in two["message"]


def test_the_control_directory_is_hidden_and_reading_it_costs_nothing(crm, mnt, contacts):
    assert ".concordfs" not in os.listdir(mnt)
    with crm.expect(requests=0):
        assert sorted(os.listdir(mnt / ".concordfs")) == [
            "allow_deletes", "errors.ndjson", "metrics", "refresh", "rejected", "status.json"]
        assert run("find", mnt / ".concordfs", "-type", "f", "!", "-name", "refresh", "-exec", "cat", "{}", "+").returncode == 0
        for attempt in (lambda: open(mnt / ".concordfs" / "new", "w"), lambda: os.mkdir(mnt / ".concordfs" / "d"),
                        lambda: os.unlink(mnt / ".concordfs" / "errors.ndjson"),
                        lambda: os.rmdir(mnt / ".concordfs" / "rejected")):
            with pytest.raises(OSError) as e:
                attempt()
            assert e.value.errno == errno.EPERM


def test_a_rejected_text_can_be_copied_and_removed(crm, mnt, card, tmp_path):
    path, _ = card
    text = edited(path, email="nope")
    refused(path, text)
    os.unlink(path)
    until(lambda: text in rejected(mnt).values(), what="the text in rejected/")
    name = next(n for n, content in rejected(mnt).items() if content == text)
    kept = mnt / ".concordfs" / "rejected" / name
    assert "contacts-" in name and kept.stat().st_size == len(text)
    assert run("cp", kept, tmp_path / "copy").returncode == 0
    assert (tmp_path / "copy").read_bytes() == text
    os.unlink(kept)
    assert name not in rejected(mnt)


def test_removing_the_words_of_a_later_rename_drops_the_text_refused_before_it_too(crm, mnt, card):
    path, _ = card
    before, text = path.read_bytes(), edited(path, email="nope")
    refused(path, text)
    done = shell(f"sed -i 's/^  \"job_title\": .*/  \"job_title\": \"X\",/' {path}")  # and it is refused again
    assert done.returncode != 0 and path.read_bytes() == text
    with crm.expect(requests=0):
        os.unlink(f"{path}.error")
        assert path.read_bytes() == before and not has_words(path)
    until(lambda: text in rejected(mnt).values(), what="the dropped text in rejected/")


def test_a_rejected_text_can_be_moved_back_by_mv(crm, mnt, card):
    path, record = card
    text = edited(path, email="nope")
    refused(path, text)
    os.unlink(path)
    name = until(lambda: next((n for n, content in rejected(mnt).items() if content == text), None))
    back = path.parent / "back.txt"
    done = run("mv", mnt / ".concordfs" / "rejected" / name, back)
    assert done.returncode == 0, done.stderr
    assert back.read_bytes() == text and name not in rejected(mnt)


def test_a_refused_text_that_is_overwritten_while_it_is_open_is_aside_at_once(crm, mnt, card):
    path, _ = card
    first, second = edited(path, email="nope"), edited(path, email="neither")
    with open(path, "wb", buffering=0) as f:
        f.write(first)
        with pytest.raises(OSError):
            os.fsync(f.fileno())
        assert run("sh", "-c", 'printf %s "$1" > "$2"', "sh", second.decode(), path).returncode == 0  # sh does not look
        assert first in rejected(mnt).values() and path.read_bytes() == second
        mnt.kill()
        with contextlib.suppress(OSError):
            f.close()
    mnt.start()
    assert path.read_bytes() == second and "email: " in words_of(path)
    assert first in rejected(mnt).values()


def test_the_words_know_where_a_refused_text_was_moved_to(card):
    new = card[0].parent / "new.json"
    refused(new, b'{"last_name": "Nameless"}')
    os.rename(new, new.parent / "other.txt")
    assert "still there as other.txt" in words_of(new) and "drop the text" not in words_of(new)


# The brake


def test_rm_rf_over_a_thousand_records_leaves_975_alive(crm, mnt):
    crm.fill("contacts", 1_000)
    done = shell(f"rm -rf {mnt}/contacts")
    assert done.returncode != 0
    assert crm.count("contacts") == 975
    assert len(os.listdir(mnt / "contacts")) == 975
    stopped = [e for e in events(mnt) if e["errno"] == "EPERM"]
    assert len(stopped) == 1 and "allow_deletes" in stopped[0]["message"] and stopped[0]["command"] == "rm"


def test_a_number_in_allow_deletes_lets_that_many_more_pass(crm, mnt):
    crm.fill("contacts", 60)
    paths = [mnt / "contacts" / f"{i}.json" for i in crm.ids("contacts")]
    assert (mnt / ".concordfs" / "allow_deletes").read_text() == "25\n"
    for path in paths[:25]:
        os.unlink(path)
    with pytest.raises(OSError) as e:
        os.unlink(paths[25])
    assert e.value.errno == errno.EPERM
    assert shell(f"echo 10 > {mnt}/.concordfs/allow_deletes").returncode == 0
    assert (mnt / ".concordfs" / "allow_deletes").read_text() == "10\n"
    for path in paths[25:35]:
        os.unlink(path)
    with pytest.raises(OSError):
        os.unlink(paths[35])
    assert crm.count("contacts") == 25
    for junk in ("lots", "-1", "1 2", "99999999999999999999999"):
        assert shell(f"echo {junk} > {mnt}/.concordfs/allow_deletes").returncode != 0


def test_a_mount_that_says_so_has_no_brake(crm, mounts):
    crm.fill("contacts", 60)
    mnt = mounts(crm, max_deletes=0)
    for i in crm.ids("contacts"):
        os.unlink(mnt / "contacts" / f"{i}.json")
    assert crm.count("contacts") == 0


# Conflicts


def conflicting(crm, mounts, **options):
    crm.fill("contacts", 5)
    record = crm.ids("contacts")[0]
    path = mounts(crm, ttl=0, **options) / "contacts" / f"{record}.json"
    crm.change("contacts", record, job_title="Buyer", city="Bergen")
    text = edited(path, job_title="Chief", city="Oslo")
    crm.advance(2)
    crm.change("contacts", record, job_title="CEO")
    return path, record, text


def test_a_conflict_is_told_with_what_it_was_yours_and_theirs(crm, mounts):
    path, _, text = conflicting(crm, mounts)
    refused(path, text, errno.EBUSY)
    told = words_of(path)
    assert f"{path.name}:{line_of(path, 'job_title')}:" in told
    for value in ('"Buyer"', '"Chief"', '"CEO"'):
        assert value in told
    assert "city" not in told and "Saving it again" in told


def test_only_the_conflict_that_was_told_is_overridden_by_the_next_save(crm, mounts):
    crm.fill("contacts", 5)
    record = crm.ids("contacts")[0]
    path = mounts(crm, ttl=0) / "contacts" / f"{record}.json"
    path.read_bytes()
    one, both = edited(path, job_title="Chief"), edited(path, job_title="Chief", city="Oslo")
    crm.advance(2)
    crm.change("contacts", record, job_title="CEO", city="Bergen")
    refused(path, one, errno.EBUSY)
    refused(path, both, errno.EBUSY)  # of the city nobody was told yet
    assert "city" in words_of(path) and "job_title" not in words_of(path)
    mark = crm.mark()
    path.write_bytes(both)
    assert [r.body for r in writes(crm, mark)] == [{"job_title": "Chief", "city": "Oslo"}]


def test_conflict_mine_overrides_and_says_nothing(crm, mounts):
    path, record, text = conflicting(crm, mounts, conflict="mine")
    mark = crm.mark()
    path.write_bytes(text)
    assert [(r.path, r.body) for r in writes(crm, mark)] == [
        (f"/contacts/{record}", {"job_title": "Chief", "city": "Oslo"})]
    assert not has_words(path)


def test_conflict_theirs_saves_the_rest_and_keeps_the_text(crm, mounts):
    path, record, text = conflicting(crm, mounts, conflict="theirs")
    mnt = path.parent.parent
    mark = crm.mark()
    path.write_bytes(text)
    assert [(r.path, r.body) for r in writes(crm, mark)] == [(f"/contacts/{record}", {"city": "Oslo"})]
    got = json.loads(path.read_bytes())
    assert (got["job_title"], got["city"]) == ("CEO", "Oslo")
    assert text in rejected(mnt).values()


def test_a_record_deleted_meanwhile_is_told_and_brought_back_by_the_next_save(crm, card):
    path, record = card
    text = edited(path, job_title="Ours")
    crm.trash("contacts", record)
    refused(path, text, errno.EBUSY)
    assert "deleted on the server" in words_of(path) and "trash" in words_of(path)
    mark = crm.mark()
    path.write_bytes(text)
    assert [(r.method, r.path, r.body) for r in writes(crm, mark)] == [
        ("POST", f"/trashed/contacts/{record}", None), ("PUT", f"/contacts/{record}", {"job_title": "Ours"})]
    assert crm.get("contacts", record)["job_title"] == "Ours"
    assert not has_words(path)


def test_vims_second_save_brings_a_deleted_record_back(crm, card):
    path, record = card
    text = edited(path, job_title="Ours")
    crm.trash("contacts", record)
    vim = Vim(path)
    assert vim.save(text) == errno.EBUSY
    vim.recover()
    assert "trash" in words_of(path) and not path.exists()
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)  # there is nothing to rename away
    os.write(fd, text)
    os.fsync(fd)
    os.close(fd)
    assert crm.get("contacts", record)["job_title"] == "Ours" and not has_words(path)


def test_a_text_of_a_second_with_two_versions_is_told_and_not_guessed(crm, mounts):
    crm.fill("contacts", 5)
    record = crm.ids("contacts")[0]
    path = mounts(crm, ttl=0) / "contacts" / f"{record}.json"
    stamp = "2026-01-01T00:00:00.000000Z"
    crm.change("contacts", record, job_title="One", updated_at=stamp)
    path.read_bytes()
    crm.change("contacts", record, job_title="Two", updated_at=stamp)
    text = edited(path, job_title="One")  # set back; or a copy of the first
    refused(path, text, errno.EBUSY)
    assert "twice within this second" in words_of(path)
    mark = crm.mark()
    path.write_bytes(text)
    assert [r.body for r in writes(crm, mark)] == [{"job_title": "One"}]
    crm.advance(2)
    path.write_bytes(edited(path, city="Oslo"))  # where it does not matter, nobody is asked


def test_conflict_mine_brings_a_deleted_record_back_at_once(crm, mounts):
    crm.fill("contacts", 5)
    record = crm.ids("contacts")[0]
    path = mounts(crm, conflict="mine") / "contacts" / f"{record}.json"
    text = edited(path, job_title="Ours")
    crm.trash("contacts", record)
    path.write_bytes(text)
    assert crm.get("contacts", record)["job_title"] == "Ours"


def test_a_record_that_goes_again_as_soon_as_it_is_restored_is_told_so(crm, mounts):
    crm.fill("contacts", 5)
    record = crm.ids("contacts")[0]
    path = mounts(crm, conflict="mine") / "contacts" / f"{record}.json"
    text = edited(path, job_title="Ours")
    crm.fault(method="PUT", status=404, body={"message": "Not found."}, times=None)
    crm.fault(method="POST", path="/trashed/", body=crm.get("contacts", record), times=None)
    with crm.expect(requests=3):  # a PUT, the trash, and that PUT again
        refused(path, text, errno.EBUSY)
    assert "deleted on the server" in words_of(path)


def test_a_record_that_is_gone_for_good_is_told_so(crm, card):
    path, record = card
    text = edited(path, job_title="Ours")
    crm.purge("contacts", record)
    for _ in range(2):
        refused(path, text, errno.EBUSY)
    assert "not in its trash" in words_of(path) and "new name" in words_of(path)
    assert path.read_bytes() == text
    assert crm.get("contacts", record) is None


def test_a_text_whose_rename_was_refused_keeps_its_own_name(crm, card):
    path, record = card
    temporary = path.parent / "tmp"
    temporary.write_bytes(edited(path, email="nope"))
    with pytest.raises(OSError) as e:
        os.rename(temporary, path)
    assert e.value.errno == errno.EINVAL and "still there as tmp" in words_of(path)
    os.unlink(f"{path}.error")
    assert b"nope" in temporary.read_bytes() and b"nope" not in path.read_bytes()
    temporary.write_bytes(edited(path, email="yes@example.org"))
    with crm.expect(("PUT", f"/contacts/{record}", {"email": "yes@example.org"})):
        os.rename(temporary, path)
    assert not has_words(path) and not temporary.exists()
