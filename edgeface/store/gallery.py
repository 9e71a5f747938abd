"""People, and the templates that stand for them.

Names are only here and in what is published; everything else knows a person by an opaque id. On the disk names,
templates and their sources are sealed under a key of the person's own.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from edgeface.errors import EnrolmentError, GalleryCorrupt, UnknownPerson
from edgeface.frame import Instant
from edgeface.pose import Pose
from edgeface.store import access_state, audit, commands, erasure, strangers
from edgeface.store import consent as consents
from edgeface.store.audit import Facts, Kind
from edgeface.store.consent import Consent, Duplicate
from edgeface.store.database import Database, Row
from edgeface.store.erasure import Receipt
from edgeface.store.keyring import PersonKey
from edgeface.store.names import name_key, valid_name
from edgeface.store.tables import Tables


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class NewTemplate:
    """One picture's embedding, on its way into the gallery."""

    model_sha256: str
    """The model that made it; 64 hex digits."""
    vector: npt.NDArray[np.int8]
    """int8, shape (dimensions,)."""
    quality: float
    """Of the picture, 0..100."""
    pose: Pose | None
    source: str
    """Where the picture came from, for the person who enrols; forgotten with the person."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Somebody enrolled."""

    id: str
    """Opaque: "p_" and 16 hex digits."""
    name: str
    created_at_wall_ns: int
    """Nanoseconds since 1970-01-01 UTC, as far as the device knew."""
    templates: Mapping[str, int]
    """How many templates, by the model's sha256."""

    def made_by(self, models: Sequence[str]) -> int:
        """How many templates these models made."""
        return sum(self.templates.get(model, 0) for model in models)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Enrolled:
    """All templates of one model, as stored at one moment."""

    model_sha256: str
    vectors: npt.NDArray[np.int8]
    """int8, shape (templates, dimensions), read-only."""
    person_ids: tuple[str, ...]
    """Whose each row is."""
    learned: tuple[bool, ...]
    """Whether a visit taught it."""
    revision: int
    """Of the gallery; grows with each change."""


class GalleryStore:
    """The people of an open gallery. Each method is one transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def enrol(
        self,
        name: str,
        templates: Sequence[NewTemplate],
        now: Instant,
        *,
        consent: Consent | None = None,
        duplicates: Sequence[Duplicate] = (),
        stranger: str | None = None,
        by: str = "local",
        person_id: str | None = None,
    ) -> Person:
        """A new person, with the consent and the permission to be enrolled twice, all or nothing; `by` whom is audited.

        `stranger`: the id of one who is none any more and is not remembered as such. `person_id`: the id that another
        device gave, of somebody who comes from there.

        Raises EnrolmentError for a bad name, a name or id that is taken or was forgotten here, or no templates.
        """
        if not templates:
            raise EnrolmentError("nobody is enrolled without a usable picture")
        name = valid_name(name)
        person_id = person_id or f"p_{secrets.token_hex(8)}"
        with self._database.transaction() as tables:
            _refuse_taken(tables, name, person_id)
            if tables.execute("SELECT 1 FROM audit WHERE kind = 'enrol' AND person_id = ?", (person_id,)).fetchone():
                raise EnrolmentError(f"{person_id} is or was enrolled here: enrol that person anew, from pictures")
            key, wrapped = tables.keyring.new_person(person_id)
            row = {"id": person_id, "wrapped_key": wrapped, **_named(tables, key, name)}
            tables.table("people").insert({**row, "created_at_wall_ns": now.wall_ns})
            consents.insert(tables, person_id, consent, duplicates, now)
            insert(tables, key, templates, now)
            known_as = strangers.delete(tables, [] if stranger is None else [stranger])
            count_change(tables)
            twins = [twin.of_person_id for twin in duplicates]
            facts: Facts = {"by": by, "templates": len(templates), "same_face_as": twins}
            consented = {} if consent is None else {"consent_by": consent.recorded_by, "text": consent.text_sha256}
            audit.note(tables, Kind.ENROL, now, facts, person=key, personal={"name": name, **consented})
        if known_as:
            erasure.erase(self._database, strangers.sealed_in(known_as), ["strangers"])
        return self.find(person_id)

    def add(self, person_id: str, templates: Sequence[NewTemplate], now: Instant, *, by: str = "local") -> Person:
        """More templates of somebody enrolled. Raises UnknownPerson."""
        with self._database.transaction() as tables:
            key = expect(tables, person_id)
            insert(tables, key, templates, now)
            count_change(tables)
            audit.note(tables, Kind.ADD, now, {"by": by, "templates": len(templates)}, person=key)
        return self.find(person_id)

    def rename(self, person_id: str, name: str, now: Instant, *, by: str = "local") -> Person:
        """A new name; the former one is overwritten, and the new one told in the audit until the person is forgotten.

        Raises UnknownPerson, EnrolmentError.
        """
        name = valid_name(name)
        with self._database.transaction() as tables:
            key = expect(tables, person_id)
            _refuse_taken(tables, name, person_id)
            (former,) = tables.execute("SELECT sealed_name FROM people WHERE id = ?", (person_id,)).fetchall()
            tables.table("people").update(person_id, _named(tables, key, name))
            count_change(tables)
            audit.note(tables, Kind.RENAME, now, {"by": by}, person=key, personal={"name": name})
        erasure.erase(self._database, former, ["people"])
        return self.find(person_id)

    def forget(self, person_id: str, now: Instant, *, by: str = "local") -> Receipt:
        """Destroy a person's key, rows and bytes, look for them in every file beside the gallery, and say what is left.

        The audit keeps the opaque id, and what was sealed under the key that is gone. Raises UnknownPerson.
        """
        with self._database.transaction() as tables:
            key = expect(tables, person_id)
            needles = erasure.needles(tables, person_id)
            alike = strangers.sealed_in(strangers.forget_alike(tables, person_id))
            needles = replace(needles, sealed=(*needles.sealed, *alike))
            tables.table("people").delete(person_id)
            access_state.forget(tables, person_id)
            commands.forget_answers(tables)
            count_change(tables)
            facts: Facts = {"by": by, "templates": needles.templates, "device_key": tables.keyring.device_key_id}
            audit.note(tables, Kind.FORGET, now, facts, person=key)
        self._database.erase_traces()
        return erasure.receipt(self._database, person_id, needles, now)

    def people(self) -> tuple[Person, ...]:
        """Everybody, by name."""
        counted: dict[str, dict[str, int]] = {}
        for row in self._database.read(
            "SELECT person_id, model_sha256, count(*) AS n FROM templates GROUP BY person_id, model_sha256"
        ):
            counted.setdefault(row["person_id"], {})[row["model_sha256"]] = row["n"]
        rows = self._database.read(f"SELECT {_PERSON} FROM people")
        everybody = (self._person(row, counted.get(row["id"], {})) for row in rows)
        return tuple(sorted(everybody, key=lambda person: name_key(person.name)))

    def count(self) -> int:
        """How many are enrolled."""
        return int(self._database.read("SELECT count(*) AS n FROM people")[0]["n"])

    def lacking(self, *models: str) -> tuple[Person, ...]:
        """Those who have no template of any of these models: they need enrolling again."""
        return tuple(person for person in self.people() if not person.templates.keys() & set(models))

    def find(self, who: str) -> Person:
        """The person of that id or name (in any case). Raises UnknownPerson."""
        named = self._database.keyring.name_key(name_key(who.strip()))
        for row in self._database.read(f"SELECT {_PERSON} FROM people WHERE id = ? OR name_key = ?", (who, named)):
            return self._person(row, self._counted(row["id"]))
        raise UnknownPerson(f"nobody called {who[:80]!r} is enrolled; `edgeface people` lists everybody")

    def name_of(self, person_id: str) -> str | None:
        """The name to publish, or None once the person is forgotten."""
        rows = self._database.read("SELECT id, wrapped_key, sealed_name FROM people WHERE id = ?", (person_id,))
        return self._name(rows[0]) if rows else None

    def load(self, model_sha256: str, dimensions: int, *, learned: bool = True) -> Enrolled:
        """Every template that this model made, oldest first; on request without those that visits taught.

        Raises GalleryCorrupt if one has another length.
        """
        revision = self.revision()  # first: a change in between makes it too old, and the caller loads again
        rows = self._database.read(
            "SELECT templates.id, person_id, vector, wrapped_key, template_id IS NOT NULL AS learned FROM templates "
            "JOIN people ON people.id = person_id LEFT JOIN lessons ON template_id = templates.id "
            "WHERE model_sha256 = ? AND (? OR template_id IS NULL) ORDER BY templates.id",
            (model_sha256, learned),
        )
        wrapped = {row["person_id"]: row["wrapped_key"] for row in rows}
        keys = {person_id: self._database.keyring.person(person_id, key) for person_id, key in wrapped.items()}
        opened = [keys[row["person_id"]].vector(row["vector"], row["id"], model_sha256) for row in rows]
        if any(len(vector) != dimensions for vector in opened):
            raise GalleryCorrupt(f"a template of model {model_sha256[:12]} is not {dimensions} bytes long: enrol again")
        # From bytes, so numpy makes it read-only.
        vectors = np.frombuffer(b"".join(opened), np.int8).reshape(-1, dimensions)
        return Enrolled(
            model_sha256=model_sha256,
            vectors=vectors,
            person_ids=tuple(row["person_id"] for row in rows),
            learned=tuple(bool(row["learned"]) for row in rows),
            revision=revision,
        )

    def id(self) -> str:
        """Which gallery this is; 32 hex digits, for life."""
        return str(self._database.read("SELECT gallery_id FROM meta")[0]["gallery_id"])

    def revision(self) -> int:
        """Grows with each change of people or templates."""
        return int(self._database.read("SELECT revision FROM meta")[0]["revision"])

    def _counted(self, person_id: str) -> dict[str, int]:
        rows = self._database.read(
            "SELECT model_sha256, count(*) AS n FROM templates WHERE person_id = ? GROUP BY model_sha256", (person_id,)
        )
        return {row["model_sha256"]: row["n"] for row in rows}

    def _person(self, row: Row, templates: Mapping[str, int]) -> Person:
        return Person(
            id=row["id"],
            name=self._name(row),
            created_at_wall_ns=row["created_at_wall_ns"],
            templates=templates,
        )

    def _name(self, row: Row) -> str:
        return self._database.keyring.person(row["id"], row["wrapped_key"]).name(row["sealed_name"])


_PERSON = "id, wrapped_key, sealed_name, created_at_wall_ns"
"""By name, so that a damaged schema is an error of SQLite's and none of ours."""


def _named(tables: Tables, key: PersonKey, name: str) -> dict[str, str | bytes]:
    return {"sealed_name": key.seal_name(name), "name_key": tables.keyring.name_key(name_key(name))}


def _refuse_taken(tables: Tables, name: str, person_id: str) -> None:
    taken = tables.execute(
        "SELECT id, wrapped_key, sealed_name FROM people WHERE name_key = ? AND id <> ?",
        (tables.keyring.name_key(name_key(name)), person_id),
    ).fetchone()
    if taken is not None:
        known = tables.keyring.person(taken[0], taken[1]).name(taken[2])
        raise EnrolmentError(f"{known!r} is enrolled already: add pictures to that person, or choose another name")


def expect(tables: Tables, person_id: str) -> PersonKey:
    """The key of somebody enrolled, within the caller's transaction. Raises UnknownPerson."""
    found = tables.execute("SELECT wrapped_key FROM people WHERE id = ?", (person_id,)).fetchone()
    if found is None:
        raise UnknownPerson(f"nobody with the id {person_id!r} is enrolled; `edgeface people` lists everybody")
    return tables.keyring.person(person_id, found[0])


def insert(tables: Tables, key: PersonKey, templates: Sequence[NewTemplate], now: Instant) -> int:
    """Store templates of a person, within the caller's transaction; the number of the first."""
    first = int(tables.execute("SELECT coalesce(max(id), 0) + 1 FROM templates").fetchone()[0])
    tables.table("templates").insert_all(_row(key, first + n, template, now) for n, template in enumerate(templates))
    return first


def _row(
    key: PersonKey, number: int, template: NewTemplate, now: Instant
) -> dict[str, str | bytes | float | int | None]:
    if template.vector.dtype != np.int8 or template.vector.ndim != 1:
        raise ValueError(f"a template is int8 (d,), not {template.vector.dtype} {template.vector.shape}")
    pose = template.pose
    return {
        "id": number,
        "person_id": key.person_id,
        "model_sha256": template.model_sha256,
        "vector": key.seal_vector(template.vector.tobytes(), number, template.model_sha256),
        "quality": template.quality,
        "yaw_deg": None if pose is None else pose.yaw_deg,
        "pitch_deg": None if pose is None else pose.pitch_deg,
        "roll_deg": None if pose is None else pose.roll_deg,
        "sealed_source": key.seal_source(template.source, number),
        "created_at_wall_ns": now.wall_ns,
    }


def count_change(tables: Tables) -> None:
    """The gallery is another one from here on, within the caller's transaction."""
    tables.execute("UPDATE meta SET revision = revision + 1")
