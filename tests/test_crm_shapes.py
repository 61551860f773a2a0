# SPDX-License-Identifier: MIT
"""The simulated CRM's JSON, errors, limits and permissions (concord-api.md 1, 3, 8)."""
import re

import pytest

from crm.ask import Ask
from crm.client import Crm


@pytest.fixture(scope="module")
def ask():
    """Read only: all tests here share one server."""
    crm = Crm.start(records=200)
    yield Ask(crm)
    crm.stop()


@pytest.fixture
def own(start_crm):
    return Ask(start_crm(records=40))


def both(ask, kind):
    """A list item, and the same record alone."""
    item = ask.get(f"/{kind}", order="id")["data"][3]
    return item, ask.get(f"/{kind}/{item['id']}")


@pytest.mark.parametrize("kind, lacks", [
    ("contacts", {"companies", "deals", "media", "notes_count"}), ("companies", {"contacts", "parents", "media"}),
    ("deals", {"contacts", "companies", "media"}), ("activities", {"contacts", "companies", "deals"}),
    ("notes", set()), ("products", set())])
def test_a_list_item_lacks_only_what_is_costly(ask, kind, lacks):
    item, single = both(ask, kind)
    assert set(single) - set(item) >= lacks | {"actions", "associations_count"}
    volatile = {"time_in_stages", "pipeline"}
    assert {k: v for k, v in item.items() if k not in volatile and k != "contact"} == {
        k: v for k, v in single.items() if k in item and k not in volatile}


def test_stages_are_inside_the_pipeline_of_a_single_deal_only(ask):
    item, single = both(ask, "deals")
    assert "stages" not in item["pipeline"] and len(single["pipeline"]["stages"]) == 5


def test_members_come_in_the_products_order(ask):
    keys = list(both(ask, "contacts")[1])
    marks = ["id", "display_name", "path", "created_at", "updated_at", "authorizations", "was_recently_created",
             "first_name", "cf_region", "actions", "associations_count"]
    assert [k for k in keys if k in marks] == marks


def test_the_embedded_owner_is_a_whole_user_and_heavy_for_an_admin(ask):
    row = next(r for r in ask.get("/contacts", per_page=50)["data"] if r["user"])
    user = row["user"]
    assert user["email"] and len(user["notifications"]["settings"]) == 20
    seen = Ask(ask.crm, ask.crm.second_token).get(f"/contacts/{row['id']}")["user"]
    assert seen["notifications"] == [] or seen["id"] == 2


def test_me_is_the_tokens_user_with_its_permissions(ask):
    assert ask.get("/me")["super_admin"] is True and "permissions" in ask.get("/me")
    assert Ask(ask.crm, ask.crm.second_token).get("/me")["name"] == "Mara Quist"


def test_text_is_escaped_as_php_does(own):
    own.crm.change("contacts", 1, city="Umeå/\u0007 😀")
    own.get("/contacts/1")
    assert b'"Ume\\u00e5\\/\\u0007 \\ud83d\\ude00"' in own.raw


@pytest.mark.parametrize("stored, printed", [(1250.0, b"1250"), (99.5, b"99.5"), (0.1, b"0.1"), (-3, b"-3")])
def test_floats_are_printed_shortest(own, stored, printed):
    own.crm.change("deals", 1, amount=stored)
    own.get("/deals/1")
    assert re.search(rb'"amount":([^,]+),', own.raw)[1] == printed


def test_time_in_stages_is_never_the_same_twice(ask):
    assert ask.get("/deals/1")["time_in_stages"] != ask.get("/deals/1")["time_in_stages"]


def test_an_empty_map_prints_as_a_list(own):
    own.crm.change("deals", 1, stage_id=None, raw=True)
    assert own.get("/deals/1")["time_in_stages"] == []


def test_what_depends_on_the_time_moves_no_updated_at(own):
    own.put("/activities/1", due_date="2031-01-01", end_date="2031-01-01", is_completed=False)
    before = own.get("/activities/1")
    own.crm.now(1_990_000_000)
    after = own.get("/activities/1")
    assert (before["is_due"], after["is_due"]) == (False, True)
    assert before["updated_at"] == after["updated_at"]


def test_renaming_a_source_changes_contacts_silently(own):
    row = next(r for r in own.get("/contacts", per_page=50)["data"] if r["source_id"] == 1)
    own.put("/sources/1", name="World Wide Web")
    again = own.get(f"/contacts/{row['id']}")
    assert again["source"]["name"] == "World Wide Web" and again["updated_at"] == row["updated_at"]
    assert own.ids("/contacts") and own.get("/contacts", q=f"id:{row['id']}")["data"][0]["source"] == again["source"]


def test_a_lost_deal_has_its_date_and_others_have_none(ask):
    for deal in ask.get("/deals", per_page=100)["data"]:
        assert ("lost_date" in deal, "won_date" in deal) == (deal["status"] == "lost", deal["status"] == "won")


def test_a_parent_company_is_embedded_whole_but_childless(ask):
    child = next(c for c in ask.get("/companies", per_page=50)["data"] if c["parent"])
    assert child["parent"]["name"] and child["parent"]["parent"] is None
    parents = ask.get(f"/companies/{child['parent_company_id']}")["parents"]
    assert child["id"] in [c["id"] for c in parents]


def test_all_fifteen_custom_field_types_are_there(ask):
    fields = [f["customField"] for kind in ("contacts", "companies", "deals", "products")
              for f in ask.get(f"/{kind}/index-fields") if f["customField"]]
    assert {f["field_type"] for f in fields} == {
        "Boolean", "Checkbox", "Date", "DateTime", "Email", "MultiSelect", "Number", "Numeric", "Radio", "Select",
        "Text", "Textarea", "Timezone", "ColorSwatch", "Url"}
    assert all(re.fullmatch("cf_[a-z_]{3,}", f["field_id"]) for f in fields)


def test_field_metadata_lists_the_choices(ask):
    fields = {f["attribute"]: f for f in ask.get("/contacts/1/update-fields")}
    assert {"id": 1, "name": "Web"} in fields["source_id"]["options"]
    assert fields["first_name"]["isRequired"] and fields["cf_region"]["customField"]["options"][0]["display_order"]


def test_the_same_seed_gives_the_same_records(start_crm):
    one, two, other = (start_crm(records=30, seed=s) for s in (4, 4, 5))
    assert one.get("contacts", 9) == two.get("contacts", 9) != other.get("contacts", 9)


# Errors

def test_without_a_token_nothing_is_told(ask):
    stranger = Ask(ask.crm, "9|wrong")
    assert stranger("GET", "/me") == (401, {"message": "Unauthenticated."})
    assert stranger.answer.headers["X-App-Version"] == "1.6.0"


@pytest.mark.parametrize("header", ["Origin", "Referer"])
def test_a_browsers_headers_are_a_419(ask, header):
    assert Ask(ask.crm, **{header: ask.crm.url})("GET", "/me") == (419, {"message": "CSRF token mismatch."})


def test_a_user_without_access_is_told_with_another_key(ask):
    status, body = Ask(ask.crm, "3|third-token-not-secret")("GET", "/contacts")
    assert status == 403 and set(body) == {"error"}


@pytest.mark.parametrize("path, message", [
    ("/contacts/99999", r"No query results for model \[Modules\\Contacts\\Models\\Contact\] 99999"),
    ("/nonsense", ""), ("/contacts/1/2/3", r"The route api/contacts/1/2/3 could not be found\.")])
def test_a_404_says_what_is_missing_if_anything(ask, path, message):
    status, body = ask("GET", path)
    assert status == 404 and re.fullmatch(message, body["message"])


@pytest.mark.parametrize("method, path, allowed", [("PATCH", "/contacts/1", "GET, HEAD, PUT, DELETE"),
                                                   ("PUT", "/contacts", "GET, HEAD, POST")])
def test_a_405_names_what_is_allowed(ask, method, path, allowed):
    assert ask(method, path, {})[0] == 405 and ask.answer.headers["Allow"] == allowed


def test_lookups_are_for_admins_to_change(ask):
    user = Ask(ask.crm, ask.crm.second_token)
    assert user("POST", "/sources", {"name": "X"}) == (403, {"message": "This action is unauthorized."})
    assert user.get("/sources/1")["authorizations"]["update"] is False


def test_a_strangers_note_is_shown_only_by_way_of_a_record(ask):
    user = Ask(ask.crm, ask.crm.second_token)
    note = next(n["id"] for n in ask.get("/notes", per_page=50)["data"] if n["user_id"] == 1)
    assert user("GET", f"/notes/{note}")[0] == 403
    assert user.get(f"/notes/{note}", via_resource="contacts", via_resource_id=1)["id"] == note
    assert user("DELETE", f"/notes/{note}")[0] == 403


def test_a_bug_would_be_a_500_with_its_name(own):
    own.crm.change("contacts", 1, raw=True, cf_interests=[31], phones=7)
    status, body = own("PUT", "/contacts/1", {"phones": ["+461"]})
    assert status == 500 and body["exception"].startswith("TypeError")


def test_the_health_check_is_html_beside_the_api(ask):
    import urllib.request
    with urllib.request.urlopen(f"{ask.crm.url}/up") as answer:
        assert answer.status == 200 and answer.headers["Content-Type"].startswith("text/html")


# The limit

def test_the_window_is_a_minute_from_the_first_counted_request(start_crm):
    ask = Ask(start_crm(records=4, rate=3))
    ask.crm.now(1_900_000_000.5)
    left = [(ask("GET", "/contacts/999999"), ask.answer.headers["X-RateLimit-Remaining"])[1] for _ in range(3)]
    assert left == ["2", "1", "0"]
    ask.crm.advance(20)
    assert ask("GET", "/me") == (429, {"message": "Too Many Attempts."})
    assert ask.answer.headers["Retry-After"] == "40"
    assert ask.answer.headers["X-RateLimit-Reset"] == "1900000060"
    ask.crm.advance(40)
    assert ask("GET", "/me")[0] == 200 and ask.answer.headers["X-RateLimit-Remaining"] == "2"


def test_a_401_is_not_counted(start_crm):
    ask = Ask(start_crm(rate=3))
    assert Ask(ask.crm, "9|wrong")("GET", "/me")[0] == 401
    assert ask.crm.budget() == {"limit": 3, "remaining": 3, "reset_in": 0}


def test_each_user_has_a_budget(start_crm):
    ask = Ask(start_crm(rate=3))
    ask.crm.spend(3)
    assert ask("GET", "/me")[0] == 429
    assert Ask(ask.crm, ask.crm.second_token)("GET", "/me")[0] == 200
    assert ask.crm.budget(user=2)["remaining"] == 2


def test_without_a_limit_there_are_no_headers(ask):
    ask.get("/me")
    assert not [h for h in ask.answer.headers if h.startswith("X-RateLimit")]


def test_a_record_is_the_same_json_however_it_is_asked_for(ask):
    assert ask.crm.get("products", 1) == ask.get("/products/1")
