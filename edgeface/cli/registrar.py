"""Who takes people in: the reader that runs, or this process while none does."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy as np

from edgeface.adapters.reader_socket import ReaderSocket
from edgeface.cli.consent import told_of
from edgeface.cli.context import Context
from edgeface.commands import words, words_local
from edgeface.commands.words_local import AdmitShot
from edgeface.embed import Embedder
from edgeface.errors import UnknownPerson
from edgeface.frame import Instant
from edgeface.service.enrolment import Admits, Admitted, Registrar, Shot, Wish
from edgeface.store.consent import Consent
from edgeface.wire import plain, record


@contextmanager
def registrar(context: Context, embedder: Embedder, *, dry_run: bool) -> Iterator[Admits]:
    """With `dry_run` nothing is written, and a gallery that does not exist yet is not made."""
    with context.reader() as reader:
        if reader is not None:
            yield DistantRegistrar(reader, embedder, dry_run=dry_run)
            return
    with context.gallery(dry_run=dry_run) as database:
        yield Registrar(database, embedder, by=context.by, dry_run=dry_run)


class DistantRegistrar:
    """Has the running reader enrol people whose pictures were looked at here: it goes on at the door meanwhile."""

    def __init__(self, reader: ReaderSocket, embedder: Embedder, *, dry_run: bool) -> None:
        self._reader, self._model, self._dry_run = reader, embedder.identity, dry_run

    def expect(self, wish: Wish) -> None:
        """Raises EnrolmentError or UnknownPerson if the name will not do."""
        self._ask(wish, (), None)

    def knows(self, person_id: str | None, name: str) -> bool:
        """Whether that person is enrolled, under that name."""
        if person_id is None:
            return False
        try:
            return bool(self._reader.local("people/show", plain(words.Who(who=person_id)))["name"] == name)
        except UnknownPerson:
            return False

    def admit(self, wish: Wish, shots: Sequence[Shot], consent: Consent | None, now: Instant) -> Admitted:
        """Enrol a person, or add to one. The reader tells the time itself. Raises EnrolmentError."""
        done = self._ask(wish, tuple(map(_told, shots)), consent)
        return Admitted(name=done.name, person_id=done.id, templates=done.templates, alike=done.looks_like)

    def _ask(self, wish: Wish, shots: tuple[AdmitShot, ...], consent: Consent | None) -> words_local.Admitted:
        asked = words_local.Admit(
            name=wish.name,
            shots=shots,
            model_sha256=self._model,
            add=wish.add,
            allow_duplicate=wish.allow_duplicate,
            dry_run=self._dry_run,
            consent=told_of(consent),
        )
        return record(words_local.Admitted, self._reader.local("people/admit", plain(asked)), "people/admit")


def _told(shot: Shot) -> AdmitShot:
    found = shot.portrait
    return AdmitShot(
        source=shot.source,
        vector=base64.b64encode(np.asarray(found.embedding.vector, "<f4").tobytes()).decode(),
        quality=found.quality.score,
        yaw_deg=found.pose.yaw_deg,
        pitch_deg=found.pose.pitch_deg,
        roll_deg=found.pose.roll_deg,
    )
