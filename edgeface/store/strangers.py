"""Visitors whom nobody enrolled, one sealed direction each; nothing of them is kept past its time.

Each has a key of his own from the first visit on, wrapped by the device key as a person's is: with it goes all that it
ever sealed.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Sequence

import numpy as np

from edgeface import strangers
from edgeface.embed import from_template, unit
from edgeface.errors import UnknownStranger
from edgeface.frame import Instant
from edgeface.model import Tensor
from edgeface.store import erasure
from edgeface.store.database import Database
from edgeface.store.keyring import PersonKey
from edgeface.store.tables import Tables
from edgeface.strangers import Options, Stranger

Row = tuple[bytes, bytes]
"""What is sealed of a stranger: the wrapped key, the direction."""

_COLUMNS = "id, model_sha256, wrapped_key, total, visits, first_seen_wall_ns, last_seen_wall_ns, ignored"


class StrangerStore:
    """The strangers of an open gallery, as one embedder knows them. Each method is one transaction."""

    def __init__(self, database: Database, model_sha256: str) -> None:
        self._database = database
        self._model = model_sha256

    def all(self) -> tuple[Stranger, ...]:
        """Everybody who is remembered, longest unseen first."""
        with self._database.transaction() as tables:
            return _known(tables, self._model)

    def find(self, identity: str) -> Stranger:
        """One of them. Raises UnknownStranger."""
        for stranger in self.all():
            if stranger.id == identity:
                return stranger
        raise UnknownStranger(f"no stranger {identity!r} is remembered; `edgeface review strangers` lists them")

    def meet(self, direction: Tensor, now: Instant, options: Options) -> str | None:
        """File a visit with whom it is most like; whose it was, None if strangers are not kept."""
        with self._database.transaction() as tables:
            known = _known(tables, self._model)
            kept, whose = strangers.meet(known, direction, now, options, f"s_{secrets.token_hex(8)}")
            gone = _write(tables, self._model, known, kept)
        self._erase(gone)
        return whose

    def ignore(self, identity: str, ignored: bool = True) -> None:
        """Say that a stranger is of no interest, or of interest again. Raises UnknownStranger."""
        self.find(identity)
        with self._database.transaction() as tables:
            tables.execute("UPDATE strangers SET ignored = ? WHERE id = ?", (int(ignored), identity))

    def forget(self, identity: str) -> None:
        """Delete a stranger to the last byte. Raises UnknownStranger."""
        self.find(identity)
        with self._database.transaction() as tables:
            gone = delete(tables, [identity])
        self._erase(gone)

    def expire(self, now: Instant, options: Options) -> int:
        """Delete those whose time is over, of every model, and everybody if strangers are not kept; how many."""
        with self._database.transaction() as tables:
            gone: list[Row] = []
            for (model,) in tables.execute("SELECT DISTINCT model_sha256 FROM strangers").fetchall():
                known = _known(tables, model)
                gone += _write(tables, model, known, strangers.keep(known, now, options))
        self._erase(gone)
        return len(gone)

    def _erase(self, gone: Sequence[Row]) -> None:
        if gone:
            erasure.erase(self._database, sealed_in(gone), ["strangers"])


def delete(tables: Tables, identities: Iterable[str]) -> list[Row]:
    """Delete strangers; what was sealed of each, to be looked for (`sealed_in`)."""
    gone = []
    for identity in identities:
        words = "DELETE FROM strangers WHERE id = ? RETURNING wrapped_key, total"
        gone += tables.execute(words, (identity,)).fetchall()
    return gone


def sealed_in(gone: Sequence[Row]) -> list[bytes]:
    """All of it side by side."""
    return [value for row in gone for value in row]


def forget_alike(tables: Tables, person_id: str) -> list[Row]:
    """Delete strangers who may be somebody enrolled, within the transaction that forgets that person; as `delete`.

    Somebody who was not recognised is remembered as a stranger, and is to be forgotten as such too.
    """
    (wrapped,) = tables.execute("SELECT wrapped_key FROM people WHERE id = ?", (person_id,)).fetchone()
    key, floor = tables.keyring.person(person_id, wrapped), Options().join
    rows = tables.execute("SELECT id, model_sha256, vector FROM templates WHERE person_id = ?", (person_id,)).fetchall()
    gone: set[str] = set()
    for model in {model for _, model, _ in rows}:
        own = [key.vector(vector, number, model) for number, made_by, vector in rows if made_by == model]
        vectors = [from_template(np.frombuffer(vector, np.int8)) for vector in own]
        for stranger in _known(tables, model):
            if max(float(unit(stranger.total) @ vector) for vector in vectors) >= floor:
                gone.add(stranger.id)
    return delete(tables, gone)


def _known(tables: Tables, model_sha256: str) -> tuple[Stranger, ...]:
    rows = tables.execute(
        f"SELECT {_COLUMNS} FROM strangers WHERE model_sha256 = ? ORDER BY last_seen_wall_ns, id", (model_sha256,)
    ).fetchall()
    return tuple(
        Stranger(
            id=identity,
            total=np.frombuffer(_key(tables, identity, wrapped).face(total, "stranger", identity, model), np.float32),
            visits=visits,
            first_seen_wall_ns=first,
            last_seen_wall_ns=last,
            ignored=bool(ignored),
        )
        for identity, model, wrapped, total, visits, first, last, ignored in rows
    )


def _key(tables: Tables, identity: str, wrapped: bytes) -> PersonKey:
    return tables.keyring.person(identity, wrapped)


def _write(tables: Tables, model: str, before: tuple[Stranger, ...], after: tuple[Stranger, ...]) -> list[Row]:
    """Store what changed; who is gone, as `delete`."""
    former, rest = {one.id: one for one in before}, {one.id for one in after}
    for stranger in after:
        if former.get(stranger.id) is not stranger:
            key, wrapped = _own_key(tables, stranger.id)
            sealed = key.seal_face(stranger.total.astype(np.float32).tobytes(), "stranger", stranger.id, model)
            tables.execute(
                f"INSERT OR REPLACE INTO strangers ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                (stranger.id, model, wrapped, sealed, stranger.visits,
                 stranger.first_seen_wall_ns, stranger.last_seen_wall_ns, int(stranger.ignored)),
            )  # fmt: skip
    return delete(tables, [identity for identity in former if identity not in rest])


def _own_key(tables: Tables, identity: str) -> tuple[PersonKey, bytes]:
    """A stranger's key, as it is and wrapped; made at the first visit."""
    found = tables.execute("SELECT wrapped_key FROM strangers WHERE id = ?", (identity,)).fetchone()
    return tables.keyring.new_person(identity) if found is None else (_key(tables, identity, found[0]), found[0])
