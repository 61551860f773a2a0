# SPDX-License-Identifier: MIT
"""The simulated CRM's writes: what is trimmed, refused, ignored, created (concord-api.md 1.4, 3, 4, 5, 6)."""
import pytest

from crm.ask import Ask
from crm.client import Crm


@pytest.fixture(scope="module")
def shared():
    crm = Crm.start(records=40)
    yield crm
    crm.stop()


@pytest.fixture
def ask(shared):
    return Ask(shared)


@pytest.fixture
def contact(ask):
    return ask.post("/contacts", first_name="Nova", last_name="Quill")["id"]


@pytest.fixture
def deal(ask):
    return ask.post("/deals", name="Pump order", stage_id=2)["id"]


@pytest.fixture
def product(ask):
    return ask.post("/products", name="Seal kit", unit_price=5)["id"]


@pytest.fixture(autouse=True)
def tidy(shared):
    """Unique values are free again for the next test."""
    yield
    for kind in ("contacts", "products"):
        for i in shared.ids(kind):
            if i > 41:
                shared.purge(kind, i)


def errors_of(result):
    status, body = result
    assert status == 422, (status, body)
    return body["errors"]


def test_strings_are_trimmed_and_empty_ones_are_null(ask, contact):
    got = ask.put(f"/contacts/{contact}", job_title="  Chief \n", city="", street="   ")
    assert (got["job_title"], got["city"], got["street"]) == ("Chief", None, None)


def test_an_empty_put_changes_nothing(ask, contact):
    before = ask.get(f"/contacts/{contact}")
    assert ask.put(f"/contacts/{contact}") == before


def test_unknown_and_read_only_members_are_ignored(ask, contact):
    got = ask.put(f"/contacts/{contact}", shoe_size=43, display_name="X", created_at="2001-01-01", id=1)
    assert got["id"] == contact and got["display_name"] == "Nova Quill" and "shoe_size" not in got


def test_updated_at_moves_by_the_second_and_only_for_a_change(ask, contact):
    before = ask.get(f"/contacts/{contact}")["updated_at"]
    ask.crm.advance(5)
    assert ask.put(f"/contacts/{contact}", last_name="Quill")["updated_at"] == before
    assert ask.put(f"/contacts/{contact}", last_name="Quilt")["updated_at"] > before


def test_what_is_no_json_is_an_empty_body(ask, contact):
    before = ask.get(f"/contacts/{contact}")
    assert ask("PUT", f"/contacts/{contact}", ["not", "an", "object"]) == (200, before)


def test_required_members_may_be_absent_from_a_put_but_not_empty(ask, contact):
    ask.put(f"/contacts/{contact}", last_name="X")
    assert set(errors_of(ask("PUT", f"/contacts/{contact}", {"first_name": " "}))) == {"first_name"}


def test_a_422_counts_its_further_errors(ask):
    status, body = ask("POST", "/contacts", {"email": "nope", "user_id": 999})
    assert status == 422 and body["message"].endswith("(and 2 more errors)")
    assert body["errors"]["email"] == ["The email field must be a valid email address."]


def test_nothing_is_created_by_a_body_that_is_refused(ask, contact):
    sources = ask.crm.count("sources")
    errors_of(ask("PUT", f"/contacts/{contact}", {"source_id": "Brand new", "email": "nope"}))
    assert ask.crm.count("sources") == sources


def test_a_text_has_191_characters_at_most(ask, contact):
    ask.put(f"/contacts/{contact}", job_title="x" * 191)
    errors_of(ask("PUT", f"/contacts/{contact}", {"job_title": "x" * 192}))


def test_an_address_is_unique_among_contacts_and_users(ask, contact):
    taken = next(r["email"] for r in ask.get("/contacts")["data"] if r["email"])
    for email in (taken, "ola@example.com"):
        assert errors_of(ask("PUT", f"/contacts/{contact}", {"email": email}))["email"] == [
            "The email has already been taken."]


def test_phones_are_replaced_and_matched_by_number(ask, contact):
    first = ask.put(f"/contacts/{contact}", phones=[{"number": "+4611", "type": "work"}, "+4612|fax"])["phones"]
    assert [p["type"] for p in first] == ["work", "mobile"]
    again = ask.put(f"/contacts/{contact}", phones="+4611|other")["phones"]
    assert again == [{"id": first[0]["id"], "number": "+4611", "type": "other"}]
    assert ask.put(f"/contacts/{contact}", phones=None)["phones"] == []


def test_a_phone_number_is_unique_and_its_error_is_dotted(ask, contact):
    taken = ask.get("/contacts/1")["phones"][0]["number"]
    errors = errors_of(ask("PUT", f"/contacts/{contact}", {"phones": [{"number": "+4699"}, {"number": taken}]}))
    assert list(errors) == ["phones.1.number"]


def test_a_phone_without_a_number_is_a_500(ask, contact):
    assert ask("PUT", f"/contacts/{contact}", {"phones": [{"type": "work"}]})[0] == 500


def test_tags_are_names_in_any_case_and_strangers_become_tags(ask, contact):
    got = ask.put(f"/contacts/{contact}", tags="trade FAIR, Nova fans")["tags"]
    assert [t["name"] for t in got] == ["Trade fair", "Nova fans"]
    assert set(got[0]) == {"id", "name", "swatch_color", "display_order", "type"}


def test_tags_as_they_are_read_are_a_500(ask, contact):
    tags = ask.put(f"/contacts/{contact}", tags=["VIP"])["tags"]
    assert ask("PUT", f"/contacts/{contact}", {"tags": tags})[0] == 500


def test_null_tags_are_ignored_and_an_empty_list_clears(ask, contact):
    ask.put(f"/contacts/{contact}", tags=["VIP"])
    assert ask.put(f"/contacts/{contact}", tags=None)["tags"]
    assert ask.put(f"/contacts/{contact}", tags=[])["tags"] == []


def test_deals_have_tags_of_their_own(ask, contact, deal):
    mine = ask.put(f"/contacts/{contact}", tags=["Twin"])["tags"][0]
    theirs = ask.put(f"/deals/{deal}", tags=["Twin"])["tags"][0]
    assert mine["id"] != theirs["id"] and (mine["type"], theirs["type"]) == ("contacts", "deals")


def test_a_stale_source_id_makes_a_source_of_that_name(ask, contact):
    assert ask.put(f"/contacts/{contact}", source_id=9999)["source"]["name"] == "9999"
    assert ask.put(f"/contacts/{contact}", source_id="web")["source_id"] == 1
    assert ask.put(f"/contacts/{contact}", source_id=None)["source"] is None


def test_a_stale_user_or_country_is_a_422(ask, contact):
    errors = errors_of(ask("PUT", f"/contacts/{contact}", {"user_id": 9999, "country_id": 9999}))
    assert set(errors) == {"user_id", "country_id"}


def test_a_new_owner_dates_the_assignment(ask, contact):
    assert ask.put(f"/contacts/{contact}", user_id=2)["owner_assigned_date"]
    assert ask.put(f"/contacts/{contact}", user_id=None)["owner_assigned_date"] is None


def test_associations_are_replaced_by_ids_and_strangers_dropped(ask, contact):
    got = ask.put(f"/contacts/{contact}", companies=[1, 2, 99999])
    assert [c["id"] for c in got["companies"]] == [1, 2] and got["companies_count"] == 2
    assert ask.put(f"/contacts/{contact}", companies=None)["companies_count"] == 2
    assert ask.put(f"/contacts/{contact}", companies=[])["companies"] == []


def test_attaching_touches_both_sides(ask, contact):
    before = ask.get("/companies/3")["updated_at"]
    ask.crm.advance(5)
    ask.put(f"/contacts/{contact}", companies=[3])
    assert ask.get("/companies/3")["updated_at"] > before


def test_an_impossible_association_is_a_400(ask, contact):
    assert ask("PUT", f"/contacts/{contact}", {"associations": {"users": [1]}})[0] == 400


@pytest.mark.parametrize("written, read", [("south", 15), (16, 16), ("West", 17)])
def test_a_select_takes_ids_and_labels_and_reads_as_an_id(ask, contact, written, read):
    assert ask.put(f"/contacts/{contact}", cf_region=written)["cf_region"] == read


def test_a_select_and_a_radio_cannot_be_cleared(ask, contact):
    ask.put(f"/contacts/{contact}", cf_region=15)
    assert ask.put(f"/contacts/{contact}", cf_region=None)["cf_region"] == 15
    before = ask.get("/companies/1")["cf_size"]
    assert ask.put("/companies/1", cf_size="")["cf_size"] == before


def test_a_label_with_a_typo_becomes_an_option_for_everybody(ask, contact):
    made = ask.put(f"/contacts/{contact}", cf_region="Norht")["cf_region"]
    field = next(f for f in ask.get("/contacts/create-fields") if f["attribute"] == "cf_region")
    assert {"id": made, "name": "Norht", "swatch_color": None} in field["options"]


def test_multi_options_read_as_objects(ask, contact):
    got = ask.put(f"/contacts/{contact}", cf_interests=["service", 31])["cf_interests"]
    assert got == [{"id": 31, "name": "Pumps", "swatch_color": None},
                   {"id": 33, "name": "Service", "swatch_color": None}]
    assert ask.put(f"/contacts/{contact}", cf_interests=None)["cf_interests"] == got
    assert ask.put(f"/contacts/{contact}", cf_interests=[])["cf_interests"] == []
    assert ask("PUT", f"/contacts/{contact}", {"cf_interests": got})[0] == 500


@pytest.mark.parametrize("value, read", [(None, 0), ("7.5", 7.5), (3, 3), (12.125, 12.125)])
def test_a_numeric_field_reads_a_number(ask, contact, value, read):
    assert ask.put(f"/contacts/{contact}", cf_score=value)["cf_score"] == read


@pytest.mark.parametrize("value", [-1, 1.2345, "many", True])
def test_a_numeric_field_refuses_what_is_none(ask, contact, value):
    errors_of(ask("PUT", f"/contacts/{contact}", {"cf_score": value}))


@pytest.mark.parametrize("path, key, good, bad", [
    ("contacts", "cf_birthday", "2001-02-03", "soon"), ("contacts", "cf_private_email", "a@b.example", "a"),
    ("contacts", "cf_timezone", "Europe/Oslo", "Mars/Base"), ("contacts", "cf_newsletter", True, "perhaps"),
    ("companies", "cf_website", "https://x.example/", "x"), ("companies", "cf_employees", 5, 5.5),
    ("deals", "cf_demo_at", "2031-01-02 03:04:05", "noon"), ("deals", "cf_colour", "#00ff00", "green")])
def test_custom_fields_are_checked_by_type(ask, path, key, good, bad):
    ask.put(f"/{path}/1", **{key: good})
    assert set(errors_of(ask("PUT", f"/{path}/1", {key: bad}))) == {key}


def test_dates_read_back_as_midnight(ask, contact, deal):
    assert ask.put(f"/contacts/{contact}", cf_birthday="2001-02-03")["cf_birthday"] == "2001-02-03T00:00:00.000000Z"
    got = ask.put(f"/deals/{deal}", cf_demo_at="2031-01-02T03:04:05+02:00")
    assert got["cf_demo_at"] == "2031-01-02T01:04:05.000000Z"


def test_a_pipeline_needs_its_stage_and_follows_it(ask, deal):
    assert set(errors_of(ask("PUT", f"/deals/{deal}", {"pipeline_id": 2}))) == {"stage_id"}
    got = ask.put(f"/deals/{deal}", stage_id=6)
    assert got["pipeline"]["name"] == "Service" and got["stage"]["pipeline_id"] == 2
    assert [s["id"] for s in got["pipeline"]["stages"]] == [6, 7]


def test_won_becomes_lost_only_by_way_of_open(ask, deal):
    assert ask.put(f"/deals/{deal}", status="won")["won_date"]
    assert ask("PUT", f"/deals/{deal}", {"status": "lost"})[0] == 409
    assert "won_date" not in ask.put(f"/deals/{deal}", status="open")
    got = ask.put(f"/deals/{deal}", status="lost", lost_reason="Too expensive")
    assert got["lost_date"] and got["lost_reason"] == "Too expensive"


def test_the_amount_of_a_deal_with_products_is_theirs(ask, deal):
    got = ask.put(f"/deals/{deal}", billable={"products": [{"name": "Pump", "unit_price": 100, "qty": 3}]})
    assert got["amount"] == 300 and got["products_count"] == 1
    assert ask.put(f"/deals/{deal}", amount=7)["amount"] == 300


def test_an_amount_may_be_negative_and_null_reads_zero(ask, deal):
    assert ask.put(f"/deals/{deal}", amount="-12.50")["amount"] == -12.5
    assert ask.put(f"/deals/{deal}", amount=None)["amount"] == 0


@pytest.mark.parametrize("written, read", [
    ("2031-05-06", "2031-05-06"), ("2031-05-06 07:08:09", "2031-05-06T07:08:09.000000Z"),
    ("2031-05-06T07:08:09+02:00", "2031-05-06T05:08:09.000000Z"), ("2031-05-06 07:08", "2031-05-06")])
def test_an_activitys_dates_read_back_in_two_forms(ask, written, read):
    got = ask.put("/activities/1", due_date=written, end_date=written)
    assert (got["due_date"], got["end_date"]) == (read, read)


@pytest.mark.parametrize("alone, missing", [("due_date", "end_date"), ("end_date", "due_date")])
def test_an_activitys_dates_travel_together(ask, alone, missing):
    assert set(errors_of(ask("PUT", "/activities/1", {alone: "2031-01-01"}))) == {missing}


def test_a_new_activity_ends_when_it_is_due_and_is_its_makers(ask):
    got = ask.post("/activities", title="Call", due_date="2031-01-01")
    assert got["end_date"] == "2031-01-01" and got["user_id"] == got["created_by"] == 1
    assert got["type"]["name"] == "Call"


def test_guests_are_written_in_another_shape_than_read(ask):
    got = ask.put("/activities/1", guests={"users": [2], "contacts": [1]})["guests"]
    assert [(g["resource_name"], g["id"]) for g in got] == [("users", 2), ("contacts", 1)]
    assert ask("PUT", "/activities/1", {"guests": got})[0] == 500


def test_completing_an_activity_dates_it(ask):
    assert ask.put("/activities/2", is_completed=True)["completed_at"]
    assert ask.put("/activities/2", is_completed=False)["completed_at"] is None


def test_a_note_names_its_context_on_every_put_but_keeps_its_links(ask):
    note = ask.post("/notes", body="<p>x</p>", via_resource="contacts", via_resource_id=1)
    assert set(errors_of(ask("PUT", f"/notes/{note['id']}", {"body": "y"}))) == {"via_resource", "via_resource_id"}
    assert ask.get(f"/notes/{note['id']}", **{"with": "contacts"})["contacts"] == []
    ask.put(f"/notes/{note['id']}", body="y", via_resource="contacts", via_resource_id=1,
            associations={"contacts": [1]})
    assert ask.get(f"/notes/{note['id']}", **{"with": "contacts"})["contacts"][0]["id"] == 1


def test_html_is_purified(ask):
    note = ask.post("/notes", body='<p onclick="x()">a</p><script>b</script>', via_resource="deals",
                    via_resource_id=1)
    assert note["body"] == "<p>a</p>"


def test_a_call_needs_its_date_and_outcome(ask):
    assert set(errors_of(ask("POST", "/calls", {"body": "x"}))) == {"date", "call_outcome_id"}
    call = ask.post("/calls", body="x", date="2031-01-01 10:00:00", call_outcome_id="No Answer")
    assert call["outcome"]["name"] == "No Answer"
    assert ask.put(f"/calls/{call['id']}", body="y")["date"] == "2031-01-01T10:00:00.000000Z"


def test_a_products_name_and_sku_are_unique(ask, product):
    taken = ask.get("/products/1")
    errors = errors_of(ask("PUT", f"/products/{product}", {"name": taken["name"], "sku": taken["sku"]}))
    assert set(errors) == {"name", "sku"}


def test_an_accepted_document_keeps_its_content(ask):
    ask.crm.change("documents", 1, status="accepted")
    before = ask.get("/documents/1")["content"]
    assert ask.put("/documents/1", content="other")["content"] == before


def test_a_lookup_in_use_is_not_deleted(ask):
    assert ask("DELETE", "/sources/1")[0] == 409
    free = ask.post("/sources", name="Unused")["id"]
    assert ask("DELETE", f"/sources/{free}") == (204, None)


def test_a_deletion_is_undone_from_the_trash(ask, contact):
    assert ask("DELETE", f"/contacts/{contact}") == (204, None)
    assert ask("PUT", f"/contacts/{contact}", {})[0] == 404
    assert ask.ids("/trashed/contacts", order="deleted_at|desc")[0] == contact
    assert "deleted_at" not in ask.get(f"/trashed/contacts/{contact}")
    assert ask("POST", f"/trashed/contacts/{contact}")[0] == 200
    assert ask.get(f"/contacts/{contact}")["id"] == contact


def test_soft_deletion_moves_updated_at(ask, contact):
    before = ask.get(f"/contacts/{contact}")["updated_at"]
    ask.crm.advance(5)
    ask("DELETE", f"/contacts/{contact}")
    assert ask.get(f"/trashed/contacts/{contact}")["updated_at"] > before


def test_the_trash_is_emptied_in_steps(ask):
    ids = [ask.post("/deals", name="x", stage_id=1)["id"] for _ in range(3)]
    for i in ids:
        ask("DELETE", f"/deals/{i}")
    assert ask("DELETE", "/trashed/deals", limit=2) == (200, {"deleted": 2})
    assert ask("DELETE", "/trashed/deals", limit=2) == (200, {"deleted": 1})
    assert ask("GET", f"/trashed/deals/{ids[0]}")[0] == 404


def test_notes_and_calls_have_no_trash(ask):
    assert ask("DELETE", "/calls/2")[0] == 204
    assert ask("GET", "/trashed/calls")[0] == 500 and ask("GET", "/calls/2")[0] == 404


def test_a_count_follows_what_is_counted(ask, contact, deal):
    ask.put(f"/contacts/{contact}", deals=[deal])
    ask.put(f"/deals/{deal}", status="won")
    got = ask.get(f"/contacts/{contact}")
    assert (got["deals_count"], got["won_deals_count"]) == (1, 1)
    ask("DELETE", f"/deals/{deal}")
    assert ask.get(f"/contacts/{contact}")["deals_count"] == 0


def test_associations_are_attached_synced_and_detached(ask, contact):
    path = f"/associations/contacts/{contact}"
    assert ask("PUT", path, {"companies": [1]})[1]["companies_count"] == 1
    assert ask("PUT", path, {"companies": [1]})[0] == 409
    assert [c["id"] for c in ask("POST", path, {"companies": [2, 3]})[1]["companies"]] == [2, 3]
    assert ask("DELETE", path, {"companies": [2]})[1]["companies_count"] == 1
    got = ask.get(path)
    assert set(got) == {"companies", "deals"} and got["companies"][0]["is_primary_associated"] is True
