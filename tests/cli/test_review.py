"""`edgeface review`: yes, no, undo; strangers named, ignored, forgotten."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from calling import Edgeface

from edgeface.embed import from_template, to_template, unit
from edgeface.learn import Options
from edgeface.match import likeness
from edgeface.model import Tensor
from edgeface.service.bootstrap import GALLERY, Loaded, freeze_gallery
from edgeface.store.database import Database, open_database
from edgeface.store.gallery import GalleryStore, NewTemplate
from edgeface.store.journal import Journal
from edgeface.store.lessons import LessonStore, TaughtBy
from edgeface.store.strangers import StrangerStore
from edgeface.strangers import Options as StrangerOptions
from fakes import FRONTAL
from samples import decision, instant


@pytest.fixture
def ada(edgeface: Edgeface, pictures: Path) -> str:
    return str(json.loads(edgeface("enrol", "Ada", pictures / "astronaut.png", "--json").stdout)["id"])


@pytest.fixture
def within(home: Path, loaded: Loaded) -> Callable[..., Any]:
    """Do something to the gallery as the service would."""

    def call(act: Callable[[Database, LessonStore, StrangerStore], Any]) -> Any:
        with closing(open_database(home / GALLERY)) as database:
            return act(database, LessonStore(database, "b"), StrangerStore(database, loaded.embedder.identity))

    return call


def shot(loaded: Loaded, vector: Tensor) -> NewTemplate:
    return NewTemplate(
        model_sha256=loaded.embedder.identity, vector=to_template(vector), quality=80.0, pose=FRONTAL, source="visit"
    )


def like(database: Database, loaded: Loaded, cosine: float) -> Tensor:
    """A direction that is as like Ada's first template."""
    own = from_template(GalleryStore(database).load(loaded.embedder.identity, 128).vectors[0])
    rest = np.random.default_rng(3).normal(size=128).astype(np.float32)
    rest -= own * (rest @ own)
    return np.asarray(cosine * own + np.sqrt(1 - cosine**2) * unit(rest), np.float32)


def at_the_door(database: Database, loaded: Loaded, vector: Tensor) -> float:
    """The score of such a visitor as Ada."""
    return float(likeness(vector, freeze_gallery(GalleryStore(database), loaded.models.embedder))[0])


@pytest.fixture
def question(within: Callable[..., Any], loaded: Loaded, ada: str) -> str:
    def ask(database: Database, lessons: LessonStore, _: StrangerStore) -> str | None:
        made = decision(person_id=ada, door="side")
        Journal(database, "b").record(made)
        return lessons.ask(ada, shot(loaded, like(database, loaded, 0.6)), "somebody is near", made.id, instant())

    return str(within(ask))


def rows(edgeface: Edgeface, *words: str) -> list[dict[str, Any]]:
    result = edgeface("review", *words, "--json")
    assert result.exit_code == 0
    return [json.loads(line) for line in result.stdout.splitlines()]


def test_nothing_to_review(edgeface: Edgeface) -> None:
    assert "No open questions" in edgeface("review").output
    assert "Visits have taught nothing" in edgeface("review", "learned").output
    assert "No strangers are remembered" in edgeface("review", "strangers").output


def test_a_question_says_who_when_where_and_why(edgeface: Edgeface, question: str, ada: str) -> None:
    (row,) = rows(edgeface, "questions")
    assert (row["id"], row["person_id"], row["name"], row["door"]) == (question, ada, "Ada", "side")
    text = edgeface("review").output
    assert f"{question}  was it Ada, 20" in text
    assert "at door side?  somebody is near" in text


def test_yes_then_undo(edgeface: Edgeface, question: str, ada: str) -> None:
    (told,) = rows(edgeface, "yes", question)
    assert rows(edgeface, "questions") == []
    (lesson,) = rows(edgeface, "learned", "Ada")
    assert (lesson["template"], lesson["taught_by"], lesson["door"]) == (told["template"], "answer", "side")
    assert "taught by answer" in edgeface("review", "learned").output
    assert "2 template(s)" in edgeface("people").output
    result = edgeface("review", "undo", told["template"])
    assert result.exit_code == 0
    assert f"of {ada} is taken back" in result.output
    assert "1 template(s)" in edgeface("people").output
    assert edgeface("review", "undo", told["template"]).exit_code == 65


def test_no_is_final(edgeface: Edgeface, question: str) -> None:
    assert edgeface("review", "no", question).exit_code == 0
    assert rows(edgeface, "questions") == rows(edgeface, "learned") == []
    assert edgeface("review", "yes", question).exit_code == 65


def test_a_yes_to_somebody_else_is_refused(
    edgeface: Edgeface, question: str, within: Callable[..., Any], loaded: Loaded
) -> None:
    def rival(database: Database, _: LessonStore, __: StrangerStore) -> float:
        shown = shot(loaded, like(database, loaded, 0.6))
        GalleryStore(database).enrol("Eve", [shown], instant())
        return at_the_door(database, loaded, from_template(shown.vector))

    own = within(rival)
    result = edgeface("review", "yes", question)
    assert result.exit_code == 65
    assert f"more like somebody else (1.00) than like what was enrolled ({own:.2f})" in result.output
    assert len(rows(edgeface, "questions")) == 1


def test_a_yes_beyond_the_cap_says_so(edgeface: Edgeface, question: str, home: Path) -> None:
    (home / "edgeface.toml").write_text("[learn]\nmost_learned = 0\n")
    result = edgeface("review", "yes", question)
    assert result.exit_code == 65
    assert "learn.most_learned allows no more" in result.output


def test_drop_takes_all_lessons_about_one_person(
    edgeface: Edgeface, within: Callable[..., Any], loaded: Loaded, ada: str
) -> None:
    def teach(database: Database, lessons: LessonStore, _: StrangerStore) -> None:
        for seed, cosine in enumerate((0.6, 0.7)):
            made = shot(loaded, like(database, loaded, cosine))
            lessons.learn(ada, made, f"{seed:032x}", TaughtBy.VISIT, instant(), Options(enabled=True))

    within(teach)
    (told,) = rows(edgeface, "drop", "ada")
    assert len(told["templates"]) == 2
    assert "1 template(s)" in edgeface("people").output
    assert edgeface("review", "drop", "Nobody").exit_code == 65


@pytest.fixture
def postman(within: Callable[..., Any]) -> str:
    def meet(database: Database, _: LessonStore, strangers: StrangerStore) -> str | None:
        face = unit(np.random.default_rng(7).normal(size=128).astype(np.float32))
        strangers.meet(face, instant(), StrangerOptions(enabled=True))
        return strangers.meet(face, instant(), StrangerOptions(enabled=True))

    return str(within(meet))


def test_strangers_are_listed_with_whom_they_are_most_like(edgeface: Edgeface, ada: str, postman: str) -> None:
    (row,) = rows(edgeface, "strangers")
    assert (row["id"], row["visits"], row["most_like"]) == (postman, 2, "Ada")
    assert f"{postman}  2 visit(s), 20" in edgeface("review", "strangers").output


def test_a_stranger_is_ignored_and_shown_again(edgeface: Edgeface, ada: str, postman: str) -> None:
    assert edgeface("review", "ignore", postman).exit_code == 0
    assert rows(edgeface, "strangers") == []
    assert [row["ignored"] for row in rows(edgeface, "strangers", "--all")] == [True]
    edgeface("review", "ignore", postman, "--undo")
    assert [row["ignored"] for row in rows(edgeface, "strangers")] == [False]


def test_a_stranger_is_forgotten(edgeface: Edgeface, ada: str, postman: str) -> None:
    assert edgeface("review", "forget", postman).exit_code == 0
    assert rows(edgeface, "strangers", "--all") == []
    assert edgeface("review", "forget", postman).exit_code == 65


def test_a_stranger_gets_a_name_and_a_consent(edgeface: Edgeface, ada: str, postman: str) -> None:
    (told,) = rows(edgeface, "name", postman, "Pat")
    assert (told["name"], told["visits"]) == ("Pat", 2)
    assert rows(edgeface, "strangers", "--all") == []
    assert json.loads(edgeface("people", "show", "Pat", "--json").output)["consent"]["recorded_by"] == "The Warden"
    assert edgeface("review", "name", postman, "Pat").exit_code == 65


def test_nobody_is_named_without_consent(
    edgeface: Edgeface, ada: str, postman: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("EDGEFACE_CONSENT_BY")
    assert edgeface("review", "name", postman, "Pat").exit_code == 65
    assert len(rows(edgeface, "strangers")) == 1


def test_a_stranger_who_is_somebody_is_not_enrolled_again(
    edgeface: Edgeface, within: Callable[..., Any], loaded: Loaded, ada: str
) -> None:
    def meet(database: Database, _: LessonStore, strangers: StrangerStore) -> tuple[str | None, float]:
        met = like(database, loaded, 0.7)
        known = strangers.meet(met, instant(), StrangerOptions(enabled=True))
        return known, at_the_door(database, loaded, met)

    stranger, score = within(meet)
    result = edgeface("review", "name", stranger, "Pat")
    assert result.exit_code == 65
    assert f"already enrolled as Ada ({ada}, similarity {score:.2f})" in result.output
