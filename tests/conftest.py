"""What many tests share: the shipped models, loaded once, and two real portraits in the public domain."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import settings

from edgeface.frame import Pixels
from edgeface.service.bootstrap import Loaded, load_models
from portraits import astronaut_portrait, hopper_portrait

settings.register_profile("edgeface", deadline=None)  # that the machine is busy is no fault of the code
settings.load_profile("edgeface")


@pytest.fixture(scope="session")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> Loaded:
    """The shipped models, as a home folder without a choice of its own gets them."""
    return load_models(tmp_path_factory.mktemp("home"))


@pytest.fixture(scope="session")
def astronaut() -> Pixels:
    """Eileen Collins, head and shoulders."""
    return astronaut_portrait()


@pytest.fixture(scope="session")
def hopper() -> Pixels:
    """Grace Hopper, head and shoulders."""
    return hopper_portrait()


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home folder that does not exist yet."""
    return tmp_path / "home"
