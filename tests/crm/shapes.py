# SPDX-License-Identifier: MIT
"""JSON as the product prints it: list shape, single shape, embedded records (concord-api.md 3, 8).

A record is encoded once, into text with gaps. A gap is what changes behind the record's back: embedded
users and lookups, permissions of who asks, and what depends on the time; it is filled at every request.
"""
import json
import secrets

from crm.fields import BRANDS, COUNTRIES
from crm.model import LOOKUPS, SUBJECTS

GAP = f"\x00{secrets.token_hex(8)}\x00"  # in no record, whatever a test puts there
GAP_TEXT = json.dumps(GAP).replace("/", "\\/").encode()
EMBEDS = {  # column -> (member, kind)
    "user_id": ("user", "users"), "source_id": ("source", "sources"),
    "industry_id": ("industry", "industries"), "pipeline_id": ("pipeline", "pipelines"),
    "stage_id": ("stage", "pipeline-stages"), "call_outcome_id": ("outcome", "call-outcomes"),
    "activity_type_id": ("type", "activity-types"), "document_type_id": ("type", "document-types")}
FIXED = {"country_id": ("country", COUNTRIES), "brand_id": ("brand", BRANDS)}
RELATIONS = {"contacts": ["companies", "deals"], "companies": ["contacts", "deals"],
             "deals": ["contacts", "companies"], "activities": ["contacts", "companies", "deals"],
             "documents": ["contacts", "companies", "deals"], "notes": ["contacts", "companies", "deals"],
             "calls": ["contacts", "companies", "deals"]}
IN_SINGLE = ("contacts", "companies", "deals", "activities")  # show their relations unasked
MORE_RELATIONS = ("activities", "notes", "calls", "documents")
SUBJECT_KEYS = {"contacts": "contact", "companies": "company", "deals": "deal"}
TIMELINE = {"activities": "activity", "notes": "note", "calls": "call", "documents": "document"}
PRIMARY = ("pipelines", "activity-types", "document-types")
HAS_MEDIA = SUBJECTS + ("activities",)


class NoRelation(Exception):
    """with= names a relation that does not exist."""


class Gap:
    def __init__(self, what, *arguments):
        self.what, self.arguments = what, arguments


def encode(value):
    """json_encode: ASCII only, `/` escaped."""
    return json.dumps(value, separators=(",", ":")).replace("/", "\\/").encode()


def template(value):
    """(texts, gaps): one text more than gaps."""
    gaps = []

    def take(gap):
        gaps.append(gap)
        return GAP
    text = json.dumps(value, separators=(",", ":"), default=take).replace("/", "\\/").encode()
    return text.split(GAP_TEXT), gaps


def gravatar(number):
    return f"https://www.gravatar.com/avatar/{number * 2654435761 % (1 << 128):032x}?s=80"


def plain(value):
    """PHP prints a float that is whole without its point."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


class Asker:
    """Who reads: decides what embedded users show and what is allowed."""

    def __init__(self, user_id, is_admin):
        self.user_id, self.is_admin = user_id, is_admin


class Shapes:
    def __init__(self, model, fields):
        self.model, self.asked = model, 0
        self.multi = {kind: {c.key: c for c in custom if c.is_multi} for kind, custom in fields.custom.items()}

    # Text

    def item_text(self, kind, row, asker, pieces):
        """Appends the list shape, from the cache if it is there."""
        table = self.model.tables[kind]
        raw = table.raw.get(row["id"])
        if raw is not None:
            pieces.append(raw)
            return
        cached = table.templates.get(row["id"])
        if cached is None or cached[0] is not row:
            cached = table.templates[row["id"]] = (row, *template(self.item(kind, row)))
        self.render(cached[1], cached[2], asker, pieces)

    def single_text(self, kind, row, asker, fresh=False, relations=()):
        raw = self.model.tables[kind].raw.get(row["id"])
        if raw is not None:
            return raw
        return self.text(self.single(kind, row, fresh, relations), asker)

    def text(self, value, asker):
        pieces = []
        self.render(*template(value), asker, pieces)
        return b"".join(pieces)

    def render(self, texts, gaps, asker, pieces):
        pieces.append(texts[0])
        for text, gap in zip(texts[1:], gaps):
            getattr(self, gap.what)(asker, pieces, *gap.arguments)
            pieces.append(text)

    # Gaps: (asker, pieces, …) -> appends

    def lookup(self, asker, pieces, kind, row_id):
        """An embedded user or lookup; the text is shared by all records."""
        key = (kind, row_id, kind == "users" and (asker.is_admin or asker.user_id == row_id), asker.is_admin)
        text = self.model.embedded.get(key)
        if text is None:
            row = self.model.row(kind, row_id)
            text = self.text(self.head_of_lookup(kind, row), asker) if row else b"null"
            self.model.embedded[key] = text
        pieces.append(text)

    def record(self, asker, pieces, kind, row_id):
        row = self.model.row(kind, row_id)
        if row is None:
            pieces.append(b"null")
        else:
            self.item_text(kind, row, asker, pieces)

    def parent(self, asker, pieces, row_id):
        """A whole company, except that its own parent is not loaded."""
        row = self.model.row("companies", row_id)
        pieces.append(self.text({**self.item("companies", row), "parent": None}, asker) if row else b"null")

    def may(self, asker, pieces, kind, owner):
        """Authorizations; that only admins delete what is not their own is a GUESS."""
        admin = asker.is_admin
        if kind in LOOKUPS:
            rights = {"view": True, "create": admin, "update": admin, "delete": admin}
        else:
            mine = admin or owner == asker.user_id
            write = mine or kind not in ("notes", "calls")
            rights = {"viewAny": True, "view": True, "create": True, "update": write, "delete": mine,
                      "bulkDelete": admin, "export": admin}
        pieces.append(encode(rights))

    def notices(self, asker, pieces, user_id):
        if not asker.is_admin and asker.user_id != user_id:
            pieces.append(b"[]")
            return
        kinds = ("deal-assigned", "contact-assigned", "company-assigned", "activity-assigned", "activity-reminder",
                 "document-assigned", "document-accepted", "document-viewed", "document-signed", "email-received",
                 "mentioned", "comment-added", "import-finished", "deal-won", "deal-lost", "form-submitted",
                 "guest-attends", "call-missed", "system-update", "sync-stopped")
        pieces.append(encode({"settings": [
            {"key": k, "name": k.replace("-", " ").capitalize(), "description": None,
             "channels": ["mail", "broadcast"], "availability": {"mail": True, "broadcast": True}}
            for k in kinds]}))

    def stage_times(self, asker, pieces, deal_id):
        """time_in_stages: never the same twice, as the clock runs; [] when empty."""
        row = self.model.row("deals", deal_id) or self.model.tables["deals"].trash.get(deal_id)
        if row is None or not row.get("stage_id"):
            pieces.append(b"[]")
            return
        self.asked += 1
        spent = int(self.model.clock.now()) % 10_000_000 + self.asked
        pieces.append(encode({str(row["stage_id"]): spent}))

    def is_past(self, asker, pieces, when):
        """is_due and its like: changes with the time alone."""
        past = isinstance(when, str) and when[:10] < self.model.clock.stamp()[:10]
        pieces.append(b"true" if past else b"false")

    # Shapes

    def head_of_lookup(self, kind, row):
        return self.user(row) if kind == "users" else self.item(kind, row, embedded=True)

    def user(self, row, fresh=False):
        return {"id": row["id"], "name": row["name"], "email": row["email"], "timezone": row["timezone"],
                "locale": row["locale"], "avatar": None, "uploaded_avatar_url": None,
                "avatar_url": gravatar(row["id"]), "mail_signature": row["mail_signature"],
                "guest_email": row["email"], "guest_display_name": row["name"], "teams": [],
                "super_admin": row["super_admin"], "access_api": row["access_api"],
                "time_format": row["time_format"], "date_format": row["date_format"],
                "default_landing_page": row["default_landing_page"],
                "notifications": Gap("notices", row["id"]), "display_name": row["name"],
                "created_at": row["created_at"], "updated_at": row["updated_at"],
                "authorizations": Gap("may", "users", None), "was_recently_created": fresh}

    def title(self, kind, row):
        if kind == "contacts":
            return f"{row.get('first_name') or ''} {row.get('last_name') or ''}".strip()
        return row.get("title") or row.get("name") or ""  # "" for notes and calls is a GUESS

    def linked(self, kind, row, other):
        rows = self.model.tables[other].rows
        return [rows[i] for i in self.model.links.ids(kind, row["id"], other) if i in rows]

    def counts(self, kind, row):
        if kind not in RELATIONS:
            return {}
        out = {}
        if kind in SUBJECTS:
            for other in SUBJECTS + ("calls", "documents"):
                if other != kind:
                    out[f"{other}_count"] = len(self.linked(kind, row, other))
            out["draft_documents_count"] = sum(
                d["status"] == "draft" for d in self.linked(kind, row, "documents"))
            out["unread_emails_for_user_count"] = 0
            out["incomplete_activities_for_user_count"] = sum(
                not a["is_completed"] for a in self.linked(kind, row, "activities"))
            if kind == "deals":
                out["products_count"] = len((row.get("billable") or {}).get("products", []))
            else:
                states = [d["status"] for d in self.linked(kind, row, "deals")]
                out["open_deals_count"] = states.count("open")
                out["closed_deals_count"] = len(states) - states.count("open")
                out["won_deals_count"], out["lost_deals_count"] = states.count("won"), states.count("lost")
        elif kind != "documents":
            out["comments_count"] = 0
        return out

    def computed(self, kind, row):
        """Members before display_name."""
        if kind == "contacts":
            return {"avatar": None, "avatar_url": gravatar(row["id"]), "uploaded_avatar_url": None,
                    "guest_email": row.get("email"), "guest_display_name": self.title(kind, row)}
        if kind == "deals":
            out = {"time_in_stages": Gap("stage_times", row["id"])}
            if row.get("expected_close_date"):
                out["falls_behind_expected_close_date"] = Gap(
                    "is_past", row["expected_close_date"] if row.get("status") == "open" else None)
            return out
        if kind == "activities":
            return {"is_reminded": row.get("reminded_at") is not None,
                    "is_due": Gap("is_past", None if row.get("is_completed") else row.get("due_date"))}
        if kind == "documents":
            return {"public_url": f"https://crm.example.com/d/{row['id']:08x}", "pdf": {}}
        return {}

    def item(self, kind, row, fresh=False, embedded=False):
        """The list shape."""
        if kind == "users":
            return self.user(row, fresh)
        out = {"id": row["id"], **self.computed(kind, row), **self.counts(kind, row)}
        out["display_name"] = self.title(kind, row)
        if kind in SUBJECTS:
            out["path"] = f"/{kind}/{row['id']}"
        if kind in PRIMARY:
            out["is_primary"] = row["id"] == 1
        out["created_at"], out["updated_at"] = row["created_at"], row["updated_at"]
        if kind in TIMELINE:
            out |= {"timeline_component": TIMELINE[kind], "timeline_relation": kind,
                    "timeline_key": TIMELINE[kind], "timeline_sort_column": "created_at"}
        if kind in SUBJECTS:
            out["timeline_subject_key"] = SUBJECT_KEYS[kind]
        out["authorizations"] = Gap("may", kind, row.get("user_id") or row.get("created_by"))
        out["was_recently_created"] = fresh
        if kind in ("pipelines", "document-types"):
            out["visibility_group"] = {"type": "all", "depends_on": []}
        if kind == "pipelines":
            out["user_display_order"] = None
            if not embedded:
                out["stages"] = self.stages(row["id"])
        return self.members(kind, row, out)

    def members(self, kind, row, out):
        multi = self.multi[kind]
        for key, value in row.items():
            if key in multi and isinstance(value, list):
                value = [o for o in multi[key].options if o["id"] in value]
            elif key == "tags" and isinstance(value, list):
                value = [t for t in self.model.tags.values() if t["id"] in value]
            elif key == "guests" and isinstance(value, list):
                value = [self.guest(*g) for g in value]
            elif key == "billable" or (key in ("lost_date", "won_date") and value is None):
                continue
            out[key] = plain(value)
            if key in EMBEDS:
                member, target = EMBEDS[key]
                out[member] = Gap("lookup", target, value) if value else None
            elif key in FIXED:
                member, names = FIXED[key]
                out[member] = {"id": value, "name": names[value]} if value in names else None
            elif key == "created_by" and kind in ("activities", "products"):
                out["creator"] = Gap("lookup", "users", value) if value else None
            elif key == "parent_company_id":
                out["parent"] = Gap("parent", value) if value else None
        if kind in SUBJECTS:
            out["next_activity_date"] = self.next_activity(kind, row)
        if kind == "contacts":
            out["contact"] = None
        if kind == "activities":
            out["media"] = []
        return out

    def guest(self, kind, row_id):
        row = self.model.row(kind, row_id) or {"id": row_id}
        return {"id": row_id, "guest_email": row.get("email"), "resource_name": kind,
                "guest_display_name": self.title(kind, row)}

    def next_activity(self, kind, row):
        dates = [a["due_date"] for a in self.linked(kind, row, "activities") if not a["is_completed"]]
        first = min((d for d in dates if d), default=None)
        return f"{first}T00:00:00.000000Z" if first and len(first) == 10 else first

    def stages(self, pipeline_id):
        return [Gap("lookup", "pipeline-stages", s["id"])
                for s in self.model.tables["pipeline-stages"].rows.values() if s["pipeline_id"] == pipeline_id]

    def found(self, kind, row):
        """The shape of /search: a list item with its associations."""
        out = self.item(kind, row)
        if kind in IN_SINGLE:
            self.relate(kind, row, out, RELATIONS[kind])
        if kind == "companies":
            out["parents"] = self.children(row)
        return out

    def children(self, row):
        return [Gap("record", "companies", c["id"]) for c in self.model.tables["companies"].rows.values()
                if c.get("parent_company_id") == row["id"]]

    def relate(self, kind, row, out, names):
        """Adds what with= names."""
        for name in names:
            name = name.split(".")[0]
            if name in RELATIONS.get(kind, []) or (kind in SUBJECTS and name in MORE_RELATIONS):
                out[name] = [Gap("record", name, r["id"]) for r in self.linked(kind, row, name)]
            elif name in ("media", "comments", "changelog", "emails") and kind in RELATIONS:
                out.setdefault(name, [])
            elif name == "billable" and kind == "deals":
                out[name] = row.get("billable")
            elif name not in out:
                raise NoRelation(name)

    def single(self, kind, row, fresh=False, relations=()):
        out = self.item(kind, row, fresh)
        if kind in SUBJECTS:
            out["notes_count"] = len(self.linked(kind, row, "notes"))
        if kind in HAS_MEDIA:
            out["media"] = []
        if kind == "contacts":
            del out["contact"]
        if kind == "companies":
            out["parents"] = self.children(row)
        if kind == "deals" and self.model.row("pipelines", row.get("pipeline_id")):
            pipeline = self.item("pipelines", self.model.row("pipelines", row["pipeline_id"]), embedded=True)
            out["pipeline"] = {**pipeline, "stages": self.stages(row["pipeline_id"])}
        self.relate(kind, row, out, (RELATIONS[kind] if kind in IN_SINGLE else []) + list(relations))
        out["actions"] = [{"name": "Bulk Edit", "uriKey": "bulk-edit"}, {"name": "Delete", "uriKey": "delete"}]
        out["associations_count"] = sum(1 for _ in self.model.links.all(kind, row["id"]))
        return out
