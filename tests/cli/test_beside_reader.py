"""The command line beside a reader at work: it asks the reader, and opens no database."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from at_work import endless, reading
from calling import Edgeface
from click.testing import CliRunner, Result

from edgeface.adapters.reader_socket import ReaderSocket
from edgeface.cli.main import main
from edgeface.frame import Pixels
from edgeface.image import encode_png

KEY = "edgeface-command-key-1 " + "07" * 32


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, astronaut: Pixels, hopper: Pixels) -> Iterator[Path]:
    """A folder with pictures and the home of a reader that sees Ada come and go."""
    folder = tmp_path_factory.mktemp("site")
    for name, pixels in (("ada", astronaut), ("grace", hopper)):
        (folder / f"{name}.png").write_bytes(encode_png(pixels))
        (folder / "all" / name.title()).mkdir(parents=True)
        (folder / "all" / name.title() / "1.png").write_bytes(encode_png(pixels))
    with reading(folder / "home", endless(astronaut, folder / "film")):
        yield folder


@pytest.fixture
def edgeface(site: Path, monkeypatch: pytest.MonkeyPatch) -> Edgeface:
    monkeypatch.setenv("EDGEFACE_CONSENT_BY", "The Warden")
    monkeypatch.setenv("EDGEFACE_PASSPHRASE", "twelve or more letters")
    before = [child.name for child in (site / "home").iterdir()]

    def call(*words: object, stdin: str | None = None) -> Result:
        result = CliRunner().invoke(main, ["--home", str(site / "home"), *map(str, words)], input=stdin)
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result

    assert "gallery.db" in before
    return call


def said(result: Result) -> str:
    assert result.exit_code == 0, result.output
    return result.output


def test_people_come_are_known_at_once_and_go(edgeface: Edgeface, site: Path) -> None:
    assert "1 template(s)" in said(edgeface("enrol", "Ada", site / "ada.png"))
    twice = edgeface("enrol", "Eve", site / "ada.png")
    assert (twice.exit_code, "already enrolled as Ada" in twice.output) == (65, True)
    end = time.monotonic() + 60
    while "outcome=grant" not in said(edgeface("audit", "show", "--kind", "decision", "--last", "300")):
        assert time.monotonic() < end
        time.sleep(0.2)
    assert "Ada" in said(edgeface("people"))
    assert "would be enrolled" in said(edgeface("enrol", "Grace", site / "grace.png", "--dry-run"))
    said(edgeface("people", "rename", "ada", "Ada Lovelace"))
    assert "until 2031-06-01" in said(edgeface("people", "keep", "Ada Lovelace", "--until", "2031-05-31"))
    shown = said(edgeface("people", "show", "Ada Lovelace"))
    assert "recorded by The Warden" in shown
    assert "2031-06-01" in shown
    assert "0 picture(s)" in said(edgeface("people", "snapshots", "Ada Lovelace"))
    folder = edgeface("enrol", "--folder", site / "all")
    assert folder.exit_code == 1  # Ada is enrolled already, under another name
    assert "Grace" in said(edgeface("people"))
    assert edgeface("enrol", "--folder", site / "all", "--dry-run").exit_code == 65
    file = site / "people"
    assert "2 people" in said(edgeface("people", "export", file))
    again = edgeface("people", "import", file)
    assert (again.exit_code, "0 of 2 people" in again.output) == (65, True)
    assert said(edgeface("people", "recipient")).startswith("edgeface-recipient-1 ")
    assert "Key and" in said(edgeface("people", "forget", "Grace", stdin="y\n"))
    assert edgeface("people", "show", "Grace").exit_code == 65


def test_rules_doors_and_keys(edgeface: Edgeface, site: Path) -> None:
    home = site / "home"
    said(edgeface("access", "grant", "everyone", "--name", "all"))
    assert "all" in said(edgeface("access", "show"))
    said(edgeface("access", "revoke", "all"))
    said(edgeface("access", "lockdown"))
    with ReaderSocket(home / "edgeface.sock") as reader:
        assert reader.local("health", {})["shut"].startswith("A lockdown holds")
    said(edgeface("access", "lockdown", "--lift"))
    said(edgeface("access", "reset", "--all"))
    assert said(edgeface("door", "key")).startswith("ed25519:")
    (site / "key").write_text(KEY)
    (site / "key").chmod(0o600)
    made = said(edgeface("keys", "add", site / "key", "--role", "view", "--name", "Desk")).split()[0]
    assert made in said(edgeface("keys", "list"))
    said(edgeface("keys", "revoke", made))
    assert "revoked" in said(edgeface("keys", "list"))


def test_the_log_is_shown_checked_exported_and_witnessed(edgeface: Edgeface, site: Path) -> None:
    head = said(edgeface("audit", "head"))
    (site / "heads").write_text(head.split("Key:")[0])
    assert "hold" in said(edgeface("audit", "verify", "--witness", site / "heads"))
    said(edgeface("audit", "export", site / "log"))
    assert "hold" in said(edgeface("audit", "verify", "--from", site / "log", "--witness", site / "heads"))
    assert "by=local:" in said(edgeface("audit", "show", "--kind", "command", "--last", "150"))
    assert "will be sent again" in said(edgeface("replay", 1, 5))


def test_copies_and_figures(edgeface: Edgeface, site: Path) -> None:
    copy = json.loads(said(edgeface("backup", site / "copy", "--json")))
    assert (site / "copy").stat().st_size > 0
    assert copy["last_seq"] > 0
    assert edgeface("backup", site / "copy").exit_code == 65
    assert not (site / "home" / "gallery.backup").exists()
    said(edgeface("calibrate", "--plot", site / "bar.png"))
    assert "people" in said(edgeface("calibrate", "--json"))
    said(edgeface("review"))
    said(edgeface("review", "learned"))
    said(edgeface("review", "strangers"))
    assert edgeface("review", "yes", "q_00000000").exit_code == 65
    assert "gallery" in edgeface("doctor").output


def test_the_dial_is_set_and_counts_from_the_next_frame_on(edgeface: Edgeface, site: Path) -> None:
    with ReaderSocket(site / "home" / "edgeface.sock") as reader:
        before = reader.local("calibration", {})
        told = edgeface("calibrate", "--set", "1 in 100", "--json")
        assert "not set -> 1 in 100. It counts from the next frame on." in told.stderr
        assert json.loads(told.stdout)["false_accepts"] == "1 in 100"
        after = reader.local("calibration", {})
        assert (after["false_accepts"], after["next_start"]) == ("1 in 100", None)
        assert after["threshold"] == json.loads(told.stdout)["threshold"] <= before["threshold"]
        refused = edgeface("calibrate", "--set", "1 in 1000000")
        assert (refused.exit_code, "cannot be promised" in refused.output) == (78, True)
        assert reader.local("calibration", {})["false_accepts"] == "1 in 100"
        assert "1 in 100 -> not set" in edgeface("calibrate", "--unset").stderr
        assert reader.local("calibration", {})["threshold"] == before["threshold"]
    assert (site / "home" / "edgeface.toml").read_text() == "[decide]\n"


def test_what_cannot_go_through_says_to_stop_the_service(edgeface: Edgeface, site: Path) -> None:
    for words in (("keys", "rotate-device", "--yes"), ("restore", site / "copy", "--replace")):
        refused = edgeface(*words)
        assert (refused.exit_code, "stop it first" in refused.output) == (75, True), refused.output
    assert (site / "home" / "gallery.db").exists()
