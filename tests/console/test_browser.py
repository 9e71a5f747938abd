"""The console in a real Chromium, before a real reader that watches a film: what people see and do."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from chromium import Reading, body, chromium, dark, faults, fill, one, press, says, serving, sign_in, sized, until
from consoles import CODE, PASSWORD
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from edgeface.console.pages import MENU
from edgeface.frame import Pixels
from edgeface.image import encode_jpeg
from portraits import lasting, shot, visits

pytestmark = pytest.mark.browser

KNOWN, STRANGER = "Eileen Collins", "Nobody known"


@dataclass
class Place:
    """All that a test needs."""

    where: str
    reading: Reading
    driver: webdriver.Chrome
    pictures: list[Path]
    folder: Path

    def open(self, path: str) -> None:
        self.driver.get(self.where + path)


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory, astronaut: Pixels, hopper: Pixels) -> Path:
    """Eileen Collins comes, then Grace Hopper, again and again."""
    return lasting(tmp_path_factory.mktemp("film") / "frames", visits(astronaut, hopper))


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory, film: Path, astronaut: Pixels) -> Iterator[Place]:
    """A reader, a console that nobody has set up, a browser: and the first start, as somebody goes through it."""
    folder = tmp_path_factory.mktemp("place")
    pictures = []
    for number in (5, 12, 25):
        pictures.append(folder / f"{number}.jpg")
        pictures[-1].write_bytes(encode_jpeg(shot(astronaut, number)))
    (folder / "home").mkdir()
    reading = Reading(folder / "home", film)
    reading.start()
    try:
        with serving(reading.home, folder / "console") as where, chromium(folder / "chromium") as driver:
            made = Place(where, reading, driver, pictures, folder)
            first_start(made)
            enrol_from_pictures(made)
            yield made
    finally:
        reading.stop()


def first_start(place: Place) -> None:
    driver = place.driver
    place.open("/")
    assert driver.current_url.endswith("/setup")
    assert faults(driver) == []
    fill(driver, code="wrong", name="ada", password=PASSWORD, again=PASSWORD)
    press(driver)
    says(driver, "This is not the code")
    fill(driver, code=CODE, password=PASSWORD, again=PASSWORD)
    press(driver)
    says(driver, "The account is made")
    assert faults(driver) == []
    fill(driver, name="ada", password=PASSWORD)
    press(driver)
    says(driver, "Nobody is enrolled yet")


def enrol_from_pictures(place: Place) -> None:
    driver = place.driver
    press(driver, "a[href='/enrol']")
    fill(driver, name=KNOWN, consent_by="Front desk")
    press(driver, "[name=agrees]")
    driver.execute_script("document.querySelector('[name=how][value=pictures]').click()")
    fill(driver, pictures="\n".join(map(str, place.pictures)))
    press(driver)
    says(driver, f"{KNOWN} is enrolled with")
    assert faults(driver) == []


def test_somebody_known_is_granted_and_a_stranger_is_not(place: Place) -> None:
    place.open("/live")
    driver = place.driver
    for outcome in ("grant", "unknown"):
        until(lambda outcome=outcome: driver.find_elements(By.CSS_SELECTOR, f"[data-part=latest] .chip.{outcome}"))
    until(lambda: driver.find_elements(By.CSS_SELECTOR, ".seen circle"))
    assert driver.execute_script("return document.querySelector('canvas').width") == 640
    place.open("/decisions")
    says(driver, KNOWN)
    says(driver, STRANGER)
    assert driver.find_elements(By.CSS_SELECTOR, ".chip.grant") and driver.find_elements(
        By.CSS_SELECTOR, ".chip.unknown"
    )


def test_shapes_only_shows_no_pixel(place: Place) -> None:
    place.open("/live?images=0")
    driver = place.driver
    until(lambda: driver.find_elements(By.CSS_SELECTOR, ".seen path"))
    pixels = "const c = document.querySelector('canvas'); return [c.width, c.height]"
    wide, high = driver.execute_script(pixels)
    drawn = (
        f"return document.querySelector('canvas').getContext('2d').getImageData(0, 0, {wide}, {high}).data.some(v => v)"
    )
    assert driver.execute_script(drawn) is False


def test_a_reader_that_stops_is_said_and_the_view_goes_on_by_itself(place: Place) -> None:
    place.open("/live")
    driver = place.driver
    until(lambda: driver.find_elements(By.CSS_SELECTOR, ".seen circle"))
    place.reading.stop()
    says(driver, "The reader does not answer")
    until(lambda: not one(driver, "[data-on]").is_displayed())
    place.reading.start()
    assert until(lambda: driver.find_elements(By.CSS_SELECTOR, ".seen circle"))
    assert driver.current_url == f"{place.where}/live", "nobody went there anew"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_on_any_page(place: Place, scheme: str) -> None:
    driver = place.driver
    dark(driver, scheme == "dark")
    sized(driver, phone=scheme == "dark")
    try:
        found = []
        place.open("/people")
        person = one(driver, ".rows a").get_attribute("href").removeprefix(place.where)
        paths = [where for _, where, _, _ in MENU] + [person, "/enrol", "/account", "/nowhere"]
        for path in paths:
            place.open(path)
            found += faults(driver)
            wide = driver.execute_script("return document.documentElement.scrollWidth - innerWidth")
            assert wide <= 0, f"{path} is {wide} px too wide"
        assert found == []
    finally:
        dark(driver, False)
        sized(driver, phone=False)


def test_keys_alone_lead_everywhere(place: Place) -> None:
    place.open("/people")
    driver = place.driver
    body_of = one(driver, "body")
    body_of.send_keys(Keys.TAB)
    assert driver.switch_to.active_element.text == "Skip to the page"
    driver.switch_to.active_element.send_keys(Keys.ENTER)
    assert driver.switch_to.active_element.get_attribute("id") == "page"
    for _ in range(30):
        driver.switch_to.active_element.send_keys(Keys.TAB)
        if driver.switch_to.active_element.get_attribute("href") == f"{place.where}/enrol":
            break
    driver.switch_to.active_element.send_keys(Keys.ENTER)
    until(lambda: driver.current_url.endswith("/enrol"))


def test_before_the_camera_the_hint_changes_and_it_can_be_given_up(place: Place) -> None:
    driver = place.driver
    place.open("/enrol")
    fill(driver, name="Grace Hopper", consent_by="Front desk")
    press(driver, "[name=agrees]")
    press(driver)
    until(lambda: "/enrol/camera/" in driver.current_url)
    until(lambda: one(driver, "[data-hint]").text not in ("", "waiting for the camera"))
    assert faults(driver) == []
    press(driver, "[data-acts] form[action$=abandon] button, [data-acts] a.button")  # the film's other person ends it
    until(lambda: driver.current_url.endswith("/enrol"))


def test_a_form_of_another_page_does_nothing(place: Place) -> None:
    """A page of somebody else's posts to the console with the operator's own browser; and a token is guessed."""
    driver = place.driver
    place.open("/account")
    send = "const f = document.querySelector('form[action=\"/sign-out\"]'); f.csrf.value = 'guessed'; f.submit()"
    driver.execute_script(send)
    says(driver, "Not sent from a page of yours")
    evil = place.folder / "evil.html"
    evil.write_text(f'<form method="post" action="{place.where}/sign-out"><button>win</button></form>')
    driver.get(evil.as_uri())
    one(driver, "button").click()
    until(lambda: driver.current_url.startswith(place.where))
    place.open("/people")
    says(driver, KNOWN)
    assert driver.current_url == f"{place.where}/people", "still signed in"


def test_a_cookie_is_out_of_reach_of_scripts_and_worthless_after_sign_out(place: Place) -> None:
    driver = place.driver
    place.open("/people")
    assert driver.execute_script("return document.cookie") == ""
    stolen = driver.get_cookie("edgeface")
    assert stolen is not None
    assert stolen["httpOnly"] and stolen["sameSite"] == "Strict"
    driver.delete_all_cookies()
    sign_in(driver, place.where, "ada")
    driver.delete_all_cookies()
    driver.add_cookie({"name": stolen["name"], "value": stolen["value"], "path": "/"})
    place.open("/people")
    says(driver, KNOWN)
    press(driver, "form[action='/sign-out'] button")
    until(lambda: "/sign-in" in driver.current_url)
    driver.delete_all_cookies()
    driver.add_cookie({"name": stolen["name"], "value": stolen["value"], "path": "/"})
    place.open("/people")
    assert "/sign-in" in driver.current_url
    sign_in(driver, place.where, "ada")
    says(driver, KNOWN)


def test_without_javascript_it_can_be_read(place: Place) -> None:
    with chromium(place.folder / "plain", script=False, phone=True) as driver:
        sign_in(driver, place.where, "ada")
        says(driver, KNOWN)
        driver.get(f"{place.where}/live")
        says(driver, "Without JavaScript")
        assert one(driver, ".stage noscript img, .stage .veil") is not None
        driver.get(f"{place.where}/decisions")
        says(driver, "grant")


def test_somebody_is_forgotten_with_a_receipt(place: Place) -> None:
    """The last one: nobody is enrolled after it."""
    place.open("/people")
    driver = place.driver
    one(driver, ".rows a").click()
    one(driver, "a[href$='/forget']").click()
    says(driver, f"Forget {KNOWN}?")
    assert faults(driver) == []
    press(driver, "form[method=post] button.bad")
    says(driver, "The key is destroyed")
    place.open("/people")
    says(driver, "Nobody is enrolled yet")
    assert KNOWN not in body(driver)
