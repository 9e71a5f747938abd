"""Names and notes with + # / NUL, bidi, ESC, 70,000 characters or a formula: each has a named outcome, whatever asks.

By MQTT as much as fits into its 64 KiB, by the reader's own socket all of it. "=cmd()" is a name like any other, and is
quoted where a spreadsheet might run it.
"""

from __future__ import annotations

import base64
import csv
import io
import json
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from commanding import Bench, at_a_desk, noon
from edgeface.cli.enrol_report import Told, as_csv
from edgeface.commands import Code, Role
from edgeface.frame import Pixels
from edgeface.image import encode_jpeg
from edgeface.service.batch import Fate, Outcome, PersonReport, PictureReport
from edgeface.service.bootstrap import Loaded
from edgeface.service.clerk import User
from edgeface.signature import public_of, public_text
from edgeface.store.gallery import GalleryStore, NewTemplate
from edgeface.store.names import name_key, valid_name
from edgeface.wire import MOST_BYTES

ODD = {
    "plus": "a+b",
    "hash": "a#b",
    "slash": "a/b",
    "NUL": "a\x00b",
    "bidi": "\u202eada",
    "isolate": "a\u2067b",
    "ESC": "\x1b[2Jada",
    "70,000": "x" * 70_000,
    "marks": "a" + "\u0315\u0300" * 15_000,
}
"""None of them is a name."""
FORMULA = "=cmd()"
SAYS = {
    "plus": "'+', which has a meaning in MQTT topics",
    "hash": "'#', which has a meaning in MQTT topics",
    "slash": "'/', which has a meaning in MQTT topics",
    "NUL": "the control character U+0000",
    "bidi": "U+202E, which reverses the direction of writing",
    "isolate": "U+2067, which reverses the direction of writing",
    "ESC": "the control character U+001B",
    "70,000": "70000 characters: use 1 to 80",
    "marks": "30001 characters: use 1 to 80",
}


TEMPLATE = NewTemplate(model_sha256="a" * 64, vector=np.ones(128, np.int8), quality=1.0, pose=None, source="x.jpg")


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory, loaded: Loaded) -> Iterator[Bench]:
    """One for all: what is refused changes nothing."""
    with at_a_desk(tmp_path_factory.mktemp("odd") / "home", loaded) as made:
        GalleryStore(made.database).enrol("Ada", [TEMPLATE], noon())
        yield made


@pytest.fixture
def picture(astronaut: Pixels) -> str:
    return base64.b64encode(encode_jpeg(astronaut, quality=80)).decode()


def locally(bench: Bench, verb: str, body: dict[str, Any]) -> dict[str, Any]:
    """What a user of this machine is answered."""
    root = User(uid=0, name="root")
    found: dict[str, Any] = json.loads(bench.clerk.local(verb, body, f"odd-{time.monotonic_ns()}", root))
    return found


def names(bench: Bench) -> list[str]:
    return [person.name for person in GalleryStore(bench.database).people()]


@pytest.mark.parametrize("kind", ODD)
def test_no_such_name_is_taken(bench: Bench, picture: str, kind: str) -> None:
    """By every verb that takes a name, with what is wrong said in a sentence; the reader goes on at once."""
    odd, says = ODD[kind], SAYS[kind]
    begun_s = time.monotonic()
    for verb, body in (
        ("people/enrol", {"name": odd, "pictures": [picture], "consent_by": "The Warden"}),
        ("people/rename", {"who": "Ada", "name": odd}),
        ("strangers/name", {"stranger": "s_0123456789abcdef", "name": odd}),
    ):
        local = locally(bench, verb, body)
        assert (local["reason"], says in local["text"]) == ("refused", True), (verb, local)
        fits = len(odd.encode()) + len(picture) < MOST_BYTES
        if fits:
            answer = bench.ask(verb, body)
            assert (answer["code"], says in answer["error"]) == ("refused", True), (verb, answer)
        elif kind == "70,000":
            assert bench.code(verb, body) is Code.MALFORMED, "longer than MQTT takes"
    assert names(bench) == ["Ada"]
    assert time.monotonic() - begun_s < 10, "and not by the square of what was sent"


NOTES = [
    ("people/enrol", "consent_by", {"name": "Bob"}, "consent is recorded by somebody"),
    ("access/grant", "name", {"who": ["Ada"], "doors": ["main"]}, "name must be letters, digits"),
    ("access/deny", "name", {"who": ["Ada"]}, "name must be letters, digits"),
    ("access/join", "group", {"who": ["Ada"]}, "a name is 1 to 64 letters"),
    ("access/hours", "schedule", {"hours": ["daily 08:00-18:00"]}, "a name is 1 to 64 letters"),
    ("keys/add", "name", {"public_key": public_text(public_of(bytes(32))), "role": "view"}, "the name of a key is"),
    ("door/lockdown", "door", {}, "door"),
]
"""What else is written down, by whom it is asked for, and what is said of what will not do."""


@pytest.mark.parametrize("kind", [kind for kind in ODD if kind != "marks"])
@pytest.mark.parametrize(("verb", "field", "body", "says"), NOTES, ids=[f"{row[0]} {row[1]}" for row in NOTES])
def test_no_such_note_is_taken(
    bench: Bench, picture: str, kind: str, verb: str, field: str, body: dict[str, Any], says: str
) -> None:
    more = {"pictures": [picture]} if verb == "people/enrol" else {}
    printable = ODD[kind].isprintable() and len(ODD[kind]) <= 80
    answer = locally(bench, verb, {**body, **more, field: ODD[kind]})
    if field == "consent_by" and printable:
        assert answer["kind"] == "done", "who took a consent is called as that person is called"
        assert locally(bench, "people/forget", {"who": body["name"]})["kind"] == "done"
        return
    assert (answer["reason"], says in answer["text"]) == ("refused", True), answer
    assert len(answer["text"]) <= 2000 and answer["text"].isprintable()
    assert not (bench.desk.home / "access.toml").exists()
    assert names(bench) == ["Ada"]


@pytest.mark.parametrize("kind", ODD)
@pytest.mark.parametrize("verb", ["people/show", "people/forget", "people/data", "snapshots/list", "people/keep"])
def test_nobody_is_found_by_such_a_name(bench: Bench, kind: str, verb: str) -> None:
    more = {"forever": True} if verb == "people/keep" else {}
    answer = locally(bench, verb, {"who": ODD[kind], **more})
    assert (answer["reason"], answer["text"].startswith("nobody called ")) == ("refused", True)
    assert len(answer["text"]) < 500 and answer["text"].isprintable()
    assert names(bench) == ["Ada"]


def test_a_formula_is_a_name_and_runs_nowhere(bench: Bench) -> None:
    """It stays as it is; in a table that a spreadsheet may open it is quoted, and no cell begins as a formula does."""
    assert bench.code("people/rename", {"who": "Ada", "name": FORMULA}) is Code.DONE
    assert names(bench) == [FORMULA]
    assert bench.ask("people/list", {"find": "=CMD"})["data"]["total"] == 1
    assert bench.code("people/rename", {"who": FORMULA, "name": "Ada"}) is Code.DONE
    texts = (FORMULA, "+cmd()", "-cmd()", "@cmd()", "\tcmd()", "\rcmd()")
    reports = [
        PersonReport(
            name=text,
            outcome=Outcome.REFUSED,
            reason=text,
            pictures=(PictureReport(path=text, fate=Fate.UNFIT, kind="no_face", advice=text),),
        )
        for text in texts
    ]
    told = Told(source=FORMULA, dry_run=False, people=tuple(reports), left_out=())
    cells = [cell for row in list(csv.reader(io.StringIO(as_csv(told))))[1:] for cell in row]
    assert len(cells) > 5 * len(texts)
    assert not any(cell[:1] in ("=", "+", "-", "@", "\t", "\r") for cell in cells)


def test_a_name_of_many_marks_costs_no_time() -> None:
    """Normalising costs the square of the marks upon one letter: half a megabyte would hold the reader for minutes."""
    marks = "a" + "\u0315\u0300" * 250_000
    begun_s = time.monotonic()
    with pytest.raises(Exception, match="500001 characters"):
        valid_name(marks)
    assert name_key(marks) == name_key("\0")
    assert time.monotonic() - begun_s < 1.0
    longest = "\u1f82" * 80
    assert valid_name("\u03b1\u0313\u0300\u0345" * 80) == longest, "what composes to a name is one"
    assert name_key("\u03b1\u0313\u0300\u0345" * 80) == name_key(longest)


@pytest.mark.parametrize("letter", ["\x7f", "\u00e9", "\U0001f600", "'"])
@pytest.mark.parametrize("verb", ["people/show", "people/forget", "decisions/list", "access/test"])
def test_what_is_repeated_of_a_command_fits_into_an_answer(bench: Bench, verb: str, letter: str) -> None:
    """Else the broker, which takes 64 KiB, would end the link: one key that may look could keep the door silent."""
    body = {"who": letter * (60_000 // len(letter.encode())), **({"door": "main"} if verb == "access/test" else {})}
    key = bench.keys[Role.ADMIN]
    text = bench.clerk.answer(key.sign(key.make(verb, body)), verb)
    assert json.loads(text)["code"] == "refused"
    assert len(text.encode()) < 10_000


def test_an_answer_that_the_broker_would_not_take_is_not_sent(bench: Bench) -> None:
    """200 people whose names take all the room there is."""
    with bench.database.transaction():
        for number in range(200):
            GalleryStore(bench.database).enrol(f"{number:03}" + "\U00020000" * 77, [TEMPLATE], noon())
    refused = bench.ask("people/list", {"most": 200}, Role.VIEW)
    assert (refused["code"], "ask for a part of it" in refused["error"]) == ("refused", True)
    assert len(bench.ask("people/list", {"most": 100}, Role.VIEW)["data"]["people"]) == 100
