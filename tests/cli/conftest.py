"""What tests of the command line share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from calling import Edgeface
from click.testing import CliRunner, Result

from edgeface.cli.main import main
from edgeface.frame import Pixels
from edgeface.image import encode_png
from portraits import shot


@pytest.fixture
def edgeface(home: Path, monkeypatch: pytest.MonkeyPatch) -> Edgeface:
    """`edgeface --home HOME ...`; a mistake of ours keeps its traceback and fails the test."""
    monkeypatch.delenv("EDGEFACE_CONFIG", raising=False)
    monkeypatch.delenv("EDGEFACE_HOME", raising=False)
    monkeypatch.setenv("EDGEFACE_CONSENT_BY", "The Warden")

    def call(*words: object, stdin: str | None = None) -> Result:
        result = CliRunner().invoke(main, ["--home", str(home), *map(str, words)], input=stdin)
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        assert "Traceback" not in result.output
        return result

    return call


@pytest.fixture
def pictures(tmp_path: Path, astronaut: Pixels, hopper: Pixels) -> Path:
    """A folder: astronaut.png, hopper.png, wall.png without a face, two.png with two."""
    folder = tmp_path / "pictures"
    folder.mkdir()
    made = {
        "astronaut": astronaut,
        "hopper": hopper,
        "wall": np.full_like(astronaut, 127),
        "two": np.concatenate([astronaut, astronaut[:, ::-1]], axis=1),
    }
    for name, pixels in made.items():
        (folder / f"{name}.png").write_bytes(encode_png(pixels))
    return folder


@pytest.fixture
def film_of(tmp_path: Path) -> Callable[[Pixels, int], Path]:
    """A folder of pictures in which somebody walks up to the camera."""

    def write(portrait: Pixels, frames: int) -> Path:
        folder = tmp_path / f"film-{id(portrait)}-{frames}"
        folder.mkdir()
        for index in range(frames):
            (folder / f"{index:03}.png").write_bytes(encode_png(shot(portrait, index)))
        return folder

    return write
