# SPDX-License-Identifier: MIT
"""JSON as the product prints it: PHP's escapes, list shape and single shape (concord-api.md 3)."""
import json

from crm.fields import MULTI_TYPES

COUNTRIES = {211: "Sweden", 81: "Germany", 76: "France"}
EMBEDS = {  # member -> (the id's member, resource)
    "user": ("user_id", "users"), "source": ("source_id", "sources"), "industry": ("industry_id", "industries"),
    "pipeline": ("pipeline_id", "pipelines"), "stage": ("stage_id", "pipeline-stages"),
    "outcome": ("call_outcome_id", "call-outcomes"), "creator": ("created_by", "users"),
    "parent": ("parent_company_id", "companies")}
EMBEDDED_IN = {
    "contacts": ["user", "source"], "companies": ["user", "source", "industry", "parent"],
    "deals": ["pipeline", "stage", "user"], "activities": ["user", "creator"], "notes": ["user"],
    "calls": ["outcome", "user"], "products": ["creator"], "documents": ["user"]}
TYPES = {"activities": ("activity_type_id", "activity-types"), "documents": ("document_type_id", "document-types")}
COUNTS = {"contacts": ["companies_count", "deals_count", "open_deals_count", "calls_count",
                       "incomplete_activities_for_user_count", "unread_emails_for_user_count"],
          "companies": ["contacts_count", "deals_count", "calls_count"],
          "deals": ["products_count", "contacts_count", "companies_count", "calls_count"],
          "activities": ["comments_count"], "notes": ["comments_count"], "calls": ["comments_count"]}
LINKS = {"contacts": ["companies", "deals"], "companies": ["contacts", "deals"],
         "deals": ["contacts", "companies"], "activities": ["contacts", "companies", "deals"]}
SUBJECTS = {"contacts": "contact", "companies": "company", "deals": "deal"}
MAY = {"viewAny": True, "view": True, "create": True, "update": True, "delete": True}


def encode(value):
    """json_encode: `/` escaped, ASCII only, shortest floats; an integral float loses its point."""
    text = json.dumps(value, ensure_ascii=True, separators=(",", ":"))
    return text.replace("/", "\\/").encode()


class Shapes:
    def __init__(self, model, fields):
        self.model, self.fields = model, fields
        self.cache = {}  # (resource, id) -> (row, bytes)

    def user(self, user):
        return {"id": user["id"], "name": user["name"], "email": user["email"],
                "timezone": "Europe/Stockholm", "locale": "en", "avatar": None, "uploaded_avatar_url": None,
                "avatar_url": f"https://www.gravatar.com/avatar/{user['id']:032x}?s=80",
                "mail_signature": None, "guest_email": user["email"], "guest_display_name": user["name"],
                "teams": [], "super_admin": user.get("super_admin", False), "access_api": True,
                "time_format": "H:i", "date_format": "F j, Y", "default_landing_page": "/deals",
                "notifications": {"settings": [{"name": f"notice-{i}", "channels": ["mail", "database"]}
                                               for i in range(12)]},
                "display_name": user["name"], "created_at": user["created_at"],
                "updated_at": user["updated_at"], "authorizations": MAY, "was_recently_created": False}

    def lookup(self, resource, row):
        if resource == "users":
            return self.user(row)
        shown = {k: v for k, v in row.items() if k not in ("created_at", "updated_at")}
        return {**shown, "display_name": row["name"], "created_at": row["created_at"],
                "updated_at": row["updated_at"], "authorizations": MAY, "was_recently_created": False}

    def embed(self, member, row):
        key, resource = EMBEDS[member]
        target = self.model.row(resource, row.get(key)) if row.get(key) else None
        if target is None:
            return None
        return self.lookup(resource, target) if resource != "companies" else {
            "id": target["id"], "name": target["name"]}

    def title(self, resource, row):
        if resource == "contacts":
            return f"{row.get('first_name')} {row.get('last_name') or ''}".strip()
        return row.get("title") or row.get("name") or ""

    def head(self, resource, row, fresh):
        out = {"id": row["id"], **{c: row["id"] % 3 for c in COUNTS.get(resource, [])}}
        if resource == "contacts":
            out |= {"avatar": None, "avatar_url": f"https://www.gravatar.com/avatar/{row['id']:032x}?s=80",
                    "uploaded_avatar_url": None, "guest_email": row.get("email"),
                    "guest_display_name": self.title(resource, row)}
        if resource == "deals":
            spent = int(self.model.clock.now() * 1000) % 10_000_000
            out |= {"falls_behind_expected_close_date": False, "board_order": row.get("board_order"),
                    "time_in_stages": {str(row.get("stage_id")): spent}}
        if resource == "activities":
            out |= {"is_reminded": False, "is_due": True}
        out |= {"display_name": self.title(resource, row)}
        if resource in SUBJECTS:
            out |= {"path": f"/{resource}/{row['id']}", "timeline_subject_key": SUBJECTS[resource]}
        elif resource in ("activities", "notes", "calls", "documents"):
            out |= {"timeline_component": resource[:-1], "timeline_relation": resource}
        if resource == "pipelines":
            out |= {"is_primary": row["id"] == 1, "user_display_order": None}
        return out | {"created_at": row["created_at"], "updated_at": row["updated_at"],
                      "authorizations": MAY, "was_recently_created": fresh}

    def multi(self, resource, row):
        """Options of Checkbox and MultiSelect are stored as ids and read as objects."""
        for key, kind, _, _ in self.fields.custom.get(resource, []):
            if kind in MULTI_TYPES and isinstance(row.get(key), list):
                yield key, [o for o in self.fields.options[resource, key] if o["id"] in row[key]]

    def tags(self, row):
        known = {t["id"]: t for t in self.model.tags.values()}
        return [known[i] for i in row["tags"] if i in known]

    def item(self, resource, row, fresh=False):
        if resource == "users":
            return self.user(row)
        out = self.head(resource, row, fresh)
        out |= {k: v for k, v in row.items() if k not in out and k not in LINKS.get(resource, [])}
        if "tags" in row:
            out["tags"] = self.tags(row)
        out |= dict(self.multi(resource, row))
        out |= {m: self.embed(m, row) for m in EMBEDDED_IN.get(resource, [])}
        if "country_id" in row:
            name = COUNTRIES.get(row["country_id"])
            out["country"] = {"id": row["country_id"], "name": name} if name else None
        if resource in TYPES:
            key, target = TYPES[resource]
            kind = self.model.row(target, row.get(key))
            out["type"] = self.lookup(target, kind) if kind else None
        if resource in SUBJECTS:
            out["next_activity_date"] = None
        if resource == "deals" and row.get("status") in ("won", "lost"):
            out[f"{row['status']}_date"] = row["updated_at"]
        if resource == "contacts":
            out["contact"] = None
        return out

    def single(self, resource, row, fresh=False):
        out = self.item(resource, row, fresh)
        if resource == "contacts":
            out.pop("contact")
        if resource in SUBJECTS:
            out |= {"notes_count": 1, "media": []}
        if resource == "companies":
            out["parents"] = []
        if resource == "activities":
            out["media"] = []
        for key in LINKS.get(resource, []):
            rows = (self.model.row(key, i) for i in row.get(key) or [])
            out[key] = [self.item(key, r) for r in rows if r]
        if resource == "deals" and out.get("pipeline"):
            stages = self.model.tables["pipeline-stages"].rows.values()
            out["pipeline"] = {**out["pipeline"], "stages": [
                self.lookup("pipeline-stages", s) for s in stages if s["pipeline_id"] == row["pipeline_id"]]}
        return out | {"actions": [{"name": "Delete", "uriKey": "delete"}], "associations_count": 3}

    def item_bytes(self, resource, row):
        """Cached while the row is the same; what is embedded of others may be older, as in a page
        that was cut just before."""
        raw = self.model.tables[resource].raw.get(row["id"])
        if raw is not None:
            return raw.encode()
        if resource == "deals":
            return encode(self.item(resource, row))
        cached = self.cache.get((resource, row["id"]))
        if not cached or cached[0] is not row:
            cached = self.cache[resource, row["id"]] = (row, encode(self.item(resource, row)))
        return cached[1]

    def single_bytes(self, resource, row, fresh=False):
        raw = self.model.tables[resource].raw.get(row["id"])
        return raw.encode() if raw is not None else encode(self.single(resource, row, fresh))
