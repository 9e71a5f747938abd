"""A day at a door, seen in a real Chromium: who is enrolled before the camera, let in, kept out by a rule, and what
people of each role see and may do. Every page and state on the way is looked at with axe-core."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from chromium import Reading, body, chromium, fill, look, one, press, says, serving, sign_in, until
from consoles import CODE, PASSWORD
from selenium import webdriver
from selenium.common.exceptions import NoAlertPresentException
from selenium.webdriver.common.by import By

from edgeface.adapters.reader_socket import ReaderSocket
from edgeface.console.pages import MENU
from edgeface.frame import Pixels
from edgeface.image import encode_jpeg
from heads import head
from portraits import lasting, visits
from tools.attacks.motion import Moment

pytestmark = pytest.mark.browser

KNOWN, STRANGER = "Eileen Collins", "Nobody known"
ROUND = ((0, 0), (-40, 0), (40, 0), (0, -35))
"""Where the head points, degrees: yaw and pitch."""
ASKED = '[camera]\nfps = 10\n[enrol.guided]\nbins = ["frontal", "left", "right", "down"]\n'


@dataclass
class Day:
    """All that a test needs."""

    where: str
    reading: Reading
    driver: webdriver.Chrome
    visits: Path
    hopper: Path
    found: list[str] = field(default_factory=list)
    """What is wrong with pages."""

    def open(self, path: str) -> None:
        self.driver.get(self.where + path)

    def look(self, name: str, path: str | None = None) -> None:
        """Whether the page is as pages should be."""
        if path is not None:
            self.open(path)
        self.found += look(self.driver, name)

    def sign_in(self, name: str) -> None:
        self.driver.delete_all_cookies()
        sign_in(self.driver, self.where, name)
        until(lambda: "/sign-in" not in self.driver.current_url)

    def deed(self, path: str, fields: dict[str, str]) -> tuple[int, str]:
        """What the server says to a form that is sent from a page of one's own, shown there or not; sure of it."""
        script = """
            const [path, fields, done] = arguments;
            const csrf = document.querySelector('input[name=csrf]').value;
            fetch(path, {method: 'POST', redirect: 'manual', body: new URLSearchParams({csrf, sure: '1', ...fields})})
              .then(async (got) => done([got.status, await got.text()]));"""
        status, text = self.driver.execute_async_script(script, path, fields)
        return status, text

    def verb(self, name: str, words: dict[str, Any]) -> tuple[int, str]:
        """The same to a verb of the REST interface."""
        script = """
            const [path, words, done] = arguments;
            const token = document.querySelector('input[name=csrf]').value;
            const headers = {'content-type': 'application/json', 'x-csrf-token': token};
            fetch(path, {method: 'POST', headers, body: JSON.stringify(words)})
              .then(async (got) => done([got.status, (await got.json()).code ?? 'done']));"""
        status, code = self.driver.execute_async_script(script, f"/api/v1/{name}", words)
        return status, code


def turning(face: Pixels) -> list[Pixels]:
    """A head that points to each side for two seconds, never quite still."""

    def at_second(seconds: float) -> Moment:
        yaw, pitch = ROUND[int(seconds / 2)]
        return Moment(head_deg=(yaw + 5 * (seconds % 2), pitch), shift=(0.01 * seconds, 0.0))

    return [frame.pixels for frame in head(face, at_second, 2.0 * len(ROUND))]


@pytest.fixture(scope="module")
def day(tmp_path_factory: pytest.TempPathFactory, astronaut: Pixels, hopper: Pixels) -> Iterator[Day]:
    """A reader that nobody has set up, before which somebody turns her head."""
    folder = tmp_path_factory.mktemp("day")
    (folder / "home").mkdir()
    (folder / "home" / "edgeface.toml").write_text(ASKED)
    (folder / "hopper.jpg").write_bytes(encode_jpeg(hopper))
    film = lasting(folder / "visits", visits(astronaut, hopper))
    reading = Reading(folder / "home", lasting(folder / "turning", turning(astronaut)))
    reading.start()
    try:
        with serving(reading.home, folder / "console") as where, chromium(folder / "chromium") as driver:
            made = Day(where, reading, driver, film, folder / "hopper.jpg")
            first_start(made)
            before_the_camera(made)
            accounts(made)
            reading.stop()
            reading.film = made.visits
            reading.start()
            yield made
    finally:
        reading.stop()


def first_start(day: Day) -> None:
    day.look("setup", "/setup")
    fill(day.driver, code="wrong", name="ada", password=PASSWORD, again=PASSWORD)
    press(day.driver)
    says(day.driver, "This is not the code")
    day.look("setup-wrong")
    fill(day.driver, code=CODE, password=PASSWORD, again=PASSWORD)
    press(day.driver)
    says(day.driver, "The account is made")
    day.look("sign-in-made")
    fill(day.driver, name="ada", password="wrong")
    press(day.driver)
    says(day.driver, "Name or password is wrong")
    day.look("sign-in-wrong")
    fill(day.driver, name="ada", password=PASSWORD)
    press(day.driver)
    says(day.driver, "Nobody is enrolled yet")
    day.look("people-none")
    day.look("decisions-early", "/decisions")


def before_the_camera(day: Day) -> None:
    """The wizard, from its first page to the person, as the device's camera sees it."""
    driver = day.driver
    day.look("enrol", "/enrol")
    fill(driver, name=KNOWN, consent_by="Front desk")
    driver.execute_script("for (const f of document.querySelectorAll('form')) f.noValidate = true")
    press(driver)
    says(driver, "without consent")
    day.look("enrol-no-consent")
    press(driver, "[name=agrees]")
    press(driver)
    until(lambda: "/enrol/camera/" in driver.current_url)
    until(lambda: one(driver, "[data-hint]").text not in ("", "waiting for the camera"))
    day.look("enrol-ring")
    says(driver, "thank you, that is all")
    assert "100 % seen" in driver.page_source
    day.look("enrol-ring-done")
    press(driver, "[data-acts] form[action$=finish] button")
    says(driver, f"{KNOWN} is enrolled with")
    day.look("enrolled")


def accounts(day: Day) -> None:
    driver = day.driver
    for name in ("view", "operate", "enrol"):
        day.open("/accounts")
        driver.execute_script("for (const d of document.querySelectorAll('main details')) d.open = true")
        if name == "view":
            day.look("accounts")
        for part, value in (("name", name), ("new", PASSWORD), ("again", PASSWORD)):
            one(driver, f"form[action='/accounts'] [name={part}]").send_keys(value)
        driver.execute_script("document.querySelector('main [name=role]').value = arguments[0]", name)
        press(driver, "main form[action='/accounts'] button.main")
        says(driver, f"The account {name} is made")


def rows(day: Day) -> dict[str, tuple[str, str]]:
    """Outcome -> who and why, as the list of decisions has it."""
    day.open("/decisions")
    found = {}
    for row in day.driver.find_elements(By.CSS_SELECTOR, ".rows summary"):
        chip, what = (row.find_element(By.CSS_SELECTOR, css) for css in (".chip", ".what"))
        found.setdefault(chip.text, what.text.split("\n", 1))
    return {outcome: (who, why) for outcome, (who, why) in found.items()}


def keep_out(day: Day, name: str) -> None:
    day.open("/doors")
    driver = day.driver
    driver.execute_script("for (const d of document.querySelectorAll('main details')) d.open = true")
    day.look("doors")
    driver.execute_script("document.querySelector('#kind').value = 'deny'")
    fill(driver, who=name)
    one(driver, "form[action='/doors/right'] [name=name]").send_keys("not-today")
    press(driver, "form[action='/doors/right'] button.main")
    says(driver, "not-today")


def test_one_is_let_in_one_is_kept_out_by_a_rule_and_a_stranger_is_not_known(day: Day) -> None:
    day.sign_in("ada")
    until(lambda: {"grant", "unknown"} <= rows(day).keys())
    keep_out(day, KNOWN)
    day.look("doors-denied")
    until(lambda: "deny" in rows(day))
    found = rows(day)
    assert (found["grant"][0], found["deny"][0], found["unknown"][0]) == (KNOWN, KNOWN, STRANGER)
    assert [found[one][1][:24] for one in ("deny", "unknown")] == ["a rule denies it", "nobody enrolled is alike"]
    day.open("/decisions?outcome=deny")
    one(day.driver, ".rows summary").click()
    says(day.driver, "not-today")
    assert one(day.driver, ".rows details[open] dl.facts code").text == "not-today"
    day.look("decisions-deny-open")
    day.look("decisions", "/decisions")
    day.open("/live")
    until(lambda: day.driver.find_elements(By.CSS_SELECTOR, "[data-part=latest] .chip.deny"))
    day.open("/doors")
    assert day.deed("/doors/revoke", {"rule": "not-today"})[0] == 0, "a redirect"
    day.open("/doors")
    assert "not-today" not in body(day.driver)
    until(lambda: next(iter(rows(day))) == "grant")


SEES = {
    "view": ("People", "Doors", "Decisions", "Health", "Bar", "Models", "Audit"),
    "operate": ("Live", "People", "Doors", "Decisions", "Health", "Bar", "Models", "Audit"),
    "enrol": ("People", "Doors", "Decisions", "Health", "Bar", "Models", "Audit"),
}
DEEDS: tuple[tuple[str, str, dict[str, str]], ...] = (
    ("operate", "/doors/lockdown", {"door": "all", "lift": "1"}),
    ("enrol", "/enrol", {"name": "Mae", "agrees": "1", "consent_by": "me", "how": "camera"}),
    ("enrol", "/people/{id}/name", {"name": KNOWN}),
    ("enrol", "/people/{id}/secret", {"pin": "4711"}),
    ("admin", "/people/{id}/days", {"until": "2026-01-01"}),
    ("admin", "/people/{id}/groups", {"join": "staff"}),
    ("admin", "/doors/right", {"kind": "grant", "who": "everyone"}),
    ("admin", "/doors/hours", {"schedule": "office", "hours": "mon 08:00-09:00"}),
    ("admin", "/accounts", {"name": "mallory", "role": "admin", "new": PASSWORD, "again": PASSWORD}),
    ("admin", "/accounts/ada/remove", {}),
    ("admin", "/accounts/ada/password", {"new": PASSWORD + "!", "again": PASSWORD + "!"}),
)
"""Role that it takes, where, what."""
VERBS: tuple[tuple[str, str, dict[str, Any]], ...] = (
    ("operate", "log", {"level": "info"}),
    ("enrol", "people/rename", {"who": KNOWN, "name": KNOWN}),
    ("admin", "access/grant", {"who": ["everyone"]}),
    ("admin", "keys/list", {}),
    ("admin", "models/rollback", {}),
)


@pytest.mark.parametrize("role", SEES)
def test_people_see_what_their_role_may_and_the_server_refuses_the_rest(day: Day, role: str) -> None:
    day.sign_in("ada")
    day.open("/people")
    person = str(one(day.driver, ".rows a").get_attribute("href")).rpartition("/")[2]
    day.sign_in(role)
    day.open(f"/people/{person}")
    says(day.driver, KNOWN)
    day.look(f"person-{role}")
    menu = {entry.text for entry in day.driver.find_elements(By.CSS_SELECTOR, "nav a") if entry.text}
    assert menu == set(SEES[role])
    assert bool(day.driver.find_elements(By.CSS_SELECTOR, "main a[href$='/forget']")) == (role == "enrol")
    for needed, path, fields in DEEDS:
        status, text = day.deed(path.format(id=person), fields)
        if needed == role:
            assert status in (0, 200), (path, status)
        else:
            assert status in (403, 409), (path, status)
            assert "role" in text, (path, text)
    for needed, verb, words in VERBS:
        expected = (200, "done") if needed == role else (403, "wrong_role")
        assert day.verb(verb, words) == expected, verb
    day.look(f"refused-{role}", "/accounts")
    says(day.driver, "role")
    day.sign_in("ada")
    for path, never in (("/doors", "office"), ("/accounts", "mallory"), (f"/people/{person}", "2026-01-01")):
        day.open(path)
        assert never not in body(day.driver), path


def test_axe_finds_nothing_on_any_page_in_any_state(day: Day) -> None:
    """The last but one: with what the tests before have left behind."""
    driver = day.driver
    day.sign_in("ada")
    day.open("/people")
    person = str(one(driver, ".rows a").get_attribute("href")).removeprefix(day.where)
    day.open("/models")
    card = str(one(driver, "main a[href^='/models/']").get_attribute("href")).removeprefix(day.where)
    hours = ["mon-fri 08:00-18:00", "sat 09:00-12:00"]
    assert day.verb("access/hours", {"schedule": "office", "hours": hours})[0] == 200
    for _, where, _, _ in MENU:
        day.look(where.strip("/").replace("/", "-") or "home", where)
    for name, path in (
        ("person", person),
        ("person-forget", f"{person}/forget"),
        ("model-card", card),
        ("week", "/doors/main"),
        ("week-moment", "/doors/main?at=2026-11-26T12:00"),
        ("account", "/account"),
        ("decisions-none", "/decisions?outcome=spoof"),
        ("people-found-none", "/people?find=zzz"),
        ("no-such-page", "/nowhere"),
        ("no-such-person", "/people/" + "0" * 32),
        ("no-such-door", "/doors/attic"),
        ("live-shapes", "/live?images=0"),
    ):
        day.look(name, path)
    day.open("/enrol")
    fill(driver, name=KNOWN, consent_by="Front desk")
    press(driver, "[name=agrees]")
    driver.execute_script("document.querySelector('[name=how][value=pictures]').click()")
    day.look("enrol-pictures")
    fill(driver, pictures=str(day.hopper))
    press(driver)
    says(driver, "already")
    day.look("enrol-refused")
    day.reading.stop()
    day.look("reader-away", "/people")
    day.look("live-away", "/live")
    day.reading.start()
    assert day.found == [], json.dumps(day.found, indent=1)


def last_lockdown(day: Day) -> int:
    """The row of the newest one that the reader was asked for; 0: none."""
    with ReaderSocket(day.reading.home / "edgeface.sock") as reader:
        rows = reader.local("audit/list", {"kind": "command", "most": 100})["rows"]
    return max((row["seq"] for row in rows if json.loads(row["facts"])["what"] == "door/lockdown"), default=0)


def test_a_console_that_starts_anew_under_a_page_signs_out_and_does_nothing(day: Day) -> None:
    driver, state, before = day.driver, day.reading.home.parent / "second", last_lockdown(day)
    driver.delete_all_cookies()
    with serving(day.reading.home, state) as where:
        driver.get(where)
        fill(driver, code=CODE, name="eve", password=PASSWORD, again=PASSWORD)
        press(driver)
        says(driver, "The account is made")
        sign_in(driver, where, "eve")
        says(driver, KNOWN)
        driver.get(f"{where}/live")
        until(lambda: driver.find_elements(By.CSS_SELECTOR, ".seen circle"))
        live = driver.current_window_handle
        driver.switch_to.new_window("tab")
        driver.get(f"{where}/doors")
    with serving(day.reading.home, state, int(where.rpartition(":")[2])):
        press(driver, "form[action='/doors/lockdown'] button[name=lift]")
        with suppress(NoAlertPresentException):
            driver.switch_to.alert.accept()
        says(driver, "the console was started anew")
        day.look("sign-in-ended")
        driver.close()
        driver.switch_to.window(live)
        until(lambda: "/sign-in" in driver.current_url)
        sign_in(driver, where, "eve")
        says(driver, KNOWN)
    assert last_lockdown(day) == before, "nothing was asked of the reader"
    day.sign_in("ada")


def test_a_script_in_a_name_is_a_name(day: Day) -> None:
    driver = day.driver
    script = "<img src=x onerror=\"document.title='mine'\"><b>Eve"
    day.sign_in("ada")
    day.open("/people")
    one(driver, ".rows a").click()
    until(lambda: driver.find_elements(By.CSS_SELECTOR, "form[action$='/name']"))
    path = driver.current_url.removeprefix(day.where)
    assert day.deed(f"{path}/name", {"name": script})[0] == 0
    day.open("/live")
    until(lambda: {script, "grant"} <= set(one(driver, "[data-part=latest] .top").text.split("\n")))
    for where in (None, "/people", path, "/doors/main?at=2026-11-26T12:00", "/decisions", "/audit", f"{path}/forget"):
        if where is not None:
            day.open(where)
        assert not driver.find_elements(By.CSS_SELECTOR, "main img[src=x], main .what b, main .top b, h1 b"), where
        assert "mine" not in driver.title.replace(script, ""), where
    day.open(path)
    assert day.deed(f"{path}/name", {"name": KNOWN})[0] == 0


def test_a_page_whose_session_ended_leads_back_after_signing_in(day: Day) -> None:
    driver = day.driver
    day.sign_in("ada")
    day.open("/decisions?outcome=deny")
    driver.delete_cookie("edgeface")
    driver.refresh()
    until(lambda: "/sign-in" in driver.current_url)
    day.look("sign-in")
    fill(driver, name="ada", password=PASSWORD)
    press(driver)
    assert until(lambda: driver.current_url.endswith("/decisions?outcome=deny"))


def test_forgetting_leaves_a_receipt_that_can_be_read(day: Day) -> None:
    """The last one: nobody is enrolled after it."""
    driver = day.driver
    day.sign_in("ada")
    day.open("/people")
    one(driver, ".rows a").click()
    one(driver, "a[href$='/forget']").click()
    press(driver, "form[method=post] button.bad")
    says(driver, "The key is destroyed")
    day.look("forgotten")
    day.look("decisions-forgotten", "/decisions")
    assert KNOWN not in body(driver)
    assert day.found == [], json.dumps(day.found, indent=1)
