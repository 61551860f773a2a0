# SPDX-License-Identifier: MIT
"""Help in the mount itself: README.md in its root, and what a new record takes in each collection."""
import errno
import json
import os
import re
import subprocess

import pytest

from conftest import BINARY, run, shell, until
from test_refused import has_words, refused, words_of

FIELDS = ("GET", "/contacts/create-fields")


# README.md


def test_the_readme_is_listed_in_the_root_and_costs_nothing(crm, mnt):
    with crm.expect(requests=0):
        assert "README.md" in os.listdir(mnt)
        text = (mnt / "README.md").read_text()
        assert os.stat(mnt / "README.md").st_size == len(text.encode())
        assert run("grep", "-c", "contacts", mnt / "README.md").returncode == 0
    assert text.startswith(f"# {crm.url}\n") and 60 < len(text.splitlines()) < 130


def test_the_readme_names_every_collection_and_what_can_be_done_there(mnt):
    rows = dict(re.findall(r"^\| `([a-z-]+)/` \| (.*) \|$", (mnt / "README.md").read_text(), re.MULTILINE))
    assert set(rows) == set(os.listdir(mnt)) - {"README.md"}
    assert rows["contacts"] == "yes | yes | yes | yes" and rows["notes"] == "yes | yes | yes | -"
    assert rows["users"] == "- | - | - | -"


def test_the_readme_speaks_of_this_mount(crm, mounts):
    text = (mounts(crm, ro=True, collections="deals", ttl=7, page_size=50) / "README.md").read_text()
    assert "| `deals/` | - | - | - | yes |" in text and "contacts/" not in text
    assert "within 7 seconds" in text and "N/50" in text


def test_the_readme_has_the_options_of_the_command_and_the_errors_of_the_table(mnt):
    text = (mnt / "README.md").read_text()
    options = run(BINARY, "-h").stdout
    assert options[options.index("  -o OPT"):].split("\n\n")[0] in text
    for name in ("EINVAL", "EBUSY", "EPERM", "EACCES", "EAGAIN", "ETIMEDOUT", "EHOSTUNREACH", "ECONNREFUSED", "EIO"):
        assert f"*{os.strerror(getattr(errno, name))}* ({name}):" in text
    assert "the server does not accept the token" in text


def test_noreadme_hides_it(crm, mounts):
    mnt = mounts(crm, noreadme=True)
    with crm.expect(requests=0):
        assert "README.md" not in os.listdir(mnt) and not (mnt / "README.md").exists()
        assert "contacts" in os.listdir(mnt)


@pytest.mark.parametrize("name", ["README.md", "contacts/.template.json", "contacts/.template.md"])
def test_what_explains_is_read_only(crm, mnt, name):
    path = mnt / name
    text = path.read_bytes()
    other = path.parent / ("x.md" if "/" in name else "contacts/x.md")
    (mnt / "contacts" / "local").write_text("x")
    assert os.stat(path).st_mode & 0o777 == 0o444 and os.stat(path).st_nlink == 1
    with crm.expect(requests=0):
        for attempt in (lambda: os.open(path, os.O_WRONLY), lambda: os.open(path, os.O_RDWR | os.O_CREAT),
                        lambda: os.truncate(path, 0), lambda: os.unlink(path), lambda: os.rename(path, other),
                        lambda: os.rename(mnt / "contacts" / "local", path), lambda: os.link(path, other)):
            with pytest.raises(OSError) as e:
                attempt()
            assert e.value.errno in (errno.EACCES, errno.EPERM)
        assert path.read_bytes() == text and os.listxattr(path) == []


# Templates


def test_a_template_is_hidden_and_reachable_by_name(crm, mnt):
    crm.fill("contacts", 3)
    assert len(os.listdir(mnt / "contacts")) == 3
    with crm.expect(FIELDS):
        template = json.loads((mnt / "contacts" / ".template.json").read_text())
        assert (mnt / "contacts" / ".template.md").stat().st_size > 0
        assert os.stat(mnt / "contacts" / ".template.json").st_size > 0
    assert len(os.listdir(mnt / "contacts")) == 3
    assert next(iter(template.items())) == ("first_name", "")
    assert {v for k, v in template.items() if k != "first_name"} == {None}
    assert {"email", "tags", "source_id", "cf_region", "cf_interests", "companies"} < set(template)
    assert not {"id", "updated_at", "display_name", "owner_assigned_date"} & set(template)


def test_the_words_tell_types_labels_and_options(crm, mnt):
    with crm.expect(FIELDS):
        text = (mnt / "contacts" / ".template.md").read_text()
    assert "- `first_name` (First name), required: text" in text
    assert re.search(r"- `cf_region` \(Region\): one of these.*\n    - North: 14\n    - South: 15\n", text)
    assert "- `cf_birthday` (Birthday): a day" in text and "of ../sources/\n    - Web: 1" in text


def test_the_size_is_known_before_it_is_opened(crm, mnt):
    with crm.expect(FIELDS):
        size = os.stat(mnt / "contacts" / ".template.json").st_size
        assert len((mnt / "contacts" / ".template.json").read_bytes()) == size > 0


def test_two_who_open_it_at_once_are_as_one(crm, mnt):
    hold = crm.fault(path="create-fields", action="hold", times=5)
    with crm.expect(FIELDS):
        readers = [subprocess.Popen(["cat", mnt / "contacts" / ".template.json"], stdout=subprocess.PIPE)
                   for _ in range(3)]
        crm.wait_held(hold)
        os.listdir(mnt)  # nobody else waits
        crm.release(hold)
        texts = {r.communicate()[0] for r in readers}
    assert len(texts) == 1 and texts.pop()


def test_a_reader_of_a_template_can_be_killed(crm, mnt):
    hold = crm.fault(path="create-fields", action="hold")
    reader = subprocess.Popen(["cat", mnt / "contacts" / ".template.json"], stdout=subprocess.DEVNULL)
    crm.wait_held(hold)
    reader.kill()
    assert reader.wait(timeout=10)
    crm.release(hold)
    assert (mnt / "contacts" / ".template.json").read_text()


def test_a_save_uses_the_fields_that_a_template_asked_for(crm, mnt):
    (mnt / "contacts" / ".template.json").read_text()
    with crm.expect(("POST", "/contacts", {"first_name": "Ada", "cf_region": 15})):
        (mnt / "contacts" / "new.json").write_text('{"first_name": "Ada", "cf_region": "South"}')
    with crm.expect(requests=0):
        (mnt / "contacts" / ".template.md").read_text()


def test_a_template_uses_the_fields_that_a_save_asked_for(crm, mnt):
    (mnt / "contacts" / "new.json").write_text('{"first_name": "Ada", "cf_region": "South"}')
    with crm.expect(requests=0):
        assert "cf_region" in (mnt / "contacts" / ".template.json").read_text()


def test_older_than_ttl_the_fields_are_asked_for_again(crm, mounts):
    path = mounts(crm, ttl=0) / "contacts" / ".template.md"
    assert path.read_text()
    mark = crm.mark()
    text = path.read_text()
    assert {r.path for r in crm.log(mark)} == {"/contacts/create-fields"}
    crm.down()
    assert path.read_text() == text  # what was told stands
    crm.up()


def test_without_metadata_the_table_of_collections_is_told(crm, mnt):
    crm.fault(path="create-fields", status=404, body={"message": ""}, times=1_000)
    template = json.loads((mnt / "contacts" / ".template.json").read_text())
    assert template["first_name"] == "" and template["email"] is None and "cf_region" not in template
    assert "does not tell its fields" in (mnt / "contacts" / ".template.md").read_text()


def test_a_server_that_cannot_be_asked_gives_an_error_and_no_half_a_template(crm, mnt):
    os.listdir(mnt)
    crm.down()
    with pytest.raises(OSError) as e:
        (mnt / "contacts" / ".template.json").read_text()
    assert e.value.errno in (errno.ECONNREFUSED, errno.EHOSTUNREACH)
    crm.up()


def test_a_refused_token_is_no_answer_about_fields(crm, mnt):
    crm.fault(path="create-fields", status=401, body={"message": "Unauthenticated."}, times=1_000)
    with pytest.raises(PermissionError):
        (mnt / "contacts" / ".template.json").read_text()


def test_there_is_one_wherever_something_can_be_created(crm, mnt):
    kinds = [k for k in os.listdir(mnt) if k != "README.md"]
    for kind in kinds:
        path = mnt / kind / ".template.json"
        assert path.exists() is (kind != "users")
        if kind == "users":
            continue
        template = json.loads(path.read_text())
        assert list(template.values()).count("") >= 1 and set(template.values()) <= {"", None}


# Using one


def test_a_copy_is_no_record_until_it_is_filled_in(crm, mnt):
    folder = mnt / "contacts"
    with crm.expect(FIELDS):
        done = shell(f"cd {folder} && cp .template.json new.json && cp new.json other.json")
        assert (done.returncode, done.stderr) == (0, "")
    assert os.stat(folder / "new.json").st_mode & 0o600 == 0o600  # though the template is read-only
    assert not has_words(folder / "new.json") and crm.count("contacts") == 0
    assert (folder / "new.json").read_bytes() == (folder / ".template.json").read_bytes()
    os.unlink(folder / "other.json")
    with crm.expect(("POST", "/contacts", {"first_name": "Ada", "city": "Oslo"})):
        done = shell(f"cd {folder} && sed -i 's/\"first_name\": \"\"/\"first_name\": \"Ada\"/; "
                     f"s/\"city\": null/\"city\": \"Oslo\"/' new.json")
        assert done.returncode == 0, done.stderr
    assert os.readlink(folder / "new.json") == f"{crm.ids('contacts')[0]}.json"


def test_what_is_required_and_left_empty_is_told_with_its_line(crm, mnt):
    folder = mnt / "contacts"
    text = (folder / ".template.json").read_text().replace('"city": null', '"city": "Oslo"')
    with crm.expect(requests=0):
        refused(folder / "new.json", text.encode())
    assert "new.json:2:" in words_of(folder / "new.json") and "first_name: is required" in words_of(folder / "new.json")
    assert crm.count("contacts") == 0 and (folder / "new.json").read_text() == text


def test_vim_fills_a_template_in(crm, mnt):
    folder = mnt / "contacts"
    with crm.expect(FIELDS, ("POST", "/contacts", {"first_name": "Ada", "cf_interests": [31]})):
        done = shell(f"cd {folder} && cp .template.json new.json && vim -Nu NONE -es -c '%s/first_name\": \"/&Ada/' "
                     f"-c '%s/interests\": null/interests\": [\"Pumps\"]/' -c wq new.json </dev/null")
        assert done.returncode == 0, done.stderr
    until(lambda: os.path.islink(folder / "new.json"), what="the record")


def test_each_collections_template_makes_a_record_once_it_is_filled_in(crm, mnt):
    crm.fill("contacts", 1)
    values = {"name": "N", "stage_id": 1, "title": "T", "due_date": "2026-01-02", "body": "B", "date": "2026-01-02 09:00:00",
              "via_resource": "contacts", "via_resource_id": crm.ids("contacts")[0], "unit_price": 5, "first_name": "Ada",
              "call_outcome_id": 1, "swatch_color": "#112233", "icon": "Phone"}
    for kind in ("contacts", "companies", "deals", "activities", "notes", "calls", "products", "sources"):
        template = json.loads((mnt / kind / ".template.json").read_text())
        filled = {k: values[k] if v == "" else v for k, v in template.items()}
        mark = crm.mark()
        (mnt / kind / "new.json").write_text(json.dumps(filled, indent=2))
        post = next(r for r in crm.log(mark) if r.method == "POST")
        assert None not in post.body.values() and set(post.body) == {k for k, v in template.items() if v == ""}


def test_crawlers_do_not_spend_a_request_on_a_template(crm, mnt, tmp_path):
    copy = tmp_path / "updatedb"
    copy.write_bytes(open("/bin/cat", "rb").read())
    copy.chmod(0o755)
    with crm.expect(requests=0):
        assert run(copy, mnt / "contacts" / ".template.json").returncode != 0
        assert run(copy, mnt / "README.md").returncode == 0
