"""In a real Chromium: a script asks before what cannot be undone; without scripts all can be read, and a page asks."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from chromium import chromium, faults, fill, one, press, says, sign_in, until
from consoles import CODE, PASSWORD, hall_of, served
from selenium import webdriver
from selenium.webdriver.common.alert import Alert
from selenium.webdriver.common.by import By
from selenium.webdriver.support import expected_conditions as expected
from test_pages import decided, person

from broker import free_port
from commanding import Bench
from edgeface.console.pages import MENU

pytestmark = pytest.mark.browser


@contextmanager
def near(bench: Bench, folder: Path) -> Iterator[str]:
    """A console over a reader in this process; its address."""
    hall = hall_of(bench, folder, port=free_port(), plain=True)
    with served(hall.console, force=True):
        yield f"http://127.0.0.1:{hall.options.port}"


def set_up(driver: webdriver.Chrome, where: str) -> None:
    driver.get(where)
    fill(driver, code=CODE, name="ada", password=PASSWORD, again=PASSWORD)
    press(driver)
    sign_in(driver, where, "ada")
    says(driver, "People")


def deeds(bench: Bench) -> list[str]:
    """The lockdowns that the reader was asked for."""
    return [row["what"] for row in bench.rows("command") if row["what"] == "door/lockdown"]


def asked(driver: webdriver.Chrome) -> Alert:
    """What the script asks, once it does."""
    found = until(lambda: expected.alert_is_present()(driver))
    assert isinstance(found, Alert)
    return found


def test_with_a_script_a_no_sends_nothing_and_a_yes_is_not_asked_again(bench: Bench, tmp_path: Path) -> None:
    with near(bench, tmp_path) as where, chromium(tmp_path / "chromium") as driver:
        set_up(driver, where)
        driver.get(f"{where}/doors")
        press(driver, "form[action='/doors/lockdown'] button.bad")
        asked(driver).dismiss()
        assert deeds(bench) == []
        press(driver, "form[action='/doors/lockdown'] button.bad")
        asked(driver).accept()
        says(driver, "Done. It counts from now on.")
        assert deeds(bench) == ["door/lockdown"]


def test_without_scripts_everything_can_be_read_and_a_page_asks(bench: Bench, tmp_path: Path) -> None:
    eve = person(bench, "Eve")
    decided(bench, 1, "unknown", "nobody enrolled is alike")
    with near(bench, tmp_path) as where, chromium(tmp_path / "chromium", script=False) as driver:
        set_up(driver, where)
        for _, path, _, _ in MENU:
            driver.get(where + path)
            assert one(driver, "main h1").text, path
        driver.get(f"{where}/calibration")
        assert len(driver.find_elements(By.CSS_SELECTOR, "svg.curve polyline.line")) == 2
        driver.get(f"{where}/decisions")
        press(driver, "form[role=search] button")
        says(driver, "nobody enrolled is alike")
        driver.get(f"{where}/people/{eve}")
        says(driver, "What is known")
        driver.get(f"{where}/doors")
        press(driver, "form[action='/doors/lockdown'] button.bad")
        says(driver, "nobody is let in any more, whatever their rights")
        assert deeds(bench) == []
        one(driver, "main .more a").click()
        says(driver, "Doors and rights")
        press(driver, "form[action='/doors/lockdown'] button.bad")
        says(driver, "Are you sure?")
        press(driver, "main form button.bad")
        says(driver, "Done. It counts from now on.")
        assert deeds(bench) == ["door/lockdown"]


def test_the_page_that_asks_is_for_a_screen_reader_too(bench: Bench, tmp_path: Path) -> None:
    with near(bench, tmp_path) as where, chromium(tmp_path / "chromium") as driver:
        set_up(driver, where)
        driver.get(f"{where}/doors")
        driver.execute_script("for (const form of document.forms) delete form.dataset.sure;")
        press(driver, "form[action='/doors/lockdown'] button.bad")
        says(driver, "Are you sure?")
        assert faults(driver) == []
