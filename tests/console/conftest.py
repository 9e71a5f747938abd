"""A console over a real gallery: a clerk in this process stands for the reader's socket."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from consoles import Browser, Hall, hall_of

from commanding import Bench, at_a_desk
from edgeface.service.bootstrap import Loaded


@pytest.fixture
def bench(home: Path, loaded: Loaded) -> Iterator[Bench]:
    with at_a_desk(home, loaded) as made:
        yield made


@pytest.fixture
def hall(bench: Bench, tmp_path: Path) -> Hall:
    """A console that nobody has set up."""
    return hall_of(bench, tmp_path)


@pytest.fixture
def ada(hall: Hall) -> Browser:
    """An administrator's browser, signed in."""
    browser = hall.browser()
    browser.set_up("ada")
    browser.sign_in("ada")
    return browser
