# SPDX-License-Identifier: MIT
"""Lists: PHP's query strings, order, filters, search, the envelope (concord-api.md 2.3 to 2.7)."""
import datetime
import re
import urllib.parse
import zoneinfo

from crm.model import SOFT, stamp

DEFAULT_ORDER = {"contacts": "first_name", "activities": "title", "documents": "title", "notes": "id",
                 "calls": "id", "pipelines": "id", "lost-reasons": "id", "document-templates": "id"}
DATED = {"contacts", "companies", "deals", "activities", "calls", "products", "documents"}
SEARCHED = {  # by q, unless search_fields says otherwise
    "contacts": ["first_name", "last_name", "email", "phones.number", "id"],
    "companies": ["name", "domain", "email", "phones.number", "id"], "deals": ["name", "id"],
    "activities": ["title", "id"], "notes": ["body"], "calls": ["body"], "products": ["name", "sku", "id"],
    "documents": ["title", "id"], "users": ["name", "email"]}
PATTERN = {"first_name": "like", "last_name": "like", "name": "like", "title": "like", "body": "like",
           "domain": "like", "sku": "like", "phones.number": "like"}  # others are compared whole
RULE_DATES = ("updated_at", "created_at")
EACH_SIDE = 3


class ServerError(Exception):
    """A 500: SQL errors, malformed filters, PHP's type errors."""


class Forbidden(Exception):
    """A 403 with its message."""


def php_query(text):
    """`a[b][0]=c` as PHP reads it: nested dicts. A scalar gives way to a later array, as there."""
    out = {}
    for key, value in urllib.parse.parse_qsl(text, keep_blank_values=True):
        name, *rest = re.match(r"([^\[]*)(.*)", key, re.S).groups()
        path = [name] + re.findall(r"\[([^\]]*)\]", rest[0])
        node = out
        for part, following in zip(path, path[1:]):
            if not isinstance(node.get(part), dict):
                node[part] = {}
            node = node[part]
        node[path[-1] if path[-1] or len(path) == 1 else str(len(node))] = value
    return out


def number(text, default):
    """page and per_page: junk and what is below 1 is the default."""
    return int(text) if isinstance(text, str) and text.isascii() and text.isdigit() and int(text) > 0 else default


# Order

def orders_of(kind, query):
    """[(field, direction)]; an `order` that is there but empty disables even the default."""
    order = query.get("order")
    if order is None:
        return [(DEFAULT_ORDER.get(kind, "name"), "asc")]
    if isinstance(order, str):
        field, _, direction = order.partition("|")
        return [(field, direction or "asc")] if order else []
    if "field" in order:
        order = {"0": order}
    out = []
    for entry in order.values():
        if isinstance(entry, str):
            entry = dict(zip(("field", "direction"), entry.split("|")))
        out.append((entry.get("field", ""), entry.get("direction") or "asc"))
    return out


def rank(value):
    """MySQL's order: null first, text without regard to case; lists and the like are no columns."""
    if value is None:
        return (0, 0)
    return (1, value) if isinstance(value, (int, float)) else (2, str(value).casefold())


class Lists:
    def __init__(self, model, fields, shapes):
        self.model, self.fields, self.shapes = model, fields, shapes

    def key_of(self, kind, field, trashed):
        """(row) -> what to sort by."""
        table = self.model.tables[kind]
        if field == "deleted_at" and kind in SOFT:
            gone = table.deleted_at if trashed else {}
            return lambda row: rank(gone.get(row["id"]))
        if field in self.fields.columns(kind):
            return lambda row: rank(row.get(field))
        if field.endswith("_count"):
            return lambda row: rank(self.shapes.counts(kind, row).get(field, 0))
        if "|" in field:
            return self.key_by_relation(kind, field)
        raise ServerError(f"Unknown column '{field}'")

    def key_by_relation(self, kind, field):
        """`table|column` or `table:fk|column`: a left join."""
        joined, _, column = field.partition("|")
        name, _, foreign = joined.partition(":")
        target = name.replace("_", "-")
        foreign = foreign or f"{name.rstrip('s')}_id"
        if target not in self.model.tables or foreign not in self.fields.columns(kind):
            raise ServerError(f"Unknown table '{name}'")
        rows = self.model.tables[target].rows
        return lambda row: rank(rows.get(row.get(foreign), {}).get(column))

    def ordered(self, kind, rows, orders, trashed=False):
        for field, direction in reversed(orders):
            if direction.lower() not in ("asc", "desc"):
                raise ServerError("Order direction must be asc or desc")
            rows = sorted(rows, key=self.key_of(kind, field, trashed), reverse=direction.lower() == "desc")
        return rows

    def all(self, kind, orders):
        """Every live row in that order; the sorted rows are kept until a write."""
        table = self.model.tables[kind]
        known = table.orders.get(tuple(orders))
        if known and known[0] == table.version:
            return known[1]
        rows = self.ordered(kind, list(map(table.rows.__getitem__, table.ids)), orders)
        if all(field in self.fields.columns(kind) for field, _ in orders):
            if len(table.orders) > 8:
                table.orders.clear()
            table.orders[tuple(orders)] = (table.version, rows)
        return rows

    def select(self, kind, query, page, per_page, tests=(), rows=None, trashed=False):
        """One page of rows, and how many there are in all. rows: these only, instead of the table."""
        orders = orders_of(kind, query)
        table = self.model.tables[kind]
        if rows is None and not tests and not trashed and orders in ([("id", "asc")], []):
            ids = table.ids[(page - 1) * per_page:page * per_page]
            return [table.rows[i] for i in ids], len(table.ids)
        if trashed:
            rows = self.ordered(kind, list(table.trash.values()), orders, True)
        elif rows is not None:
            rows = self.ordered(kind, rows, orders)
        else:
            rows = self.all(kind, orders)
        if tests:
            rows = [r for r in rows if all(test(r) for test in tests)]
        return rows[(page - 1) * per_page:page * per_page], len(rows)


# Search

def search_test(kind, query):
    """What q, search_fields and search_match ask for, as (row) -> bool; None without q."""
    q = query.get("q")
    if not isinstance(q, str) or not q:
        return None
    allowed = SEARCHED.get(kind, ["name"])
    wanted = narrowed(query.get("search_fields"), allowed)
    pairs = [(field, q) for field in wanted]
    if q.find(":") > 0 and not re.search(r"https?:", q):
        given = dict(p.split(":", 1) for p in q.split(";") if ":" in p)
        pairs = [(f, v) for f, v in given.items() if f in wanted]
    tests = [matcher(f, wanted[f], v) for f, v in pairs]
    tests = [t for t in tests if t]
    if not tests:
        raise ServerError("Invalid search fields.")
    combine = all if query.get("search_match") == "and" else any
    return lambda row: combine(test(row) for test in tests)


def narrowed(search_fields, allowed):
    """{field: condition}; what is not in the white list is dropped, and all dropped is a 403."""
    if not search_fields:
        return {f: PATTERN.get(f, "=") for f in allowed}
    out = {}
    for word in search_fields.split(";"):
        field, _, condition = word.partition(":")
        if field in allowed and condition in ("", "=", "like", "in"):
            out[field] = condition or PATTERN.get(field, "=")
    if not out:
        raise Forbidden(f"No search fields are accepted. Acceptable search fields are: {','.join(allowed)}")
    return out


def matcher(field, condition, value):
    if field == "id":  # 1.6 takes one number; a list of ids is for 1.7
        return (lambda row: row["id"] == int(value)) if value.isascii() and value.isdigit() else None
    value = value.casefold()
    choices = value.split(",")

    def test(text):
        text = str(text).casefold()
        return value in text if condition == "like" else text in choices if condition == "in" else text == value
    if field == "phones.number":
        return lambda row: any(test(p["number"]) for p in row.get("phones") or [])
    return lambda row: row.get(field) is not None and test(row[field])


# Filters

def filter_test(kind, query, clock, zone):
    """What filters= asks for; None when it says nothing. Unknown rules are silently ignored."""
    filters = query.get("filters")
    if not filters or kind not in DATED:
        return None
    if not isinstance(filters, dict):
        raise ServerError("malformed filters")
    groups = [filters] if "children" in filters or "condition" in filters else list(filters.values())
    tests = [t for t in (group_test(g, clock, zone) for g in groups) if t]
    return (lambda row: all(t(row) for t in tests)) if tests else None


def group_test(group, clock, zone):
    if not isinstance(group, dict) or not isinstance(group.get("children", {}), dict):
        raise ServerError("a malformed group")
    tests = []
    for child in group.get("children", {}).values():
        if not isinstance(child, dict) or child.get("type") not in ("rule", "group"):
            raise ServerError("a malformed child")
        inner = child.get("query")
        if not isinstance(inner, dict):
            raise ServerError("a malformed child")
        tests.append(group_test(inner, clock, zone) if child["type"] == "group" else rule_test(inner, clock, zone))
    tests = [t for t in tests if t]
    if not tests:
        return None
    combine = any if group.get("condition") == "or" else all
    return lambda row: combine(t(row) for t in tests)


def rule_test(rule, clock, zone):
    field, operator, value = rule.get("rule"), rule.get("operator"), rule.get("value")
    if field not in RULE_DATES:
        return None
    if operator in ("is_null", "is_not_null"):
        return lambda row: (row.get(field) is None) == (operator == "is_null")
    low, high = bounds(operator, value, clock, zone)
    return lambda row: isinstance(row.get(field), str) and low <= row[field] < high


def bounds(operator, value, clock, zone):
    """[low, high) as the stamps print, which sort as the instants do."""
    least, most, day = "", "~", datetime.timedelta(seconds=86_399)
    if operator == "is":
        return period(value, clock)
    if operator == "between":
        if not isinstance(value, dict) or len(value) != 2:
            raise ServerError("between takes two dates")
        first, last = (instant(v, zone) for v in value.values())
        return written(first), written(last, True)
    at = instant(value, zone)
    spans = {"greater_or_equal": (written(at), most), "less": (least, written(at)),
             "greater": (written(at + day, True), most), "less_or_equal": (least, written(at + day, True)),
             "equal": (written(at), written(at + day, True))}
    if operator not in spans:
        raise ServerError("a malformed operator")
    return spans[operator]


def written(at, after=False):
    """The stamp of an instant; with after, one that sorts just behind it."""
    at = at.astimezone(datetime.timezone.utc)
    return at.strftime("%Y-%m-%dT%H:%M:%S.%fZ") + ("~" if after else "")


def instant(text, zone):
    """Without a zone it is the token user's time."""
    if not isinstance(text, str):
        raise ServerError("a malformed date")
    try:
        at = datetime.datetime.fromisoformat(text)
    except ValueError:
        raise ServerError("a malformed date") from None
    return at if at.tzinfo else at.replace(tzinfo=zoneinfo.ZoneInfo(zone))


def period(name, clock):
    day = 86_400
    today = int(clock.now()) // day * day
    monday = today - (today // day + 3) % 7 * day
    spans = {"today": (today, today + day), "yesterday": (today - day, today),
             "this_week": (monday, monday + 7 * day), "last_week": (monday - 7 * day, monday),
             **{f"last_{n}_days": (today - n * day, today + day) for n in (7, 14, 30, 60, 90)}}
    if name not in spans:
        raise ServerError("an unknown period")
    return tuple(map(stamp, spans[name]))


# Envelope

def window(page, last):
    """The page numbers that Laravel's paginator shows; None is its `...`."""
    inner = EACH_SIDE + 4
    if last < EACH_SIDE * 2 + 8:
        return list(range(1, last + 1))
    if page <= inner:
        return [*range(1, inner + EACH_SIDE + 1), None, last - 1, last]
    if page > last - inner:
        return [1, 2, None, *range(last - inner - EACH_SIDE + 1, last + 1)]
    return [1, 2, None, *range(page - EACH_SIDE, page + EACH_SIDE + 1), None, last - 1, last]


def envelope_tail(url, page, per_page, total, count):
    """(links, meta). The URLs keep no parameter but the page."""
    last = max(1, -(-total // per_page))
    before = f"{url}?page={page - 1}" if page > 1 else None
    after = f"{url}?page={page + 1}" if page < last else None
    links = {"first": f"{url}?page=1", "last": f"{url}?page={last}", "prev": before, "next": after}
    shown = [{"url": None, "label": "...", "active": False} if n is None else
             {"url": f"{url}?page={n}", "label": str(n), "active": n == page} for n in window(page, last)]
    first = (page - 1) * per_page + 1 if count else None
    meta = {"current_page": page, "from": first, "last_page": last,
            "links": [{"url": before, "label": "&laquo; Previous", "active": False}, *shown,
                      {"url": after, "label": "Next &raquo;", "active": False}],
            "path": url, "per_page": per_page, "to": first + count - 1 if count else None, "total": total}
    return links, meta
