"""`edgeface inspect`: one line a file, in a form that programs may rely on."""

from __future__ import annotations

import base64
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from calling import Edgeface

import odd_pictures
from edgeface.frame import Pixels
from edgeface.image import encode_jpeg, encode_png, resize
from edgeface.quality import Refusal

FILE_KEYS = {"file", "width", "height", "error", "faces"}
FACE_KEYS = {"box", "score", "landmarks", "pose", "quality", "liveness", "live", "unjudged", "embedding", "template"}
MEASURES = {"inter_eye_distance_px", "sharpness", "brightness", "dynamic_range", "inside", "unified_score"}


def number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and bool(np.isfinite(value))


def check_face(face: dict[str, Any], *, embedded: bool = True) -> None:
    """The promises about a face, key by key and type by type."""
    assert set(face) == FACE_KEYS
    assert len(face["box"]) == 4
    assert all(map(number, face["box"]))
    assert min(face["box"][2:]) > 0
    assert number(face["score"])
    assert 0 < face["score"] <= 1
    assert len(face["landmarks"]) == 5
    assert all(len(point) == 2 and all(map(number, point)) for point in face["landmarks"])
    assert set(face["pose"]) == {"yaw_deg", "pitch_deg", "roll_deg"}
    assert all(map(number, face["pose"].values()))
    assert (face["liveness"] is None) == (face["unjudged"] is not None)
    assert face["live"] is False if face["liveness"] is None else 0 <= face["liveness"] <= 1
    check_quality(face["quality"])
    assert (face["embedding"] is None) == (face["template"] is None) == (not embedded)


def check_quality(quality: dict[str, Any]) -> None:
    assert set(quality) >= {"score", "accepted", "refusals"} | MEASURES
    assert 0 <= quality["score"] <= 100
    assert isinstance(quality["accepted"], bool)
    assert set(quality["refusals"]) <= set(Refusal)
    assert quality["accepted"] == (quality["refusals"] == [])
    assert all(number(quality[measure]) for measure in MEASURES)


def lines(output: str) -> dict[str, dict[str, Any]]:
    """By file name."""
    rows = [json.loads(line) for line in output.splitlines()]
    assert all(set(row) == FILE_KEYS for row in rows)
    return {Path(row["file"]).name: row for row in rows}


def test_a_line_is_as_the_documentation_says(edgeface: Edgeface, pictures: Path) -> None:
    result = edgeface("inspect", pictures / "astronaut.png", "--json")
    assert result.exit_code == 0
    (line,) = (json.loads(text) for text in result.output.splitlines())
    assert list(line) == ["file", "width", "height", "error", "faces"]
    assert line["file"] == str(pictures / "astronaut.png")
    assert (line["width"], line["height"], line["error"]) == (230, 260, None)
    face = line["faces"][0]
    check_face(face)
    left, right, nose, *mouth = face["landmarks"]
    assert left[0] < right[0]
    assert max(left[1], right[1]) < nose[1] < min(point[1] for point in mouth)
    assert mouth[0][0] < mouth[1][0]


def test_a_face_that_can_be_judged_has_a_liveness_and_one_at_the_border_has_none(
    edgeface: Edgeface, pictures: Path, astronaut: Pixels
) -> None:
    room = np.full((480, 640, 3), 90, np.uint8)
    room[150:410, 200:430] = astronaut
    (pictures / "room.jpg").write_bytes(encode_jpeg(room, quality=95))
    (pictures / "cut.jpg").write_bytes(encode_jpeg(astronaut[40:140, 60:170], quality=95))
    found = lines(edgeface("inspect", pictures, "--json", "--min-score", "0.2").output)
    room_face, cut_face = (found[name]["faces"][0] for name in ("room.jpg", "cut.jpg"))
    assert room_face["liveness"] is not None
    assert (cut_face["liveness"], cut_face["live"], cut_face["unjudged"]) == (None, False, "no_room")
    assert "liveness no_room" in edgeface("inspect", pictures / "cut.jpg", "--min-score", "0.2").output


def test_embedding_and_template_are_what_they_say(edgeface: Edgeface, pictures: Path) -> None:
    """128 little-endian floats of unit length, and the same direction in 128 bytes."""
    (line,) = lines(edgeface("inspect", pictures / "hopper.png", "--json").output).values()
    raw, packed = (base64.b64decode(line["faces"][0][key], validate=True) for key in ("embedding", "template"))
    assert (len(raw), len(packed)) == (512, 128)
    vector = np.frombuffer(raw, "<f4").astype(np.float64)
    template = np.frombuffer(packed, np.int8).astype(np.float64)
    assert np.linalg.norm(vector) == pytest.approx(1, abs=1e-5)
    assert float(vector @ template) / np.linalg.norm(template) > 0.999


def test_embeddings_tell_people_apart(edgeface: Edgeface, pictures: Path, astronaut: Pixels) -> None:
    (pictures / "dim.jpg").write_bytes(encode_jpeg((astronaut * 0.7).astype(np.uint8), quality=90))
    found = lines(edgeface("inspect", pictures, "--json").output)
    first, again, other = (
        np.frombuffer(base64.b64decode(found[name]["faces"][0]["embedding"]), "<f4")
        for name in ("astronaut.png", "dim.jpg", "hopper.png")
    )
    assert float(first @ again) > float(first @ other) + 0.3


def test_without_embedding(edgeface: Edgeface, pictures: Path) -> None:
    (line,) = lines(edgeface("inspect", pictures / "hopper.png", "--json", "--no-embed").output).values()
    check_face(line["faces"][0], embedded=False)


def test_folders_are_read_recursively_and_bad_files_do_not_stop_the_rest(edgeface: Edgeface, pictures: Path) -> None:
    below = pictures / "below" / "further"
    below.mkdir(parents=True)
    (below / "hopper.png").write_bytes((pictures / "hopper.png").read_bytes())
    (below / "notes.txt").write_text("no picture")
    (pictures / "cut.png").write_bytes((pictures / "hopper.png").read_bytes()[:5000])
    result = edgeface("inspect", pictures, pictures / "missing.jpg", "--json", "--no-embed")
    rows = [json.loads(line) for line in result.output.splitlines()]
    assert result.exit_code == 1
    assert [Path(row["file"]).relative_to(pictures).as_posix() for row in rows] == [
        "astronaut.png",
        "below/further/hopper.png",
        "below/further/notes.txt",
        "cut.png",
        "hopper.png",
        "two.png",
        "wall.png",
        "missing.jpg",
    ]
    errors = {Path(row["file"]).name: row["error"] for row in rows if row["error"] is not None}
    assert set(errors) == {"notes.txt", "cut.png", "missing.jpg"}
    assert errors["notes.txt"].startswith("not_a_picture: ")
    assert errors["cut.png"].startswith("truncated: ")
    assert errors["missing.jpg"].startswith("unreadable: ")
    bad = next(row for row in rows if row["error"])
    assert (bad["width"], bad["height"], bad["faces"]) == (None, None, [])


def test_every_odd_picture_gets_its_line(edgeface: Edgeface, tmp_path: Path) -> None:
    folder = tmp_path / "odd"
    folder.mkdir()
    bad = odd_pictures.bad()
    for name, (content, _) in bad.items():
        (folder / name).write_bytes(content)
    result = edgeface("inspect", folder, "--json")
    found = lines(result.output)
    assert result.exit_code == 1
    assert set(found) == set(bad)
    assert all(found[name]["error"].startswith(f"{reason.value}: ") for name, (_, reason) in bad.items())


def test_coordinates_are_those_that_a_person_sees(edgeface: Edgeface, tmp_path: Path, hopper: Pixels) -> None:
    """The same face, stored lying on its side with an EXIF note to turn it."""
    (tmp_path / "plain.jpg").write_bytes(encode_jpeg(hopper, quality=95))
    lying = np.ascontiguousarray(np.rot90(hopper))  # orientation 6 turns it back by 90 degrees clockwise
    (tmp_path / "turned.jpg").write_bytes(odd_pictures.exif_jpeg(6, lying))
    found = lines(edgeface("inspect", tmp_path, "--json", "--no-embed").output)
    plain, turned = found["plain.jpg"], found["turned.jpg"]
    assert (turned["width"], turned["height"]) == (plain["width"], plain["height"]) == (300, 340)
    np.testing.assert_allclose(turned["faces"][0]["landmarks"], plain["faces"][0]["landmarks"], atol=3)


def test_min_score_lists_weaker_detections(edgeface: Edgeface, pictures: Path) -> None:
    counts, weakest = [], []
    for score in ("0.02", "0.3", "0.999"):
        result = edgeface("inspect", pictures / "two.png", "--json", "--no-embed", "--min-score", score)
        (line,) = lines(result.output).values()
        counts.append(len(line["faces"]))
        weakest.append(min((face["score"] for face in line["faces"]), default=1.0))
        assert all(face["score"] >= float(score) - 1e-4 for face in line["faces"])
    assert counts[0] > counts[1] >= 2 > counts[2]
    assert weakest[0] < 0.3


def test_faces_come_strongest_first(edgeface: Edgeface, pictures: Path) -> None:
    result = edgeface("inspect", pictures / "two.png", "--json", "--no-embed", "--min-score", "0.05")
    (line,) = lines(result.output).values()
    scores = [face["score"] for face in line["faces"]]
    assert scores == sorted(scores, reverse=True)


def test_max_side_sets_how_small_a_face_is_seen(edgeface: Edgeface, tmp_path: Path, hopper: Pixels) -> None:
    """A head of 48 px in a picture of 1280 is gone at a working size of 64 and there at 1280."""
    pixels = np.full((720, 1280, 3), 127, np.uint8)
    pixels[300:348, 600:642] = resize(hopper, 42, 48)
    (tmp_path / "far.png").write_bytes(encode_png(pixels))
    seen = {}
    for side in (64, 1280):
        (line,) = lines(edgeface("inspect", tmp_path, "--json", "--no-embed", "--max-side", side).output).values()
        seen[side] = [face for face in line["faces"] if 600 < face["box"][0] + face["box"][2] / 2 < 642]
    assert seen[64] == []
    assert len(seen[1280]) == 1


@pytest.mark.parametrize(
    "words",
    [("--min-score", "0"), ("--min-score", "1"), ("--max-side", "63"), ("--max-side", "3000"), ("--min-score", "x")],
)
def test_options_out_of_range(edgeface: Edgeface, pictures: Path, words: tuple[str, ...]) -> None:
    result = edgeface("inspect", pictures, *words)
    assert result.exit_code == 2
    assert words[0] in result.output


def test_no_paths_is_a_usage_error(edgeface: Edgeface) -> None:
    assert edgeface("inspect").exit_code == 2


def test_the_text_says_why(edgeface: Edgeface, pictures: Path, hopper: Pixels) -> None:
    (pictures / "dark.png").write_bytes(encode_png((hopper * 0.1).astype(np.uint8)))
    (pictures / "bad.png").write_bytes(b"hello")
    text = edgeface("inspect", pictures).output
    assert f"{pictures / 'wall.png'}: 230x260, no face" in text
    assert f"{pictures / 'bad.png'}: not_a_picture: " in text
    assert re.search(r"hopper\.png: 300x340, \d face\(s\)\n  \d+x\d+ at \d+,\d+  score 0\.\d\d  yaw [+-]\d+ ", text)
    assert "  usable" in text
    assert re.search(r"dark\.png: .*(no face|\n.*refused: .*too dark: brightness [\d.]+, at least 18 needed)", text)


def test_the_configurations_gate_is_used(edgeface: Edgeface, home: Path, pictures: Path) -> None:
    home.mkdir()
    (home / "edgeface.toml").write_text("[quality]\nmin_eye_distance_px = 500.0\n")
    (line,) = lines(edgeface("inspect", pictures / "hopper.png", "--json", "--no-embed").output).values()
    assert line["faces"][0]["quality"]["refusals"] == ["too_small"]


def test_a_file_whose_name_is_no_text(edgeface: Edgeface, tmp_path: Path) -> None:
    folder = tmp_path / "odd"
    folder.mkdir()
    (folder / "\udcff.png").write_bytes(b"hello")
    assert edgeface("inspect", folder).exit_code == 1
    assert edgeface("inspect", folder, "--json").exit_code == 1
    assert list(folder.iterdir()) == [folder / "\udcff.png"]


def test_nothing_is_written(edgeface: Edgeface, home: Path, pictures: Path) -> None:
    before = sorted(pictures.iterdir())
    edgeface("inspect", pictures, "--json")
    assert sorted(pictures.iterdir()) == before
    assert not home.exists()


def test_what_may_not_be_read_gets_its_line(pictures: Path, home: Path) -> None:
    """As a user who may not read everything: root, whom tests may run as, reads all but for two capabilities."""
    (pictures / "secret").mkdir()
    (pictures / "secret" / "ada.png").write_bytes(b"")
    (pictures / "hopper.png").chmod(0)
    (pictures / "secret").chmod(0)
    words = [sys.executable, "-m", "edgeface", "--home", str(home), "inspect", "--json", "--no-embed"]
    if os.geteuid() == 0:
        powers = "-dac_override,-dac_read_search"
        words = ["setpriv", f"--bounding-set={powers}", f"--inh-caps={powers}", *words]
    for paths in ([pictures], [pictures / "hopper.png", pictures / "secret", pictures / "wall.png"]):
        result = subprocess.run([*words, *map(str, paths)], capture_output=True, text=True, timeout=60, check=False)
        lines = {Path(line["file"]).name: line["error"] for line in map(json.loads, result.stdout.splitlines())}
        assert result.returncode == 1, result.stderr
        assert "unreadable" in lines["hopper.png"]
        assert "unreadable" in lines["secret"]
        assert lines["wall.png"] is None
    (pictures / "secret").chmod(0o700)


def test_an_output_that_is_full(pictures: Path, home: Path) -> None:
    words = [sys.executable, "-m", "edgeface", "--home", str(home), "inspect", "--no-embed", str(pictures)]
    buffered = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    with Path("/dev/full").open("w") as full:
        result = subprocess.run(
            words, stdout=full, stderr=subprocess.PIPE, text=True, timeout=60, check=False, env=buffered
        )
    assert (result.returncode, result.stderr) == (74, "edgeface: the output cannot be written: no space left\n")
