"""`edgeface enrol --folder`: every person and every picture of a batch has a named outcome."""

from __future__ import annotations

import csv
import io
import json
import os
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from calling import Edgeface

from edgeface import image
from edgeface.cli.enrol_report import Told, as_csv, as_markdown, printable
from edgeface.frame import Pixels
from edgeface.image import encode_jpeg, encode_png
from edgeface.service import batch
from edgeface.service.batch import Fate, Outcome, PersonReport, PictureReport
from edgeface.service.bootstrap import GALLERY


@pytest.fixture
def people(tmp_path: Path, astronaut: Pixels, hopper: Pixels) -> Path:
    """Two people, and rubbish among their pictures."""
    root = tmp_path / "people"
    dim = (astronaut * 0.8).astype(np.uint8)
    two = np.concatenate([astronaut, astronaut[:, ::-1]], axis=1)
    files: dict[str, bytes] = {
        "Ada/1.png": encode_png(astronaut),
        "Ada/2.jpg": encode_jpeg(dim),
        "Ada/wall.png": encode_png(np.full_like(astronaut, 127)),
        "Ada/two.png": encode_png(two),
        "Ada/notes.txt": b"hello",
        "Ada/cut.jpg": encode_jpeg(dim)[:2000],
        "Ada/.DS_Store": b"\0",
        "Grace/1.png": encode_png(hopper),
        "loose.png": encode_png(hopper),
    }
    for name, data in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(data)
    return root


def told(result: Any, exit_code: int = 0) -> dict[str, Any]:
    assert result.exit_code == exit_code, result.output
    found: dict[str, Any] = json.loads(result.stdout)
    return found


def fates(report: Mapping[str, Any]) -> dict[str, tuple[str, str]]:
    pictures = [picture for person in report["persons"] for picture in person["pictures"]] + report["left_out"]
    return {picture["path"]: (picture["fate"], picture["kind"]) for picture in pictures}


def enrolled(edgeface: Edgeface) -> list[str]:
    lines = edgeface("people", "list", "--json").stdout.splitlines()
    return [json.loads(line)["name"] for line in lines]


EXPECTED = {
    "Ada/1.png": ("used", ""),
    "Ada/2.jpg": ("used", ""),
    "Ada/wall.png": ("unfit", "no_face"),
    "Ada/two.png": ("unfit", "several_faces"),
    "Ada/notes.txt": ("unreadable", "not_a_picture"),
    "Ada/cut.jpg": ("unreadable", "truncated"),
    "Ada/.DS_Store": ("left_out", "not_trusted"),
    "Grace/1.png": ("used", ""),
    "loose.png": ("left_out", "nobody"),
}


def test_every_picture_of_a_folder_has_its_outcome(edgeface: Edgeface, people: Path) -> None:
    report = told(edgeface("enrol", "--folder", people, "--json"))
    assert fates(report) == EXPECTED
    assert report["people"] == {"enrolled": 2, "would_be_enrolled": 0, "enrolled_before": 0, "refused": 0}
    assert report["refused_for"] == {"no_face": 1, "several_faces": 1, "not_a_picture": 1, "truncated": 1}
    assert enrolled(edgeface) == ["Ada", "Grace"]
    for name in ("Ada", "Grace"):
        shown = json.loads(edgeface("people", "show", name, "--json").output)
        assert shown["consent"]["recorded_by"] == "The Warden"


def test_a_zip_file_is_a_folder(edgeface: Edgeface, people: Path, tmp_path: Path) -> None:
    path = tmp_path / "people.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for file in sorted(people.rglob("*")):
            if file.name != "loose.png":
                archive.write(file, Path("all/of us") / file.relative_to(people))
        archive.write(people / "loose.png", "__MACOSX/loose.png")
    report = told(edgeface("enrol", "--folder", path, "--json"))
    expected = {f"all/of us/{name}": fate for name, fate in EXPECTED.items() if name != "loose.png"}
    assert fates(report) == {**expected, "__MACOSX/loose.png": ("left_out", "not_trusted")}
    assert enrolled(edgeface) == ["Ada", "Grace"]


def test_a_table_says_who_is_who(edgeface: Edgeface, people: Path, tmp_path: Path) -> None:
    table = tmp_path / "who.csv"
    table.write_text("picture,name\n./Ada/1.png,Eileen\nGrace/1.png,Admiral\nAda/gone.png,Eileen\n", "utf-8-sig")
    report = told(edgeface("enrol", "--folder", people, "--table", table, "--json"))
    assert [person["name"] for person in report["persons"]] == ["Admiral", "Eileen"]
    found = fates(report)
    assert found["Ada/1.png"] == ("used", "")
    assert found["Ada/2.jpg"] == ("left_out", "nobody")
    assert found["Ada/gone.png"] == ("left_out", "missing")


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "shows nobody"),
        ("file,who\na,b\n", "two columns are needed"),
        ("picture,name\nAda/1.png\n", "line 2: two columns"),
        ("picture,name\nAda/1.png,A\nAda/1.png,B\n", "line 3: Ada/1.png is somebody else"),
        ('picture,name\n"Ada/1.png,A\n', "no CSV file"),
        ("picture,name\n../../x.png,A\n", "shows nobody"),
    ],
)
def test_a_table_that_says_nothing(edgeface: Edgeface, people: Path, tmp_path: Path, text: str, sentence: str) -> None:
    table = tmp_path / "who.csv"
    table.write_text(text)
    result = edgeface("enrol", "--folder", people, "--table", table)
    assert result.exit_code == 65
    assert sentence in result.output
    table.write_bytes(b"\xff\xfe")
    assert "no CSV file in UTF-8" in edgeface("enrol", "--folder", people, "--table", table).output


def test_a_dry_run_writes_nothing_and_sees_what_it_would_see(edgeface: Edgeface, people: Path, home: Path) -> None:
    (people / "Eve").mkdir()
    (people / "Eve/1.png").write_bytes((people / "Ada/1.png").read_bytes())
    report = told(edgeface("enrol", "--folder", people, "--dry-run", "--json"), 1)
    outcomes = {person["name"]: (person["outcome"], person["kind"]) for person in report["persons"]}
    assert outcomes == {
        "Ada": ("would_be_enrolled", ""), "Eve": ("refused", "face_known"), "Grace": ("would_be_enrolled", "")
    }  # fmt: skip
    assert "already enrolled as Ada (not stored, 1" in report["persons"][1]["reason"]
    assert not home.exists() or list(home.iterdir()) == []


def test_a_person_under_two_names_is_enrolled_once(edgeface: Edgeface, people: Path) -> None:
    (people / "Zoe").mkdir()
    (people / "Zoe/1.png").write_bytes((people / "Grace/1.png").read_bytes())
    result = edgeface("enrol", "--folder", people)
    assert result.exit_code == 1
    assert "not enrolled: Zoe: Zoe was not enrolled: this face is already enrolled as Grace" in result.stderr
    assert "3 people: 2 enrolled, 0 enrolled before, 1 not enrolled." in result.stdout
    assert enrolled(edgeface) == ["Ada", "Grace"]


def test_a_set_of_two_people_enrols_neither(edgeface: Edgeface, people: Path) -> None:
    for number in (1, 2):
        source = people / ("Ada/1.png" if number == 1 else "Grace/1.png")
        (people / "Mixed").mkdir(exist_ok=True)
        (people / f"Mixed/{number}.png").write_bytes(source.read_bytes())
    report = told(edgeface("enrol", "--folder", people, "--json"), 1)
    mixed = report["persons"][-1]
    assert (mixed["name"], mixed["outcome"], mixed["kind"]) == ("Mixed", "refused", "several_people")
    assert {picture["fate"] for picture in mixed["pictures"]} == {"unused"}


@pytest.mark.parametrize("name", [b"a#b", b"\xff\xfe", "\u202eadA".encode(), b"!!!", b"x" * 200, b"a\nb"])
def test_names_that_will_not_do_are_told_and_the_others_enrolled(
    edgeface: Edgeface, people: Path, tmp_path: Path, name: bytes
) -> None:
    folder = Path(os.fsdecode(os.fsencode(people) + b"/" + name))
    folder.mkdir()
    (folder / "1.png").write_bytes((people / "Ada/1.png").read_bytes())
    report = told(edgeface("enrol", "--folder", people, "--report", tmp_path / "report", "--json"), 1)
    odd = [person for person in report["persons"] if person["outcome"] == "refused"]
    assert [person["kind"] for person in odd] == ["name"]
    assert odd[0]["pictures"][0]["fate"] == "not_looked_at"
    assert enrolled(edgeface) == ["Ada", "Grace"]


def test_two_spellings_of_one_name_are_not_mixed(edgeface: Edgeface, people: Path) -> None:
    (people / "ada").mkdir()
    (people / "ada/1.png").write_bytes((people / "Grace/1.png").read_bytes())
    report = told(edgeface("enrol", "--folder", people, "--json"), 1)
    assert [(one["name"].casefold(), one["kind"]) for one in report["persons"]] == [
        ("ada", "name_twice"),
        ("grace", ""),
    ]


def test_a_second_run_goes_on_with_the_rest(
    edgeface: Edgeface, people: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first is stopped before its second person; the next one looks at nothing twice."""
    looked: list[str] = []
    real = batch.enrol_group

    def stopping(group: batch.Group, *rest: Any) -> PersonReport:
        if looked:
            raise KeyboardInterrupt
        looked.append(group.name)
        return real(group, *rest)

    words = ("enrol", "--folder", people, "--report", tmp_path / "report", "--json")
    monkeypatch.setattr("edgeface.cli.enrol_folder.enrol_group", stopping)
    assert edgeface(*words).exit_code == 1
    assert enrolled(edgeface) == ["Ada"]
    monkeypatch.setattr("edgeface.cli.enrol_folder.enrol_group", lambda group, *rest: (
        looked.append(group.name), real(group, *rest)
    )[1])  # fmt: skip
    report = told(edgeface(*words))
    assert looked == ["Ada", "Grace"]
    assert fates(report) == EXPECTED
    assert told(edgeface(*words))["people"]["enrolled"] == 2
    assert looked == ["Ada", "Grace"]


def test_without_a_report_the_gallery_knows_who_is_done(edgeface: Edgeface, people: Path) -> None:
    edgeface("enrol", "--folder", people)
    report = told(edgeface("enrol", "--folder", people, "--json"))
    assert report["people"]["enrolled_before"] == 2
    assert fates(report)["Ada/1.png"] == ("not_looked_at", "name_taken")


def test_a_log_that_no_longer_holds_is_not_believed(edgeface: Edgeface, people: Path, tmp_path: Path) -> None:
    (people / "Nobody").mkdir()
    wall = people / "Nobody/1.png"
    wall.write_bytes((people / "Ada/wall.png").read_bytes())
    words = ("enrol", "--folder", people, "--report", tmp_path / "report", "--json")
    assert told(edgeface(*words), 1)["people"]["refused"] == 1
    edgeface("people", "forget", "Ada", "--yes")
    with (tmp_path / "report/progress.jsonl").open("a") as file:
        file.write('{"cut off')
    report = told(edgeface(*words), 1)
    assert enrolled(edgeface) == ["Ada", "Grace"]
    wall.write_bytes((people / "Grace/1.png").read_bytes())
    report = told(edgeface(*words), 1)
    nobody = next(person for person in report["persons"] if person["name"] == "Nobody")
    assert nobody["kind"] == "face_known"


def test_the_report_is_for_people_and_for_machines(edgeface: Edgeface, people: Path, tmp_path: Path) -> None:
    folder = tmp_path / "report"
    result = edgeface("enrol", "--folder", people, "--report", folder)
    assert result.exit_code == 0
    assert "It names people and shows faces" in result.stdout
    assert {path.name for path in folder.iterdir()} == {
        "report.md", "report.csv", "report.json", "refused.png", "progress.jsonl"
    }  # fmt: skip
    assert folder.stat().st_mode & 0o077 == 0
    rows = list(csv.DictReader(io.StringIO((folder / "report.csv").read_text())))
    assert {row["picture"]: (row["fate"], row["kind"]) for row in rows} == EXPECTED
    page = (folder / "report.md").read_text()
    assert "| unfit | no\\_face | 1 |" in page or "| unfit | no_face | 1 |" in page
    assert "![some of the refused pictures](refused.png)" in page
    assert image.read(folder / "refused.png").shape[1] > 1000


def test_strict_takes_all_of_a_person_or_nobody(edgeface: Edgeface, people: Path) -> None:
    report = told(edgeface("enrol", "--folder", people, "--strict", "--json"), 1)
    assert {person["name"]: person["outcome"] for person in report["persons"]} == {
        "Ada": "refused", "Grace": "enrolled"
    }  # fmt: skip


def test_more_pictures_of_one_person_than_are_looked_at(
    edgeface: Edgeface, people: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batch, "MOST_PICTURES", 1)
    assert fates(told(edgeface("enrol", "--folder", people, "--json")))["Ada/2.jpg"] == ("left_out", "too_many")


def test_a_batch_needs_consent_too(
    edgeface: Edgeface, people: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("EDGEFACE_CONSENT_BY")
    result = edgeface("enrol", "--folder", people)
    assert result.exit_code == 65
    assert "--consent-by NAME" in result.output
    assert not (home / GALLERY).exists()
    assert edgeface("enrol", "--folder", people, "--dry-run").exit_code == 0


@pytest.mark.parametrize(
    "words",
    [("Ada", "--folder", "x"), ("--folder", "x", "--guided"), ("--folder", "x", "--add"), ("--report", "x"), ()],
)
def test_what_does_not_go_together(edgeface: Edgeface, words: tuple[str, ...]) -> None:
    assert edgeface("enrol", *words).exit_code == 2


def test_nothing_to_enrol(edgeface: Edgeface, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert "shows nobody" in edgeface("enrol", "--folder", tmp_path / "empty").output
    assert edgeface("enrol", "--folder", tmp_path / "missing").exit_code == 65


ODD = "=cmd|' /C calc'!A0\n\x1b[2J\u202e|<b>"


def odd_report() -> Told:
    picture = PictureReport(path=ODD, fate=Fate.UNFIT, kind="no_face", advice=ODD)
    person = PersonReport(name=ODD, outcome=Outcome.REFUSED, reason=ODD, pictures=(picture,))
    return Told(source=ODD, dry_run=False, people=(person,), left_out=())


def test_a_report_is_not_a_way_in() -> None:
    (_, row) = csv.reader(io.StringIO(as_csv(odd_report())))
    assert row[0].startswith("'=")
    assert all(cell.isprintable() for cell in row)
    page = as_markdown(odd_report(), sheet=True)
    assert "<b>" not in page
    assert "\x1b" not in page
    assert "\u202e" not in page
    assert all(line.replace("\\|", "").count("|") in (4, 5) for line in page.splitlines() if line.startswith("| =cmd"))
    assert printable("a\nb\udcff") == "a\\u000ab\\udcff"
