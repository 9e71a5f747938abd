"""What a console asks about people: cards, days, merging, everything that is kept, and nobody overwrites another's."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from commanding import Bench, at_a_desk, noon
from edgeface.access import Rules
from edgeface.commands import Role
from edgeface.config import load
from edgeface.frame import Pixels
from edgeface.image import encode_jpeg
from edgeface.service.bootstrap import Loaded
from edgeface.store.gallery import GalleryStore, NewTemplate


@pytest.fixture
def bench(home: Path, loaded: Loaded) -> Iterator[Bench]:
    with at_a_desk(home, loaded) as made:
        yield made


def template(bench: Bench, seed: int, model: str | None = None) -> NewTemplate:
    vector = np.random.default_rng(seed).integers(-120, 120, bench.desk.loaded().models.embedder.spec.dimensions)
    return NewTemplate(
        model_sha256=model or bench.desk.loaded().embedder.identity,
        vector=vector.astype(np.int8),
        quality=70.0,
        pose=None,
        source=f"{seed}.jpg",
    )


def person(bench: Bench, name: str, seed: int, **more: Any) -> str:
    return GalleryStore(bench.database).enrol(name, [template(bench, seed, **more)], noon(), by="test").id


def test_people_are_found_by_parts_of_name_and_id(bench: Bench) -> None:
    ids = {name: person(bench, name, seed) for seed, name in enumerate(("Ada", "Åsa Öberg", "Grace"))}
    for find, expected in (("a", 3), ("ÖBERG", 1), (" grace ", 1), (ids["Ada"][2:9], 1), ("nobody", 0), ("", 3)):
        found = bench.ask("people/list", {"find": find}, Role.VIEW)["data"]
        assert (found["total"], len(found["people"])) == (expected, expected), find


def test_a_card_tells_what_is_known_and_not_the_face(bench: Bench, astronaut: Pixels) -> None:
    picture = base64.b64encode(encode_jpeg(astronaut, quality=80)).decode()
    ada = bench.ask("people/enrol", {"name": "Ada", "pictures": [picture], "consent_by": "The Warden"})["data"]["id"]
    bench.ask("access/join", {"group": "staff", "who": [ada]})
    bench.ask("access/pin", {"who": ada, "pin": "4711"})
    card = bench.ask("people/show", {"who": "ada"}, Role.VIEW)["data"]
    assert (card["id"], card["name"], card["templates"], card["learned"]) == (ada, "Ada", 1, 0)
    assert (card["groups"], card["pin"], card["cards"]) == (["staff"], True, 0)
    assert (card["consent"]["by"], card["consent"]["given"]) == ("The Warden", "written")
    assert card["keep_until"] is card["last_visit"] is None
    assert bench.code("people/show", {"who": "Eve"}, Role.VIEW) == "refused"


def test_two_who_change_one_person_do_not_overwrite_each_other(bench: Bench) -> None:
    ada = person(bench, "Ada", 1)
    seen = bench.ask("people/show", {"who": ada})["data"]["mark"]
    for verb, body in (
        ("people/rename", {"who": ada, "name": "Ada Lovelace"}),
        ("people/validity", {"who": ada, "valid_until": "2027-01-31"}),
        ("access/join", {"group": "staff", "who": [ada]}),
    ):
        assert bench.ask(verb, body)["code"] == "done"
        for late, words in (
            ("people/rename", {"who": ada, "name": "Countess"}),
            ("people/validity", {"who": ada}),
            ("people/forget", {"who": ada}),
        ):
            answer = bench.ask(late, {**words, "mark": seen})
            assert answer["code"] == "refused" and "look again" in answer["error"], (verb, late)
        seen = bench.ask("people/show", {"who": ada})["data"]["mark"]
    assert bench.ask("people/forget", {"who": ada, "mark": seen})["code"] == "done"


def test_days_of_a_person_are_set_and_taken_away(bench: Bench, home: Path) -> None:
    ada = person(bench, "Ada", 1)
    days = {"valid_from": "2026-12-01", "valid_until": "2027-01-31"}
    assert bench.ask("people/validity", {"who": ada, **days})["code"] == "done"
    card = bench.ask("people/show", {"who": ada})["data"]
    assert {key: card[key] for key in days} == days
    assert load(home / "access.toml", Rules).people[ada].valid_until is not None
    assert bench.ask("people/validity", {"who": ada, "valid_until": "2027-02-28"})["code"] == "done"
    assert bench.ask("people/show", {"who": ada})["data"]["valid_from"] is None
    assert bench.ask("people/validity", {"who": ada})["code"] == "done"
    assert bench.ask("people/show", {"who": ada})["data"]["valid_until"] is None
    for wrong in ({"valid_from": "soon"}, {"valid_from": "2027-01-02", "valid_until": "2027-01-01"}):
        assert bench.code("people/validity", {"who": ada, **wrong}) == "refused"
    assert bench.code("people/validity", {"who": ada}, Role.ENROL) == "wrong_role", "it is a rule of access"


def test_one_person_enrolled_twice_becomes_one(bench: Bench, home: Path) -> None:
    ada, twice = person(bench, "Ada", 1), person(bench, "Ada L.", 1)
    other = person(bench, "Grace", 2)
    before = GalleryStore(bench.database).load(bench.desk.loaded().embedder.identity, template(bench, 1).vector.size)
    merged = bench.ask("people/merge", {"who": twice, "into": ada}, Role.ENROL)["data"]
    assert merged == {"id": ada, "templates": 2, "moved": 1, "gone": twice, "remains": []}
    after = GalleryStore(bench.database).load(bench.desk.loaded().embedder.identity, template(bench, 1).vector.size)
    assert after.person_ids == (ada, other, ada)
    assert (after.vectors[2] == before.vectors[1]).all()
    assert bench.code("people/show", {"who": twice}) == "refused"
    assert [row["into"] for row in bench.rows("forget")] == [ada]
    assert bench.ask("audit/verify")["data"]["holds"]


def test_people_who_do_not_look_alike_are_not_merged(bench: Bench) -> None:
    ada, grace = person(bench, "Ada", 1), person(bench, "Grace", 2)
    elsewhere = person(bench, "Mae", 1, model="f" * 64)
    for who, into, says in (
        (ada, grace, "do not look like"),
        (ada, ada, "two people"),
        (elsewhere, ada, "model in use"),
        (ada, "Nobody", "Nobody"),
    ):
        answer = bench.ask("people/merge", {"who": who, "into": into})
        assert answer["code"] == "refused" and says in answer["error"], (who, into, answer)
    assert len(GalleryStore(bench.database).people()) == 3


def test_all_that_is_kept_is_handed_out_and_that_is_audited(bench: Bench) -> None:
    ada = person(bench, "Ada", 1)
    bench.ask("access/grant", {"who": [ada], "name": "ada always"})
    data = bench.ask("people/data", {"who": "Ada"}, Role.ENROL)["data"]
    (kept,) = data["templates"]
    assert base64.b64decode(kept["vector"]) == template(bench, 1).vector.tobytes()
    assert (kept["source"], data["card"]["id"], data["decisions_in_all"]) == ("1.jpg", ada, 0)
    assert "ada always" in {right["name"] for right in data["rights"]}
    assert bench.rows("copy")[-1]["what"] == "data of a person"
    assert bench.code("people/data", {"who": "Ada"}, Role.VIEW) == "wrong_role"
