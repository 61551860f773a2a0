# SPDX-License-Identifier: MIT
"""Lists: order, filters, search, pages (concord-api.md 2.3 to 2.7)."""
import datetime
import re

DEFAULT_ORDER = {"contacts": "first_name", "activities": "title", "documents": "title", "notes": "id",
                 "calls": "id", "pipelines": "id"}
DATED = {"contacts", "companies", "deals", "activities", "calls", "products", "documents"}
RULE = re.compile(r"filters(?:\[\d+\])?\[children\]\[(\d+)\]\[query\]\[(\w+)\]")


class ServerError(Exception):
    """A 500, as Laravel gives for a column or a direction that does not exist."""


def number(text, default):
    return int(text) if text and text.isdigit() and int(text) > 0 else default


def orders_of(resource, query):
    """[(field, direction)]; an empty `order` disables even the default."""
    if "order" in query:
        if not query["order"]:
            return []
        field, _, direction = query["order"].partition("|")
        return [(field, direction or "asc")]
    if "order[field]" in query:
        return [(query["order[field]"], query.get("order[direction]", "asc"))]
    orders = []
    while f"order[{len(orders)}][field]" in query:
        n = len(orders)
        orders.append((query[f"order[{n}][field]"], query.get(f"order[{n}][direction]", "asc")))
    return orders or [(DEFAULT_ORDER.get(resource, "name"), "asc")]


def columns_of(rows):
    return set().union(*(r.keys() for r in list(rows)[:50])) | {"id", "created_at", "updated_at", "deleted_at"}


def sort_key(field):
    if field == "deleted_at":
        field = "updated_at"

    def key(row):
        value = row.get(field)
        return (value is not None, value.lower() if isinstance(value, str) else value or 0)
    return key


class Lists:
    def __init__(self):
        self.sorted = {}  # (resource, orders) -> (table version, rows)

    def in_order(self, table, orders):
        if orders == [("id", "asc")]:
            return [table.rows[i] for i in table.ids]
        cached = self.sorted.get((table.name, tuple(orders)))
        if cached and cached[0] == table.version:
            return cached[1]
        rows = ordered([table.rows[i] for i in table.ids], orders)
        self.sorted[table.name, tuple(orders)] = (table.version, rows)
        return rows

    def page_of_ids(self, table, page, per_page):
        """The common crawl, without making the whole list."""
        ids = table.ids[(page - 1) * per_page:page * per_page]
        return [table.rows[i] for i in ids], len(table.ids)

    def select(self, table, query, page, per_page, trashed):
        orders = orders_of(table.name, query)
        rules = rules_of(table.name, query)
        if orders == [("id", "asc")] and not rules and not trashed and "q" not in query:
            return self.page_of_ids(table, page, per_page)
        rows = ordered(list(table.trash.values()), orders) if trashed else self.in_order(table, orders)
        rows = [r for r in rows if all(rule(r) for rule in rules)]
        if query.get("q"):
            rows = [r for r in rows if matches(r, query["q"])]
        return rows[(page - 1) * per_page:page * per_page], len(rows)


def ordered(rows, orders):
    known = columns_of(rows)
    for field, direction in reversed(orders):
        if direction not in ("asc", "desc") or (rows and field not in known):
            raise ServerError(f"order by {field} {direction}")
        rows = sorted(rows, key=sort_key(field), reverse=direction == "desc")
    return rows


def matches(row, q):
    return any(isinstance(v, str) and q.lower() in v.lower() for v in row.values())


def instant(text):
    value = datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))
    return value if value.tzinfo else value.replace(tzinfo=datetime.timezone.utc)


def rule_of(rule):
    """greater and less_or_equal add 23:59:59 to the instant; equal means the day from it."""
    try:
        at = instant(rule["value"])
    except (KeyError, ValueError):
        raise ServerError("a malformed filter") from None
    day, field, operator = datetime.timedelta(seconds=86_399), rule["rule"], rule.get("operator")
    tests = {"greater_or_equal": lambda v: v >= at, "less": lambda v: v < at,
             "greater": lambda v: v > at + day, "less_or_equal": lambda v: v <= at + day,
             "equal": lambda v: at <= v <= at + day}
    if operator not in tests:
        raise ServerError("a malformed filter")
    return lambda row: tests[operator](instant(row[field]))


def rules_of(resource, query):
    """An unknown rule is silently ignored."""
    found = {}
    for key, value in query.items():
        if match := RULE.fullmatch(key):
            found.setdefault(match[1], {})[match[2]] = value
    return [rule_of(r) for r in found.values()
            if resource in DATED and r.get("rule") in ("updated_at", "created_at")]


def envelope_tail(url, page, per_page, total, count):
    last = max(1, -(-total // per_page))
    link = lambda n: f"{url}?page={n}" if 1 <= n <= last else None  # noqa: E731
    links = {"first": link(1), "last": link(last), "prev": link(page - 1), "next": link(page + 1)}
    first = (page - 1) * per_page + 1 if count else None
    meta = {"current_page": page, "from": first, "last_page": last,
            "links": [{"url": link(page - 1), "label": "&laquo; Previous", "active": False},
                      {"url": link(page), "label": str(page), "active": True},
                      {"url": link(page + 1), "label": "Next &raquo;", "active": False}],
            "path": url, "per_page": per_page, "to": first + count - 1 if count else None, "total": total}
    return links, meta
