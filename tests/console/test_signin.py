"""First start, signing in and out: who may, for how long, and what the browser is told."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from consoles import CHEAP, PASSWORD, Browser, Hall, hall_of, tags_of, text_of

from commanding import Bench
from edgeface.commands import Role
from edgeface.console import throttle
from edgeface.console.accounts import Accounts
from edgeface.errors import ConfigError
from edgeface.store import commands


def test_before_set_up_there_is_only_set_up(hall: Hall) -> None:
    browser = hall.browser()
    for path in ("/", "/people", "/sign-in"):
        assert browser.get(path).headers["location"] == "/setup"


def test_the_first_account_takes_the_code_and_gets_a_key_of_its_own(hall: Hall, bench: Bench) -> None:
    browser = hall.browser()
    assert browser.set_up("ada").headers["location"] == "/sign-in?made=1"
    (account,) = hall.console.accounts.everybody()
    known = commands.find(bench.database, account.key_id)
    assert known is not None and (known.role, account.role) == (Role.ADMIN, Role.ADMIN)
    assert browser.get("/setup").headers["location"] == "/sign-in", "it is made once"


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"code": "22222-33333-44444-55556"}, "not the code"),
        ({"code": ""}, "not the code"),
        ({"name": "Ada Lovelace"}, "name is 1 to 32"),
        ({"name": "../ada"}, "name is 1 to 32"),
        ({"password": "short", "again": "short"}, "at least 12"),
        ({"again": PASSWORD + "!"}, "differ"),
    ],
)
def test_a_set_up_that_is_not_right_makes_nothing(hall: Hall, changed: dict[str, str], says: str) -> None:
    answer = hall.browser().set_up(**{"name": "ada", **changed})
    assert answer.status_code in (400, 403) and says in text_of(answer)
    assert hall.console.accounts.everybody() == ()


def test_without_a_reader_there_is_no_account(hall: Hall) -> None:
    hall.reader.gone = True
    answer = hall.browser().set_up("ada")
    assert (answer.status_code, "no reader is running" in text_of(answer)) == (503, True)
    assert hall.console.accounts.everybody() == ()


def test_codes_and_passwords_cannot_be_tried_out(hall: Hall) -> None:
    browser = hall.browser()
    for _ in range(throttle.FREE):
        assert browser.set_up("ada", code="wrong").status_code == 403
    assert browser.set_up("ada").status_code == 429, "the right one is not taken now either"
    hall.seconds += throttle.FIRST_PAUSE_S + 1
    browser.set_up("ada")
    for _ in range(throttle.FREE):
        assert browser.sign_in("ada", "wrong").status_code == 401
    assert browser.sign_in("ada").status_code == 429
    hall.seconds += throttle.FIRST_PAUSE_S + 1
    assert browser.sign_in("ada").headers["location"] == "/"


def wrong_tries(hall: Hall, name: str, number: int, address: str) -> list[int]:
    return [hall.browser(address).sign_in(name, "wrong").status_code for _ in range(number)]


def test_a_stranger_who_tries_a_name_keeps_its_owner_neither_out_nor_waiting(hall: Hall, ada: Browser) -> None:
    assert wrong_tries(hall, "ada", 8, "10.0.0.1") == [401] * throttle.FREE + [429] * 3
    assert ada.get("/people").status_code == 200, "who is signed in stays so"
    ada.get("/account")
    ada.send("/sign-out")
    assert ada.sign_in("ada").headers["location"] == "/", "who was here before is not a stranger, at the same address"
    assert hall.browser("10.0.0.2").sign_in("ada").headers["location"] == "/", "nor is somebody elsewhere the same one"


def test_whoever_tries_one_name_from_everywhere_only_slows_down_strangers(hall: Hall, ada: Browser) -> None:
    for place in range(throttle.FREE_OF_NAME):
        assert wrong_tries(hall, "ada", 1, f"10.1.0.{place}") == [401]
    strange = hall.browser("10.2.0.1")
    assert strange.sign_in("ada").status_code == 429
    assert ada.sign_in("ada").headers["location"] == "/", "she has a lane of her own"
    for place in range(8):  # it never grows to more than that
        hall.seconds += 16
        assert wrong_tries(hall, "ada", 1, f"10.3.0.{place}") == [401]
    hall.seconds += 16
    assert strange.sign_in("ada").headers["location"] == "/"


def test_one_password_is_not_tried_on_every_name_nor_from_every_address_of_a_network(hall: Hall, ada: Browser) -> None:
    names = [wrong_tries(hall, f"name{number}", 1, "10.0.0.9")[0] for number in range(throttle.FREE_OF_ADDRESS + 1)]
    assert names == [401] * throttle.FREE_OF_ADDRESS + [429]
    hosts = [wrong_tries(hall, "ada", 1, f"2001:db8::{number:x}")[0] for number in range(throttle.FREE + 1)]
    assert hosts == [401] * throttle.FREE + [429]
    assert wrong_tries(hall, "ada", 1, "2001:db8:0:1::1") == [401], "another network"


def test_an_account_of_ones_own_does_not_buy_tries_of_others(hall: Hall, ada: Browser) -> None:
    hall.account("eve", Role.VIEW)
    for number in range(throttle.FREE_OF_ADDRESS - 1):
        assert wrong_tries(hall, f"name{number}", 1, "10.0.0.9") == [401]
    assert hall.browser("10.0.0.9").sign_in("eve").headers["location"] == "/"
    assert wrong_tries(hall, "ada", 2, "10.0.0.9") == [401, 429]


def test_a_browser_that_is_known_may_be_stolen_but_guesses_no_quicker(hall: Hall, ada: Browser) -> None:
    hall.account("eve", Role.VIEW)
    thief = hall.browser("10.0.0.66")
    thief.client.cookies.update(ada.client.cookies)
    del thief.client.cookies["__Host-edgeface"]
    codes = [thief.sign_in("ada", "wrong").status_code for _ in range(throttle.FREE + 1)]
    assert codes == [401] * throttle.FREE + [429]
    assert wrong_tries(hall, "ada", 1, "10.0.0.66") == [401], "the pause is the browser's"
    nonce = thief.client.cookies["__Host-edgeface-known"].partition(".")[0]
    (account,) = [one for one in hall.console.accounts.everybody() if one.name == "eve"]
    known = hall.console.known
    for forged in (f"{nonce}.", f"{nonce}.\u00e9", "", thief.client.cookies["__Host-edgeface-known"]):
        assert known.nonce(account.key_id, forged) is None, forged


def test_a_known_browser_stays_known_when_the_console_starts_anew(hall: Hall, ada: Browser) -> None:
    (account,) = hall.console.accounts.everybody()
    cookie = ada.client.cookies["__Host-edgeface-known"]
    hall.start()
    assert hall.console.known.nonce(account.key_id, cookie) is not None
    path = hall.folder / "known.key"
    assert path.stat().st_mode & 0o777 == 0o600
    path.write_bytes(b"short")
    hall.start()
    assert hall.console.known.nonce(account.key_id, cookie) is None, "a key that is none is made anew"
    assert len(path.read_bytes()) == 32
    assert ada.sign_in("ada").headers["location"] == "/"


def test_tries_at_once_are_no_more_than_tries_in_turn() -> None:
    tried, lane = throttle.Throttle(lambda: 1000.0), throttle.Lane("ada")
    assert [tried.attempt(lane) > 0 for _ in range(throttle.FREE + 1)] == [False] * throttle.FREE + [True]


def test_a_name_that_there_is_not_reads_as_a_wrong_password(hall: Hall, ada: Browser) -> None:
    browser = hall.browser()
    wrong, nobody = browser.sign_in("ada", "wrong"), browser.sign_in("eve")
    assert wrong.status_code == nobody.status_code == 401
    assert text_of(wrong) == text_of(nobody)


def test_the_cookie_is_shut_in(hall: Hall) -> None:
    browser = hall.browser()
    browser.set_up("ada")
    cookie = browser.sign_in("ada").headers["set-cookie"]
    assert cookie.startswith("__Host-edgeface=")
    assert {"Secure", "HttpOnly", "SameSite=strict", "Path=/"} <= {part.strip() for part in cookie.split(";")}
    assert "Domain" not in cookie and "expires" not in cookie.lower()


def test_a_link_from_elsewhere_signs_nobody_out(hall: Hall, ada: Browser) -> None:
    """Browsers send no cookie with it: the sign-in page that it gets must leave the session's cookie alone."""
    elsewhere = hall.browser().get("/sign-in")
    assert elsewhere.headers["set-cookie"].startswith("__Host-edgeface-early=")


def test_a_new_session_is_begun_with_a_new_cookie(hall: Hall, ada: Browser) -> None:
    """Whoever planted a cookie before somebody signed in knows nothing afterwards."""
    browser = hall.browser()
    browser.client.cookies.set("__Host-edgeface", "planted", domain="localhost.local")
    browser.sign_in("ada")
    planted = hall.browser()
    planted.client.cookies.set("__Host-edgeface", "planted", domain="localhost.local")
    assert planted.get("/people").headers["location"].startswith("/sign-in")


@pytest.mark.parametrize(("step_s", "times"), [(901.0, 1), (800.0, 55)])
def test_a_session_ends_when_idle_and_after_a_day(hall: Hall, ada: Browser, step_s: float, times: int) -> None:
    assert ada.get("/people").status_code == 200
    for _ in range(times):
        hall.seconds += step_s
        last = ada.get("/people?from=0")
    assert last.headers["location"] == "/sign-in?ended=1&to=/people%3Ffrom%3D0"
    assert "signed out" in text_of(ada.follow(last))
    back = ada.send("/sign-in", name="ada", password=PASSWORD, to="/people?from=0")
    assert back.headers["location"] == "/people?from=0"


def test_what_is_sent_after_a_session_ended_is_not_done(hall: Hall, ada: Browser, bench: Bench) -> None:
    ada.get("/doors")
    token, cookie = ada.token(), ada.client.cookies["__Host-edgeface"]
    hall.seconds += hall.options.idle_s + 1
    asked = len(hall.reader.asked)
    late = ada.send("/doors/right", csrf=token, kind="grant", who="everyone", name="mine")
    assert late.headers["location"] == "/sign-in?ended=1", "a form is not sent again by itself"
    verb = ada.client.post("/api/v1/door/lockdown", json={}, headers={"x-csrf-token": token})
    assert (verb.status_code, verb.json()["code"]) == (401, "signed_out")
    assert ada.get("/live/next?images=1&after=0").status_code == 303
    assert len(hall.reader.asked) == asked
    ada.sign_in("ada")
    assert ada.client.cookies["__Host-edgeface"] != cookie
    assert ada.send("/doors/right", csrf=token, kind="grant", who="everyone", name="mine").status_code == 403
    assert "mine" not in {right["name"] for right in bench.ask("access/show")["data"]["grants"]}


def test_signing_in_leads_nowhere_else(hall: Hall, ada: Browser) -> None:
    for to in ("https://evil.example/", "//evil.example", "/\\evil.example", "javascript:x", "people", "/\nx"):
        assert hall.browser().sign_in("ada", to=to).headers["location"] == "/"


def test_signing_out_ends_it_here_or_everywhere(hall: Hall, ada: Browser) -> None:
    phone, desk = hall.browser(), hall.browser()
    for browser in (phone, desk):
        browser.sign_in("ada")
        browser.get("/people")
    phone.send("/sign-out")
    assert phone.get("/people").status_code == 303 and desk.get("/people").status_code == 200
    desk.send("/sign-out", everywhere="1")
    assert [one.get("/people").status_code for one in (desk, ada)] == [303, 303]


def test_the_console_starting_anew_under_a_page_is_said(hall: Hall, ada: Browser) -> None:
    ada.get("/people")
    hall.start()
    answer = ada.send("/sign-out")
    assert answer.headers["location"] == "/sign-in?ended=1"
    assert "started anew" in text_of(ada.follow(answer))


def test_a_reader_starting_anew_under_a_page_is_said(hall: Hall, ada: Browser) -> None:
    hall.reader.gone = True
    answer = ada.get("/people")
    assert (answer.status_code, "does not answer" in text_of(answer)) == (503, True)
    hall.reader.gone = False
    assert ada.get("/people").status_code == 200


def test_the_file_of_accounts_opens_nothing_without_a_password(hall: Hall, ada: Browser) -> None:
    path = hall.folder / "accounts.json"
    assert path.stat().st_mode & 0o777 == 0o600
    assert PASSWORD not in path.read_text() and hall.console.sessions.count("ada") == 1
    accounts = Accounts(hall.folder, CHEAP)
    assert accounts.opened("ada", "wrong") is None
    assert len(accounts.opened("ada", PASSWORD) or b"") == 32


def test_a_file_of_accounts_that_cannot_be_trusted_is_not_taken_for_an_empty_one(hall: Hall, ada: Browser) -> None:
    path = hall.folder / "accounts.json"
    found = json.loads(path.read_text())
    (account,) = found["accounts"]
    for harmed in (
        "{",
        json.dumps({**found, "accounts": [account, account]}),
        json.dumps({**found, "v": 2}),
        json.dumps({**found, "accounts": [{**account, "role": "king"}]}),
        json.dumps({**found, "accounts": [{**account, "salt": "no hex"}]}),
        json.dumps({"v": 1, "reader": ""}),
    ):
        path.write_text(harmed)
        with pytest.raises(ConfigError, match="damaged"):
            Accounts(hall.folder, CHEAP)
    path.write_text(json.dumps(found))
    path.chmod(0o644)
    with pytest.raises(ConfigError, match="may read"):
        Accounts(hall.folder, CHEAP)


def test_another_reader_in_the_place_of_ours_is_noticed(hall: Hall, ada: Browser) -> None:
    accounts = hall.console.accounts
    accounts.keep(accounts.everybody()[0], reader="ed25519:" + "A" * 43 + "=")
    assert "another reader answered" in text_of(ada.get("/people"))


def test_pages_work_without_a_script_and_hold_none(hall: Hall, ada: Browser) -> None:
    for response in (hall.browser().get("/sign-in"), ada.get("/people")):
        tags = tags_of(response)
        assert all("src" in attributes for tag, attributes in tags if tag == "script")
        assert not [name for _, attributes in tags for name in attributes if name.startswith("on") or name == "style"]
        assert "'unsafe" not in response.headers["content-security-policy"]
        assert not [
            value for _, attributes in tags for key, value in attributes.items()
            if key in ("src", "href", "action") and not str(value).startswith(("/", "#"))
        ]  # fmt: skip


def test_plain_is_for_this_machine_alone(bench: Bench, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="plain"):
        hall_of(bench, tmp_path, plain=True, address="0.0.0.0")
