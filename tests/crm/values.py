# SPDX-License-Identifier: MIT
"""Single values as they are written: one reader a type (concord-api.md 1.4, 3.3, 4.2). Changes nothing.

A reader takes (writer, kind, field, value, row or None) and gives what is stored, or a Later: what to do
once the whole body has been found valid. ValueError carries the words of a 422.
"""
import datetime
import re
import zoneinfo

from crm.fields import BRANDS, COUNTRIES
from crm.query import ServerError

EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s.]+")
DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
COLOR = re.compile(r"#[0-9a-fA-F]{6}")
URL = re.compile(r"https?://[^\s/]+\S*")
CREATED_BY_LABEL = ("sources", "industries", "pipelines")
TEXT_MAX = 191


class Later:
    def __init__(self, make):
        self.make = make


def normalise(value):
    """Every string is trimmed, and an empty one becomes null."""
    if isinstance(value, str):
        return value.strip() or None
    if isinstance(value, list):
        return [normalise(v) for v in value]
    if isinstance(value, dict):
        return {k: normalise(v) for k, v in value.items()}
    return value


def text(writer, kind, field, value, row):
    if value is None:
        return None
    if not isinstance(value, str):
        raise ValueError("must be a string.")
    if len(value) > TEXT_MAX:
        raise ValueError(f"must not be greater than {TEXT_MAX} characters.")
    return value


def html(writer, kind, field, value, row):
    """Purified: scripts and handlers do not come back."""
    if value is None:
        return None
    if not isinstance(value, str):
        raise ValueError("must be a string.")
    value = re.sub(r"<script\b.*?(</script>|$)", "", value, flags=re.S | re.I)
    return re.sub(r"\son\w+\s*=\s*(\"[^\"]*\"|'[^']*'|[^\s>]+)", "", value, flags=re.I)


def email(writer, kind, field, value, row):
    if value is None:
        return None
    if not isinstance(value, str) or not EMAIL.fullmatch(value):
        raise ValueError("must be a valid email address.")
    text(writer, kind, field, value, row)
    if field.key == "email":
        writer.unique(kind, "email", value, row, ["users"] if kind == "contacts" else [])
    return value


def number(writer, kind, field, value, row):
    if value is None:
        return 0
    try:
        if isinstance(value, bool) or not isinstance(value, (int, float, str)):
            raise ValueError
        value = float(value) if not isinstance(value, int) else value
        if value != value or value in (float("inf"), float("-inf")):
            raise ValueError
    except ValueError:
        raise ValueError("must be a number.") from None
    return int(value) if float(value).is_integer() else value


def numeric(writer, kind, field, value, row):
    value = number(writer, kind, field, value, row)
    if value < 0:
        raise ValueError("must be at least 0.")
    if round(value, 3) != value:
        raise ValueError("must have 0-3 decimal places.")
    return value


def integer(writer, kind, field, value, row):
    if value is None:
        return None
    if isinstance(value, str) and re.fullmatch(r"-?\d+", value):
        return int(value)
    if isinstance(value, bool) or not isinstance(value, (int, float)) or value != int(value):
        raise ValueError("must be an integer.")
    return int(value)


def reminder(writer, kind, field, value, row):
    value = integer(writer, kind, field, value, row)
    if value is not None and not 1 <= value <= 40320:
        raise ValueError("must be between 1 and 40320.")
    return value


def boolean(writer, kind, field, value, row):
    if value is None:
        return False
    if isinstance(value, (bool, int, str)) and value in (True, False, "0", "1"):
        return bool(int(value))
    raise ValueError("must be true or false.")


def moment(value):
    """An instant in UTC: `YYYY-MM-DD[ HH:MM:SS]` is UTC, ISO 8601 has its zone."""
    try:
        if not isinstance(value, str) or not DATE.match(value):
            raise ValueError
        at = datetime.datetime.fromisoformat(value)
    except ValueError:
        raise ValueError("must be a valid date.") from None
    at = at.astimezone(datetime.timezone.utc) if at.tzinfo else at
    return at.strftime("%Y-%m-%dT%H:%M:%S.000000Z")


def date(writer, kind, field, value, row):
    """Reads back as midnight. An ISO date-time is cut at its day."""
    return None if value is None else moment(value)[:10] + "T00:00:00.000000Z"


def date_time(writer, kind, field, value, row):
    return None if value is None else moment(value)


def when(writer, kind, field, value, row):
    """Activities: a bare day stays one; a time without seconds is not recognised as a time."""
    if value is None:
        return None
    full = moment(value)
    return full if re.search(r"\d{2}:\d{2}:\d{2}", value) else full[:10]


def color(writer, kind, field, value, row):
    if value is not None and not (isinstance(value, str) and COLOR.fullmatch(value)):
        raise ValueError("must be a valid hexadecimal color.")
    return value


def status(writer, kind, field, value, row):
    if value not in ("open", "won", "lost"):
        raise ValueError("selected is invalid.")
    if {row["status"] if row else "open", value} == {"won", "lost"}:
        raise writer.refuse(409, f"The deal must be open before it can be marked as {value}.")
    return value


def belongs(writer, kind, field, value, row):
    if value is None:
        return None
    if field.target in ("countries", "brands"):
        names = COUNTRIES if field.target == "countries" else BRANDS
        found = next((i for i, n in names.items() if i == value or str(i) == value or n == value), None)
    else:
        found = writer.by_id_or_label(field.target, value)
    if found is None and field.target in CREATED_BY_LABEL:  # even for a stale id
        return Later(lambda row_id: writer.model.insert(
            field.target, {**writer.fields.blank(field.target), "name": str(value)}))
    if found is None:
        raise ValueError("selected is invalid.")
    return found


def tags(writer, kind, field, value, row):
    names = value.split(",") if isinstance(value, str) else value
    if not isinstance(names, list) or any(not isinstance(n, str) for n in names if n is not None):
        raise ServerError("Array to string conversion")
    names = [n.strip() for n in names if n and n.strip()]
    family = "deals" if kind == "deals" else "contacts"
    return Later(lambda row_id: list(dict.fromkeys(writer.model.tag(family, n)["id"] for n in names)))


def phones(writer, kind, field, value, row):
    """Replaces the set; a number that stays keeps its id."""
    value = value.split(",") if isinstance(value, str) else value or []
    wanted = [phone(entry) for entry in value]
    known = {p["number"]: p["id"] for p in (row or {}).get("phones") or []}
    if kind == "contacts":
        writer.unique_phones(wanted, row)
    return Later(lambda row_id: [
        {"id": known.get(n) or next(writer.model.phone_numbers), "number": n, "type": t} for n, t in wanted])


def phone(entry):
    if isinstance(entry, str):
        number_part, _, type_part = entry.strip().partition("|")
        entry = {"number": number_part, "type": type_part}
    if not isinstance(entry, dict) or not entry.get("number"):
        raise ServerError("Undefined array key number")
    kind = entry.get("type")
    return str(entry["number"]), kind if kind in ("mobile", "work", "other") else "mobile"


def guests(writer, kind, field, value, row):
    """Written as {users: [ids], contacts: [ids]}; the shape that is read is a server error."""
    if value is None:
        return []
    if not isinstance(value, dict):
        raise ServerError("guests")
    return [(k, i) for k in ("users", "contacts") for i in value.get(k) or []
            if isinstance(i, int) and writer.model.row(k, i)]


def plain(writer, kind, field, value, row):
    if value is not None and not isinstance(value, str):
        raise ValueError("must be a string.")
    return value


def url(writer, kind, field, value, row):
    if text(writer, kind, field, value, row) is not None and not URL.fullmatch(value):
        raise ValueError("must be a valid URL.")
    return value


def timezone(writer, kind, field, value, row):
    if value is not None and value not in zoneinfo.available_timezones():
        raise ValueError("must be a valid timezone.")
    return value


def choice(writer, kind, custom, value, row):
    return Later(lambda row_id: writer.fields.option(custom, value))


def choices(writer, kind, custom, value, row):
    values = value.split(",") if isinstance(value, str) else value
    if not isinstance(values, list) or any(isinstance(v, (dict, list)) for v in values):
        raise ServerError("Array to string conversion")
    values = [v.strip() if isinstance(v, str) else v for v in values if v is not None]
    return Later(lambda row_id: list(dict.fromkeys(writer.fields.option(custom, v) for v in values)))


BUILT_IN = {"text": text, "html": html, "email": email, "number": number, "int": integer, "bool": boolean,
            "date": date, "datetime": date_time, "when": when, "belongs": belongs, "tags": tags,
            "phones": phones, "guests": guests, "color": color, "status": status, "reminder": reminder}
CUSTOM = {"Text": text, "Textarea": plain, "Email": email, "Url": url, "Timezone": timezone,
          "ColorSwatch": color, "Number": integer, "Numeric": numeric, "Boolean": boolean, "Date": date,
          "DateTime": date_time, "Select": choice, "Radio": choice, "Checkbox": choices,
          "MultiSelect": choices}
