# SPDX-License-Identifier: MIT
"""The written form of every member (design 1.4): what a person types, in the form that is read or in
the form that is written, becomes what the API takes; what it would swallow is refused in words."""
import errno
import json
import os
import signal

import pytest

from conftest import until
from test_refused import has_words, refused, words_of
from test_save import edited, writes

# (collection, member, stored before, typed, sent, then another form of the same)
FORMS = [
    # Custom fields: each type in the form that is read and in the form that is written.
    ("contacts", "cf_region", 14, 15, 15, "South"),
    ("contacts", "cf_region", 14, "south", 15, {"id": 15, "name": "South"}),
    ("contacts", "cf_interests", [31], [{"id": 31, "name": "Pumps"}, {"id": 33, "name": "Service"}], [31, 33],
     ["Pumps", "Service"]),
    ("contacts", "cf_interests", [31], ["Pumps", 32], [31, 32], "pumps, valves"),
    ("contacts", "cf_interests", [31], [{"id": 31, "name": "Valves"}], [32], [32]),
    ("contacts", "cf_interests", [31], None, [], []),
    ("contacts", "cf_birthday", "1984-05-06T00:00:00.000000Z", "1985-05-06", "1985-05-06",
     "1985-05-06T00:00:00.000000Z"),
    ("contacts", "cf_birthday", "1984-05-06T00:00:00.000000Z", "1985-05-06T00:00:00.000000Z", "1985-05-06",
     "1985-05-06"),
    ("contacts", "cf_score", 1, 12.125, 12.125, 12.1250),
    ("contacts", "cf_score", 1, "7.5", None, 7.5),
    ("contacts", "cf_newsletter", False, True, True, True),
    ("contacts", "cf_newsletter", False, 1, True, True),
    ("contacts", "cf_nickname", None, "Mo", "Mo", "Mo"),
    ("contacts", "cf_private_email", None, "m@example.org", "m@example.org", "m@example.org"),
    ("contacts", "cf_timezone", None, "Europe/Oslo", "Europe/Oslo", "Europe/Oslo"),
    ("companies", "cf_employees", 5, 12, 12, 12),
    ("companies", "cf_employees", 5, "12", None, 12),
    ("companies", "cf_size", 41, 42, 42, "Medium"),
    ("companies", "cf_size", 41, "large", 43, 43),
    ("companies", "cf_certificates", [51], [51, 52], [51, 52], ["ISO 9001", "ISO 14001"]),
    ("companies", "cf_certificates", [51], ["iso 14001"], [52], [{"id": 52, "name": "ISO 14001"}]),
    ("companies", "cf_website", None, "https://acme.example/", "https://acme.example/", "https://acme.example/"),
    ("companies", "cf_about", None, "two\nlines", "two\nlines", "two\nlines"),
    ("deals", "cf_demo_at", "2025-03-01T09:30:00.000000Z", "2025-03-02 10:00:00", "2025-03-02 10:00:00",
     "2025-03-02T10:00:00.000000Z"),
    ("deals", "cf_demo_at", "2025-03-01T09:30:00.000000Z", "2025-03-02T12:00:00+02:00", "2025-03-02 10:00:00",
     "2025-03-02 10:00:00"),
    ("deals", "cf_colour", None, "#aabbcc", "#aabbcc", "#aabbcc"),
    ("products", "cf_weight", 1, 2.5, 2.5, 2.50),
    # Built-in ones.
    ("contacts", "user_id", 1, 2, 2, 2),
    ("deals", "expected_close_date", "2025-03-31T00:00:00.000000Z", "2025-04-30", "2025-04-30",
     "2025-04-30T00:00:00.000000Z"),
    ("contacts", "phones", [], [{"number": "+15550100", "type": "work"}],
     [{"number": "+15550100", "type": "work"}], [{"number": "+15550100", "type": "work"}]),
]


def record_of(crm, mnt, kind, **members):
    if not crm.count(kind):
        crm.fill(kind, 3)
    record = crm.ids(kind)[0]
    if members:
        crm.change(kind, record, **members)
    return mnt / kind / f"{record}.json", record


def puts(crm, mark):
    return [r.body for r in writes(crm, mark)]


@pytest.mark.parametrize("kind, member, before, typed, sent, again", FORMS)
def test_a_member_is_taken_in_every_form(crm, mnt, kind, member, before, typed, sent, again):
    path, _ = record_of(crm, mnt, kind, **{member: before})
    text = edited(path, **{member: typed})
    mark = crm.mark()
    path.write_bytes(text)
    body, = puts(crm, mark)
    assert list(body) == [member]
    assert sent is None or (body[member] == sent and type(body[member]) is type(sent))
    shown = path.read_bytes()
    with crm.expect(requests=0):  # the same in another form is no change
        path.write_bytes(edited(path, **{member: again}))
        path.write_bytes(shown)
    assert not has_words(path)


def test_the_fields_are_asked_for_once_and_only_when_needed(crm, mnt):
    path, record = record_of(crm, mnt, "contacts", cf_region=14)
    other = mnt / "contacts" / f"{crm.ids('contacts')[1]}.json"
    path.read_bytes(), other.read_bytes()
    with crm.expect(("PUT", f"/contacts/{record}", {"city": "Oslo"})):
        path.write_bytes(edited(path, city="Oslo"))
    with crm.expect(("GET", "/contacts/create-fields"), ("PUT", f"/contacts/{record}", {"cf_region": 15})):
        path.write_bytes(edited(path, cf_region="South"))
    with crm.expect(("PUT", f"/contacts/{other.stem}")):
        other.write_bytes(edited(other, cf_nickname="Mo"))


# What the API would swallow without a word

SWALLOWED = [
    ("contacts", {"cf_region": 14}, {"cf_region": None}, "cf_region", "North"),
    ("contacts", {"cf_region": 14}, {"cf_region": ""}, "cf_region", "North"),
    ("companies", {"cf_size": 41}, {"cf_size": None}, "cf_size", "Small"),
    ("contacts", {"cf_region": 14}, {"cf_region": "Nroth"}, "cf_region", "North (14), South (15)"),
    ("contacts", {"cf_region": 14}, {"cf_region": 99}, "cf_region", "North (14), South (15)"),
    ("contacts", {"cf_interests": [31]}, {"cf_interests": ["Pumps", "Vlaves"]}, "cf_interests", "Valves (32)"),
    ("contacts", {"cf_score": 1}, {"cf_score": 1.2345}, "cf_score", "3 decimals"),
    ("contacts", {"cf_score": 1}, {"cf_score": -1}, "cf_score", ""),
    ("contacts", {"cf_birthday": None}, {"cf_birthday": "2025-02-30"}, "cf_birthday", "2025-03-31"),
    ("contacts", {"cf_newsletter": False}, {"cf_newsletter": "maybe"}, "cf_newsletter", "true or false"),
    ("companies", {"cf_employees": 5}, {"cf_employees": 1.5}, "cf_employees", ""),
    ("deals", {"cf_colour": None}, {"cf_colour": "red"}, "cf_colour", "#4ade80"),
    ("contacts", {"source_id": None}, {"source_id": 9999}, "source_id", "Web"),
    ("contacts", {"source_id": None}, {"source_id": "Wbe"}, "source_id", "Web"),
    ("companies", {"industry_id": None}, {"industry_id": "Manufactoring"}, "industry_id", ""),
    ("contacts", {"phones": []}, {"phones": [{"number": "+15550100", "type": "private"}]}, "phones", "mobile"),
    ("contacts", {"phones": []}, {"phones": [{"type": "work"}]}, "phones", "number"),
    ("contacts", {"tags": []}, {"tags": ["No such tag"]}, "tags", "create_labels"),
    ("contacts", {}, {"display_name": "Mo"}, "display_name", ""),
    ("contacts", {}, {"frist_name": "Mo"}, "frist_name", "not a member"),
]


@pytest.mark.parametrize("kind, stored, typed, member, says", SWALLOWED)
def test_what_the_api_would_swallow_is_refused_in_words(crm, mnt, kind, stored, typed, member, says):
    path, _ = record_of(crm, mnt, kind, **stored)
    mark = crm.mark()
    text = edited(path, **typed)
    refused(path, text)
    assert puts(crm, mark) == []
    told = next(line for line in words_of(path).splitlines() if f" {member}" in line)
    line = next(n for n, t in enumerate(text.decode().splitlines(), 1) if f'"{member}"' in t)
    assert told.startswith(f"{path.name}:") and int(told.split(":")[1]) >= line, told
    assert says in told, told


def test_all_that_is_wrong_is_told_at_once(crm, mnt):
    path, _ = record_of(crm, mnt, "contacts", cf_region=14, cf_score=1)
    refused(path, edited(path, cf_region="Nroth", cf_score=1.2345, frist_name="Mo"))
    told = words_of(path)
    assert all(member in told for member in ("cf_region", "cf_score", "frist_name"))


def test_an_option_that_was_made_meanwhile_is_found(crm, mnt):
    path, record = record_of(crm, mnt, "contacts", cf_region=14)
    path.write_bytes(edited(path, cf_region=15))
    made = crm.insert("sources", name="Podcast")
    with crm.expect(("GET", "/contacts/create-fields"), ("PUT", f"/contacts/{record}", {"source_id": made})):
        path.write_bytes(edited(path, source_id="Podcast"))


def test_create_labels_lets_a_save_make_an_option_a_source_and_a_tag(crm, mounts):
    mnt = mounts(crm, create_labels=True)
    path, _ = record_of(crm, mnt, "contacts", cf_region=14, tags=[])
    mark = crm.mark()
    path.write_bytes(edited(path, cf_region="Centre", source_id="Podcast", tags=["New one"]))
    assert puts(crm, mark) == [{"cf_region": "Centre", "source_id": "Podcast", "tags": ["New one"]}]
    assert json.loads(path.read_bytes())["source"]["name"] == "Podcast"


def test_tags_are_objects_or_names_in_the_file_and_names_on_the_wire(crm, mnt):
    path, record = record_of(crm, mnt, "contacts")
    other = mnt / "contacts" / f"{crm.ids('contacts')[1]}.json"
    crm.fill("contacts", 60)
    tags = {t["name"] for i in crm.ids("contacts") for t in crm.get("contacts", i)["tags"]}
    one, two = sorted(tags)[:2]
    os.listdir(path.parent)
    crm.change("contacts", record, tags=[])
    for typed, sent in [([one], [one]), ([{"id": 0, "name": two.upper()}], [two]), (f"{one}, {two}", [one, two]),
                        ([], [])]:
        mark = crm.mark()
        path.write_bytes(edited(path, tags=typed))
        assert [[t.lower() for t in b["tags"]] for b in puts(crm, mark)] == [[t.lower() for t in sent]]
    assert other.exists()


# Owners, stages, sources by what a person would write


def test_an_embedded_object_means_what_it_says(crm, mnt):
    path, _ = record_of(crm, mnt, "contacts", user_id=1, source_id=None)
    users = {i: crm.get("users", i)["name"] for i in crm.ids("users")}
    source = crm.ids("sources")[0]
    name = crm.get("sources", source)["name"]
    for typed, sent in [({"user": {"id": 2}}, {"user_id": 2}),
                        ({"user": {"id": 2, "name": users[3]}}, {"user_id": 3}),  # the name was edited
                        ({"user_id": users[1]}, {"user_id": 1}),
                        ({"user": None}, {"user_id": None}),
                        ({"source": name.lower()}, {"source_id": source}),
                        ({"source": {"name": name}, "city": "Oslo"}, {"city": "Oslo"}),
                        ({"source": None}, {"source_id": None})]:
        mark = crm.mark()
        path.write_bytes(edited(path, **typed))
        assert puts(crm, mark) == [sent], typed


def test_an_owner_and_its_number_that_disagree_are_refused(crm, mnt):
    path, _ = record_of(crm, mnt, "contacts", user_id=1)
    mark = crm.mark()
    refused(path, edited(path, user_id=2, user={"id": 3, "name": crm.get("users", 3)["name"]}))
    assert puts(crm, mark) == [] and "user" in words_of(path)


def stages(crm):
    """{pipeline id: [stage]}"""
    found = {}
    for i in crm.ids("pipeline-stages"):
        stage = crm.get("pipeline-stages", i)
        found.setdefault(stage["pipeline_id"], []).append(stage)
    return found


def a_deal(crm, mnt):
    """A deal, its pipeline's stages, those of another pipeline (which has stages of the same names)."""
    path, record = record_of(crm, mnt, "deals")
    mine = crm.get("deals", record)["pipeline_id"]
    other = crm.insert("pipelines", name="Renewals")
    for stage in stages(crm)[mine]:
        crm.insert("pipeline-stages", name=stage["name"], win_probability=5, display_order=1, pipeline_id=other)
    return path, record, stages(crm)[mine], stages(crm)[other]


@pytest.mark.parametrize("typed", [lambda s: {"stage": {"name": s}}, lambda s: {"stage_id": s.lower()},
                                   lambda s: {"stage": s}])
def test_a_stage_is_found_by_name_within_the_deals_pipeline(crm, mnt, typed):
    path, record, mine, _ = a_deal(crm, mnt)
    now = crm.get("deals", record)["stage_id"]
    want = next(s for s in mine if s["id"] != now)
    mark = crm.mark()
    path.write_bytes(edited(path, **typed(want["name"])))
    assert puts(crm, mark) == [{"stage_id": want["id"]}]
    assert crm.get("deals", record)["stage_id"] == want["id"]


def test_a_pipeline_without_one_of_its_stages_is_refused_with_those_there_are(crm, mnt):
    path, record, _, other = a_deal(crm, mnt)
    mark = crm.mark()
    refused(path, edited(path, pipeline_id=other[0]["pipeline_id"]))
    assert puts(crm, mark) == []
    assert all(str(s["id"]) in words_of(path) for s in other)
    mark = crm.mark()
    path.write_bytes(edited(path, stage_id=other[1]["id"]))  # the refused text is the file's content
    assert puts(crm, mark) == [{"pipeline_id": other[0]["pipeline_id"], "stage_id": other[1]["id"]}]
    assert json.loads(path.read_bytes())["pipeline"]["id"] == other[0]["pipeline_id"]


def test_a_won_deal_is_lost_through_open(crm, mnt):
    path, record = record_of(crm, mnt, "deals", status="won")
    with crm.expect(("GET", f"/deals/{record}"), ("PUT", f"/deals/{record}", {"status": "open"}),
                    ("PUT", f"/deals/{record}", {"status": "lost", "lost_reason": "Price"})):
        path.write_bytes(edited(path, status="lost", lost_reason="Price"))
    assert crm.get("deals", record)["status"] == "lost"


def test_the_amount_of_a_deal_with_products_is_refused(crm, mnt):
    path, record = record_of(crm, mnt, "deals")
    crm.change("deals", record, billable={"tax_type": "exclusive", "products": [
        {"id": 1, "name": "Pump", "unit_price": 10, "qty": 2}]})
    mark = crm.mark()
    refused(path, edited(path, amount=4711))
    assert puts(crm, mark) == [] and "amount" in words_of(path) and "products" in words_of(path)


def test_an_activitys_dates_travel_together_in_either_form(crm, mnt):
    path, record = record_of(crm, mnt, "activities", due_date="2025-03-10", end_date="2025-03-11")
    mark = crm.mark()
    path.write_bytes(edited(path, due_date="2025-03-09"))
    assert puts(crm, mark) == [{"due_date": "2025-03-09", "end_date": "2025-03-11"}]
    mark = crm.mark()
    path.write_bytes(edited(path, due_date="2025-03-09T10:00:00.000000Z"))
    body, = puts(crm, mark)
    assert body["end_date"] == "2025-03-11" and crm.get("activities", record)["due_date"].startswith(
        "2025-03-09T10:00:00")


def test_guests_are_people_in_the_file_and_numbers_on_the_wire(crm, mnt):
    crm.fill("contacts", 3)
    path, record = record_of(crm, mnt, "activities")
    contact = crm.ids("contacts")[0]
    mark = crm.mark()
    path.write_bytes(edited(path, guests=[{"id": 2, "resource_name": "users"},
                                          {"id": contact, "resource_name": "contacts"}]))
    assert puts(crm, mark) == [{"guests": {"users": [2], "contacts": [contact]}}]
    shown = json.loads(path.read_bytes())["guests"]
    assert {(g["id"], g["resource_name"]) for g in shown} == {(2, "users"), (contact, "contacts")}
    with crm.expect(requests=0):
        path.write_bytes(edited(path, guests={"users": [2], "contacts": [contact]}))


def test_associations_are_given_as_numbers(crm, mnt):
    crm.fill("companies", 3)
    path, record = record_of(crm, mnt, "contacts")
    company = crm.ids("companies")[1]
    mark = crm.mark()
    path.write_bytes(edited(path, companies=[company]))
    assert puts(crm, mark) == [{"companies": [company]}]
    assert [c["id"] for c in crm.get("contacts", record)["companies"]] == [company]


def test_an_association_that_the_server_leaves_out_is_told(crm, mnt):
    path, _ = record_of(crm, mnt, "contacts")
    refused(path, edited(path, companies=[424242]), errno.EPERM)
    assert "companies" in words_of(path)


# Notes


def a_note(crm, mnt):
    crm.fill("contacts", 2)
    contact = crm.ids("contacts")[0]
    path = mnt / "notes" / "new.json"
    path.write_bytes(json.dumps({"body": "<p>One</p>", "via_resource": "contacts", "via_resource_id": contact,
                                 "contacts": [contact]}).encode())
    record = crm.ids("notes")[-1]
    return mnt / "notes" / f"{record}.json", record, contact


def test_a_note_is_edited_without_saying_where_it_belongs(crm, mnt):
    path, record, contact = a_note(crm, mnt)
    via = {"via_resource": "contacts", "via_resource_id": contact}
    with crm.expect(("GET", f"/notes/{record}"), ("PUT", f"/notes/{record}", {"body": "<p>Two</p>", **via})):
        path.write_bytes(edited(path, body="<p>Two</p>"))
    crm.advance(2)
    with crm.expect(("PUT", f"/notes/{record}", {"body": "<p>Three</p>", **via})):
        path.write_bytes(edited(path, body="<p>Three</p>"))


def test_a_note_that_belongs_nowhere_is_told_what_to_add(crm, mnt):
    note = crm.insert("notes", body="<p>Alone</p>", user_id=1)
    path = mnt / "notes" / f"{note}.json"
    mark = crm.mark()
    refused(path, edited(path, body="<p>Two</p>"))
    assert puts(crm, mark) == [] and "via_resource" in words_of(path)


# New records


def test_a_new_record_takes_the_same_forms(crm, mnt):
    mark = crm.mark()
    (mnt / "contacts" / "new.json").write_bytes(json.dumps({
        "first_name": "Mo", "user": {"name": crm.get("users", 2)["name"]}, "cf_region": "south",
        "cf_interests": ["Pumps"], "cf_birthday": "1984-05-06T00:00:00.000000Z"}).encode())
    body, = puts(crm, mark)
    assert body == {"first_name": "Mo", "user_id": 2, "cf_region": 15, "cf_interests": [31],
                    "cf_birthday": "1984-05-06"}


def test_a_new_record_with_a_wrong_option_is_refused_before_it_is_sent(crm, mnt):
    path = mnt / "contacts" / "new.json"
    mark = crm.mark()
    refused(path, b'{\n  "first_name": "Mo",\n  "cf_region": "Nroth"\n}\n')
    assert puts(crm, mark) == [] and "new.json:3:" in words_of(path) and "North" in words_of(path)


def test_a_server_without_field_metadata_is_served_by_shape(crm, mnt):
    path, record = record_of(crm, mnt, "contacts", cf_interests=[31])
    crm.fault(path="create-fields", status=404, body={"message": ""}, times=1_000)
    mark = crm.mark()
    path.write_bytes(edited(path, cf_interests=[{"id": 32, "name": "Valves"}], cf_nickname="Mo"))
    assert puts(crm, mark) == [{"cf_interests": [32], "cf_nickname": "Mo"}]


def test_a_server_that_answers_the_same_page_for_ever_is_not_asked_for_ever(crm, mounts):
    crm.fill("deals", 3)
    path = mounts(crm) / "deals" / f"{crm.ids('deals')[0]}.json"
    deal = json.loads(path.read_bytes())
    crm.fault(method="GET", path="/pipeline-stages", times=None, body={
        "data": [{"id": 1, "name": "X"}], "meta": {"current_page": 1, "per_page": 1, "total": 2, "last_page": 2}})
    deal["stage"] = {"name": "Nowhere"}
    with crm.expect(requests=2), pytest.raises(OSError):
        path.write_text(json.dumps({k: v for k, v in deal.items() if k != "stage_id"}))


def test_options_are_checked_again_once_the_token_is_accepted_again(crm, mounts, tmp_path):
    crm.fill("contacts", 3)
    token = tmp_path / "token"
    token.write_text(crm.token)
    token.chmod(0o600)
    mnt = mounts(crm, ttl=3600, token_file=token)
    path = mnt / "contacts" / f"{crm.ids('contacts')[0]}.json"
    text = edited(path, cf_region="Nowhere")
    crm.rotate("1|nobody-told-us")
    refused(path, text, errno.EACCES)
    token.write_text(crm.token)
    mnt.proc.send_signal(signal.SIGHUP)
    until(lambda: "the token was replaced" in mnt.log(), what="the reload")
    mark = crm.mark()
    refused(path, text)
    assert writes(crm, mark) == [] and "Nowhere" in words_of(path)
