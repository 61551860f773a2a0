# SPDX-License-Identifier: MIT
"""Whole bodies: validation, then what the product does with them (concord-api.md 3, 5)."""
from crm import values
from crm.fields import OPTION_TYPES
from crm.model import SUBJECTS
from crm.query import ServerError

FULL_PUT = {"notes", "pipelines", "pipeline-stages", "sources", "industries", "activity-types",
            "call-outcomes", "lost-reasons", "document-types", "users"}
UNIQUE = {("products", "name"), ("products", "sku"), ("users", "email")}
OWNED = ("contacts", "companies", "deals", "activities", "documents")
NULL_IS_IGNORED = ("tags", "ids")
FROZEN = ("content", "title", "brand_id")  # in an accepted document


class Refused(Exception):
    def __init__(self, status, message, errors=None):
        super().__init__(message)
        self.status = status
        self.body = {"message": message, **({"errors": errors} if errors else {})}


def invalid(errors):
    messages = [m for ms in errors.values() for m in ms]
    more = len(messages) - 1
    return Refused(422, messages[0] + (f" (and {more} more error{'s' if more > 1 else ''})" if more else ""),
                   errors)


def required(label):
    return [f"The {label} field is required."]


class Writer:
    refuse = staticmethod(Refused)

    def __init__(self, model, fields):
        self.model, self.fields = model, fields

    # What the readers of values ask

    def by_id_or_label(self, kind, value):
        if isinstance(value, str) and value.isdigit() and self.model.row(kind, int(value)):
            return int(value)
        if isinstance(value, int) and not isinstance(value, bool) and self.model.row(kind, value):
            return value
        if not isinstance(value, str):
            return None
        members = ("email", "name") if kind in SUBJECTS else ("name",)
        rows = self.model.tables[kind].rows.values()
        return next((r["id"] for r in rows if any(
            isinstance(r.get(m), str) and r[m].lower() == value.lower() for m in members)), None)

    def unique(self, kind, key, value, row, also=()):
        """Records in the trash do not count (GUESS: open question 3)."""
        for other in [kind, *also]:
            for known in self.model.tables[other].rows.values():
                if known.get(key) == value and not (other == kind and row and known["id"] == row["id"]):
                    raise ValueError("has already been taken.")

    def unique_phones(self, wanted, row):
        numbers = {n for n, _ in wanted}
        for known in self.model.tables["contacts"].rows.values() if numbers else ():
            if (row is None or known["id"] != row["id"]) and any(
                    p["number"] in numbers for p in known.get("phones") or []):
                taken = next(p["number"] for p in known["phones"] if p["number"] in numbers)
                index = [n for n, _ in wanted].index(taken)
                raise invalid({f"phones.{index}.number": ["The phone number has already been taken."]})

    # Validation

    def built_in(self, kind, body, row, errors):
        out = {}
        for field in self.fields.built_in[kind]:
            value = body.get(field.key)
            if field.key not in body or field.type not in values.BUILT_IN:
                continue
            if value is None and (field.required or field.type in NULL_IS_IGNORED):
                if field.required:
                    errors[field.key] = required(field.label)
                continue
            self.read(values.BUILT_IN[field.type], kind, field, value, row, out, errors)
            if (kind, field.key) in UNIQUE and value is not None:
                self.read(self.check_unique, kind, field, value, row, {}, errors)
        return out

    def check_unique(self, writer, kind, field, value, row):
        self.unique(kind, field.key, value, row)

    def read(self, reader, kind, field, value, row, out, errors):
        try:
            out[field.key] = reader(self, kind, field, value, row)
        except ValueError as e:
            words = str(e)
            errors[field.key] = [f"The {field.label} {words}" if words.startswith("has already") else
                                 f"The selected {field.label} is invalid." if words.startswith("selected") else
                                 f"The {field.label} field {words}"]

    def custom(self, kind, body, row, errors):
        out = {}
        for field in self.fields.custom[kind]:
            value = body.get(field.key)
            if field.key not in body or (value is None and field.type in OPTION_TYPES):
                continue  # null clears no option field, and says nothing
            self.read(values.CUSTOM[field.type], kind, field, value, row, out, errors)
        return out

    def rules(self, kind, body, row, errors):
        """Between members."""
        def missing(key, label=None):
            errors.setdefault(key, required(label or key.replace("_", " ")))
        if row is None or kind in FULL_PUT:
            for field in self.fields.built_in[kind]:
                if field.required and body.get(field.key) is None:
                    missing(field.key, field.label)
        if kind == "notes":
            for key in ("via_resource", "via_resource_id"):
                if body.get(key) is None:
                    missing(key)
            if body.get("via_resource") not in (None, *SUBJECTS):
                errors["via_resource"] = ["The selected via resource is invalid."]
        if kind == "deals" and "pipeline_id" in body and body.get("stage_id") is None:
            missing("stage_id", "stage")
        if kind == "activities" and row is not None:
            for key, other in (("due_date", "end_date"), ("end_date", "due_date")):
                if key in body and body.get(other) is None:
                    missing(other)

    def associations(self, kind, body, row):
        """{other kind: [ids]} of what the body names; strangers are dropped silently."""
        out = {}
        nested = body.get("associations")
        if nested is not None and not isinstance(nested, dict):
            raise Refused(400, "The associations must be an object.")
        allowed = [f.key for f in self.fields.built_in[kind] if f.type == "ids"]
        for other in nested or {}:
            if other not in allowed:
                raise Refused(400, f"The resource [{other}] cannot be associated.")
        for other in allowed:
            wanted = body.get(other, (nested or {}).get(other))
            if wanted is None:
                continue
            if not isinstance(wanted, list) or any(isinstance(w, (dict, list)) for w in wanted):
                raise ServerError("Array to string conversion")
            ids = [self.by_id_or_label(other, w) for w in wanted]
            out[other] = list(dict.fromkeys(i for i in ids if i is not None))
        return out

    def validated(self, kind, body, row):
        body = values.normalise(body if isinstance(body, dict) else {})
        if kind == "documents" and row and row.get("status") == "accepted":
            body = {k: v for k, v in body.items() if k not in FROZEN}
        errors = {}
        out = self.built_in(kind, body, row, errors) | self.custom(kind, body, row, errors)
        self.rules(kind, body, row, errors)
        links = self.associations(kind, body, row)
        if errors:
            raise invalid(errors)
        out = {k: v.make(row and row["id"]) if isinstance(v, values.Later) else v for k, v in out.items()}
        if kind == "deals" and isinstance(body.get("billable"), dict):
            out["billable"] = self.billable(row, body["billable"])
        return out, links

    # Consequences

    def billable(self, row, body):
        """The products of a deal: those named are added or replaced by id."""
        old = {p["id"]: p for p in ((row or {}).get("billable") or {}).get("products", [])}
        for gone in body.get("removed_products") or []:
            old.pop(gone, None)
        for product in body.get("products") or []:
            number = product.get("id") or max(old, default=0) + 1
            old[number] = {**old.get(number, {}), **product, "id": number}
        return {"tax_type": body.get("tax_type") or "exclusive", "products": list(old.values())}

    def consequences(self, kind, row, out):
        now, old = self.model.clock.stamp(), row or {}
        if kind in OWNED and "user_id" in out and out["user_id"] != old.get("user_id"):
            out["owner_assigned_date"] = now if out["user_id"] else None
        if kind == "deals":
            self.deal_follows(old, out, now)
        if kind == "activities" and "is_completed" in out and out["is_completed"] != old.get("is_completed", False):
            out["completed_at"] = now if out["is_completed"] else None
        return out

    def deal_follows(self, old, out, now):
        if out.get("stage_id"):  # the stored pipeline always follows from the stage
            out["pipeline_id"] = self.model.row("pipeline-stages", out["stage_id"])["pipeline_id"]
            if out["stage_id"] != old.get("stage_id"):
                out["stage_changed_date"] = now
        products = (out.get("billable") or old.get("billable") or {}).get("products")
        if products:  # the amount is then theirs, whatever was sent
            total = sum(float(p.get("unit_price") or 0) * float(p.get("qty") or 1) for p in products)
            out["amount"] = int(total) if total.is_integer() else total
        status = out.get("status")
        if status and status != old.get("status", "open"):
            out["won_date"] = now if status == "won" else None
            out["lost_date"] = now if status == "lost" else None
            if status != "lost":
                out["lost_reason"] = None

    def associate(self, kind, row_id, links):
        """Replaces the named sets."""
        for other, ids in links.items():
            rows = self.model.tables[other].rows
            for gone in [i for i in self.model.links.ids(kind, row_id, other) if i not in ids and i in rows]:
                self.model.detach(kind, row_id, other, gone)
            for new in ids:
                self.model.attach(kind, row_id, other, new)

    # The two writes

    def create(self, kind, body, user_id):
        out, links = self.validated(kind, body, None)
        row = {**self.fields.blank(kind), **self.consequences(kind, None, out)}
        if kind == "activities":
            row["activity_type_id"] = row["activity_type_id"] or 1  # the default type
            row["end_date"] = row["end_date"] or row["due_date"]
        if kind == "documents":
            row.update(document_type_id=row["document_type_id"] or 1, status="draft",
                       view_type=row["view_type"] or "nav-top", locale=row["locale"] or "en")
        if kind in ("notes", "calls", "activities"):
            row["user_id"] = row["user_id"] or user_id
        if "created_by" in row:
            row["created_by"] = user_id
        if kind == "deals" and not row["stage_changed_date"]:
            row["stage_changed_date"] = self.model.clock.stamp()
        row_id = self.model.insert(kind, row)
        self.associate(kind, row_id, links)
        return row_id

    def update(self, kind, row, body):
        out, links = self.validated(kind, body, row)
        self.model.change(kind, row["id"], self.consequences(kind, row, out))
        self.associate(kind, row["id"], links)
