# SPDX-License-Identifier: MIT
"""A plain HTTP client, for tests of the simulated CRM itself: ask("GET", "/contacts", order="id")."""
import http.client
import json
import urllib.parse


class Ask:
    def __init__(self, crm, token=None, **headers):
        self.crm = crm
        self.headers = {"Authorization": f"Bearer {token or crm.token}", "Accept": "application/json", **headers}

    def __call__(self, method, path, body=None, /, **query):
        """(status, parsed body); the answer itself is in .answer, its bytes in .raw."""
        conn = http.client.HTTPConnection(urllib.parse.urlsplit(self.crm.url).netloc)
        url = f"/api{path}" + ("?" + urllib.parse.urlencode(query) if query else "")
        try:
            conn.request(method, url, None if body is None else json.dumps(body), self.headers)
            self.answer = conn.getresponse()
            self.raw = self.answer.read()
        finally:
            conn.close()
        return self.answer.status, json.loads(self.raw) if self.raw else None

    def get(self, path, **query):
        """The body of a 200."""
        status, body = self("GET", path, **query)
        assert status == 200, (status, body)
        return body

    def ids(self, path, **query):
        return [r["id"] for r in self.get(path, **query)["data"]]

    def put(self, path, **members):
        status, body = self("PUT", path, members)
        assert status == 200, (status, body)
        return body

    def post(self, path, **members):
        status, body = self("POST", path, members)
        assert status == 201, (status, body)
        return body
