"""What visits teach is marked, capped, told, taken back to the last byte, and gone with the person."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edgeface import match
from edgeface.errors import UnknownPerson, UnknownQuestion
from edgeface.learn import Options
from edgeface.match import Gallery
from edgeface.store import lessons as module
from edgeface.store.database import Database, open_database
from edgeface.store.gallery import GalleryStore, NewTemplate
from edgeface.store.lessons import DAY_NS, LessonStore, TaughtBy
from fakes import FRONTAL
from samples import instant

MODEL, OTHER = "a" * 64, "b" * 64
ON = Options(enabled=True)


def template(seed: int, model: str = MODEL) -> NewTemplate:
    vector = np.random.default_rng(seed).integers(-127, 128, 128).astype(np.int8)
    return NewTemplate(model_sha256=model, vector=vector, quality=80.0, pose=FRONTAL, source=f"visit {seed}")


def visit(seed: int) -> str:
    return f"{seed:032x}"


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    with closing(open_database(tmp_path / "gallery.db")) as opened:
        yield opened


@pytest.fixture
def store(database: Database) -> GalleryStore:
    return GalleryStore(database)


@pytest.fixture
def lessons(database: Database) -> LessonStore:
    return LessonStore(database, "boot-1")


@pytest.fixture
def ada(store: GalleryStore) -> str:
    return store.enrol("Ada", [template(1)], instant()).id


def frozen(store: GalleryStore) -> Gallery:
    enrolled = store.load(MODEL, 128)
    return match.freeze(enrolled.vectors, enrolled.person_ids, MODEL, enrolled.revision, 128, enrolled.learned)


def told(database: Database) -> list[tuple[str, str, dict[str, object]]]:
    """What the audit says of learning."""
    rows = database.read("SELECT kind, person_id, payload FROM audit WHERE kind LIKE '%learned' ORDER BY seq")
    return [(row["kind"], row["person_id"], json.loads(row["payload"])) for row in rows]


def traces(folder: Path, needle: bytes) -> list[str]:
    return [file.name for file in folder.iterdir() if needle in file.read_bytes()]


def test_a_lesson_is_a_marked_template_and_told(
    lessons: LessonStore, store: GalleryStore, database: Database, ada: str
) -> None:
    number = lessons.learn(ada, template(2), visit(2), TaughtBy.VISIT, instant(), ON)
    loaded = store.load(MODEL, 128)
    assert loaded.learned == (False, True)
    assert loaded.revision == 2, "the gallery is another one"
    assert store.load(MODEL, 128, learned=False).learned == (False,)
    assert told(database) == [("learned", ada, {"template": number, "decision": visit(2), "by": "visit"})]
    (lesson,) = lessons.learned()
    assert (lesson.person_id, lesson.decision_id, lesson.taught_by) == (ada, visit(2), TaughtBy.VISIT)


def test_a_visit_teaches_once_and_the_cap_holds(lessons: LessonStore, database: Database, ada: str) -> None:
    given_ = [lessons.learn(ada, template(2), visit(2), TaughtBy.VISIT, instant(), ON) for _ in range(2)]
    assert given_[0] is not None
    assert given_[1] is None
    few = replace(ON, most_learned=2)
    assert lessons.learn(ada, template(3), visit(3), TaughtBy.VISIT, instant(), few) is not None
    assert lessons.learn(ada, template(4), visit(4), TaughtBy.ANSWER, instant(), few) is None
    assert len(told(database)) == len(lessons.learned(ada)) == 2


def test_undone_to_the_last_byte(
    lessons: LessonStore, store: GalleryStore, database: Database, ada: str, tmp_path: Path
) -> None:
    number = lessons.learn(ada, template(2), visit(2), TaughtBy.VISIT, instant(), ON)
    assert number is not None
    (sealed,) = database.read("SELECT vector FROM templates WHERE id = ?", (number,))
    assert traces(tmp_path, sealed["vector"]), "the test looks in the right place"
    lessons.undo(number, instant())
    assert traces(tmp_path, sealed["vector"]) == []
    assert store.load(MODEL, 128).learned == (False,)
    assert told(database)[-1] == ("unlearned", ada, {"template": number, "decision": visit(2)})
    for wrong in (number, 1):  # what is gone, and what was enrolled
        with pytest.raises(UnknownQuestion):
            lessons.undo(wrong, instant())
    assert store.load(MODEL, 128).learned == (False,)


def test_dropping_all_leaves_what_was_enrolled(lessons: LessonStore, store: GalleryStore, ada: str) -> None:
    eve = store.enrol("Eve", [template(9)], instant()).id
    for seed in (2, 3):
        lessons.learn(ada, template(seed), visit(seed), TaughtBy.VISIT, instant(), ON)
    lessons.learn(eve, template(10), visit(10), TaughtBy.VISIT, instant(), ON)
    assert len(lessons.drop(ada, instant())) == 2
    assert [lesson.person_id for lesson in lessons.learned()] == [eve]
    assert store.find(ada).templates == {MODEL: 1}
    assert lessons.drop(ada, instant()) == ()


def test_a_yes_makes_a_lesson_of_a_question(lessons: LessonStore, store: GalleryStore, ada: str) -> None:
    number = lessons.ask(ada, template(2), "a doubt", visit(2), instant())
    assert number is not None
    assert lessons.ask(ada, template(2), "a doubt", visit(2), instant()) is None, "once a visit"
    assert [(question.id, question.why) for question in lessons.questions()] == [(number, "a doubt")]
    assert store.load(MODEL, 128).learned == (False,), "a question is no template"
    lessons.confirm(number, instant(), ON)
    assert lessons.questions() == ()
    assert [lesson.taught_by for lesson in lessons.learned(ada)] == [TaughtBy.ANSWER]
    np.testing.assert_array_equal(store.load(MODEL, 128).vectors[1], template(2).vector)
    with pytest.raises(UnknownQuestion):
        lessons.confirm(number, instant(), ON)


def test_a_yes_beyond_the_cap_leaves_the_question(lessons: LessonStore, ada: str) -> None:
    number = lessons.ask(ada, template(2), "a doubt", visit(2), instant())
    assert number is not None
    assert lessons.confirm(number, instant(), replace(ON, most_learned=0)) is None
    assert len(lessons.questions()) == 1


def test_a_no_is_remembered_for_a_while(lessons: LessonStore, store: GalleryStore, ada: str) -> None:
    number = lessons.ask(ada, template(2), "a doubt", visit(2), instant())
    assert number is not None
    lessons.deny(number)
    assert lessons.questions() == ()
    pupil = lessons.pupil(ada, frozen(store))
    assert pupil.denied.shape == (1, 128)
    assert float(pupil.denied[0] @ template(2).vector) > 0.99 * np.linalg.norm(template(2).vector)
    now = instant()
    later = replace(now, wall_ns=now.wall_ns + 31 * DAY_NS)
    assert lessons.expire(replace(later, wall_trusted=False), 30) == 0, "a clock that is not set counts no days"
    assert lessons.expire(now, 30) == 0
    assert lessons.expire(later, 30) == 1
    assert lessons.pupil(ada, frozen(store)).denied.shape == (0, 128)


def test_what_is_known_of_a_person(lessons: LessonStore, store: GalleryStore, ada: str) -> None:
    store.enrol("Eve", [template(9)], instant())
    store.add(ada, [template(5, OTHER)], instant())
    assert lessons.pupil(ada, frozen(store)).taught_at_wall_ns is None
    asked = instant()
    lessons.learn(ada, template(2), visit(2), TaughtBy.VISIT, instant(60), ON)
    lessons.ask(ada, template(3), "a doubt", visit(3), asked)
    stranger = np.zeros(128, np.float32)
    pupil = lessons.pupil(ada, frozen(store), [stranger])
    assert [len(part) for part in (pupil.originals, pupil.learned, pupil.others, pupil.denied)] == [1, 1, 2, 0]
    assert pupil.taught_at_wall_ns == asked.wall_ns
    assert pupil.questions == 1
    assert np.allclose(np.linalg.norm(pupil.originals, axis=1), 1)


def test_all_of_it_goes_with_the_person(
    lessons: LessonStore, store: GalleryStore, database: Database, ada: str, tmp_path: Path
) -> None:
    lessons.learn(ada, template(2), visit(2), TaughtBy.VISIT, instant(), ON)
    lessons.ask(ada, template(3), "a doubt", visit(3), instant())
    denied = lessons.ask(ada, template(4), "a doubt", visit(4), instant())
    assert denied is not None
    lessons.deny(denied)
    sealed = [row["vector"] for row in database.read("SELECT vector FROM questions UNION SELECT vector FROM templates")]
    assert len(sealed) == 4
    assert all(traces(tmp_path, secret) for secret in sealed)
    receipt = store.forget(ada, instant())
    assert receipt.remains == ()
    assert [traces(tmp_path, secret) for secret in sealed] == [[]] * 4
    for table in ("lessons", "questions", "templates"):
        assert database.read(f"SELECT count(*) AS n FROM {table}") == [{"n": 0}]
    with pytest.raises(UnknownPerson):
        lessons.learn(ada, template(5), visit(5), TaughtBy.VISIT, instant(), ON)


def test_a_question_that_was_copied_is_found(
    lessons: LessonStore, store: GalleryStore, database: Database, ada: str, tmp_path: Path
) -> None:
    lessons.ask(ada, template(3), "a doubt", visit(3), instant())
    (row,) = database.read("SELECT vector FROM questions")
    (tmp_path / "copy.bin").write_bytes(b"x" + row["vector"])
    assert store.forget(ada, instant()).remains == ("copy.bin",)


def test_half_a_lesson_is_none(
    lessons: LessonStore, store: GalleryStore, database: Database, ada: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object) -> None:
        raise RuntimeError

    monkeypatch.setattr(module, "_note", fails)
    with pytest.raises(RuntimeError):
        lessons.learn(ada, template(2), visit(2), TaughtBy.VISIT, instant(), ON)
    assert lessons.learned() == ()
    assert store.load(MODEL, 128).learned == (False,)
    assert told(database) == []


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.sampled_from(["learn", "ask", "yes", "no", "undo", "drop"]), st.integers(2, 9))))
def test_whatever_happens_each_template_is_vouched_for_and_told(
    tmp_path_factory: pytest.TempPathFactory, orders: list[tuple[str, int]]
) -> None:
    """Lessons and audit tell the same story; the cap holds; what was enrolled is never touched."""
    with closing(open_database(tmp_path_factory.mktemp("any") / "gallery.db")) as database:
        store, lessons = GalleryStore(database), LessonStore(database, "b")
        ada = store.enrol("Ada", [template(1)], instant()).id
        for what, seed in orders:
            open_ = {question.decision_id: question.id for question in lessons.questions()}
            try:
                match what:
                    case "learn":
                        lessons.learn(ada, template(seed), visit(seed), TaughtBy.VISIT, instant(), ON)
                    case "ask":
                        lessons.ask(ada, template(seed), "?", visit(seed), instant())
                    case "yes":
                        lessons.confirm(open_.get(visit(seed), "q_"), instant(), ON)
                    case "no":
                        lessons.deny(open_.get(visit(seed), "q_"))
                    case "undo":
                        lessons.undo(seed, instant())
                    case "drop":
                        lessons.drop(ada, instant())
            except UnknownQuestion:
                pass
        balance = {"learned": 0, "unlearned": 0}
        for kind, _, _ in told(database):
            balance[kind] += 1
        known = lessons.learned(ada)
        assert balance["learned"] - balance["unlearned"] == len(known) <= ON.most_learned
        loaded = store.load(MODEL, 128)
        assert loaded.learned.count(True) == len(known)
        np.testing.assert_array_equal(loaded.vectors[0], template(1).vector)
        assert len({lesson.decision_id for lesson in known}) == len(known)


CHILD = """
import sys
from pathlib import Path
from edgeface.store.database import open_database
from edgeface.store.lessons import LessonStore, TaughtBy
from samples import instant
sys.path.append(sys.argv[2])
from test_lessons import ON, template, visit
import secrets
lessons = LessonStore(open_database(Path(sys.argv[1])), "b")
(ada,) = sys.argv[3:]
while True:
    seed = secrets.randbelow(10**9)
    number = lessons.learn(ada, template(seed), visit(seed), TaughtBy.VISIT, instant(), ON)
    sys.stdout.write(f"learned {number}\\n"); sys.stdout.flush()
    lessons.undo(number, instant())
    sys.stdout.write(f"undone {number}\\n"); sys.stdout.flush()
"""


def test_kill_9_leaves_lessons_and_audit_of_one_mind(tmp_path: Path) -> None:
    """Processes are killed at random moments while they learn and take back: never one without the other."""
    dice, path = random.Random(1), tmp_path / "gallery.db"
    with closing(open_database(path)) as database:
        ada = GalleryStore(database).enrol("Ada", [template(1)], instant()).id
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    for _ in range(8):
        words = [sys.executable, "-c", CHILD, str(path), str(Path(__file__).parent), ada]
        with subprocess.Popen(words, stdout=subprocess.PIPE, text=True, env=environment) as child:
            assert child.stdout is not None
            last = child.stdout.readline()
            timer = threading.Timer(dice.uniform(0, 0.05), child.kill)
            timer.start()
            for line in child.stdout:
                last = line if line.endswith("\n") else last
            timer.join()
        with closing(open_database(path)) as database:
            kinds = [kind for kind, _, _ in told(database)]
            known = LessonStore(database, "b").learned()
            assert kinds.count("learned") - kinds.count("unlearned") == len(known) <= 1
            assert GalleryStore(database).load(MODEL, 128).learned.count(True) == len(known)
            if last.startswith("learned"):  # acknowledged: then it is there, or its undoing is told
                number = int(last.split()[1])
                assert [lesson.template for lesson in known] == [number] or kinds[-1] == "unlearned"
            LessonStore(database, "b").drop(ada, instant())
