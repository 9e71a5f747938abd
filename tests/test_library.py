"""`import edgeface` in a program of one's own: the README's lines run, and answer as the door would."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import edgeface
from edgeface.decide import Outcome
from edgeface.errors import EnrolmentError, GalleryInUse, PictureError, UnknownPerson
from edgeface.frame import Pixels
from edgeface.image import encode_jpeg
from edgeface.library import Faces
from edgeface.service.settings import Config
from portraits import film, shot

README = Path(__file__).parent.parent / "README.md"


@pytest.fixture
def faces(home: Path) -> Iterator[Faces]:
    with edgeface.open(home) as opened:
        yield opened


def test_the_lines_of_the_readme_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], astronaut: Pixels
) -> None:
    text = README.read_text(encoding="utf-8").partition("## In a program of your own")[2]
    example = re.search(r"```python\n(.*?)```", text, re.DOTALL)
    assert example is not None
    monkeypatch.chdir(tmp_path)
    for name in ("ada1.jpg", "ada2.jpg", "group.jpg"):
        Path(name).write_bytes(encode_jpeg(astronaut))
    Path("visit.mp4").mkdir()  # a folder of pictures is a clip as well
    for index in range(8):
        (Path("visit.mp4") / f"{index}.jpg").write_bytes(encode_jpeg(shot(astronaut, index)))
    exec(compile(example[1], "README.md", "exec"), {})
    told = capsys.readouterr().out
    assert "Ada Lovelace" in told.splitlines()[0]
    assert re.search(r"^grant \d good shots agree$", told, re.MULTILINE)


def test_a_face_is_named_or_says_why_not(faces: Faces, astronaut: Pixels, hopper: Pixels) -> None:
    ada = faces.enrol("Ada", [astronaut], consent_by="The Warden")
    assert [person.name for person in faces.people] == ["Ada"]
    (found,) = faces.recognise(astronaut)
    assert (found.person_id, found.name, found.advice) == (ada.id, "Ada", ())
    assert found.score is not None
    assert found.score == pytest.approx(1, abs=0.01)
    assert found.embedding is not None
    assert np.linalg.norm(found.embedding) == pytest.approx(1, abs=1e-5)
    (stranger,) = faces.recognise(hopper)
    assert (stranger.person_id, stranger.name) == (None, None)
    assert stranger.score is not None
    assert stranger.score < stranger.needed
    (dark,) = faces.recognise((astronaut // 8).astype(np.uint8))
    assert (dark.person_id, dark.embedding, dark.score) == (None, None, None)
    assert dark.advice
    assert faces.recognise(np.full((64, 64, 3), 127, np.uint8)) == ()


def test_two_people_equally_alike_are_neither(faces: Faces, astronaut: Pixels) -> None:
    faces.enrol("Ada", [astronaut], consent_by="The Warden")
    faces.enrol("Eve", [astronaut], consent_by="The Warden", allow_duplicate=True)
    assert [face.name for face in faces.recognise(astronaut)] == [None]


def test_who_is_forgotten_is_not_recognised(faces: Faces, astronaut: Pixels) -> None:
    faces.enrol("Ada", [astronaut], consent_by="The Warden")
    assert faces.recognise(astronaut)[0].name == "Ada"
    assert faces.forget("ada").remains == ()
    assert faces.recognise(astronaut)[0].name is None
    with pytest.raises(UnknownPerson):
        faces.forget("ada")


def test_frames_of_your_own_decide_by_the_time_they_tell(faces: Faces, astronaut: Pixels) -> None:
    faces.enrol("Ada", [astronaut], consent_by="The Warden")
    (decision,) = faces.decide(film(astronaut), film_time=True)
    assert decision.outcome is Outcome.GRANT
    assert list(faces.decide(film(astronaut))) == [], "frames of another time decide nothing"


def test_the_rules_of_the_home_folder_hold(home: Path, faces: Faces, astronaut: Pixels) -> None:
    faces.enrol("Ada", [astronaut], consent_by="The Warden")
    (home / "access.toml").write_text("[doors.main]\n")
    (decision,) = faces.decide(film(astronaut), film_time=True)
    assert decision.outcome is Outcome.DENY


def test_enrolment_is_as_strict_as_the_command(faces: Faces, astronaut: Pixels, hopper: Pixels, tmp_path: Path) -> None:
    wall = np.full_like(astronaut, 127)
    for pictures, says in (
        ([], "no picture was given"),
        ([wall], "no face found"),
        ([astronaut, hopper], "no two of the pictures show the same person"),
    ):
        with pytest.raises(EnrolmentError, match=says):
            faces.enrol("Ada", pictures, consent_by="The Warden")
    with pytest.raises(EnrolmentError, match="recorded by somebody"):
        faces.enrol("Ada", [astronaut], consent_by=" ")
    with pytest.raises(PictureError):
        faces.enrol("Ada", [tmp_path / "missing.jpg"], consent_by="The Warden")
    assert faces.people == ()
    faces.enrol("Ada", [astronaut], consent_by="The Warden")
    with pytest.raises(EnrolmentError, match="already enrolled as Ada"):
        faces.enrol("Eve", [astronaut], consent_by="The Warden")
    assert faces.enrol("Ada", [(astronaut * 0.8).astype(np.uint8)], consent_by="x", add=True).templates


def test_settings_may_be_given_instead_of_the_file(home: Path, astronaut: Pixels) -> None:
    config = Config(enrol=replace(Config().enrol, max_templates=1))
    with edgeface.open(home, config) as faces:
        dim = (astronaut * 0.8).astype(np.uint8)
        assert sum(faces.enrol("Ada", [astronaut, dim], consent_by="x").templates.values()) == 1


def test_one_process_at_a_time(home: Path, faces: Faces) -> None:
    with pytest.raises(GalleryInUse):
        edgeface.open(home)


def test_importing_it_loads_neither_models_nor_cameras() -> None:
    """A door controller imports `edgeface.controller` where numpy and OpenCV are not installed."""
    child = "import sys, edgeface; print(sorted({'numpy', 'cv2', 'sqlite_utils'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", child], capture_output=True, text=True, check=True).stdout == "[]\n"
