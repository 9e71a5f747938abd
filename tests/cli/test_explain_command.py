"""`edgeface explain`: a picture to look at, and the same for programs."""

from __future__ import annotations

import json
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from calling import Edgeface

from edgeface import image
from edgeface.adapters.paper import PALE_RED, _plain
from edgeface.frame import Pixels


def explained(edgeface: Edgeface, *words: object) -> dict[str, Any]:
    result = edgeface("explain", *words, "--json")
    assert result.exit_code == 0, result.output
    told: dict[str, Any] = json.loads(result.stdout)
    return told


def test_a_visit_is_told_from_the_first_frame_to_the_grant(
    edgeface: Edgeface, pictures: Path, film_of: Callable[[Pixels, int], Path], astronaut: Pixels, tmp_path: Path
) -> None:
    assert edgeface("enrol", "Ada", pictures / "astronaut.png").exit_code == 0
    out = tmp_path / "sheet.png"
    told = explained(edgeface, film_of(astronaut, 6), "--out", out)
    (visitor,) = told["visitors"]
    (decision,) = visitor["decisions"]
    assert (decision["outcome"], decision["person"]["label"]) == ("grant", "Ada")
    assert [step["looked_at"] for step in visitor["steps"]] == [True, True, True, False, False, False]
    assert visitor["steps"][2]["standing"]["score"] >= told["threshold"]
    assert all(gate["passed"] is not False for gate in visitor["gates"])
    assert image.read(out).shape[1] == 1240
    assert stat.S_IMODE(out.stat().st_mode) == 0o600  # it shows faces


def test_a_picture_without_a_gallery_says_by_how_much_a_gate_is_missed(
    edgeface: Edgeface, pictures: Path, home: Path, astronaut: Pixels, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "night.png").write_bytes(image.encode_png(astronaut // 16))
    told = explained(edgeface, "night.png")
    (visitor,) = told["visitors"]
    assert visitor["decisions"] == []
    (step,) = visitor["steps"]
    dark = next(one for one in step["quality"]["measures"] if one["measure"] == "brightness" and not one["passed"])
    assert dark["off_by"] == pytest.approx(dark["limit"] - dark["value"], abs=1e-3)
    assert (step["nearest"], told["people"]) == (None, 0)
    assert not (tmp_path / "night-explained.png").exists()  # programs get a picture only if they ask for it
    result = edgeface("explain", "night.png")
    assert "too dark" in result.output
    sheet = image.read(tmp_path / "night-explained.png")
    assert (sheet == PALE_RED).all(axis=2).any()
    assert not home.joinpath("gallery.db").exists()


def test_nobody_in_sight(edgeface: Edgeface, pictures: Path, tmp_path: Path) -> None:
    out = tmp_path / "sheet.png"
    result = edgeface("explain", pictures / "wall.png", "--out", out)
    assert result.exit_code == 0
    assert "0 visitors" in result.output
    assert out.exists()


@pytest.mark.parametrize(("name", "code"), [("broken.png", 65), ("text.mp4", 69), ("absent.png", 2)])
def test_what_is_no_picture_is_refused(edgeface: Edgeface, tmp_path: Path, name: str, code: int) -> None:
    if name != "absent.png":
        (tmp_path / name).write_bytes(b"\x89PNG\r\n\x1a\n" if name == "broken.png" else b"no film")
    assert edgeface("explain", tmp_path / name, "--json").exit_code == code


def test_the_picture_to_be_explained_is_not_overwritten(edgeface: Edgeface, pictures: Path) -> None:
    before = (pictures / "astronaut.png").read_bytes()
    assert edgeface("explain", pictures / "astronaut.png", "--out", pictures / "astronaut.png").exit_code == 2
    assert (pictures / "astronaut.png").read_bytes() == before
    assert edgeface("explain", pictures / "two.png", "--out", pictures / "no" / "sheet.png").exit_code == 2


def test_names_can_be_read_where_there_are_only_plain_letters() -> None:
    assert _plain("Zoë Ångström, 25 °") == "Zoe Angstrom, 25 ?"
