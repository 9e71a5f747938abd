"""People on their way to another device: one file, sealed under a passphrase, of no use to another model.

    {"edgeface_people":1,"kdf":{"n":65536,"p":1,"r":8,"salt":"..."}}    canonical JSON, one line; bound to what follows
    nonce, ciphertext and tag (see crypto.py) of canonical JSON: from which gallery, which model, and the people

What visits taught stays behind: only what was enrolled travels.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from edgeface.canonical import Json, canonical
from edgeface.errors import BackupError
from edgeface.pose import Pose
from edgeface.store import crypto, files
from edgeface.store.consent import Consent, Given, consent_of
from edgeface.store.crypto import Unsealable
from edgeface.store.database import Database
from edgeface.store.gallery import GalleryStore, NewTemplate, expect

N, R, P = 1 << 16, 8, 1
"""Cost of a guess at the passphrase (RFC 7914): 64 MiB, so that a board can still open it. A choice."""
SHORTEST = 12
"""Characters of a passphrase: whoever has the file may guess for as long as he likes."""
_LIMIT_BYTES = 256 << 20


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Traveller:
    """A person in a bundle."""

    id: str
    name: str
    consent: Consent | None
    templates: tuple[NewTemplate, ...]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Bundle:
    """What a file holds."""

    gallery_id: str
    """Where the people come from."""
    model_sha256: str
    """The model that made all templates."""
    people: tuple[Traveller, ...]


def gather(database: Database, person_ids: Sequence[str], model_sha256: str, tick: Callable[[], None]) -> Bundle:
    """People of an open gallery with the templates of one model. Raises BackupError for somebody who has none."""
    people = []
    for person_id in person_ids:
        people.append(_traveller(database, person_id, model_sha256))
        tick()
    return Bundle(gallery_id=database.keyring.gallery_id, model_sha256=model_sha256, people=tuple(people))


def _traveller(database: Database, person_id: str, model_sha256: str) -> Traveller:
    person = GalleryStore(database).find(person_id)
    with database.transaction() as tables:
        key = expect(tables, person_id)
    rows = database.read(
        "SELECT * FROM templates LEFT JOIN lessons ON template_id = templates.id "
        "WHERE person_id = ? AND model_sha256 = ? AND template_id IS NULL ORDER BY templates.id",
        (person_id, model_sha256),
    )
    if not rows:
        raise BackupError(f"{person.id} has no template of the embedder in use: leave that person out, or enrol again")
    templates = tuple(
        NewTemplate(
            model_sha256=model_sha256,
            vector=np.frombuffer(key.vector(row["vector"], row["id"], model_sha256), np.int8),
            quality=row["quality"],
            pose=None
            if row["yaw_deg"] is None
            else Pose(yaw_deg=row["yaw_deg"], pitch_deg=row["pitch_deg"], roll_deg=row["roll_deg"]),
            source=key.source(row["sealed_source"], row["id"]),
        )
        for row in rows
    )
    return Traveller(id=person.id, name=person.name, consent=consent_of(database, person_id), templates=templates)


def write(file: Path, bundle: Bundle, passphrase: str) -> None:
    """A new file, readable by its owner. Raises BackupError."""
    if len(passphrase) < SHORTEST:
        raise BackupError(f"the passphrase has {len(passphrase)} characters: use {SHORTEST} or more")
    salt = os.urandom(16)
    kdf: dict[str, Json] = {"n": N, "r": R, "p": P, "salt": salt.hex()}
    head = canonical({"edgeface_people": 1, "kdf": kdf})
    told: Json = {
        "gallery": bundle.gallery_id,
        "model": bundle.model_sha256,
        "people": [_plain(person) for person in bundle.people],
    }
    try:
        files.create_private(file, head + b"\n" + crypto.seal(_key(passphrase, salt, N, R, P), canonical(told), head))
    except FileExistsError as error:
        raise BackupError(f"{file} is there already: name another file") from error
    except OSError as error:
        raise BackupError(f"{file} cannot be written: {error.strerror}") from error


def read(file: Path, passphrase: str) -> Bundle:
    """What a file holds. Raises BackupError if it is none, was altered, or the passphrase is another."""
    try:
        if file.stat().st_size > _LIMIT_BYTES:
            raise BackupError(f"{file} is too large for a file of people")
        head, _, sealed = file.read_bytes().partition(b"\n")
        told = json.loads(head)
        kdf = told["kdf"] if told["edgeface_people"] == 1 else {}
        if (kdf["n"], kdf["r"], kdf["p"]) != (N, R, P):  # whoever made the file must not choose the cost
            raise BackupError(f"{file} was made by another edgeface: install that version")
        salt = bytes.fromhex(kdf["salt"])
    except OSError as error:
        raise BackupError(f"{file} cannot be read: {error.strerror}") from error
    except (KeyError, TypeError, ValueError, RecursionError) as error:
        raise BackupError(f"{file} holds no people of edgeface") from error
    try:
        plain = crypto.unseal(_key(passphrase, salt, N, R, P), sealed, head)
    except Unsealable as error:
        raise BackupError(f"{file} does not open: another passphrase, or the file was altered") from error
    return _bundle(json.loads(plain))


def _key(passphrase: str, salt: bytes, n: int, r: int, p: int) -> bytes:
    room = 128 * r * (n + p + 2)
    return hashlib.scrypt(passphrase.encode(), salt=salt, n=n, r=r, p=p, maxmem=2 * room, dklen=crypto.KEY_BYTES)


def _plain(person: Traveller) -> Json:
    consent = person.consent
    given: Json = None
    if consent is not None:
        given = {**asdict(consent), "recorded_at_wall_ns": str(consent.recorded_at_wall_ns)}
    return {
        "id": person.id,
        "name": person.name,
        "consent": given,
        "templates": [
            {
                "vector": base64.b64encode(template.vector.tobytes()).decode(),
                "quality": template.quality,
                "pose": None if template.pose is None else asdict(template.pose),
                "source": template.source,
            }
            for template in person.templates
        ],
    }


def _bundle(told: Any) -> Bundle:
    """Sealed by whoever knows the passphrase, so of the form that `write` gives."""
    model = told["model"]
    return Bundle(
        gallery_id=told["gallery"],
        model_sha256=model,
        people=tuple(
            Traveller(
                id=person["id"],
                name=person["name"],
                consent=_consent(person["consent"]),
                templates=tuple(_template(one, model) for one in person["templates"]),
            )
            for person in told["people"]
        ),
    )


def _consent(told: Any) -> Consent | None:
    if told is None:
        return None
    when = int(told["recorded_at_wall_ns"])
    return Consent(**{**told, "given": Given(told["given"]), "recorded_at_wall_ns": when})


def _template(told: Any, model: str) -> NewTemplate:
    return NewTemplate(
        model_sha256=model,
        vector=np.frombuffer(base64.b64decode(told["vector"]), np.int8),
        quality=told["quality"],
        pose=None if told["pose"] is None else Pose(**told["pose"]),
        source=told["source"],
    )
