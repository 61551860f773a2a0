# SPDX-License-Identifier: MIT
"""The simulated CRM's back door, faults and HTTP."""
import gzip
import http.client
import json
import os
import signal
import socket
import subprocess
import threading
import urllib.parse

import pytest

from crm.ask import Ask
from crm.client import Crm, Request


@pytest.fixture
def ask(start_crm):
    return Ask(start_crm(records=40))


def where(crm):
    parts = urllib.parse.urlsplit(crm.url)
    return parts.hostname, parts.port


def raw(crm, text, end=b""):
    """What comes back for these bytes, until the server closes or `end` is in it."""
    with socket.create_connection(where(crm), timeout=5) as s:
        s.sendall(text)
        got = b""
        while piece := s.recv(1 << 16):
            got += piece
            if end and end in got:
                break
        return got


def request(crm, method, path, body=b"", *headers):
    lines = [f"{method} /api{path} HTTP/1.1", "Host: x", f"Authorization: Bearer {crm.token}", *headers]
    if body:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


# HTTP

def test_pipelined_requests_are_answered_in_order(ask):
    text = request(ask.crm, "GET", "/contacts/1") + request(ask.crm, "GET", "/contacts/2", b"", "Connection: close")
    got = raw(ask.crm, text)
    assert got.count(b"HTTP/1.1 200 OK") == 2 and got.index(b'{"id":1,') < got.index(b'{"id":2,')


def test_a_pipelined_request_waits_for_the_one_before(ask):
    hold = ask.crm.fault(path="/contacts/1$", action="hold")
    text = request(ask.crm, "GET", "/contacts/1") + request(ask.crm, "GET", "/contacts/2", b"", "Connection: close")
    got = []
    reader = threading.Thread(target=lambda: got.append(raw(ask.crm, text)))
    reader.start()
    ask.crm.wait_held(hold)
    assert [r.path for r in ask.crm.log()] == ["/contacts/1"]
    ask.crm.release(hold)
    reader.join()
    assert got[0].index(b'{"id":1,') < got[0].index(b'{"id":2,')


def test_a_chunked_body_is_understood(ask):
    body = b'4\r\n{"jo\r\n13;x=y\r\nb_title":"Chunked"}\r\n0\r\n\r\n'
    text = request(ask.crm, "PUT", "/contacts/1", b"", "Transfer-Encoding: chunked", "Connection: close") + body
    assert raw(ask.crm, text).startswith(b"HTTP/1.1 200")
    assert ask.crm.get("contacts", 1)["job_title"] == "Chunked"


def test_a_client_that_waits_is_told_to_continue(ask):
    text = request(ask.crm, "PUT", "/contacts/1", b"", "Expect: 100-continue", "Content-Length: 2")
    assert raw(ask.crm, text, b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"


@pytest.mark.parametrize("text, status", [(b"nonsense\r\n\r\n", b"400"), (b"GET /api HTTP/1.1\r\nbad\r\n\r\n", b"400"),
                                          (b"GET /api/" + b"x" * 70_000, b"431")])
def test_what_is_no_http_is_refused_and_closed(ask, text, status):
    assert raw(ask.crm, text).startswith(b"HTTP/1.1 " + status)


def test_head_is_get_without_the_body(ask):
    got = raw(ask.crm, request(ask.crm, "HEAD", "/contacts", b"", "Connection: close"))
    assert b"Content-Length: " in got and got.endswith(b"\r\n\r\n")


def test_the_date_is_the_servers(ask):
    ask.crm.now(1_900_000_000)
    ask.get("/me")
    assert ask.answer.headers["Date"] == "Sun, 17 Mar 2030 17:46:40 GMT"
    assert ask.answer.headers["Content-Type"] == "application/json"


def test_gzip_is_sent_to_those_who_accept_it(start_crm):
    crm = start_crm(gzip=True)
    conn = http.client.HTTPConnection(*where(crm))
    for accepted, encoding in (("gzip", "gzip"), ("identity", None)):
        conn.request("GET", "/api/me", headers={"Authorization": f"Bearer {crm.token}", "Accept-Encoding": accepted})
        answer = conn.getresponse()
        text = answer.read()
        assert answer.headers["Content-Encoding"] == encoding
        assert json.loads(gzip.decompress(text) if encoding else text)["id"] == 1
    conn.close()


def test_tls_and_its_back_door_work(start_crm, tmp_path):
    pair = (tmp_path / "cert", tmp_path / "key")
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=localhost",
                    "-days", "2", "-out", pair[0], "-keyout", pair[1]], check=True, capture_output=True)
    crm = start_crm(tls=pair)
    crm.fill("contacts", 3)
    assert crm.url.startswith("https://") and crm.count("contacts") == 3


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_at_once_even_while_it_holds(number):
    crm = Crm.start()
    hold = crm.fault(action="hold")
    with socket.create_connection(where(crm)) as s:
        s.sendall(request(crm, "GET", "/me"))
        crm.wait_held(hold)
        crm.proc.send_signal(number)
        assert crm.proc.wait(timeout=2) == 0
    crm.stop()


def test_the_log_file_has_a_line_a_request(start_crm, tmp_path):
    ask = Ask(start_crm(log=tmp_path / "log"))
    ask.get("/contacts", order="id")
    line = (tmp_path / "log").read_text().split()
    assert line[2:] == ["GET", "/contacts?order=id", "200"]


# The log and expectations

def test_the_log_tells_all_but_the_token(ask):
    mark = ask.crm.mark()
    ask.put("/contacts/1", job_title="X")
    [r] = ask.crm.log(since=mark)
    assert isinstance(r, Request)
    assert (r.method, r.path, r.query, r.status, r.body) == ("PUT", "/contacts/1", {}, 200, {"job_title": "X"})
    assert r.raw_body == b'{"job_title": "X"}' and r.headers["authorization"].startswith("sha256:")


def test_refused_requests_are_logged_too(start_crm):
    ask = Ask(start_crm(rate=1))
    Ask(ask.crm, "9|wrong")("GET", "/me")
    ask("GET", "/me")
    ask("GET", "/me")
    assert [r.status for r in ask.crm.log()] == [401, 200, 429]


def test_the_back_door_leaves_no_trace(ask):
    with ask.crm.expect(requests=0):
        ask.crm.fill("contacts", 10)
        ask.crm.get("contacts", 1)


def test_an_expectation_that_fails_lists_the_requests(ask):
    with pytest.raises(AssertionError, match=r"2 requests, not 1:\n  GET /me -> 200\n  GET /teams -> 200"):
        with ask.crm.expect(requests=1):
            ask.get("/me")
            ask.get("/teams")


def test_an_expected_sequence_is_exact(ask):
    with ask.crm.expect(("GET", "/me"), ("PUT", "/contacts/1", {"city": "Oslo"})) as seen:
        ask.get("/me")
        ask.put("/contacts/1", city="Oslo")
    assert seen[1].status == 200
    with pytest.raises(AssertionError, match="PUT /contacts/1"):
        with ask.crm.expect(("PUT", "/contacts/1", {"city": "Gent"})):
            ask.put("/contacts/1", city="Oslo")


def test_waiting_in_vain_shows_the_log(ask):
    ask.get("/me")
    ask.crm.wait(lambda log: len(log) == 1)
    with pytest.raises(AssertionError, match="GET /me"):
        ask.crm.wait(lambda log: False, timeout=0)


# Records

def test_fill_adds_exactly_so_many(ask):
    before = ask.crm.ids("contacts")
    ask.crm.fill("contacts", 1_000)
    assert ask.crm.count("contacts") == 1_040 and ask.crm.ids("contacts")[:40] == before


def test_a_colleagues_change_moves_updated_at(ask):
    ask.crm.now(1_900_000_000)
    ask.crm.change("contacts", 1, job_title="Y", tags=["Press"], cf_region="North", companies=[2])
    got = ask.get("/contacts/1")
    assert (got["job_title"], got["cf_region"]) == ("Y", 14) and got["tags"][0]["name"] == "Press"
    assert [c["id"] for c in got["companies"]] == [2]
    assert got["updated_at"] == "2030-03-17T17:46:40.000000Z"


def test_a_raw_change_stores_anything(ask):
    ask.crm.change("contacts", 1, raw=True, first_name={"a": [1]}, email="\ud800", updated_at="never")
    ask.get("/contacts/1")
    assert b'"first_name":{"a":[1]}' in ask.raw and b'"email":"\\ud800"' in ask.raw
    assert b'"updated_at":"never"' in ask.raw


def test_insert_trash_restore_and_purge(ask):
    i = ask.crm.insert("contacts", first_name="Nova", companies=[1])
    assert ask.get(f"/contacts/{i}")["companies_count"] == 1
    ask.crm.trash("contacts", i)
    assert ask.crm.get("contacts", i) is None and ask.crm.trash_ids("contacts") == [i]
    ask.crm.restore("contacts", i)
    ask.crm.purge("contacts", i)
    assert ask("GET", f"/trashed/contacts/{i}")[0] == 404
    assert ask.crm.insert("contacts", first_name="Next") == i + 1, "ids are not reused"


def test_a_raw_item_is_served_as_it_stands(ask):
    ask.crm.raw_item("contacts", 3, '{"id": 1e3,, "\x01"}')
    with pytest.raises(ValueError):
        ask("GET", "/contacts/3")
    assert ask.raw == b'{"id": 1e3,, "\x01"}'
    ask.crm.raw_item("contacts", 3, None)
    assert ask.get("/contacts/3")["id"] == 3


# Faults

def test_a_fault_begins_after_some_and_ends_after_others(ask):
    ask.crm.fault(method="GET", path=r"/contacts/\d+$", after=1, times=2, status=503, body={"message": "x"},
                  headers={"Retry-After": "7"})
    assert [ask("GET", "/contacts/1")[0] for _ in range(5)] == [200, 503, 503, 200, 200]
    assert ask("GET", "/me")[0] == 200 and ask.crm.faults_left() == 0
    ask.crm.fault(times=None, status=500)
    assert ask("GET", "/me")[0] == 500 and ask.crm.faults_left() == 1
    ask.crm.clear_faults()
    assert ask("GET", "/me")[0] == 200


def test_a_fault_can_choose_by_the_query(ask):
    ask.crm.fault(query="page=2", status=500)
    assert [ask("GET", "/contacts", page=p)[0] for p in (1, 2, 3)] == [200, 500, 200]


def test_a_body_of_bytes_and_its_headers_are_sent_as_they_are(ask):
    ask.crm.fault(body=b"\xff\x00", headers={"Content-Type": "image/png", "X-RateLimit-Remaining": "0"})
    text = raw(ask.crm, request(ask.crm, "GET", "/me", b"", "Connection: close"))
    assert text.endswith(b"\xff\x00") and b"Content-Type: image/png" in text and b"X-RateLimit-Remaining: 0" in text


@pytest.mark.parametrize("action, error", [
    ("reset", ConnectionResetError), ("close", http.client.RemoteDisconnected),
    ("truncate", http.client.IncompleteRead), ("chunk_cut", http.client.IncompleteRead), ("badjson", ValueError)])
def test_an_answer_breaks_as_asked(ask, action, error):
    ask.crm.fault(action=action)
    with pytest.raises(error):
        ask("GET", "/contacts/1")
    assert ask("GET", "/contacts/1")[0] == 200


def test_a_write_is_carried_out_and_its_answer_lost(ask):
    ask.crm.fault(method="PUT", action="reset_after_apply")
    with pytest.raises(ConnectionResetError):
        ask("PUT", "/contacts/1", {"job_title": "Done"})
    assert ask.crm.get("contacts", 1)["job_title"] == "Done"


@pytest.mark.parametrize("action, status", [("html", b"200"), ("html503", b"503"), ("redirect", b"302")])
def test_pages_for_people_are_html(ask, action, status):
    ask.crm.fault(action=action, location="http://other.example/")
    got = raw(ask.crm, request(ask.crm, "GET", "/me", b"", "Connection: close"))
    assert got.startswith(b"HTTP/1.1 " + status) and b"Content-Type: text/html" in got
    assert (b"Location: http://other.example/" in got) == (action == "redirect")


def test_a_held_request_is_logged_and_answered_when_released(ask):
    hold = ask.crm.fault(method="PUT", action="hold")
    got = []
    writer = threading.Thread(target=lambda: got.append(Ask(ask.crm).put("/contacts/1", job_title="Late")))
    writer.start()
    ask.crm.wait_held(hold)
    assert ask.crm.log()[-1].status == 0 and ask.crm.get("contacts", 1)["job_title"] != "Late"
    ask.crm.release(hold)
    writer.join()
    assert got[0]["job_title"] == "Late" and ask.crm.log()[-1].status == 200


def test_a_held_answer_is_old_when_it_comes(ask):
    hold = ask.crm.fault(action="hold_answer")
    got = []
    reader = threading.Thread(target=lambda: got.append(Ask(ask.crm).get("/contacts/1")))
    reader.start()
    ask.crm.wait_held(hold)
    ask.crm.change("contacts", 1, job_title="Newer")
    ask.crm.release(hold)
    reader.join()
    assert got[0]["job_title"] != "Newer"


def test_a_stalled_request_hears_nothing_until_it_is_released(ask):
    stall = ask.crm.fault(action="stall")
    with socket.create_connection(where(ask.crm), timeout=5) as s:
        s.sendall(request(ask.crm, "GET", "/me"))
        ask.crm.wait(lambda log: len(log) == 1)
        ask.crm.release(stall)
        assert s.recv(100) == b""


def test_a_slow_answer_comes_a_byte_at_a_time(ask):
    slow = ask.crm.fault(action="slow")
    with socket.create_connection(where(ask.crm), timeout=5) as s:
        s.sendall(request(ask.crm, "GET", "/me"))
        got = b""
        while b"\r\n\r\n{" not in got:
            got += s.recv(1 << 16)
        assert got.endswith(b"\r\n\r\n{")
        ask.crm.release(slow)


def test_a_huge_body_is_as_long_as_it_says(ask):
    ask.crm.fault(action="huge", size=3_000_000)
    got = raw(ask.crm, request(ask.crm, "GET", "/me"))
    head, body = got.split(b"\r\n\r\n", 1)
    assert b"Content-Length: 3000000" in head and body == b" " * 3_000_000


@pytest.mark.parametrize("action", ["endless", "gzip_bomb"])
def test_a_stream_without_end_harms_nobody_else(ask, action):
    ask.crm.fault(action=action, path="/me")
    with socket.create_connection(where(ask.crm), timeout=5) as s:
        s.sendall(request(ask.crm, "GET", "/me"))
        assert s.recv(100).startswith(b"HTTP/1.1 200")
        assert ask.get("/contacts/1")["id"] == 1


def test_an_unknown_action_is_an_error_of_the_test(ask):
    with pytest.raises(AssertionError, match="no such action"):
        ask.crm.fault(action="explode")


# The server

def test_down_resets_and_refuses_and_up_listens_again(ask):
    with socket.create_connection(where(ask.crm)) as s:
        s.sendall(request(ask.crm, "GET", "/me"))
        assert s.recv(100)
        ask.crm.down()
        with pytest.raises(ConnectionResetError):
            while s.recv(1 << 16):
                pass
    with pytest.raises(ConnectionRefusedError):
        ask("GET", "/me")
    ask.crm.up()
    assert ask("GET", "/me")[0] == 200


def test_a_collection_can_be_forbidden_absent_or_lied_about(ask):
    ask.crm.forbid("notes")
    assert ask("GET", "/notes") == (403, {"message": "This action is unauthorized."})
    ask.crm.forbid("notes", on=False)
    assert ask("GET", "/notes")[0] == 200
    ask.crm.absent("documents")
    assert ask("GET", "/documents")[0] == 404 and ask("GET", "/documents/1")[0] == 404
    ask.crm.lie_total("contacts", 7)
    assert ask.get("/contacts")["meta"]["total"] == 47


@pytest.mark.parametrize("do, change", [(("purge", 1), -1), (("trash", 1), -1), (("insert", {"first_name": "X"}), 1),
                                        (("change", (1, {"first_name": "X"})), 0)])
def test_something_happens_right_after_a_page(ask, do, change):
    ask.crm.on_page("contacts", page=2, do=do)
    totals = [ask.get("/contacts", page=p)["meta"]["total"] for p in (1, 2, 2, 3)]
    assert totals == [40, 40, 40 + change, 40 + change]


def test_two_servers_are_strangers(start_crm):
    one, two = start_crm(), start_crm()
    one.fill("contacts", 2)
    assert two.count("contacts") == 0 and one.pid != two.pid != os.getpid()
