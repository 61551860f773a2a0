# SPDX-License-Identifier: MIT
"""The simulated CRM has the product's quirks (concord-api.md); sections are named in the tests."""
import http.client
import json
import urllib.parse

import pytest


class Api:
    def __init__(self, crm, **headers):
        self.crm, self.headers = crm, {"Authorization": f"Bearer {crm.token}", **headers}

    def __call__(self, method, path, body=None, **query):
        conn = http.client.HTTPConnection(urllib.parse.urlsplit(self.crm.url).netloc)
        url = f"/api{path}" + ("?" + urllib.parse.urlencode(query) if query else "")
        conn.request(method, url, json.dumps(body) if body is not None else None, self.headers)
        self.answer = conn.getresponse()
        text = self.answer.read()
        conn.close()
        return self.answer.status, json.loads(text) if text else None


@pytest.fixture
def api(start_crm):
    return Api(start_crm(records=40))


def test_a_list_is_an_envelope_and_a_record_is_bare(api):
    status, page = api("GET", "/contacts")
    assert status == 200 and set(page) == {"data", "links", "meta"}
    assert page["meta"]["per_page"] == 15 and page["meta"]["total"] == 40 and page["meta"]["last_page"] == 3
    assert api("GET", "/contacts/1")[1]["id"] == 1


@pytest.mark.parametrize("junk", ["0", "-3", "x", ""])
def test_a_junk_page_is_the_first(api, junk):
    assert api("GET", "/contacts", page=junk)[1]["meta"]["current_page"] == 1


def test_a_page_past_the_end_is_empty(api):
    page = api("GET", "/contacts", page=50)[1]
    assert page["data"] == [] and page["meta"]["from"] is None and page["links"]["next"] is None


def test_links_lose_every_parameter_but_the_page(api):
    assert api("GET", "/contacts", per_page=10, order="id")[1]["links"]["next"].endswith("/api/contacts?page=2")


def test_contacts_come_by_first_name_and_in_any_order_asked_for(api):
    names = [r["first_name"].lower() for r in api("GET", "/contacts", per_page=100)[1]["data"]]
    assert names == sorted(names)
    ids = [r["id"] for r in api("GET", "/contacts", per_page=100, order="id|desc")[1]["data"]]
    assert ids == sorted(ids, reverse=True)
    array = {"order[0][field]": "updated_at", "order[0][direction]": "desc", "order[1][field]": "id",
             "order[1][direction]": "desc"}
    rows = api("GET", "/contacts", per_page=100, **array)[1]["data"]
    assert rows == sorted(rows, key=lambda r: (r["updated_at"], r["id"]), reverse=True)


@pytest.mark.parametrize("order", ["no_such_column", "id|sideways"])
def test_an_unknown_order_is_a_500(api, order):
    assert api("GET", "/contacts", order=order)[0] == 500


def changed_since(rule, value, operator="greater_or_equal"):
    base = "filters[children][0][query]"
    return {"filters[condition]": "and", "filters[children][0][type]": "rule", f"{base}[type]": "date",
            f"{base}[rule]": rule, f"{base}[operator]": operator, f"{base}[value]": value}


def test_changed_since_filters_and_an_unknown_rule_is_ignored(api):
    api.crm.advance(1_000)
    api.crm.change("contacts", 7, job_title="New")
    since = api.crm.get("contacts", 7)["updated_at"]
    assert [r["id"] for r in api("GET", "/contacts", **changed_since("updated_at", since))[1]["data"]] == [7]
    assert api("GET", "/contacts", **changed_since("colour", since))[1]["meta"]["total"] == 40
    assert api("GET", "/notes", **changed_since("updated_at", since))[1]["meta"]["total"] == 20
    assert api("GET", "/contacts", **changed_since("updated_at", "yesterday"))[0] == 500


def test_single_records_have_what_list_items_lack(api):
    item = api("GET", "/contacts", order="id")[1]["data"][0]
    single = api("GET", "/contacts/1")[1]
    assert {"actions", "associations_count", "companies", "media", "notes_count"} <= set(single) - set(item)
    assert all(single[k] == item[k] for k in ("first_name", "cf_region", "phones", "user", "updated_at"))


def test_slashes_and_letters_beyond_ascii_are_escaped(api):
    api.crm.change("contacts", 1, city="Umeå/Nord")
    conn = http.client.HTTPConnection(urllib.parse.urlsplit(api.crm.url).netloc)
    conn.request("GET", "/api/contacts/1", headers=api.headers)
    assert b'"Ume\\u00e5\\/Nord"' in conn.getresponse().read()


def test_put_is_partial_trims_and_takes_empty_for_null(api):
    before = api("GET", "/contacts/1")[1]
    status, after = api("PUT", "/contacts/1", {"job_title": "  Chief  ", "city": "", "no_such": 1, "id": 9})
    assert status == 200 and after["job_title"] == "Chief" and after["city"] is None
    assert after["last_name"] == before["last_name"] and after["id"] == 1


def test_updated_at_moves_only_when_something_changed(api):
    api.crm.advance(50)
    before = api("GET", "/contacts/1")[1]
    assert api("PUT", "/contacts/1", {"first_name": before["first_name"]})[1]["updated_at"] == before["updated_at"]
    assert api("PUT", "/contacts/1", {"first_name": "X"})[1]["updated_at"] > before["updated_at"]


def test_a_refused_value_is_a_422_with_words(api):
    status, body = api("PUT", "/contacts/1", {"email": "nope", "first_name": None})
    assert status == 422 and set(body["errors"]) == {"email", "first_name"}
    assert "(and 1 more error)" in body["message"]
    assert api("PUT", "/contacts/1", {"email": "ola@example.com"})[0] == 422, "a user's address"


def test_tags_are_written_as_names_and_objects_are_a_500(api):
    assert [t["name"] for t in api("PUT", "/contacts/1", {"tags": ["VIP", "vip"]})[1]["tags"]] == ["VIP"]
    assert api("PUT", "/contacts/1", {"tags": [{"id": 1, "name": "VIP"}]})[0] == 500
    assert api("PUT", "/contacts/1", {"tags": None})[1]["tags"] != []
    assert api("PUT", "/contacts/1", {"tags": []})[1]["tags"] == []


def test_select_cannot_be_cleared_and_takes_labels(api):
    assert api("PUT", "/contacts/1", {"cf_region": "south"})[1]["cf_region"] == 15
    assert api("PUT", "/contacts/1", {"cf_region": None})[1]["cf_region"] == 15
    assert api("PUT", "/contacts/1", {"cf_region": "Noth"})[1]["cf_region"] > 900, "a typo makes an option"


def test_multi_options_are_read_as_objects_and_written_as_ids(api):
    got = api("PUT", "/contacts/1", {"cf_interests": [31, "service"]})[1]["cf_interests"]
    assert [o["name"] for o in got] == ["Pumps", "Service"]
    assert api("PUT", "/contacts/1", {"cf_interests": []})[1]["cf_interests"] == []


def test_numeric_null_reads_zero_and_three_decimals_are_the_most(api):
    assert api("PUT", "/contacts/1", {"cf_score": None})[1]["cf_score"] == 0
    assert api("PUT", "/contacts/1", {"cf_score": 1.2345})[0] == 422


def test_a_source_that_does_not_exist_is_made(api):
    contact = api("PUT", "/contacts/1", {"source_id": 9999})[1]
    assert contact["source"]["name"] == "9999"
    assert api("PUT", "/contacts/1", {"user_id": 9999})[0] == 422


def test_a_deals_pipeline_follows_its_stage_and_won_to_lost_is_a_409(api):
    assert api("PUT", "/deals/1", {"pipeline_id": 1})[0] == 422
    assert api("PUT", "/deals/1", {"pipeline_id": 1, "stage_id": 6})[1]["pipeline_id"] == 2
    api.crm.change("deals", 1, status="won")
    assert api("PUT", "/deals/1", {"status": "lost"})[0] == 409
    assert api("PUT", "/deals/1", {"status": "open"})[0] == 200
    assert "lost_date" in api("PUT", "/deals/1", {"status": "lost"})[1]


def test_time_in_stages_is_never_the_same_twice(api):
    first = api("GET", "/deals/1")[1]["time_in_stages"]
    api.crm.advance(1)
    assert api("GET", "/deals/1")[1]["time_in_stages"] != first


def test_an_activitys_dates_travel_together(api):
    assert api("PUT", "/activities/1", {"due_date": "2025-01-01"})[0] == 422
    both = {"due_date": "2025-01-01", "end_date": "2025-01-02"}
    assert api("PUT", "/activities/1", both)[1]["due_date"] == "2025-01-01"


def test_notes_need_their_context_on_every_put(api):
    assert api("PUT", "/notes/1", {"body": "x"})[0] == 422
    assert api("PUT", "/notes/1", {"body": "x", "via_resource": "contacts", "via_resource_id": 1})[0] == 200


def test_post_is_201_and_only_then_recently_created(api):
    status, made = api("POST", "/contacts", {"first_name": "Nova"})
    assert status == 201 and made["was_recently_created"] is True
    assert api("GET", f"/contacts/{made['id']}")[1]["was_recently_created"] is False
    assert api("POST", "/contacts", {"last_name": "Only"})[0] == 422


def test_the_trash_keeps_restores_and_forgets(api):
    assert api("DELETE", "/contacts/3") == (204, None)
    assert api("GET", "/contacts/3")[0] == 404
    assert [r["id"] for r in api("GET", "/trashed/contacts")[1]["data"]] == [3]
    assert api("POST", "/trashed/contacts/3")[0] == 200 and api("GET", "/contacts/3")[0] == 200
    assert api("DELETE", "/notes/3")[0] == 204 and api("GET", "/trashed/notes")[0] == 500


def test_errors_have_the_products_bodies(api):
    assert api("PATCH", "/contacts/1", {})[0] == 405
    assert api("GET", "/nonsense")[0] == 404
    assert Api(api.crm, Authorization="Bearer 9|x")("GET", "/me") == (401, {"message": "Unauthenticated."})
    assert Api(api.crm, Origin="http://x")("GET", "/me")[0] == 419
    api.crm.forbid("notes")
    assert api("GET", "/notes") == (403, {"message": "This action is unauthorized."})


def test_the_rate_window_is_a_fixed_minute_a_user(start_crm):
    api = Api(start_crm(records=4, rate=3))
    left = []
    for _ in range(3):
        assert api("GET", "/contacts/999999")[0] == 404
        left.append(api.answer.headers["X-RateLimit-Remaining"])
    assert left == ["2", "1", "0"]
    assert api("GET", "/me") == (429, {"message": "Too Many Attempts."})
    assert 50 <= int(api.answer.headers["Retry-After"]) <= 61
    assert Api(api.crm, Authorization="Bearer 9|x")("GET", "/me")[0] == 401, "which is not counted"
    assert Api(api.crm, Authorization="Bearer 2|second-token-not-secret")("GET", "/me")[0] == 200
    api.crm.advance(61)
    assert api("GET", "/me")[0] == 200


def test_field_metadata_names_all_types(api):
    kinds = {f["customField"]["field_type"] for r in ("contacts", "companies", "deals", "products")
             for f in api("GET", f"/{r}/create-fields")[1] if f["customField"]}
    assert kinds == {"Boolean", "Checkbox", "Date", "DateTime", "Email", "MultiSelect", "Number", "Numeric",
                     "Radio", "Select", "Text", "Textarea", "Timezone", "ColorSwatch", "Url"}


def test_every_answer_names_the_version(api):
    api("GET", "/me")
    assert api.answer.headers["X-App-Version"] == "1.6.0"
