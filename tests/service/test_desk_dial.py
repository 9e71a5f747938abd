"""The dial over any way in: written into edgeface.toml, and nothing else there; refused by name; in force at once."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from commanding import Bench, at_a_desk
from edgeface import decide
from edgeface.adapters import settings_file
from edgeface.adapters.settings_file import Rewriting, edited
from edgeface.bar import Bar, derive
from edgeface.commands import Role
from edgeface.config import parse, to_toml
from edgeface.errors import ConfigError
from edgeface.service.bootstrap import Loaded, freeze_gallery
from edgeface.service.settings import Config
from edgeface.store.gallery import GalleryStore

COMMENTED = """\
# what this door is for
[decide]
door = "lab"   # the one on the left
false_accepts = "1 in 100"  # the landlord wants it so
[quality]  # all measured
"""


@pytest.fixture
def bench(home: Path, loaded: Loaded) -> Iterator[Bench]:
    with at_a_desk(home, loaded, config=Config()) as made:
        yield made


def set_to(bench: Bench, dial: str | None, **more: Any) -> Any:
    return bench.ask("calibration/set", {"false_accepts": dial, **more})


def file_of(bench: Bench) -> Path:
    return bench.desk.home / "edgeface.toml"


def test_only_the_dial_changes_and_it_is_audited_as_a_setting(bench: Bench) -> None:
    file_of(bench).write_text(COMMENTED)
    file_of(bench).chmod(0o640)
    answer = set_to(bench, "1 in 1,000")
    assert answer["data"]["false_accepts"] == "1 in 1,000"
    assert file_of(bench).read_text() == COMMENTED.replace("1 in 100", "1 in 1,000")
    assert stat.S_IMODE(file_of(bench).stat().st_mode) == 0o640
    (row,) = bench.rows("config")
    assert (row["what"], row["from"], row["to"]) == ("false_accepts", "1 in 100", "1 in 1,000")
    assert row["by"] == f"key {bench.keys[Role.ADMIN].key_id}"
    assert row["file"] == settings_file.digest(file_of(bench).read_bytes())
    assert bench.rows("command")[-1]["what"] == "calibration/set"
    assert not [name for name in bench.desk.home.iterdir() if name.suffix == ".new"]


def test_taken_out_its_comment_stays(bench: Bench) -> None:
    file_of(bench).write_text(COMMENTED)
    assert set_to(bench, None)["code"] == "done"
    kept = COMMENTED.replace('false_accepts = "1 in 100"  # the landlord', "# the landlord")
    assert file_of(bench).read_text() == kept


def test_without_a_file_there_is_one_with_the_dial_alone(bench: Bench) -> None:
    assert set_to(bench, "1 in 1000")["code"] == "done"
    assert file_of(bench).read_text() == '[decide]\nfalse_accepts = "1 in 1000"\n'
    assert stat.S_IMODE(file_of(bench).stat().st_mode) == 0o600


@pytest.mark.parametrize(
    ("dial", "code", "says"),
    [
        ("1 in 1000000", "refused", "1 in 1000000 cannot be promised"),
        ("1 in 5", "refused", "decide.false_accepts must lie between 1 in 10 "),
        ("often", "bad_body", "false_accepts must be written as in"),
        ("1 in 10\"\ndoor = \"x", "bad_body", "false_accepts must be written as in"),
    ],
)  # fmt: skip
def test_what_cannot_be_promised_is_refused_by_name_and_nothing_is_written(
    bench: Bench, dial: str, code: str, says: str
) -> None:
    file_of(bench).write_text(COMMENTED)
    answer = set_to(bench, dial)
    assert (answer["code"], says in answer["error"]) == (code, True), answer
    assert "by hand" not in answer["error"]
    assert file_of(bench).read_text() == COMMENTED
    assert bench.rows("config") == []


@pytest.mark.parametrize("role", [role for role in Role if role is not Role.ADMIN])
def test_only_an_admin_may(bench: Bench, role: Role) -> None:
    assert bench.code("calibration/set", {"false_accepts": "1 in 1000"}, role) == "wrong_role"
    assert not file_of(bench).exists()


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('decide.false_accepts = "1 in 100"\n', "cannot change"),
        ('decide = { false_accepts = "1 in 100" }\n', "cannot change"),
        ('[decide]\nfalse_accepts = """1 in 100"""\n', "edit the file by hand"),
        ("[decide]\nfalse_acepts = 1\n", "did you mean"),
        ("[decide\n", "this is no TOML"),
    ],
)
def test_a_file_that_is_written_otherwise_stays_as_it_was(bench: Bench, text: str, says: str) -> None:
    file_of(bench).write_text(text)
    answer = set_to(bench, "1 in 1000")
    assert (answer["code"], says in answer["error"]) == ("refused", True), answer
    assert file_of(bench).read_text() == text
    assert bench.rows("config") == []


def test_where_nothing_can_be_written_it_says_so(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    file_of(bench).write_text(COMMENTED)

    def full(*_: object) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(ConfigError, match="cannot be written: No space left on device"):
        Rewriting(file_of(bench), COMMENTED.encode(), b"")
    assert file_of(bench).read_text() == COMMENTED
    assert not file_of(bench).with_name("edgeface.toml.new").exists()


def test_who_edits_by_hand_meanwhile_wins(bench: Bench) -> None:
    file_of(bench).write_text(COMMENTED)
    rewriting = Rewriting(file_of(bench), COMMENTED.encode(), b"")
    file_of(bench).write_text("# mine\n")
    with pytest.raises(ConfigError, match="changed by somebody else"):
        rewriting.settle()
    assert file_of(bench).read_text() == "# mine\n"
    assert not file_of(bench).with_name("edgeface.toml.new").exists()


def test_a_link_leads_to_the_file_that_is_replaced(bench: Bench) -> None:
    elsewhere = bench.desk.home / "settings" / "edgeface.toml"
    elsewhere.parent.mkdir()
    elsewhere.write_text(COMMENTED)
    file_of(bench).symlink_to(elsewhere)
    assert set_to(bench, "1 in 1000")["code"] == "done"
    assert file_of(bench).is_symlink()
    assert "1 in 1000" in elsewhere.read_text()


def test_two_who_set_it_at_once_are_told(bench: Bench) -> None:
    seen = bench.ask("calibration", role=Role.VIEW)["data"]["mark"]
    assert set_to(bench, "1 in 1000", mark=seen)["code"] == "done"
    late = set_to(bench, "1 in 100", mark=seen)
    assert (late["code"], "somebody else has set the dial" in late["error"]) == ("refused", True)
    assert "1 in 1000" in file_of(bench).read_text()


class AtWork:
    """A reader, as far as its dial goes."""

    def __init__(self, loaded: Loaded) -> None:
        self.loaded, self.now = loaded, None
        self.bench: Bench | None = None

    def turn(self) -> nullcontext[None]:
        return nullcontext()

    def dial(self) -> str | None:
        return self.now

    def renewed_dial(self, dial: str | None) -> tuple[Bar, Callable[[], None]]:
        assert self.bench is not None
        gallery = freeze_gallery(GalleryStore(self.bench.database), self.loaded.models.embedder)
        bar = derive(gallery, self.loaded.choice.embedder.spec, dial)
        return bar, lambda: setattr(self, "now", dial)


def test_beside_a_reader_at_work_it_counts_at_once_and_what_is_edited_by_hand_is_shown(
    home: Path, loaded: Loaded
) -> None:
    reader = AtWork(loaded)
    with at_a_desk(home, loaded, live=reader) as bench:  # type: ignore[arg-type]
        reader.bench = bench
        answer = set_to(bench, "1 in 1000")
        assert (answer["data"]["in_force"], reader.now) == (True, "1 in 1000")
        told = bench.ask("calibration", role=Role.VIEW)["data"]
        assert (told["false_accepts"], told["next_start"]) == ("1 in 1000", None)
        file_of(bench).write_text('[decide]\nfalse_accepts = "1 in 100"\n')
        told = bench.ask("calibration", role=Role.VIEW)["data"]
        assert told["false_accepts"] == "1 in 1000"
        assert told["next_start"] == 'edgeface.toml says false_accepts = "1 in 100": that counts from the next start'
        file_of(bench).write_text("nonsense\n")
        told = bench.ask("calibration", role=Role.VIEW)["data"]
        assert told["next_start"].startswith("the next start will fail: ")


def test_the_curves_meet_the_bar(bench: Bench) -> None:
    from test_desk_persons import person

    person(bench, "Ada", 1)
    told = bench.ask("calibration", role=Role.VIEW)["data"]
    drawn = bench.ask("calibration/curves", role=Role.VIEW)["data"]
    assert drawn["threshold"] == told["threshold"]
    points = drawn["points"]
    assert [one["threshold"] for one in points] == sorted(one["threshold"] for one in points)
    strangers, missed = ([one[key]["value"] for one in points] for key in ("expected", "missed"))
    assert strangers == sorted(strangers, reverse=True) and missed == sorted(missed)
    below = [one for one in points if one["threshold"] <= told["threshold"]][-1]
    above = next(one for one in points if one["threshold"] >= told["threshold"])
    assert above["expected"]["value"] <= told["expected"]["value"] <= below["expected"]["value"]
    assert below["missed"]["value"] <= told["missed"]["value"] <= above["missed"]["value"]


def test_what_config_show_writes_is_edited_where_the_comment_stands() -> None:
    shown = to_toml(Config()).encode()
    made = edited(shown, "decide", "false_accepts", "1 in 1000")
    assert b'# false_accepts =\nfalse_accepts = "1 in 1000"\n' in made
    assert edited(made, "decide", "false_accepts", None) == shown
    assert parse(made.decode(), Config) == replace(Config(), decide=decide.Options(false_accepts="1 in 1000"))


COMMENTS = st.text(
    st.characters(codec="utf-8", exclude_categories=("Cc", "Cs"), exclude_characters="\x7f"), max_size=20
)


@settings(max_examples=150, deadline=None)
@given(
    bom=st.booleans(),
    crlf=st.booleans(),
    before=st.lists(COMMENTS, max_size=3),
    own=COMMENTS,
    quote=st.sampled_from("'\""),
    indent=st.sampled_from(["", "  ", "\t"]),
    present=st.booleans(),
    last=st.booleans(),
)
def test_every_other_byte_stays(
    bom: bool, crlf: bool, before: list[str], own: str, quote: str, indent: str, present: bool, last: bool
) -> None:
    head = [*(f"#{one}" for one in before), f"{indent}[decide] #{own}", 'door = "lab"']
    tail = ["[quality]", f"# {own}"] if last else []
    dial = [f"{indent}false_accepts = {quote}1 in 100{quote} #{own}"] if present else []
    ends = "\r\n" if crlf else "\n"
    content = (("\ufeff" if bom else "") + ends.join([*head, *dial, *tail, ""])).encode()
    made = edited(content, "decide", "false_accepts", "1 in 77")
    if present:
        assert made == content.replace(f"{quote}1 in 100{quote}".encode(), b'"1 in 77"')
    else:
        line = f'false_accepts = "1 in 77"{ends}'.encode()
        assert line in made and made.replace(line, b"") == content
    assert parse(made.decode("utf-8-sig"), Config).decide.false_accepts == "1 in 77"
    gone = edited(made, "decide", "false_accepts", None)
    assert parse(gone.decode("utf-8-sig"), Config).decide.false_accepts is None
    assert gone == content if not present else f"#{own}".encode() in gone
