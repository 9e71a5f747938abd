"""What visits taught, and what a person is asked about them. A lesson is a template of its own and can be taken back.

Whatever is learned or taken back is told in the audit log, in the same transaction. All of it goes with the person.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from edgeface.canonical import canonical
from edgeface.errors import UnknownQuestion
from edgeface.frame import Instant
from edgeface.learn import Options, Pupil
from edgeface.match import Gallery, price_of
from edgeface.model import Tensor
from edgeface.pose import Pose
from edgeface.scoring import templates
from edgeface.store import audit, erasure
from edgeface.store.audit import Event, Facts, Kind
from edgeface.store.database import Database, Row
from edgeface.store.gallery import NewTemplate, count_change, expect, insert
from edgeface.store.tables import Tables

DAY_NS = 24 * 3600 * 10**9


class TaughtBy(StrEnum):
    """Who vouched for a lesson."""

    VISIT = "visit"
    """The visit itself, beyond doubt."""
    ANSWER = "answer"
    """A person who was asked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lesson:
    """A template that a visit taught."""

    template: int
    """Its number."""
    person_id: str
    decision_id: str
    """The visit's."""
    taught_by: TaughtBy
    taught_at_wall_ns: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """A visit that a person should look at."""

    id: str
    """Opaque: "q_" and 8 hex digits."""
    person_id: str
    why: str
    """What was doubtful, as a sentence."""
    decision_id: str
    """The visit's."""
    quality: float
    pose: Pose
    asked_at_wall_ns: int


class LessonStore:
    """The lessons of an open gallery. Each method is one transaction."""

    def __init__(self, database: Database, boot_id: str) -> None:
        self._database = database
        self._boot_id = boot_id

    def pupil(self, person_id: str, gallery: Gallery, strangers: Sequence[Tensor] = ()) -> Pupil:
        """What is known of a person, for `edgeface.learn`; everybody else's templates come from `gallery`."""
        with self._database.transaction() as tables:
            key = expect(tables, person_id)
            rows = tables.execute(
                "SELECT templates.id, vector, template_id IS NOT NULL FROM templates "
                "LEFT JOIN lessons ON template_id = templates.id WHERE person_id = ? AND model_sha256 = ?",
                (person_id, gallery.model_sha256),
            ).fetchall()
            asked = tables.execute(
                "SELECT id, vector, denied FROM questions WHERE person_id = ? AND model_sha256 = ?",
                (person_id, gallery.model_sha256),
            ).fetchall()
            newest = _newest(tables, person_id)
        model, scoring = gallery.model_sha256, gallery.scoring
        own = [(key.vector(vector, number, model), bool(learned)) for number, vector, learned in rows]
        denied = [key.face(vector, "question", number, model) for number, vector, no in asked if no]
        mine = gallery.rows_of(person_id)
        others = np.setdiff1d(np.arange(len(gallery.owners)), mine)
        originals = _counted([vector for vector, learned in own if not learned], gallery)
        price = None if gallery.price is None else price_of(originals, scoring)
        if not len(originals) and gallery.price is not None:  # what was enrolled with a former embedder vouches
            carried = mine[~gallery.learned[mine]]
            originals, price = gallery.counted[carried], gallery.price[carried]
        unknown = templates(np.stack(strangers), scoring) if strangers else gallery.counted[:0]
        return Pupil(
            originals=originals,
            learned=_counted([vector for vector, learned in own if learned], gallery),
            others=np.concatenate([gallery.counted[others], unknown]),
            taught_at_wall_ns=newest,
            denied=_counted(denied, gallery),
            questions=sum(not no for _, _, no in asked),
            price=price,
            price_of_others=None
            if gallery.price is None
            else np.concatenate([gallery.price[others], price_of(unknown, scoring)]),
            scoring=scoring,
        )

    def learn(
        self, person_id: str, template: NewTemplate, decision_id: str, by: TaughtBy, now: Instant, options: Options
    ) -> int | None:
        """Store what a visit taught; its number, or None if it is known already or no more may be learned.

        Raises UnknownPerson.
        """
        with self._database.transaction() as tables:
            return self._learn(tables, person_id, template, decision_id, by, now, options)

    def ask(self, person_id: str, template: NewTemplate, why: str, decision_id: str, now: Instant) -> str | None:
        """Put a shot to a person. None if that visit is asked about already. Raises UnknownPerson."""
        number = f"q_{secrets.token_hex(4)}"
        pose = template.pose or Pose(yaw_deg=0, pitch_deg=0, roll_deg=0)
        with self._database.transaction() as tables:
            key = expect(tables, person_id)
            if tables.execute("SELECT 1 FROM questions WHERE decision_id = ?", (decision_id,)).fetchone():
                return None
            sealed = key.seal_face(template.vector.tobytes(), "question", number, template.model_sha256)
            tables.execute(
                "INSERT INTO questions VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0)",
                (number, person_id, template.model_sha256, sealed, template.quality,
                 pose.yaw_deg, pose.pitch_deg, pose.roll_deg, why, decision_id, now.wall_ns),
            )  # fmt: skip
        return number

    def count(self, model_sha256: str) -> int:
        """How many templates of a model visits taught."""
        sql = "SELECT count(*) AS n FROM lessons JOIN templates ON templates.id = template_id WHERE model_sha256 = ?"
        return int(self._database.read(sql, (model_sha256,))[0]["n"])

    def questions(self) -> tuple[Question, ...]:
        """Those that nobody has answered, oldest first."""
        rows = self._database.read("SELECT * FROM questions WHERE NOT denied ORDER BY asked_at_wall_ns, id")
        return tuple(_question(row) for row in rows)

    def shot(self, number: str) -> tuple[Question, NewTemplate]:
        """An open question with its shot. Raises UnknownQuestion."""
        rows = self._database.read("SELECT * FROM questions WHERE id = ? AND NOT denied", (number,))
        if not rows:
            raise UnknownQuestion(f"there is no open question {number!r}; `edgeface review` lists them")
        question = _question(rows[0])
        with self._database.transaction() as tables:
            key = expect(tables, question.person_id)
        model = rows[0]["model_sha256"]
        vector = np.frombuffer(key.face(rows[0]["vector"], "question", number, model), np.int8)
        return question, NewTemplate(
            model_sha256=model,
            vector=vector,
            quality=question.quality,
            pose=question.pose,
            source=f"visit {question.decision_id}",
        )

    def confirm(self, number: str, now: Instant, options: Options) -> int | None:
        """A person says yes: the shot is learned and the question gone. None if no more may be learned.

        Raises UnknownQuestion.
        """
        question, template = self.shot(number)
        with self._database.transaction() as tables:
            learned = self._learn(
                tables, question.person_id, template, question.decision_id, TaughtBy.ANSWER, now, options
            )
            if learned is not None:
                words = "DELETE FROM questions WHERE id = ? RETURNING vector"
                (answered,) = tables.execute(words, (number,)).fetchall()
        if learned is not None:
            erasure.erase(self._database, answered, ["questions"])
        return learned

    def deny(self, number: str) -> Question:
        """A person says no: the shot stays for a while, as one that is not this person. Raises UnknownQuestion."""
        question, _ = self.shot(number)
        with self._database.transaction() as tables:
            tables.execute("UPDATE questions SET denied = 1 WHERE id = ?", (number,))
        return question

    def learned(self, person_id: str | None = None) -> tuple[Lesson, ...]:
        """What visits taught, oldest first: of one person, or of everybody."""
        rows = self._database.read(
            "SELECT template_id AS template, person_id, decision_id, taught_by, taught_at_wall_ns "
            "FROM lessons JOIN templates ON templates.id = template_id WHERE person_id = ? OR ? IS NULL "
            "ORDER BY template_id",
            (person_id, person_id),
        )
        return tuple(Lesson(**{**row, "taught_by": TaughtBy(row["taught_by"])}) for row in rows)

    def undo(self, template: int, now: Instant) -> Lesson:
        """Take one lesson back, to the last byte. Raises UnknownQuestion if that template was not learned."""
        found = [lesson for lesson in self.learned() if lesson.template == template]
        if not found:
            raise UnknownQuestion(
                f"template {template} is none that a visit taught; `edgeface review learned` lists them"
            )
        self._unlearn(found, now)
        return found[0]

    def drop(self, person_id: str, now: Instant) -> tuple[Lesson, ...]:
        """Take all lessons about a person back, to the last byte. Raises UnknownPerson."""
        with self._database.transaction() as tables:
            expect(tables, person_id)
        found = self.learned(person_id)
        self._unlearn(found, now)
        return found

    def expire(self, now: Instant, keep_days: float) -> int:
        """Delete questions, answered by no or not at all, after their time; how many. An unset clock counts no days."""
        if not now.wall_trusted:
            return 0
        oldest_ns = now.wall_ns - int(keep_days * DAY_NS)
        with self._database.transaction() as tables:
            words = "DELETE FROM questions WHERE asked_at_wall_ns < ? RETURNING vector"
            gone = [vector for (vector,) in tables.execute(words, (oldest_ns,)).fetchall()]
        if gone:
            erasure.erase(self._database, gone, ["questions"])
        return len(gone)

    def _learn(
        self,
        tables: Tables,
        person_id: str,
        template: NewTemplate,
        decision_id: str,
        by: TaughtBy,
        now: Instant,
        options: Options,
    ) -> int | None:
        key = expect(tables, person_id)
        if tables.execute("SELECT 1 FROM lessons WHERE decision_id = ?", (decision_id,)).fetchone():
            return None
        (known,) = tables.execute(
            "SELECT count(*) FROM lessons JOIN templates ON templates.id = template_id "
            "WHERE person_id = ? AND model_sha256 = ?",
            (person_id, template.model_sha256),
        ).fetchone()
        if known >= options.most_learned:
            return None
        number = insert(tables, key, [template], now)
        tables.execute("INSERT INTO lessons VALUES (?, ?, ?, ?)", (number, decision_id, by.value, now.wall_ns))
        facts: Facts = {"template": number, "decision": decision_id, "by": by.value}
        _note(tables, self._boot_id, Kind.LEARNED, person_id, facts, now)
        count_change(tables)
        return number

    def _unlearn(self, lessons: Sequence[Lesson], now: Instant) -> None:
        gone: list[bytes] = []
        with self._database.transaction() as tables:
            for lesson in lessons:
                words = "DELETE FROM templates WHERE id = ? RETURNING vector"
                for (vector,) in tables.execute(words, (lesson.template,)).fetchall():
                    gone.append(vector)
                    facts: Facts = {"template": lesson.template, "decision": lesson.decision_id}
                    _note(tables, self._boot_id, Kind.UNLEARNED, lesson.person_id, facts, now)
            if lessons:
                count_change(tables)
        erasure.erase(self._database, gone, ["templates"])


def _note(tables: Tables, boot_id: str, kind: Kind, person_id: str, facts: Facts, now: Instant) -> None:
    payload = canonical(facts).decode()
    audit.append(tables, Event(kind=kind, boot_id=boot_id, person_id=person_id, at=now, payload=payload))


def _newest(tables: Tables, person_id: str) -> int | None:
    """When a visit of this person was last learned from or asked about."""
    (newest,) = tables.execute(
        "SELECT max(at) FROM (SELECT taught_at_wall_ns AS at FROM lessons JOIN templates ON templates.id = template_id "
        "WHERE person_id = ? UNION ALL SELECT asked_at_wall_ns FROM questions WHERE person_id = ?)",
        (person_id, person_id),
    ).fetchone()
    return None if newest is None else int(newest)


def _question(row: Row) -> Question:
    return Question(
        id=row["id"],
        person_id=row["person_id"],
        why=row["why"],
        decision_id=row["decision_id"],
        quality=row["quality"],
        pose=Pose(yaw_deg=row["yaw_deg"], pitch_deg=row["pitch_deg"], roll_deg=row["roll_deg"]),
        asked_at_wall_ns=row["asked_at_wall_ns"],
    )


def _counted(stored: Sequence[bytes], gallery: Gallery) -> Tensor:
    """Templates as they are compared, float32 (n, width), unit rows."""
    rows = np.frombuffer(b"".join(stored), np.int8).reshape(-1, gallery.vectors.shape[1]).astype(np.float32)
    rows /= np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-9)
    return templates(rows, gallery.scoring)
