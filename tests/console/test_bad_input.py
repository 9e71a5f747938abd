"""Whatever a browser, or somebody who is none, may send has a named outcome, and nothing of it changes anything."""

from __future__ import annotations

import zlib
from typing import Any

import pytest
from consoles import Browser, Hall, text_of

from edgeface.console.gate import host_name

ORIGIN = {"origin": "https://localhost:8443"}


def raw(browser: Browser, path: str, content: Any, kind: str = "application/x-www-form-urlencoded", **more: str) -> Any:
    return browser.client.post(path, content=content, headers={"content-type": kind, **ORIGIN, **more})


def nothing_was_asked(hall: Hall, ada: Browser) -> Any:
    before = len(hall.reader.asked)
    return lambda: len(hall.reader.asked) == before


def test_too_much_is_named_and_not_read_to_its_end(hall: Hall, ada: Browser) -> None:
    untouched = nothing_was_asked(hall, ada)
    answer = raw(ada, "/doors/hours", b"x" * 70_000)
    assert (answer.status_code, "too much" in text_of(answer)) == (413, True)
    sent = 0

    def endless() -> Any:
        nonlocal sent
        while sent < 10_000_000:
            sent += 10_000
            yield b"x" * 10_000

    assert raw(ada, "/doors/hours", endless()).status_code == 413
    assert raw(ada, "/doors/hours", b"a=1", **{"content-length": "99999999999999999999"}).status_code == 413
    assert untouched()


def test_files_where_none_are_wanted_and_forms_that_are_none(hall: Hall, ada: Browser) -> None:
    token, untouched = ada.token(), nothing_was_asked(hall, ada)
    file = ada.client.post(
        "/doors/hours", data={"csrf": token}, files={"hours": ("../../etc/passwd", b"PK\x03\x04")}, headers=ORIGIN
    )
    assert (file.status_code, "cannot be read" in text_of(file)) == (400, True)
    for content, kind in (
        (b"--x\r\nno form", "multipart/form-data; boundary=x"),
        (b"--x\r\n", "multipart/form-data"),
        (b"&".join(b"a%d=1" % number for number in range(300)), "application/x-www-form-urlencoded"),
        (b'{"csrf": "x"}', "application/json"),
        (b"\xff\x00", "application/octet-stream"),
    ):
        answer = raw(ada, "/doors/hours", content, kind)
        assert answer.status_code in (400, 403), (content[:20], kind, answer.status_code)
        assert "Nothing was done" in text_of(answer)
    assert untouched()


def test_compressed_bodies_are_not_unpacked(hall: Hall, ada: Browser) -> None:
    bomb = zlib.compress(b"\0" * 10_000_000)
    for how in ("gzip", "deflate", "br"):
        assert raw(ada, "/doors/hours", bomb, **{"content-encoding": how}).status_code == 415


@pytest.mark.parametrize("host", ["evil.example", "localhost.evil.example", "", "localhost@evil.example", "[::1"])
def test_other_names_of_this_machine_are_refused(hall: Hall, host: str) -> None:
    assert hall.browser().get("/sign-in", headers={"host": host}).status_code == 421


def test_this_machine_is_known_by_name_and_by_every_address(hall: Hall) -> None:
    for host in ("localhost:8443", "127.0.0.1:8443", "[::1]:8443", "192.168.1.7", "LOCALHOST"):
        assert hall.browser().get("/setup", headers={"host": host}).status_code == 200, host
    assert host_name("[fe80::1]:8443") == "fe80::1"


def test_names_of_paths_lead_nowhere(hall: Hall, ada: Browser) -> None:
    for path in ("/static/../accounts.json", "/static/%2e%2e/app.py", "/static/..%2fapp.py", "/static/console.css/x"):
        assert ada.get(path).status_code == 404, path
    for path in ("/people/..%2f..%2fetc%2fpasswd", "/people/%00", "/people/" + "x" * 4000, "/models/..%2fmanifest"):
        assert ada.get(path).status_code in (400, 404, 409), path
    assert ada.get("/no/such/page").status_code == 404
    assert "no such page" in text_of(ada.get("/no/such/page"))
    assert ada.client.delete("/people").status_code == 405


def test_odd_queries_read_as_the_first_page(hall: Hall, ada: Browser) -> None:
    for query in ("from=-1", "from=1e9", "from=%00", "from=\u0661", "from=" + "9" * 500, "find=%ff%fe", "find=%00"):
        assert ada.get(f"/people?{query}").status_code == 200, query
    assert ada.get("/doors/main?at=%ff").status_code == 409
    assert ada.get("/doors/main?first=0000-99-99").status_code == 409


def test_a_form_from_elsewhere_does_nothing(hall: Hall, ada: Browser) -> None:
    token, untouched = ada.token(), nothing_was_asked(hall, ada)
    for headers in (
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"origin": "http://localhost:9999"},
        {**ORIGIN, "sec-fetch-site": "cross-site"},
        {**ORIGIN, "sec-fetch-site": "same-site"},
    ):
        answer = ada.client.post("/doors/lockdown", data={"csrf": token}, headers=headers)
        assert (answer.status_code, "elsewhere" in text_of(answer)) == (403, True), headers
    for wrong in ("", "x", token[:-1], token + "x", "\u00e9"):
        assert ada.client.post("/doors/lockdown", data={"csrf": wrong}, headers=ORIGIN).status_code == 403
    other = hall.browser()
    other.sign_in("ada")
    assert ada.client.post("/doors/lockdown", data={"csrf": other.token()}, headers=ORIGIN).status_code == 403
    assert untouched()


def test_a_stolen_cookie_is_of_no_use_once_somebody_has_signed_out(hall: Hall, ada: Browser) -> None:
    thief = hall.browser()
    thief.client.cookies.update(ada.client.cookies)
    assert thief.get("/people").status_code == 200, "while it lasts it is the key"
    ada.get("/account")
    ada.send("/sign-out")
    assert thief.get("/people").status_code == 303
    forged = hall.browser()
    forged.client.cookies.set("__Host-edgeface", "A" * 43, domain="localhost.local")
    assert forged.get("/people").status_code == 303


def test_every_answer_is_dressed(hall: Hall, ada: Browser) -> None:
    for answer in (ada.get("/people"), ada.get("/nowhere"), ada.get("/static/console.css"), hall.browser().get("/")):
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
        assert "server" not in answer.headers and "access-control-allow-origin" not in answer.headers


def test_a_mistake_of_the_console_is_said_and_tells_nothing(
    hall: Hall, ada: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stumble(*words: Any) -> None:
        raise ZeroDivisionError("a secret")

    monkeypatch.setattr(hall.console.speaker, "ask", stumble)
    ada.client._transport.raise_server_exceptions = False  # type: ignore[attr-defined]
    answer = ada.get("/people")
    assert (answer.status_code, "stumbled" in text_of(answer), "secret" in answer.text) == (500, True, False)
