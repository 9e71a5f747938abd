"""People on their way to another device: one file, sealed under a passphrase or for that device alone, of no use to
another model.

    {"edgeface_people":1,"kdf":{"n":65536,"p":1,"r":8,"salt":"..."}}    canonical JSON, one line; bound to what follows
    {"edgeface_people":1,"to":{"ephemeral":"...","recipient":"..."}}    or this: X25519, see crypto.py
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
from typing import Any

import numpy as np

from edgeface.canonical import Json, canonical
from edgeface.errors import BackupError
from edgeface.pose import Pose
from edgeface.store import crypto
from edgeface.store.consent import Consent, Given, consent_of
from edgeface.store.crypto import Unsealable
from edgeface.store.database import Database
from edgeface.store.gallery import GalleryStore, NewTemplate, expect
from edgeface.store.keyring import Keyring

N, R, P = 1 << 16, 8, 1
"""Cost of a guess at the passphrase (RFC 7914): 64 MiB, so that a board can still open it. A choice."""
SHORTEST = 12
"""Characters of a passphrase: whoever has the file may guess for as long as he likes."""


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


def seal(bundle: Bundle, passphrase: str | None, recipient: str | None = None) -> bytes:
    """The people as a file's bytes, for whoever has the passphrase, or for one device. Raises BackupError."""
    told: Json = {
        "gallery": bundle.gallery_id,
        "model": bundle.model_sha256,
        "people": [_plain(person) for person in bundle.people],
    }
    if recipient is not None:
        try:
            return _sealed_for(crypto.parse_recipient(recipient), canonical(told))
        except ValueError as error:
            raise BackupError(f"{error}: `edgeface people recipient` prints it on the other device") from error
    if passphrase is None or len(passphrase) < SHORTEST:
        raise BackupError(f"the passphrase has {len(passphrase or '')} characters: use {SHORTEST} or more")
    salt = os.urandom(16)
    kdf: dict[str, Json] = {"n": N, "r": R, "p": P, "salt": salt.hex()}
    head = canonical({"edgeface_people": 1, "kdf": kdf})
    return head + b"\n" + crypto.seal(_key(passphrase, salt, N, R, P), canonical(told), head)


def _sealed_for(recipient: bytes, plain: bytes) -> bytes:
    ephemeral, key = crypto.send_to(recipient)
    head = canonical({"edgeface_people": 1, "to": {"recipient": recipient.hex(), "ephemeral": ephemeral.hex()}})
    return head + b"\n" + crypto.seal(key, plain, head)


def unseal(data: bytes, passphrase: str | None, keyring: Keyring) -> Bundle:
    """What a file's bytes hold. Raises BackupError if they are none, were altered, or are not for who opens them."""
    head, _, sealed = data.partition(b"\n")
    try:
        told = json.loads(head)
        key = _opened_with(told, passphrase, keyring)
    except (KeyError, TypeError, AttributeError, ValueError, RecursionError) as error:
        raise BackupError("this holds no people of edgeface") from error
    try:
        plain = crypto.unseal(key, sealed, head)
    except Unsealable as error:
        raise BackupError("it does not open: another passphrase, or the file was altered") from error
    return _bundle(json.loads(plain))


def _opened_with(told: Any, passphrase: str | None, keyring: Keyring) -> bytes:
    if told["edgeface_people"] != 1:
        raise BackupError("it was made by another edgeface: install that version")
    if "to" in told:
        wanted, own = bytes.fromhex(told["to"]["recipient"]), crypto.recipient_of(keyring.signing_seed)
        if wanted != own:
            raise BackupError("it is sealed for another device, or for this one before its gallery was made anew")
        return crypto.receive(keyring.signing_seed, bytes.fromhex(told["to"]["ephemeral"]))
    kdf = told["kdf"]
    if (kdf["n"], kdf["r"], kdf["p"]) != (N, R, P):  # whoever made the file must not choose the cost
        raise BackupError("it was made by another edgeface: install that version")
    if passphrase is None:
        raise BackupError("it is sealed under a passphrase: give it")
    return _key(passphrase, bytes.fromhex(kdf["salt"]), N, R, P)


def needs_passphrase(data: bytes) -> bool:
    """Whether it is one for whoever has the passphrase, as far as its first line says."""
    try:
        return "to" not in json.loads(data.partition(b"\n")[0])
    except (TypeError, ValueError, RecursionError):
        return False


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
