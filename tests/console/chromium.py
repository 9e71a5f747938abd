"""A real browser before a real console before a real reader, for tests of what only a browser shows."""

from __future__ import annotations

import base64
import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any, cast

from consoles import CHEAP, CODE, PASSWORD, served
from selenium import webdriver
from selenium.common.exceptions import NoSuchElementException, StaleElementReferenceException
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement

from broker import free_port
from edgeface.adapters.reader_socket import ReaderSocket
from edgeface.console.accounts import Accounts
from edgeface.console.app import Console
from edgeface.console.dial import Dial
from edgeface.console.known import Known
from edgeface.console.options import Options

WITHIN_S = 60.0
"""For anything to happen: the machine may be busy."""


@dataclass
class Reading:
    """`edgeface run` over a folder of pictures, again and again the same."""

    home: Path
    film: Path
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        words = ["--home", str(self.home), "run", "--json", "--source", str(self.film)]
        environment = {**os.environ, "RUNTIME_DIRECTORY": ""}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "edgeface", *words], env=environment, stdout=subprocess.DEVNULL
        )
        until(self._answers)

    def _answers(self) -> bool:
        with ReaderSocket(self.home / "edgeface.sock") as reader:
            return reader.answers()

    def stop(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None


@contextmanager
def serving(home: Path, state: Path, port: int | None = None) -> Iterator[str]:
    """A console of its own for the reader of a home folder; its address."""
    port = port or free_port()
    state.mkdir(mode=0o700, exist_ok=True)
    made = Console(
        options=Options(port=port, plain=True),
        accounts=Accounts(state, CHEAP),
        reader=Dial(home / "edgeface.sock"),
        set_up_code=CODE,
        known=Known(state),
    )
    with served(made, force=True):
        yield f"http://127.0.0.1:{port}"


@contextmanager
def chromium(folder: Path, *, phone: bool = False, script: bool = True) -> Iterator[webdriver.Chrome]:
    """A browser without a window."""
    options = webdriver.ChromeOptions()
    wanted = ["--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu", f"--user-data-dir={folder}"]
    wanted += [
        "--disable-background-networking",
        "--disable-component-update",
        "--no-first-run",
        "--disable-extensions",
    ]
    for word in wanted:
        options.add_argument(word)
    if not script:
        options.add_experimental_option("prefs", {"profile.managed_default_content_settings.javascript": 2})
    driver = webdriver.Chrome(options, webdriver.ChromeService("/usr/bin/chromedriver"))
    try:
        sized(driver, phone=phone)
        yield driver
    finally:
        driver.quit()


def sized(driver: webdriver.Chrome, *, phone: bool) -> None:
    wide, high = (390, 844) if phone else (1280, 860)
    size = {"width": wide, "height": high, "deviceScaleFactor": 1, "mobile": phone}
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)


def dark(driver: webdriver.Chrome, wanted: bool) -> None:
    scheme = {"name": "prefers-color-scheme", "value": "dark" if wanted else "light"}
    still = {"name": "prefers-reduced-motion", "value": "reduce"}
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [scheme, still]})


def until(found: Callable[[], Any], within_s: float = WITHIN_S) -> Any:
    """What is found once it is there."""
    end = time.monotonic() + within_s
    while True:
        with suppress(NoSuchElementException, StaleElementReferenceException):  # between one page and the next
            if what := found():
                return what
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.05)


def says(driver: webdriver.Chrome, text: str, within_s: float = WITHIN_S) -> None:
    """Wait until the page says it."""
    try:
        until(lambda: text in driver.find_element(By.TAG_NAME, "body").text, within_s)
    except AssertionError:
        raise AssertionError(f"{text!r} is not on {driver.current_url}: {body(driver)[:800]}") from None


def body(driver: webdriver.Chrome) -> str:
    return driver.find_element(By.TAG_NAME, "body").text


def one(driver: webdriver.Chrome, css: str) -> WebElement:
    return cast(WebElement, until(lambda: driver.find_element(By.CSS_SELECTOR, css)))


def fill(driver: webdriver.Chrome, **fields: str) -> None:
    for name, value in fields.items():
        field = one(driver, f"[name={name}]")
        if field.get_attribute("type") != "file":
            field.clear()
        field.send_keys(value)


def press(driver: webdriver.Chrome, css: str = "main button.main") -> None:
    button = one(driver, css)
    driver.execute_script("arguments[0].scrollIntoView({block: 'center'})", button)
    button.click()


def sign_in(driver: webdriver.Chrome, where: str, name: str) -> None:
    driver.get(f"{where}/sign-in")
    fill(driver, name=name, password=PASSWORD)
    press(driver)


def look(driver: webdriver.Chrome, name: str) -> list[str]:
    """What is wrong with the page as it stands, at a desk by day and on a phone by night; its pictures, if wanted."""
    found = []
    for phone, night in ((False, False), (True, True)):
        sized(driver, phone=phone)
        dark(driver, night)
        found += faults(driver)
        wide = driver.execute_script("return document.documentElement.scrollWidth - innerWidth")
        found += [f"{name} is {wide} px too wide"] if wide > 0 else []
    if folder := os.environ.get("SCREENSHOTS"):
        photograph(driver, Path(folder), name)
    sized(driver, phone=False)
    dark(driver, False)
    return found


def photograph(driver: webdriver.Chrome, folder: Path, name: str) -> None:
    """The whole page four times, for people to look at; never for the repository."""
    folder.mkdir(exist_ok=True)
    for phone, night in ((False, False), (False, True), (True, False), (True, True)):
        sized(driver, phone=phone)
        dark(driver, night)
        shown = driver.execute_cdp_cmd("Page.captureScreenshot", {"captureBeyondViewport": True, "format": "png"})
        place = f"{name}-{'phone' if phone else 'desk'}-{'dark' if night else 'light'}.png"
        (folder / place).write_bytes(base64.b64decode(shown["data"]))


def faults(driver: webdriver.Chrome) -> list[str]:
    """What axe-core finds wrong on the page."""
    driver.execute_script((files("axe_core_python") / "axe.min.js").read_text(encoding="utf-8"))
    run = (
        "const done = arguments[0]; axe.run({resultTypes: ['violations']}).then(found => done(JSON.stringify(found)));"
    )
    found = json.loads(driver.execute_async_script(run))
    assert found["passes"], "it looked at nothing"
    where = re.sub(r"[0-9a-f]{32}|[0-9]{4,}", "...", driver.current_url)
    return [
        f"{where}: {fault['id']}: {node['html'][:160]} {node['failureSummary'][:200]}"
        for fault in found["violations"]
        for node in fault["nodes"]
    ]
