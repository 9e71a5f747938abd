"""A console over a real gallery: a clerk in this process stands for the reader's socket."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from consoles import Browser, Hall, hall_of

from commanding import Bench, at_a_desk
from edgeface import enrol
from edgeface.enrol import Guided
from edgeface.pose import Bin
from edgeface.service.bootstrap import Loaded
from edgeface.service.guide import Guide
from edgeface.service.settings import Config


@pytest.fixture
def bench(home: Path, loaded: Loaded) -> Iterator[Bench]:
    config = Config(enrol=enrol.Options(guided=Guided(bins=(Bin.FRONTAL, Bin.LEFT, Bin.RIGHT), per_bin=1)))
    guide = Guide(loaded.models, config.pipeline(), config.enrol.guided)
    with at_a_desk(home, loaded, config=config, guide=guide) as made:
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
