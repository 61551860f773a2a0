# SPDX-License-Identifier: MIT
"""What /api answers: who asks, the budget, the routes (concord-api.md 1, 2, 5, 6). (request) -> Answer."""
import json
import zoneinfo

from crm import query as q
from crm.fields import COUNTRIES, metadata
from crm.model import LOOKUPS, MAIN, SOFT, SUBJECTS
from crm.query import Forbidden, ServerError
from crm.server import Answer
from crm.shapes import Asker, NoRelation, RELATIONS, encode
from crm.values import normalise
from crm.writes import Refused

DEFAULT_PER_PAGE = 15
KINDS = set(MAIN + LOOKUPS)
FIELD_LISTS = ("index-fields", "create-fields", "export-fields", "update-fields", "detail-fields")
MODELS = {"contacts": "Contacts\\Models\\Contact", "companies": "Contacts\\Models\\Company",
          "deals": "Deals\\Models\\Deal", "activities": "Activities\\Models\\Activity",
          "notes": "Notes\\Models\\Note", "calls": "Calls\\Models\\Call",
          "products": "Billable\\Models\\Product", "documents": "Documents\\Models\\Document"}
IN_USE = {"sources": "source_id", "industries": "industry_id", "activity-types": "activity_type_id",
          "call-outcomes": "call_outcome_id", "document-types": "document_type_id",
          "pipelines": "pipeline_id", "pipeline-stages": "stage_id"}


def message(status, text, **more):
    return Answer(status, encode({"message": text, **more}))


def unauthorized():
    return message(403, "This action is unauthorized.")


class Settings:
    """What tests bend."""

    def __init__(self, page_max):
        self.page_max, self.forbidden, self.absent, self.lies, self.on_page = page_max, set(), set(), {}, []


class Api:
    def __init__(self, model, fields, shapes, writer, settings, url):
        self.model, self.fields, self.shapes, self.writer = model, fields, shapes, writer
        self.settings, self.url, self.lists = settings, url, q.Lists(model, fields, shapes)

    # Before the routes

    def handle(self, request):
        answer = self.checked(request)
        answer.headers += [("X-App-Version", "1.6.0"), ("Cache-Control", "no-cache, private")]
        return answer

    def checked(self, request):
        # Only the product's own hosts make a 419; here any does, so that no client gets away with one.
        if "origin" in request.headers or "referer" in request.headers:
            return message(419, "CSRF token mismatch.")
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        user_id = self.model.tokens.get(token.strip()) if scheme.lower() == "bearer" else None
        user = self.model.row("users", user_id)
        if user is None:
            return message(401, "Unauthenticated.")
        limits, refusal = self.spend(user_id)
        answer = refusal or self.guarded(request, user)
        answer.headers += limits
        return answer

    def spend(self, user_id):
        if not self.model.rate:
            return [], None
        window = self.model.window(user_id)
        allowed = window.spend()
        headers = [("X-RateLimit-Limit", str(window.limit)), ("X-RateLimit-Remaining", str(window.left()))]
        if allowed:
            return headers, None
        wait = window.resets_in()
        headers += [("Retry-After", str(wait)), ("X-RateLimit-Reset", str(int(self.model.clock.now()) + wait))]
        return headers, message(429, "Too Many Attempts.")

    def guarded(self, request, user):
        if not (user["access_api"] or user["super_admin"]):
            return Answer(403, encode({"error": "Your account is not authorized to perform API requests."}))
        try:
            return Call(self, request, user).route()
        except Refused as e:
            return Answer(e.status, encode(e.body))
        except Forbidden as e:
            return message(403, str(e))
        except (ServerError, NoRelation):
            return message(500, "Server Error")


class Call:
    """One request of a known user."""

    def __init__(self, api, request, user):
        self.api, self.request, self.user = api, request, user
        self.model, self.shapes, self.settings = api.model, api.shapes, api.settings
        self.asker = Asker(user["id"], user["super_admin"])
        self.query = q.php_query(request.query_string)
        self.method = "GET" if request.method == "HEAD" else request.method

    # Answers

    def json(self, status, value):
        return Answer(status, self.shapes.text(value, self.asker))

    def single(self, kind, row, status=200, fresh=False):
        names = [] if fresh else self.relations()  # with= on POST came with 1.7
        return Answer(status, self.shapes.single_text(kind, row, self.asker, fresh, names))

    def relations(self):
        value = self.query.get("with")
        return [w for w in value.split(";") if w] if isinstance(value, str) else []

    def no_record(self, kind, text):
        model = MODELS.get(kind, f"Core\\Models\\{kind.title().replace('-', '')}")
        return message(404, f"No query results for model [Modules\\{model}] {text}")

    def no_route(self):
        return message(404, f"The route {self.request.path.strip('/')} could not be found.")

    def not_allowed(self, *methods):
        answer = message(405, f"The {self.request.method} method is not supported for route "
                              f"{self.request.path.strip('/')}. Supported methods: {', '.join(methods)}.")
        answer.headers.append(("Allow", ", ".join(methods)))
        return answer

    def body(self):
        """What is not JSON is an empty body, as Laravel has it."""
        try:
            value = json.loads(self.request.body) if self.request.body else {}
        except ValueError:
            return {}
        return value if isinstance(value, dict) else {}

    # Routes

    def route(self):
        parts = self.request.path.removeprefix("/api").strip("/").split("/")
        special = {"me": self.me, "countries": self.countries, "timezones": self.timezones, "teams": self.teams}
        if parts[0] in special and len(parts) == 1:
            return special[parts[0]]() if self.method == "GET" else self.not_allowed("GET", "HEAD")
        if parts == ["search"] and self.method == "GET":
            return self.search_everywhere()
        if parts[0] == "trashed" and len(parts) > 1 and parts[1] in KINDS - self.settings.absent:
            return self.trashed(parts[1], parts[2:])
        if parts[0] == "associations" and len(parts) == 3 and parts[1] in RELATIONS:
            return self.associated(parts[1], parts[2])
        if parts[0] not in KINDS:
            return message(404, "") if len(parts) < 3 else self.no_route()
        if parts[0] in self.settings.absent:
            return self.no_route()
        return self.resource(parts[0], parts[1:])

    def resource(self, kind, rest):
        if not rest:
            if self.method not in ("GET", "POST"):
                return self.not_allowed("GET", "HEAD", "POST")
            return self.list(kind) if self.method == "GET" else self.create(kind)
        if len(rest) == 1 and self.method == "GET" and rest[0] in FIELD_LISTS + ("rules", "search"):
            return self.metadata(kind, rest[0])
        if len(rest) > 2:
            return self.no_route()
        row = self.model.row(kind, int(rest[0])) if rest[0].isascii() and rest[0].isdigit() else None
        if len(rest) == 2:
            return self.below(kind, rest[0], row, rest[1])
        actions = {"GET": self.show, "PUT": self.update, "DELETE": self.delete}
        if self.method not in actions:
            return self.not_allowed("GET", "HEAD", "PUT", "DELETE")
        return actions[self.method](kind, row) if row else self.no_record(kind, rest[0])

    def below(self, kind, text, row, name):
        """/{res}/{id}/{name}"""
        known = name in RELATIONS.get(kind, []) or (kind in SUBJECTS and name in RELATIONS)
        stages = (kind, name) == ("pipelines", "stages")
        if not (known or stages or name in FIELD_LISTS or (kind, name) == ("deals", "billable")
                or (name == "comments" and kind in ("activities", "notes", "calls"))):
            return self.no_route()
        if self.method != "GET":
            return self.not_allowed("GET", "HEAD")
        if row is None:
            return self.no_record(kind, text)
        if name in FIELD_LISTS:
            return self.json(200, metadata(self.model, self.api.fields, kind))
        if name in ("comments", "billable"):
            return self.json(200, row.get("billable") if name == "billable" else [])
        if stages:
            rows = [s for s in self.model.tables["pipeline-stages"].rows.values()
                    if s["pipeline_id"] == row["id"]]
            return self.page("pipeline-stages", f"{kind}/{text}/{name}", rows=rows)
        return self.page(name, f"{kind}/{text}/{name}", rows=self.shapes.linked(kind, row, name))

    def me(self):
        """The token's own user shows its permissions too."""
        shape = self.shapes.user(self.user)
        return self.json(200, {**shape, "dashboards": [], "permissions": [], "roles": []})

    def countries(self):
        return self.json(200, [{"id": i, "name": n} for i, n in COUNTRIES.items()])

    def timezones(self):
        return self.json(200, sorted(zoneinfo.available_timezones()))

    def teams(self):
        user = self.shapes.user(self.model.row("users", 1))
        return self.json(200, [{"id": 1, "name": "Sales", "user_id": 1, "manager": user, "members": [user],
                                "created_at": user["created_at"], "updated_at": user["updated_at"]}])

    def metadata(self, kind, what):
        if what == "search":
            return self.search(kind)
        if what == "rules":
            operators = ["equal", "less", "less_or_equal", "greater", "greater_or_equal", "between", "is",
                         "is_null", "is_not_null"]
            return self.json(200, [{"id": i, "label": i.replace("_", " ").capitalize(), "type": "date",
                                    "operators": operators} for i in q.RULE_DATES if kind in q.DATED])
        return self.json(200, metadata(self.model, self.api.fields, kind))

    # Reading

    def tests(self, kind):
        found = (q.search_test(kind, self.query),
                 q.filter_test(kind, self.query, self.model.clock, self.user["timezone"]))
        return [t for t in found if t]

    def list(self, kind, trashed=False):
        if kind in self.settings.forbidden:
            return unauthorized()
        answer = self.page(kind, ("trashed/" if trashed else "") + kind, trashed=trashed)
        if not trashed:
            self.after_page(kind)
        return answer

    def page(self, kind, path, rows=None, trashed=False):
        page, per_page = self.page_number(), q.number(self.query.get("per_page"), DEFAULT_PER_PAGE)
        if self.settings.page_max:
            per_page = min(per_page, self.settings.page_max)
        rows, total = self.api.lists.select(kind, self.query, page, per_page, self.tests(kind), rows, trashed)
        total = max(0, total + self.settings.lies.get(kind, 0))
        links, meta = q.envelope_tail(f"{self.api.url()}/api/{path}", page, per_page, total, len(rows))
        pieces = [b'{"data":[']
        for row in rows:
            self.item(kind, row, pieces)
            pieces.append(b",")
        if rows:
            pieces.pop()
        pieces += [b'],"links":', encode(links), b',"meta":', encode(meta), b"}"]
        return Answer(200, b"".join(pieces))

    def page_number(self):
        return q.number(self.query.get("page"), 1)

    def item(self, kind, row, pieces):
        names = self.relations()
        if not names:
            self.shapes.item_text(kind, row, self.asker, pieces)
            return
        shape = self.shapes.item(kind, row)
        self.shapes.relate(kind, row, shape, names)
        pieces.append(self.shapes.text(shape, self.asker))

    def after_page(self, kind):
        """What a test wants to happen right after this page was cut."""
        page = self.page_number()
        for hook in [h for h in self.settings.on_page if h[:2] == (kind, page)]:
            self.settings.on_page.remove(hook)
            hook[2]()

    def search(self, kind, trashed=False):
        table = self.model.tables[kind]
        tests = self.tests(kind)
        if not self.query.get("q"):
            return self.json(200, [])
        limit = q.number(self.query.get("take"), max(1, len(table.rows) + len(table.trash)))
        rows, _ = self.api.lists.select(kind, self.query, 1, limit, tests, trashed=trashed)
        return self.json(200, [self.shapes.found(kind, r) for r in rows])

    def search_everywhere(self):
        out = []
        for kind in SUBJECTS:
            if not self.query.get("q") or self.query.get("only", kind) != kind:
                continue
            rows, _ = self.api.lists.select(kind, {}, 1, 10, [q.search_test(kind, {"q": self.query["q"]})])
            data = [{"id": r["id"], "path": f"/{kind}/{r['id']}", "display_name": self.shapes.title(kind, r),
                     "created_at": r["created_at"], "resourceName": kind} for r in rows]
            out.append({"title": kind.capitalize(), "resource_name": kind, "icon": "User",
                        "action": "float", "data": data})
        return self.json(200, out)

    def show(self, kind, row):
        if kind in ("notes", "calls") and not self.owns(row) and not (
                self.query.get("via_resource") and self.query.get("via_resource_id")):
            return unauthorized()
        return self.single(kind, row)

    def owns(self, row):
        return self.asker.is_admin or self.user["id"] in (row.get("user_id"), row.get("created_by"))

    # Writing

    def may_write(self, kind, row=None):
        """Lookups are for admins, notes and calls for their authors."""
        if self.asker.is_admin or kind not in LOOKUPS + ("notes", "calls"):
            return True
        return kind not in LOOKUPS and (row is None or self.owns(row))

    def create(self, kind):
        if not self.may_write(kind):
            return unauthorized()
        row_id = self.api.writer.create(kind, self.body(), self.user["id"])
        return self.single(kind, self.model.row(kind, row_id), 201, fresh=True)

    def update(self, kind, row):
        if not self.may_write(kind, row):
            return unauthorized()
        self.api.writer.update(kind, row, self.body())
        return self.single(kind, self.model.row(kind, row["id"]))

    def delete(self, kind, row):
        if not self.may_write(kind, row):
            return unauthorized()
        column = IN_USE.get(kind)
        if column and any(r.get(column) == row["id"] for name in MAIN + ("pipeline-stages",) if name != kind
                          for r in self.model.tables[name].rows.values()):
            return message(409, "The record is in use and cannot be deleted.")
        self.model.delete(kind, row["id"])
        return Answer(204)

    # Trash and associations

    def trashed(self, kind, rest):
        if kind not in SOFT:
            raise ServerError("no soft deletes")
        table = self.model.tables[kind]
        if not rest:
            if self.method == "DELETE":
                return self.empty_trash(kind, table)
            return self.list(kind, True) if self.method == "GET" else self.not_allowed("GET", "HEAD", "DELETE")
        if rest == ["search"]:
            return self.search(kind, True)
        row = table.trash.get(int(rest[0])) if rest[0].isascii() and rest[0].isdigit() else None
        if row is None or len(rest) > 1:
            return self.no_record(kind, rest[0])
        if self.method == "POST":
            self.model.restore(kind, row["id"])
            return self.single(kind, table.rows[row["id"]])
        if self.method == "DELETE":
            self.model.purge(kind, row["id"])
            return Answer(204)
        return self.single(kind, row) if self.method == "GET" else self.not_allowed("GET", "HEAD", "POST", "DELETE")

    def empty_trash(self, kind, table):
        gone = sorted(table.trash)[:q.number(self.query.get("limit"), 500)]
        for row_id in gone:
            self.model.purge(kind, row_id)
        return self.json(200, {"deleted": len(gone)})

    def associated(self, kind, text):
        row = self.model.row(kind, int(text)) if text.isascii() and text.isdigit() else None
        if row is None:
            return self.no_record(kind, text)
        if self.method == "GET":
            per_page = q.number(self.query.get("per_page"), DEFAULT_PER_PAGE)
            return self.json(200, {other: [{**self.shapes.item(other, r), "is_primary_associated": True}
                                           for r in self.shapes.linked(kind, row, other)[:per_page]]
                                   for other in RELATIONS[kind]})
        if self.method not in ("PUT", "POST", "DELETE"):
            return self.not_allowed("GET", "HEAD", "PUT", "POST", "DELETE")
        links = self.api.writer.associations(kind, {"associations": normalise(self.body())}, row)
        pairs = [(other, i) for other, ids in links.items() for i in ids]
        if self.method == "POST":
            self.api.writer.associate(kind, row["id"], links)
        elif self.method == "PUT":
            if len(pairs) == 1 and self.model.links.has(kind, row["id"], *pairs[0]):
                return message(409, "The record is already associated.")
            for other, other_id in pairs:
                self.model.attach(kind, row["id"], other, other_id)
        else:
            for other, other_id in pairs:
                self.model.detach(kind, row["id"], other, other_id)
        return self.single(kind, self.model.row(kind, row["id"]))
