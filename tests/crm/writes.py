# SPDX-License-Identifier: MIT
"""Writing: normalisation, validation, and what the product does with it (concord-api.md 1.4, 4, 5)."""
import re

from crm.fields import MULTI_TYPES, OPTION_TYPES, label_of
from crm.query import ServerError

CREATED_BY_NAME = {"sources", "industries", "pipelines"}
EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
FULL_PUT = {"notes", "pipelines", "pipeline-stages", "sources", "industries", "activity-types",
            "call-outcomes", "lost-reasons", "document-types", "users"}
COUNTRIES = {211, 81, 76}


class Refused(Exception):
    def __init__(self, status, message, errors=None):
        super().__init__(message)
        self.status = status
        self.body = {"message": message, **({"errors": errors} if errors else {})}


def normalise(value):
    """Every string is trimmed, an empty one becomes null."""
    if isinstance(value, str):
        return value.strip() or None
    if isinstance(value, list):
        return [normalise(v) for v in value]
    if isinstance(value, dict):
        return {k: normalise(v) for k, v in value.items()}
    return value


def invalid(errors):
    first = next(iter(errors.values()))[0]
    more = sum(len(v) for v in errors.values()) - 1
    text = first if not more else f"{first} (and {more} more error{'s' if more > 1 else ''})"
    return Refused(422, text, errors)


def as_date(text):
    return f"{text[:10]}T00:00:00.000000Z"


def as_datetime(text):
    date, _, rest = text.replace("T", " ").partition(" ")
    clock = re.match(r"\d{2}:\d{2}:\d{2}", rest)
    return f"{date}T{clock[0] if clock else '00:00:00'}.000000Z"


class Writer:
    def __init__(self, model, fields):
        self.model, self.fields = model, fields

    # One method a type: (resource, field, value, row id) -> stored value; ValueError says why not.

    def text(self, resource, field, value, row_id):
        if value is not None and not isinstance(value, (str, int, float)):
            raise ValueError("must be a string")
        if isinstance(value, str) and len(value) > 191 and field.kind == "text":
            raise ValueError("must not be greater than 191 characters")
        return None if value is None else str(value)

    html = text

    def enum(self, resource, field, value, row_id):
        if value not in ("open", "won", "lost"):
            raise ValueError("is invalid")
        was = self.model.row(resource, row_id)["status"] if row_id else "open"
        if {was, value} == {"won", "lost"}:
            raise Refused(409, f"The deal must be open before it is marked as {value}.")
        return value

    def email(self, resource, field, value, row_id):
        if value is None:
            return None
        if not isinstance(value, str) or not EMAIL.fullmatch(value):
            raise ValueError("must be a valid email address")
        others = [self.model.tables[resource]] + ([self.model.tables["users"]] if resource == "contacts" else [])
        for table in others:
            for row in table.rows.values():
                if row.get("email") == value and not (table.name == resource and row["id"] == row_id):
                    raise ValueError("has already been taken")
        return value

    def number(self, resource, field, value, row_id):
        if value is None:
            return 0
        try:
            return value if isinstance(value, (int, float)) and not isinstance(value, bool) else float(value)
        except (TypeError, ValueError):
            raise ValueError("must be a number") from None

    def int(self, resource, field, value, row_id):
        if value is not None and (isinstance(value, bool) or not isinstance(value, int)):
            raise ValueError("must be an integer")
        return value

    def bool(self, resource, field, value, row_id):
        if value not in (True, False, 0, 1, None):
            raise ValueError("must be true or false")
        return bool(value)

    def date(self, resource, field, value, row_id):
        if value is None:
            return None
        if not isinstance(value, str) or not DATE.match(value):
            raise ValueError("is not a valid date")
        return as_date(value)

    def datetime(self, resource, field, value, row_id):
        if value is None:
            return None
        if not isinstance(value, str) or not DATE.match(value):
            raise ValueError("is not a valid date")
        return as_datetime(value)

    def activity_date(self, resource, field, value, row_id):
        if not isinstance(value, str) or not DATE.match(value):
            raise ValueError("is not a valid date")
        return value if len(value) == 10 else as_datetime(value)

    def belongs(self, resource, field, value, row_id):
        if value is None:
            return None
        if field.target == "countries":
            if value not in COUNTRIES:
                raise ValueError("is invalid")
            return value
        for row in self.model.tables[field.target].rows.values():
            if row["id"] == value or str(row["id"]) == value or row.get("name") == value:
                return row["id"]
        if field.target not in CREATED_BY_NAME:
            raise ValueError("is invalid")
        return self.model.tables[field.target].insert({"name": str(value)})

    def tags(self, resource, field, value, row_id):
        names = value.split(",") if isinstance(value, str) else value or []
        if any(not isinstance(n, str) for n in names):
            raise ServerError("Array to string conversion")
        tags = self.model.tags
        for name in map(str.strip, names):
            tags.setdefault(name.lower(), {"id": max([t["id"] for t in tags.values()], default=0) + 1,
                                           "name": name, "swatch_color": None,
                                           "display_order": 1, "type": resource})
        return list(dict.fromkeys(tags[n.strip().lower()]["id"] for n in names))

    def phones(self, resource, field, value, row_id):
        out = []
        for n, phone in enumerate(value or []):
            phone = phone if isinstance(phone, dict) else {"number": phone}
            if not phone.get("number"):
                raise ServerError("Undefined array key number")
            kind = phone.get("type") if phone.get("type") in ("mobile", "work", "other") else "mobile"
            out.append({"id": (row_id or 0) * 100 + n, "number": str(phone["number"]), "type": kind})
        return out

    def guests(self, resource, field, value, row_id):
        if isinstance(value, list):
            raise ServerError("guests")
        return [{"id": i, "resource_name": kind} for kind, ids in (value or {}).items() for i in ids]

    def ids(self, resource, field, value, row_id):
        if any(isinstance(v, dict) for v in value):
            raise ServerError("Array to string conversion")
        return [v for v in value if self.model.row(field.key, v)]

    # Custom fields

    def custom(self, resource, key, kind, value):
        if kind in MULTI_TYPES:
            values = value.split(",") if isinstance(value, str) else value
            if any(isinstance(v, dict) for v in values):
                raise ServerError("Array to string conversion")
            return [self.fields.option(resource, key, v)["id"] for v in values]
        if kind in OPTION_TYPES:
            return self.fields.option(resource, key, value)["id"]
        simple = {"Number": self.int, "Numeric": self.numeric, "Boolean": self.bool, "Date": self.date,
                  "DateTime": self.datetime}
        if kind == "Email" and value is not None and not EMAIL.fullmatch(str(value)):
            raise ValueError("must be a valid email address")
        return simple.get(kind, self.plain)(resource, None, value, None)

    def numeric(self, resource, field, value, row_id):
        value = self.number(resource, field, value, row_id)
        if value < 0 or round(value, 3) != value:
            raise ValueError("must have 0-3 decimal places")
        return value

    def plain(self, resource, field, value, row_id):
        if value is not None and not isinstance(value, str):
            raise ValueError("must be a string")
        return value

    # The whole

    def built_in(self, resource, body, row_id, errors):
        out = {}
        for field in self.fields.built_in[resource]:
            if field.key not in body:
                continue
            value = body[field.key]
            if value is None and field.kind in ("tags", "ids"):
                continue  # null is ignored; [] clears
            if value is None and field.required:
                errors[field.key] = [f"The {label_of(field.key).lower()} field is required."]
                continue
            try:
                method = getattr(self, field.kind.replace("-", "_"))
                out[field.key] = method(resource, field, value, row_id)
            except ValueError as e:
                errors[field.key] = [f"The {label_of(field.key).lower()} field {e}."]
        return out

    def all_custom(self, resource, body, errors):
        out = {}
        for key, kind, label, _ in self.fields.custom.get(resource, []):
            value = body.get(key)
            if key not in body or (value is None and kind in OPTION_TYPES):
                continue  # Select and Radio cannot be cleared
            try:
                out[key] = self.custom(resource, key, kind, value)
            except ValueError as e:
                errors[key] = [f"The {label} field {e}."]
        return out

    def required(self, resource, body, errors):
        for field in self.fields.built_in[resource]:
            if field.required and body.get(field.key) is None:
                errors.setdefault(field.key, [f"The {label_of(field.key).lower()} field is required."])

    def rules(self, resource, body, creating, errors):
        def needs(key, other):
            if key in body and other not in body:
                errors[other] = [f"The {label_of(other).lower()} field is required when "
                                 f"{label_of(key).lower()} is present."]
        if resource == "notes":
            for key in ("body", "via_resource", "via_resource_id"):
                if not body.get(key):
                    errors.setdefault(key, [f"The {label_of(key).lower()} field is required."])
        if resource == "deals":
            needs("pipeline_id", "stage_id")
        if resource == "activities" and not creating:
            needs("due_date", "end_date")
            needs("end_date", "due_date")

    def validated(self, resource, body, row_id=None):
        if not isinstance(body, dict):
            body = {}
        body = normalise(body)
        errors = {}
        out = self.built_in(resource, body, row_id, errors) | self.all_custom(resource, body, errors)
        if row_id is None or resource in FULL_PUT:
            self.required(resource, body, errors)
        self.rules(resource, body, row_id is None, errors)
        if errors:
            raise invalid(errors)
        return self.consequences(resource, out)

    def consequences(self, resource, out):
        if resource == "deals" and out.get("stage_id"):
            out["pipeline_id"] = self.model.row("pipeline-stages", out["stage_id"])["pipeline_id"]
        if resource == "activities" and "is_completed" in out:
            out["completed_at"] = self.model.clock.stamp() if out["is_completed"] else None
        return out

    def defaults(self, resource):
        out = {f.key: [] if f.kind in ("tags", "phones", "guests", "ids") else 0 if f.kind == "number"
               else False if f.kind == "bool" else None for f in self.fields.built_in[resource]}
        for key, kind, _, _ in self.fields.custom.get(resource, []):
            out[key] = [] if kind in MULTI_TYPES else 0 if kind == "Numeric" else (
                False if kind == "Boolean" else None)
        if resource == "deals":
            out["status"] = "open"
        return out

    def create(self, resource, body, user):
        members = self.validated(resource, body)
        row = {**self.defaults(resource), **members}
        if resource == "activities":
            row.setdefault("activity_type_id", 1)
            row["end_date"] = members.get("end_date") or members["due_date"]
        if resource in ("notes", "calls", "activities", "documents"):
            row["user_id"] = row.get("user_id") or user
        if resource in ("products", "activities", "documents"):
            row["created_by"] = user
        return self.model.tables[resource].insert(row)

    def update(self, resource, row_id, body):
        self.model.tables[resource].change(row_id, self.validated(resource, body, row_id))
