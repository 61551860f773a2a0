# SPDX-License-Identifier: MIT
"""Routes: what /api answers (concord-api.md 1, 2, 5, 6). (request) -> Answer."""
import json

from crm.http import Answer
from crm.model import RESOURCES, SOFT
from crm.query import DATED, Lists, ServerError, envelope_tail, number
from crm.shapes import COUNTRIES, encode
from crm.writes import Refused

DEFAULT_PER_PAGE = 15


def message(status, text, **more):
    return Answer(status, encode({"message": text, **more}))


class Api:
    def __init__(self, model, fields, shapes, writer, url):
        self.model, self.fields, self.shapes, self.writer = model, fields, shapes, writer
        self.url, self.lists = url, Lists()

    def handle(self, request):
        """Everything but faults: who asks, the budget, the route."""
        if "origin" in request.headers or "referer" in request.headers:
            return self.branded(message(419, "CSRF token mismatch."))
        token = request.headers.get("authorization", "").removeprefix("Bearer ")
        user = self.model.tokens.get(token)
        if user is None:
            return self.branded(message(401, "Unauthenticated."))
        limits, refusal = self.spend(user)
        answer = refusal or self.routed(request, user)
        answer.headers += limits
        return self.branded(answer)

    def branded(self, answer):
        answer.headers += [("X-App-Version", "1.6.0"), ("Cache-Control", "no-cache, private")]
        return answer

    def spend(self, user):
        if not self.model.rate:
            return [], None
        window = self.model.window(user)
        left = window.spend()
        headers = [("X-RateLimit-Limit", str(window.limit)), ("X-RateLimit-Remaining", str(max(left, 0)))]
        if left >= 0:
            return headers, None
        wait = int(window.resets_in()) + 1
        headers += [("Retry-After", str(wait)),
                    ("X-RateLimit-Reset", str(int(self.model.clock.now()) + wait))]
        return headers, message(429, "Too Many Attempts.")

    def routed(self, request, user):
        try:
            return self.route(request, user)
        except Refused as e:
            return Answer(e.status, encode(e.body))
        except ServerError:
            return message(500, "Server Error")

    def route(self, request, user):
        parts = request.path.removeprefix("/api").strip("/").split("/")
        if request.method not in ("GET", "POST", "PUT", "DELETE"):
            answer = message(405, f"The {request.method} method is not supported for route {request.path[1:]}.")
            answer.headers.append(("Allow", "GET, HEAD, PUT, DELETE"))
            return answer
        special = {"me": lambda: self.shapes.user(self.model.row("users", user)),
                   "countries": lambda: [{"id": i, "name": n} for i, n in COUNTRIES.items()],
                   "timezones": lambda: ["Europe/Berlin", "Europe/Stockholm", "UTC"], "teams": lambda: []}
        if len(parts) == 1 and parts[0] in special:
            return Answer(200, encode(special[parts[0]]()))
        if parts[0] == "trashed" and len(parts) > 1:
            return self.trashed(request, parts[1:])
        if parts[0] not in RESOURCES or parts[0] in self.model.settings["absent"]:
            return message(404, f"The route {request.path[1:]} could not be found.")
        return self.resource(request, parts[0], parts[1:], user)

    def resource(self, request, name, rest, user):
        if not rest:
            return self.list(request, name) if request.method == "GET" else self.create(request, name, user)
        if len(rest) == 1 and request.method == "GET" and not rest[0].isdigit():
            return self.metadata(request, name, rest[0])
        row = self.model.row(name, int(rest[0])) if rest[0].isdigit() and len(rest) == 1 else None
        if row is None:
            return self.no_record(name, rest[0])
        if request.method == "GET":
            return Answer(200, self.shapes.single_bytes(name, row))
        if request.method == "PUT":
            self.writer.update(name, row["id"], self.json(request))
            return Answer(200, self.shapes.single_bytes(name, self.model.row(name, row["id"])))
        if request.method == "DELETE":
            self.model.tables[name].delete(row["id"])
            return Answer(204)
        return message(405, f"The {request.method} method is not supported.")

    def no_record(self, name, row_id):
        return message(404, f"No query results for model [Modules\\{name.title()}] {row_id}")

    def json(self, request):
        try:
            return json.loads(request.body) if request.body else {}
        except ValueError:
            return {}

    def metadata(self, request, name, what):
        if what in ("create-fields", "index-fields"):
            return Answer(200, encode(self.fields.metadata(name)))
        if what == "rules":
            ids = ["created_at", "updated_at"] if name in DATED else []
            return Answer(200, encode([{"id": i, "label": i, "type": "date"} for i in ids]))
        if what == "search":
            rows = self.lists.select(self.model.tables[name], request.query, 1, 1_000, False)[0]
            found = [self.shapes.item(name, r) for r in rows] if request.query.get("q") else []
            return Answer(200, encode(found))
        return self.no_record(name, what)

    def create(self, request, name, user):
        if request.method != "POST":
            return message(405, f"The {request.method} method is not supported.")
        row_id = self.writer.create(name, self.json(request), user)
        return Answer(201, self.shapes.single_bytes(name, self.model.row(name, row_id), fresh=True))

    def list(self, request, name, trashed=False):
        if name in self.model.settings["forbid"]:
            return message(403, "This action is unauthorized.")
        page = number(request.query.get("page"), 1)
        per_page = number(request.query.get("per_page"), DEFAULT_PER_PAGE)
        if self.model.settings["page_max"]:
            per_page = min(per_page, self.model.settings["page_max"])
        table = self.model.tables[name]
        rows, total = self.lists.select(table, request.query, page, per_page, trashed)
        total += self.model.settings["lie"].get(name, 0)
        url = f"{self.url()}/api/{'trashed/' if trashed else ''}{name}"
        links, meta = envelope_tail(url, page, per_page, total, len(rows))
        items = b",".join(self.shapes.item_bytes(name, r) for r in rows)
        body = b'{"data":[' + items + b'],"links":' + encode(links) + b',"meta":' + encode(meta) + b"}"
        if not trashed:
            self.after_page(name, page)
        return Answer(200, body)

    def after_page(self, name, page):
        """What a test wants to happen right after this page was cut."""
        for hook in [h for h in self.model.on_page if (h["kind"], h["page"]) == (name, page)]:
            self.model.on_page.remove(hook)
            hook["run"]()

    def trashed(self, request, parts):
        name = parts[0]
        if name not in SOFT:
            raise ServerError("no trash")
        if len(parts) == 1:
            return self.list(request, name, trashed=True)
        table = self.model.tables[name]
        row_id = int(parts[1]) if parts[1].isdigit() else 0
        if row_id not in table.trash:
            return self.no_record(name, parts[1])
        if request.method == "POST":
            table.restore(row_id)
            return Answer(200, self.shapes.single_bytes(name, table.rows[row_id]))
        if request.method == "DELETE":
            table.trash.pop(row_id)
            return Answer(204)
        return Answer(200, self.shapes.single_bytes(name, table.trash[row_id]))
