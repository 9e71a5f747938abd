"""What a process does over and over until it is killed, and what must be true of the gallery whenever it was.

A deed says on a pipe what it has done, after it is done: that is an acknowledgement. `check` opens the gallery that is
left, holds it against the acknowledgements and gives what is wrong, as sentences.
"""

from __future__ import annotations

import os
import subprocess
import tomllib
import uuid
from collections.abc import Callable, Collection
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from edgeface import signature
from edgeface.adapters import manifest, release, slots
from edgeface.commands import Role
from edgeface.decide import Decision, Outcome
from edgeface.errors import ModelError
from edgeface.frame import Instant
from edgeface.service import updating
from edgeface.store import commands, keyfile, rotation
from edgeface.store.consent import Given, read_text, taken
from edgeface.store.crypto import key_id
from edgeface.store.database import Database, open_database
from edgeface.store.gallery import GalleryStore, NewTemplate
from edgeface.store.journal import Journal
from edgeface.store.releases import Standing, everyone
from edgeface.store.verify import verify_gallery

MODEL = "a" * 64
UPDATED = "edgeface-live-80"
"""Shipped model that bundles bring again and again: the smallest."""
PUBLISHER = b"\1" * 32
"""Private key of who signs them."""
TEMPLATES = 3
"""Of each person who is enrolled."""

SOON_S = 0.05
Tell = Callable[[str], None]


@dataclass(slots=True)
class Known:
    """What was acknowledged so far, and what was there before."""

    told: list[str] = field(default_factory=list)
    people: dict[str, bytes] = field(default_factory=dict)
    """Wrapped keys by id: of people who are there to be forgotten."""
    keys: list[str] = field(default_factory=list)
    """Ids of device keys that were in use, oldest first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Deed:
    """One thing that is done until the end."""

    prepare: Callable[[Database, Known], None]
    run: Callable[[Database, Tell], None]
    check: Callable[[Database, Known], list[str]]
    longest_s: float
    """A process is killed within so long after it was started; every second one within SOON_S."""


def now() -> Instant:
    """A moment; which one does not matter here."""
    return Instant(monotonic_ns=1, wall_ns=1_780_000_000_000_000_000, wall_trusted=True)


def decision() -> Decision:
    """A grant."""
    return Decision(
        id=uuid.uuid4().hex,
        door="main",
        outcome=Outcome.GRANT,
        reason="3 good shots agree",
        rule="known_person",
        person_id="p_0123456789abcdef",
        score=0.7,
        margin=0.4,
        threshold=0.45,
        quality=80.0,
        liveness=0.9,
        pose=None,
        shots=3,
        track=1,
        captured_at=now(),
        decided_at=now(),
    )


def enrol(database: Database, name: str) -> str:
    """Somebody with a few templates and a consent; the id."""
    consent = taken(read_text(), "A warden", Given.WRITTEN, now())
    made = [
        NewTemplate(
            model_sha256=MODEL, vector=np.frombuffer(os.urandom(128), np.int8), quality=1.0, pose=None, source="x.jpg"
        )
        for _ in range(TEMPLATES)
    ]
    return GalleryStore(database).enrol(name, made, now(), consent=consent).id


def check(path: Path, deed: Deed, known: Known) -> list[str]:
    """Open what is left, and say what is wrong with it."""
    with closing(open_database(path)) as database:
        broken = verify_gallery(database, ()).broken
        wrong = [] if broken is None else [f"the audit log does not hold: row {broken.seq}: {broken.says}"]
        return wrong + _halves(database) + deed.check(database, known)


def _halves(database: Database) -> list[str]:
    """Whatever is there half. Forgotten people have no row but their last, everybody else has all of it."""
    store = GalleryStore(database)
    there = {person.id: person.templates.get(MODEL, 0) for person in store.people()}
    told = _people(database, "enrol"), _people(database, "forget")
    consents = {row["person_id"] for row in database.read("SELECT person_id FROM consents")}
    wrong = [f"{who} has {n} templates" for who, n in there.items() if n != TEMPLATES]
    if there.keys() != told[0] - told[1]:
        wrong.append("who is enrolled is not whom the audit log says")
    if there.keys() != consents:
        wrong.append("consents without people, or people without")
    if len(store.load(MODEL, 128).person_ids) != TEMPLATES * len(there):
        wrong.append("templates of nobody")
    decided = database.read("SELECT seq FROM audit WHERE kind = 'decision'")
    if decided != database.read("SELECT seq FROM outbox ORDER BY seq"):
        wrong.append("decisions are not in audit and outbox alike")
    return wrong


def _people(database: Database, kind: str) -> set[str]:
    return {row["person_id"] for row in database.read("SELECT person_id FROM audit WHERE kind = ?", (kind,))}


def _lost(what: str, told: Collection[str], stored: Collection[str]) -> list[str]:
    return [f"{what} {one} was acknowledged and is lost" for one in told if one not in stored]


def _decide(database: Database, tell: Tell) -> None:
    journal = Journal(database, "b")
    while True:
        made = decision()
        tell(f"{journal.record(made)}:{made.id}")


def _decided(database: Database, known: Known) -> list[str]:
    rows = database.read("SELECT seq, decision_id FROM audit JOIN outbox USING (seq)")
    return _lost("decision", known.told, {f"{row['seq']}:{row['decision_id']}" for row in rows})


def _enrol(database: Database, tell: Tell) -> None:
    while True:
        tell(enrol(database, uuid.uuid4().hex))


def _enrolled(database: Database, known: Known) -> list[str]:
    return _lost("person", known.told, {person.id for person in GalleryStore(database).people()})


def _crowd(database: Database, known: Known) -> None:
    """Enough people for one process to forget."""
    missing = 12 - len(GalleryStore(database).people())
    for _ in range(missing):
        enrol(database, uuid.uuid4().hex)
    rows = database.read("SELECT id, wrapped_key FROM people")
    known.people |= {row["id"]: row["wrapped_key"] for row in rows}


def _forget(database: Database, tell: Tell) -> None:
    store = GalleryStore(database)
    for person in store.people():
        store.forget(person.id, now())
        tell(person.id)


def _forgotten(database: Database, known: Known) -> list[str]:
    gone = _people(database, "forget")
    wrong = _lost("forgetting of", known.told, gone)
    # By another process, as closing a second descriptor of the file in this one would give SQLite's lock away.
    bytes_left = b"".join(_content(file) for file in (database.path, database.path.with_name("gallery.db-wal")))
    return wrong + [f"the key of {who} can still be read" for who in gone if known.people[who] in bytes_left]


def _content(file: Path) -> bytes:
    return subprocess.run(["cat", str(file)], capture_output=True, check=False).stdout


def _rotate(database: Database, tell: Tell) -> None:
    while True:
        tell(rotation.rotate(database, now()).key_id)


def _few(database: Database, known: Known) -> None:
    for _ in range(5 - len(GalleryStore(database).people())):
        enrol(database, uuid.uuid4().hex)
    if database.keyring.device_key_id not in known.keys[-1:]:
        known.keys.append(database.keyring.device_key_id)


def _rotated(database: Database, known: Known) -> list[str]:
    known.keys += known.told
    known.told = []
    in_use, destroyed = database.keyring.device_key_id, set(known.keys[:-1])
    wrong = [f"device key {in_use} is in use again"] if in_use in destroyed else []
    at_hand = {key_id(key) for key in keyfile.find(database.path).keys}
    if in_use not in at_hand:
        wrong.append("the key in use is in no file")
    return wrong + [f"device key {gone} is still there" for gone in sorted(at_hand & destroyed)]


def _trusting(database: Database, known: Known) -> None:
    """A publisher that the device trusts, and no trial that bars the next bundle."""
    home = database.path.parent
    if commands.find(database, signature.key_id(signature.public_of(PUBLISHER))) is None:
        with database.transaction() as tables:
            commands.add(tables, signature.public_of(PUBLISHER), "p", Role.PUBLISH, now(), by="faults")
    if slots.read(home).trial is not None:
        slots.confirm(home)


def _update(database: Database, tell: Tell) -> None:
    """Bundle after bundle; every second one is gone back from, the others are confirmed."""
    home, path = database.path.parent, manifest.shipped()
    table = tomllib.loads(path.read_text(encoding="utf-8"))[UPDATED]
    model = table, (path.parent / table["file"]).read_bytes()
    while True:
        version = slots.read(home).newest + 1
        updating.take(home, database, release.pack(PUBLISHER, version, "", {UPDATED: model}), now, by="faults")
        if version % 2:
            updating.roll_back(home, database, now(), by="faults")
        else:
            slots.confirm(home)
            updating.reconcile(home, database, now())
        tell(str(version))


def _updated(database: Database, known: Known) -> list[str]:
    """Whole models are in use, the newest confirmed at least, and what was gone back from stays away."""
    home = database.path.parent
    try:
        manifest.chosen(home)
        updating.reconcile(home, database, now())
    except ModelError as error:
        return [f"models in use are not whole: {error}"]
    state, told = slots.read(home), max(map(int, known.told), default=0)
    standing = {past.version: past.standing for past in everyone(database)}
    wrong = _lost("version", known.told, {str(version) for version in standing})
    if (state.version or 0) < told - told % 2:
        wrong.append(f"version {told} was in use, now it is {state.version}")
    if state.version is not None and standing.get(state.version) in (None, Standing.BEGUN, Standing.RETURNED):
        wrong.append(f"version {state.version} is in use and stands as {standing.get(state.version)}")
    return wrong


def _nothing(database: Database, known: Known) -> None:
    """Nothing need be there."""


DEEDS = {
    "decide": Deed(prepare=_nothing, run=_decide, check=_decided, longest_s=0.2),
    "enrol": Deed(prepare=_nothing, run=_enrol, check=_enrolled, longest_s=0.2),
    "forget": Deed(prepare=_crowd, run=_forget, check=_forgotten, longest_s=1.5),
    "update": Deed(prepare=_trusting, run=_update, check=_updated, longest_s=3.0),
    "rotate": Deed(prepare=_few, run=_rotate, check=_rotated, longest_s=0.3),
}
"""By name."""


def too_early(batch: int, longest_s: float = 1.0) -> Deed:
    """The control: decisions are acknowledged first, and recorded then, so many at once."""

    def run(database: Database, tell: Tell) -> None:
        journal = Journal(database, "b")
        while True:
            made = [decision() for _ in range(batch)]
            for one in made:
                tell(f"0:{one.id}")
            for one in made:
                journal.record(one)

    return replace(DEEDS["decide"], run=run, longest_s=longest_s)
