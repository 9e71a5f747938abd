"""`edgeface run` on a folder played as a film: decisions, one a line, in the journal before they are printed."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from calling import Edgeface

from edgeface import image
from edgeface.adapters.clock import SystemClock
from edgeface.errors import CameraLost, CameraUnavailable
from edgeface.frame import Frame, Pixels
from edgeface.service.bootstrap import GALLERY, Loaded
from edgeface.store.database import open_database

Film = Callable[[Pixels, int], Path]
DECISION_KEYS = {
    "seq", "id", "outcome", "door", "person", "reason", "rule", "score", "margin", "threshold", "quality",
    "strength", "liveness", "shots", "track", "frame", "took_ms",
}  # fmt: skip


def test_who_is_enrolled_is_let_in(edgeface: Edgeface, pictures: Path, film_of: Film, astronaut: Pixels) -> None:
    edgeface("enrol", "Ada", pictures / "astronaut.png")
    result = edgeface("run", "--source", film_of(astronaut, 8), "--fast", "--json", "--door", "front-2")
    assert result.exit_code == 0
    (told,) = (json.loads(line) for line in result.stdout.splitlines())
    assert set(told) == DECISION_KEYS
    assert (told["outcome"], told["door"], told["rule"]) == ("grant", "front-2", "known_person")
    assert told["person"]["label"] == "Ada"
    assert told["score"] >= told["threshold"]
    assert told["shots"] == 3
    assert told["margin"] is None


def test_a_stranger_is_unknown_and_the_journal_knows(
    edgeface: Edgeface, home: Path, pictures: Path, film_of: Film, hopper: Pixels
) -> None:
    edgeface("enrol", "Ada", pictures / "astronaut.png")
    result = edgeface("run", "--source", film_of(hopper, 10), "--fast", "--json")
    (told,) = (json.loads(line) for line in result.stdout.splitlines())
    assert (told["outcome"], told["person"]) == ("unknown", None)
    with closing(open_database(home / GALLERY)) as database:
        rows = database.read("SELECT seq, decision_id, kind FROM audit ORDER BY seq")
    assert [row["kind"] for row in rows] == ["enrol", "start", "decision"]
    assert (rows[2]["seq"], rows[2]["decision_id"]) == (told["seq"], told["id"])


def test_in_words(edgeface: Edgeface, pictures: Path, film_of: Film, astronaut: Pixels) -> None:
    edgeface("enrol", "Ada", pictures / "astronaut.png")
    text = edgeface("run", "--source", film_of(astronaut, 6), "--fast").output
    assert "1 person can be recognised. Door: main." in text
    assert "No broker is configured: decisions are stored, not published." in text
    assert "#3 grant" in text
    assert "Ada" in text
    assert "3 good shots agree" in text
    assert re.search(r"score (0\.\d\d|1\.00) of 0\.\d\d  alive 0\.\d\d  \(\d+ ms\)", text)


@pytest.mark.parametrize(
    ("required", "model", "said", "with_json"),
    [
        (False, True, 'Liveness is told but not required: set require = ["picture"] under [liveness]', False),
        (True, True, "Only a living face opens the door: liveness 0.", False),
        (False, False, "No liveness model is in use: a picture of somebody may open the door.", False),
        (True, False, "nobody will be let in.", True),
    ],
)
def test_whether_a_living_face_is_required_is_said_first(
    edgeface: Edgeface,
    home: Path,
    pictures: Path,
    monkeypatch: pytest.MonkeyPatch,
    required: bool,
    model: bool,
    said: str,
    with_json: bool,
) -> None:
    home.mkdir()
    (home / "edgeface.toml").write_text('[liveness]\nrequire = ["picture"]\n' if required else "")
    if not model:
        monkeypatch.setattr(Loaded, "live_floor", lambda self, wanted: None)
    assert said in edgeface("run", "--source", pictures, "--fast").stderr
    assert (said in edgeface("run", "--source", pictures, "--fast", "--json").stderr) is with_json


def test_bad_pictures_of_a_film_are_named_and_skipped(
    edgeface: Edgeface, pictures: Path, film_of: Film, astronaut: Pixels
) -> None:
    edgeface("enrol", "Ada", pictures / "astronaut.png")
    folder = film_of(astronaut, 6)
    (folder / "000a.png").write_bytes(b"hello")
    result = edgeface("run", "--source", folder, "--fast")
    assert result.exit_code == 0
    assert f"skipped: {folder / '000a.png'}: not_a_picture" in result.output
    assert "grant" in result.output


class Fading:
    """A camera that films somebody, is unplugged in mid-visit, and ends the test when it is opened again."""

    def __init__(self, film: Path) -> None:
        self._pictures = sorted(film.iterdir())

    def newest(self, wait_s: float) -> Frame | None:
        if not self._pictures:
            raise CameraLost("front stopped filming; check its cable and power")
        time.sleep(0.08)
        pixels = image.read(self._pictures.pop(0))
        return Frame(pixels=pixels, camera="front", sequence=0, captured_at=SystemClock().now())

    def close(self) -> None:
        pass


def test_a_camera_that_goes_away_is_told_and_asked_for_again(
    edgeface: Edgeface, pictures: Path, film_of: Film, astronaut: Pixels, monkeypatch: pytest.MonkeyPatch
) -> None:
    edgeface("enrol", "Ada", pictures / "astronaut.png")
    cameras = [Fading(film_of(astronaut, 2)), None, None, None, Fading(film_of(astronaut, 8))]

    def opened(source: str, *_: object) -> Fading:
        assert source == "0"
        if not cameras:
            raise KeyboardInterrupt  # as if typed: it reaches the reader's loop through the thread that opens
        if (camera := cameras.pop(0)) is None:
            raise CameraUnavailable("there is no /dev/video0")
        return camera

    monkeypatch.setattr("edgeface.cli.run.open_live", opened)
    result = edgeface("run", "--source", "0", "--json")
    assert result.exit_code == 0
    assert "camera: there is no /dev/video0\ncamera: well again\n" in result.stderr
    outcomes = [json.loads(line)["outcome"] for line in result.stdout.splitlines()]
    assert outcomes.count("grant") == 1


def test_an_empty_wall_decides_nothing(edgeface: Edgeface, tmp_path: Path, pictures: Path) -> None:
    folder = tmp_path / "walls"
    folder.mkdir()
    for index in range(4):
        (folder / f"{index}.png").write_bytes((pictures / "wall.png").read_bytes())
    result = edgeface("run", "--source", folder, "--fast", "--json")
    assert (result.exit_code, result.stdout) == (0, "")


@pytest.mark.parametrize(
    ("source", "sentence"),
    [
        ("missing", "no such file or folder"),
        ("http://camera", "no source of frames"),
        ("/dev/video999", "/dev/video999"),
    ],
)
def test_a_source_that_cannot_be_opened(edgeface: Edgeface, source: str, sentence: str) -> None:
    result = edgeface("run", "--source", source)
    assert result.exit_code == 69
    assert sentence in result.output


def test_a_door_that_cannot_be_in_a_topic(edgeface: Edgeface, pictures: Path) -> None:
    result = edgeface("run", "--source", pictures, "--door", "a/b")
    assert result.exit_code == 2
    assert "--door" in result.output


@pytest.mark.parametrize("words", [("--broker", "ftp://x"), ("--broker", "mqtt://h", "--device", "a/b")])
def test_a_broker_that_cannot_be(edgeface: Edgeface, pictures: Path, words: tuple[str, ...]) -> None:
    result = edgeface("run", "--source", pictures, "--fast", *words)
    assert result.exit_code == 78
    assert result.output.splitlines()[-1].startswith("edgeface: ")


def test_a_threshold_below_the_models_is_refused_not_ignored(edgeface: Edgeface, home: Path, pictures: Path) -> None:
    home.mkdir(exist_ok=True)
    (home / "edgeface.toml").write_text("[decide]\nthreshold = 0.1\n", encoding="utf-8")
    result = edgeface("run", "--source", pictures, "--fast")
    assert result.exit_code == 78
    assert "decide.threshold is 0.1, below" in result.output
    assert "a false match rate of up to 1, instead of 0.0001" in result.output


def test_people_of_another_embedder_are_told_before_they_are_denied(
    edgeface: Edgeface, home: Path, pictures: Path
) -> None:
    edgeface("enrol", "Ada", pictures / "astronaut.png")
    with closing(open_database(home / GALLERY)) as database, database.transaction() as tables:
        tables.execute("UPDATE templates SET model_sha256 = ?", ("0" * 64,))
    for words in ((), ("--json",)):
        result = edgeface("run", "--source", pictures, "--fast", *words)
        assert "1 enrolled with another embedder cannot be recognised: enrol them again" in result.stderr


def test_without_a_source(edgeface: Edgeface) -> None:
    result = edgeface("run")
    assert result.exit_code == 2
    assert "--source" in result.output


def test_a_gallery_that_is_gone_is_not_replaced(edgeface: Edgeface, home: Path, pictures: Path) -> None:
    edgeface("enrol", "Ada", pictures / "astronaut.png")
    for file in home.glob(f"{GALLERY}*"):
        if not file.name.endswith(".exists"):
            file.unlink()
    for words in (("run", "--source", pictures, "--fast"), ("people",), ("enrol", "Bob", pictures / "hopper.png")):
        result = edgeface(*words)
        assert result.exit_code == 74
        assert "existed and is gone" in result.output
        assert not (home / GALLERY).exists()


def test_a_gallery_that_is_broken_is_not_replaced(edgeface: Edgeface, home: Path, pictures: Path) -> None:
    edgeface("enrol", "Ada", pictures / "astronaut.png")
    (home / GALLERY).write_bytes(b"SQLite format 3\0" + b"rubbish" * 1000)
    before = (home / GALLERY).read_bytes()
    for words in (("people",), ("run", "--source", pictures, "--fast")):
        result = edgeface(*words)
        assert result.exit_code == 74
        assert (home / GALLERY).read_bytes() == before


def test_a_home_that_cannot_be_made(edgeface: Edgeface, home: Path) -> None:
    home.parent.mkdir(exist_ok=True)
    (home.parent / "file").write_text("in the way")
    result = edgeface("--home", home.parent / "file" / "home", "people")
    assert result.exit_code == 74
    assert "cannot be made" in result.output


HOLDER = """
import sys
from pathlib import Path
from edgeface.store.database import open_database
database = open_database(Path(sys.argv[1]))
print("open", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def held(home: Path) -> Iterator[None]:
    """Another process has the gallery."""
    home.mkdir(exist_ok=True)
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(home / GALLERY)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == "open\n"
        yield
        child.communicate()


def test_a_gallery_in_use(edgeface: Edgeface, pictures: Path, held: None) -> None:
    for words in (("people",), ("run", "--source", pictures, "--fast"), ("enrol", "Ada", pictures / "astronaut.png")):
        result = edgeface(*words)
        assert result.exit_code == 75
        assert "another edgeface process" in result.output
    assert edgeface("inspect", pictures / "hopper.png").exit_code == 0


def test_a_source_without_a_single_usable_picture_is_an_error(edgeface: Edgeface, tmp_path: Path) -> None:
    folder = tmp_path / "film"
    folder.mkdir()
    (folder / "a.jpg").write_bytes(b"no picture")
    result = edgeface("run", "--source", folder, "--fast")
    assert result.exit_code == 69
    assert "gave no usable picture" in result.output
    assert "a.jpg" in result.output


def test_what_nobody_heard_is_said_at_the_end(edgeface: Edgeface, film_of: Film, hopper: Pixels) -> None:
    result = edgeface("run", "--source", film_of(hopper, 10), "--fast", "--broker", "mqtt://127.0.0.1:1")
    assert "#2 unknown" in result.stdout
    assert "1 decision not confirmed yet" in result.stderr
    assert "sent as history at the next start" in result.stderr


def test_the_rules_have_the_last_word(
    edgeface: Edgeface, home: Path, pictures: Path, film_of: Film, astronaut: Pixels
) -> None:
    ada = json.loads(edgeface("enrol", "Ada", pictures / "astronaut.png", "--json").stdout)["id"]
    (home / "access.toml").write_text("[doors.main]\n")
    result = edgeface("run", "--source", film_of(astronaut, 8), "--fast", "--json")
    told = [json.loads(line) for line in result.stdout.splitlines() if line.startswith("{")]
    assert "give nobody a right at 'main'" in result.output
    assert [(row["outcome"], row["rule"], row["person"]["id"]) for row in told] == [("deny", "no_right", ada)]


def test_a_door_that_sets_a_challenge_tells_the_display_and_lets_no_film_in(
    edgeface: Edgeface, home: Path, pictures: Path, film_of: Film, astronaut: Pixels
) -> None:
    edgeface("enrol", "Ada", pictures / "astronaut.png")
    (home / "edgeface.toml").write_text('[liveness]\nrequire = ["challenge"]\n')
    result = edgeface("run", "--source", film_of(astronaut, 40), "--fast", "--json")
    assert result.exit_code == 0
    lines = [json.loads(line) for line in result.stdout.splitlines()]
    prompts = [line["prompts"] for line in lines if "prompts" in line]
    outcomes = [(line["outcome"], line["rule"], line["person"]) for line in lines if "prompts" not in line]
    assert prompts[0] == [
        {"track": 1, "ask": "look_straight", "words": "look straight at the camera", "turn": 1, "turns": 3}
    ]
    assert prompts[1][0]["ask"] in ("turn_left", "turn_right")
    assert prompts[-1] == []
    assert outcomes == [("insufficient_quality", "challenge_open", None)]
    text = edgeface("run", "--source", film_of(astronaut, 41), "--fast").stderr
    assert "show them the prompts on a display" in text
    assert "  please look straight at the camera (1 of 3)" in text


def test_what_is_set_otherwise_than_at_the_last_start_is_told(
    edgeface: Edgeface, home: Path, film_of: Film, hopper: Pixels
) -> None:
    film = film_of(hopper, 2)
    edgeface("run", "--source", film, "--fast")
    edgeface("run", "--source", film, "--fast")
    (home / "access.toml").write_text("[doors.main]\n")
    edgeface("run", "--source", film, "--fast", "--door", "side")
    with closing(open_database(home / GALLERY)) as database:
        rows = database.read("SELECT kind, payload FROM audit ORDER BY seq")
    assert [row["kind"] for row in rows if row["kind"] != "decision"] == ["start", "start", "config", "config", "start"]
    assert [json.loads(row["payload"])["what"] for row in rows if row["kind"] == "config"] == ["access", "config"]


def test_heads_of_the_audit_are_kept_where_the_configuration_says(
    edgeface: Edgeface, home: Path, tmp_path: Path, film_of: Film, hopper: Pixels
) -> None:
    home.mkdir()
    (home / "edgeface.toml").write_text(f"[audit]\nhead_file = '{tmp_path / 'heads'}'\n")
    edgeface("run", "--source", film_of(hopper, 10), "--fast")
    result = edgeface("audit", "verify", "--witness", tmp_path / "heads")
    assert result.exit_code == 0
    assert "Rows 1 to 2 hold." in result.stdout
    assert "They agree with" in result.stdout
