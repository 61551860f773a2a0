# SPDX-License-Identifier: MIT
"""The simulated CRM's lists: envelope, order, filters, search (concord-api.md 2)."""
import pytest

from crm.ask import Ask
from crm.client import Crm

KINDS = ["contacts", "companies", "deals", "activities", "notes", "calls", "products", "documents", "users",
         "pipelines", "pipeline-stages", "sources", "industries", "activity-types", "call-outcomes",
         "lost-reasons", "document-types", "document-templates"]


@pytest.fixture(scope="module")
def ask():
    """Read only: all tests here share one server."""
    crm = Crm.start(records=400)
    yield Ask(crm)
    crm.stop()


@pytest.fixture
def own(start_crm):
    return Ask(start_crm(records=40))


def since(value, rule="updated_at", operator="greater_or_equal", group="filters", condition="and"):
    child = f"{group}[children][0]"
    return {f"{group}[condition]": condition, f"{child}[type]": "rule", f"{child}[query][type]": "date",
            f"{child}[query][rule]": rule, f"{child}[query][operator]": operator,
            f"{child}[query][value]": value}


def by(*orders):
    out = {}
    for n, (field, direction) in enumerate(orders):
        out |= {f"order[{n}][field]": field, f"order[{n}][direction]": direction}
    return out


@pytest.mark.parametrize("kind", KINDS)
def test_every_collection_has_an_envelope_and_bare_records(ask, kind):
    page = ask.get(f"/{kind}", order="id", per_page=3)
    assert set(page) == {"data", "links", "meta"}
    assert page["meta"]["total"] == ask.crm.count(kind) and page["meta"]["per_page"] == 3
    first = page["data"][0]
    assert list(first)[0] == "id" and first["updated_at"].endswith(".000000Z")
    assert ask.get(f"/{kind}/{first['id']}")["id"] == first["id"]


def test_fifteen_records_are_a_page_unless_asked_otherwise(ask):
    assert ask.get("/contacts")["meta"]["per_page"] == 15
    assert ask.get("/contacts", per_page="0")["meta"]["per_page"] == 15
    assert len(ask.get("/contacts", per_page=1000)["data"]) == 400


def test_an_empty_collection_has_one_page_and_no_range(start_crm):
    meta = Ask(start_crm()).get("/contacts")["meta"]
    assert (meta["last_page"], meta["total"], meta["from"], meta["to"]) == (1, 0, None, None)


def test_the_list_of_pages_is_elided_in_the_middle(ask):
    labels = [link["label"] for link in ask.get("/contacts", per_page=10, page=20)["meta"]["links"]]
    assert labels == ["&laquo; Previous", "1", "2", "...", "17", "18", "19", "20", "21", "22", "23", "...",
                      "39", "40", "Next &raquo;"]


def test_a_page_past_the_end_still_names_the_one_before(ask):
    page = ask.get("/contacts", page=60)
    assert page["data"] == [] and page["meta"]["current_page"] == 60
    assert page["links"]["prev"].endswith("?page=59") and page["links"]["next"] is None


def test_ids_ascend_and_have_gaps(ask):
    ids = ask.ids("/contacts", order="id", per_page=1000)
    assert ids == sorted(ids) and 400 < ids[-1] < 440


@pytest.mark.parametrize("kind, field", [("contacts", "first_name"), ("companies", "name"), ("deals", "name"),
                                         ("activities", "title"), ("documents", "title"), ("notes", "id")])
def test_default_orders_are_the_products(ask, kind, field):
    keys = [r[field] for r in ask.get(f"/{kind}", per_page=1000)["data"]]
    fold = [k.casefold() if isinstance(k, str) else k for k in keys]
    assert fold == sorted(fold)


def test_an_empty_order_disables_even_the_default(ask):
    assert ask.ids("/contacts", order="", per_page=50) == ask.ids("/contacts", order="id", per_page=50)


def test_the_array_form_breaks_ties(ask):
    rows = ask.get("/contacts", per_page=1000, **by(("city", "asc"), ("id", "desc")))["data"]
    assert rows == sorted(rows, key=lambda r: (r["city"].casefold(), -r["id"]))


def test_the_array_form_takes_a_single_order_too(ask):
    asked = {"order[field]": "id", "order[direction]": "desc", "per_page": 5}
    assert ask.ids("/contacts", **asked) == ask.ids("/contacts", order="id|desc", per_page=5)


def test_a_list_can_be_ordered_by_a_joined_table(ask):
    rows = ask.get("/contacts", per_page=1000, **by(("sources|name", "desc")))["data"]
    names = [r["source"]["name"] for r in rows if r["source"]]
    assert names == sorted(names, reverse=True)


def test_a_list_can_be_ordered_by_a_count(ask):
    counts = [r["deals_count"] for r in ask.get("/contacts", per_page=1000, order="deals_count|desc")["data"]]
    assert counts == sorted(counts, reverse=True) and counts[0] > 1


@pytest.mark.parametrize("order", ["nonsense", "id|sideways", "tags", "no_table|name"])
def test_an_order_that_sql_refuses_is_a_500(ask, order):
    assert ask("GET", "/contacts", order=order) == (500, {"message": "Server Error"})


def test_changed_since_is_inclusive(own):
    own.crm.advance(100)
    own.crm.change("contacts", 7, job_title="New")
    stamp = own.crm.get("contacts", 7)["updated_at"]
    assert own.ids("/contacts", **since(stamp)) == [7]
    assert own.ids("/contacts", **since(stamp, group="filters[0]")) == [7]
    assert 7 not in own.ids("/contacts", per_page=100, **since(stamp, operator="less"))


def test_greater_and_less_or_equal_add_a_day_less_a_second(own):
    own.crm.advance(100)
    own.crm.change("contacts", 7, job_title="New")
    stamp = own.crm.get("contacts", 7)["updated_at"]
    assert own.ids("/contacts", **since(stamp, operator="greater")) == []
    assert 7 in own.ids("/contacts", per_page=100, **since(stamp, operator="less_or_equal"))
    assert own.ids("/contacts", **since(stamp, operator="equal")) == [7]


def test_a_filter_without_a_zone_is_in_the_users_time(own):
    own.crm.change("contacts", 7, raw=True, updated_at="2031-01-01T11:30:00.000000Z")
    assert own.ids("/contacts", **since("2031-01-01 12:30:00")) == [7], "Stockholm is an hour ahead"
    assert own.ids("/contacts", **since("2031-01-01T12:30:00Z")) == []


def test_periods_and_ranges_are_filters_too(own):
    own.crm.change("contacts", 7, job_title="New")
    assert own.ids("/contacts", **since("today", operator="is")) == [7]
    between = since("", operator="between")
    between.pop("filters[children][0][query][value]")
    base = "filters[children][0][query][value]"
    between |= {f"{base}[0]": "2000-01-01", f"{base}[1]": "2001-01-01"}
    assert own.ids("/contacts", **between) == []


def test_an_unknown_rule_is_silently_ignored(ask):
    assert ask.get("/contacts", **since("2031-01-01", rule="changed"))["meta"]["total"] == 400


@pytest.mark.parametrize("kind", ["notes", "users", "sources"])
def test_collections_without_date_rules_ignore_them(ask, kind):
    assert ask.get(f"/{kind}", **since("2031-01-01"))["meta"]["total"] == ask.crm.count(kind)
    assert ask.get(f"/{kind}/rules") == []


def test_rules_name_what_a_list_can_be_filtered_by(ask):
    assert {r["id"] for r in ask.get("/deals/rules")} == {"updated_at", "created_at"}


@pytest.mark.parametrize("broken", [since("not a date"), since("2031-01-01", operator="around"),
                                    {"filters": "x"}, {"filters[children][0][type]": "joke"}])
def test_a_malformed_filter_is_a_500(ask, broken):
    assert ask("GET", "/contacts", **broken)[0] == 500


def test_q_finds_parts_of_names_in_any_case(ask):
    found = ask.get("/contacts", q="lind", per_page=1000)["data"]
    assert found and all("lind" in f"{r['first_name']} {r['last_name']}".lower() for r in found)


def test_q_takes_pairs(ask):
    email = next(r["email"] for r in ask.get("/contacts")["data"] if r["email"])
    assert [r["email"] for r in ask.get("/contacts", q=f"email:{email}")["data"]] == [email]


def test_search_fields_that_are_unknown_are_a_403(ask):
    status, body = ask("GET", "/contacts", q="x", search_fields="shoe_size:=")
    assert status == 403 and "Acceptable search fields are: first_name,last_name" in body["message"]


def test_a_batch_of_ids_is_for_later_versions(ask):
    assert ask("GET", "/contacts", q="1,2,3", search_fields="id:in")[0] == 500
    assert ask.ids("/contacts", q="3", search_fields="id:=") == [3]


def test_search_is_a_bare_array_with_associations(ask):
    found = ask.get("/contacts/search", q="mara")
    assert found and all("companies" in r and "actions" not in r for r in found)
    assert ask.get("/contacts/search", q="") == []


def test_search_everywhere_groups_by_kind(ask):
    groups = ask.get("/search", q="mara", only="contacts")
    assert [g["resource_name"] for g in groups] == ["contacts"] and groups[0]["data"][0]["path"]


def test_with_brings_relations_to_the_list_and_an_unknown_one_is_a_500(ask):
    row = ask.get("/deals", **{"with": "contacts;companies"})["data"][0]
    assert row["contacts"][0]["display_name"] and "companies" in row
    assert ask("GET", "/deals", **{"with": "friends"})[0] == 500


def test_associated_records_are_a_list_of_their_own(ask):
    deal = ask.get("/deals")["data"][0]["id"]
    page = ask.get(f"/deals/{deal}/contacts")
    assert page["meta"]["total"] == 1 and page["meta"]["path"].endswith(f"/api/deals/{deal}/contacts")
    assert [c["id"] for c in ask.get(f"/deals/{deal}")["contacts"]] == [page["data"][0]["id"]]


def test_a_page_max_is_told_in_the_meta(start_crm):
    page = Ask(start_crm(records=40, page_max=15)).get("/contacts", per_page=100)
    assert page["meta"]["per_page"] == 15 and len(page["data"]) == 15


def test_countries_timezones_and_teams_are_bare_arrays(ask):
    assert {"id": 211, "name": "Sweden"} in ask.get("/countries")
    assert "Europe/Stockholm" in ask.get("/timezones")
    assert ask.get("/teams")[0]["members"]
