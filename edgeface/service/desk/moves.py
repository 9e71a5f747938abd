"""Verbs with which the command line moves people and the gallery while the reader runs: for this machine's users."""

from __future__ import annotations

import base64
import binascii
import zlib
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict
from typing import Any

import numpy as np
import numpy.typing as npt

from edgeface.commands import words, words_local
from edgeface.detect import Detection, PixelBox
from edgeface.embed import Embedder, Embedding
from edgeface.enrol import Portrait
from edgeface.errors import BackupError, EnrolmentError
from edgeface.match import Gallery
from edgeface.pose import Pose
from edgeface.quality import Quality
from edgeface.scoring import templates
from edgeface.service.bootstrap import freeze_gallery
from edgeface.service.desk.people import consent_told
from edgeface.service.desk.place import Desk
from edgeface.service.enrolment import Registrar, Shot, Wish
from edgeface.service.moving import settle_in
from edgeface.store import audit, bundle, crypto
from edgeface.store import backup as copies
from edgeface.store.audit import Kind
from edgeface.store.gallery import GalleryStore
from edgeface.store.names import valid_name

COPY = "gallery.backup"
"""File name of a copy on its way out, in the home folder; one that was left behind goes with the next."""


def admit(desk: Desk, ask: words_local.Admit) -> words_local.Admitted:
    """Enrol from pictures that another process of this machine has looked at; without any, say if the name will do."""
    embedder = desk.loaded().models.embedder
    if ask.model_sha256 != embedder.identity:
        raise EnrolmentError("the pictures were looked at with another model than the reader's: restart the reader")
    wish = Wish(name=valid_name(ask.name), add=ask.add, allow_duplicate=ask.allow_duplicate)
    registrar = Registrar(desk.database, embedder, by=desk.by, dry_run=ask.dry_run)
    registrar.expect(wish)
    if not ask.shots:
        return words_local.Admitted(id=None, name=wish.name, templates=0, looks_like=())
    consent = consent_told(desk, ask.consent, needed=not (ask.add or ask.dry_run))
    shots = [_shot(one, embedder.identity, embedder.spec.dimensions) for one in ask.shots]
    done = registrar.admit(wish, shots, consent, desk.now())
    if not ask.dry_run:
        desk.renew_people()
    return words_local.Admitted(id=done.person_id, name=done.name, templates=done.templates, looks_like=done.alike)


def export(desk: Desk, ask: words_local.Export) -> words_local.Exported:
    """People, sealed under a passphrase or for one device. Nobody is removed here."""
    store = GalleryStore(desk.database)
    chosen = [store.find(one).id for one in ask.who] or [person.id for person in store.people()]
    found = bundle.gather(desk.database, chosen, desk.loaded().embedder.identity, lambda: None)
    sealed = bundle.seal(found, ask.passphrase, ask.recipient)
    with desk.database.transaction() as tables:
        facts = {"what": "people export", "by": desk.by, "people": chosen}
        audit.note(tables, Kind.COPY, desk.now(), facts)
    return words_local.Exported(people=len(chosen), file=base64.b64encode(sealed).decode())


def take_in(desk: Desk, ask: words_local.Import) -> words_local.Imported:
    """Enrol the people of a file that a device with the same model and runtime made."""
    found = bundle.unseal(_bytes(ask.file), ask.passphrase, desk.database.keyring)
    now, need = desk.now(), desk.config.enrol.require_consent
    arrived = settle_in(desk.database, found, desk.loaded().models.embedder, now, need_consent=need, by=desk.by)
    taken_in = [one.person_id for one in arrived if one.refused is None]
    with desk.database.transaction() as tables:
        facts = {"what": "people import", "by": desk.by, "from": found.gallery_id, "people": taken_in}
        audit.note(tables, Kind.COPY, now, facts)
    desk.renew_people()
    return words_local.Imported(
        people=tuple(words_local.ImportedRow(id=one.person_id, name=one.name, refused=one.refused) for one in arrived)
    )


def recipient(desk: Desk, ask: words.Nothing) -> words.DeviceKey:
    """For which key others seal people who come here."""
    return words.DeviceKey(key=crypto.recipient_text(crypto.recipient_of(desk.database.keyring.signing_seed)))


def faces(desk: Desk, ask: words_local.Faces) -> words_local.FaceTable:
    """The templates of everybody, for commands that measure: never stored by them."""
    store = GalleryStore(desk.database)
    gallery = freeze_gallery(store, desk.loaded().models.embedder, learned=ask.learned)
    return words_local.FaceTable(
        ids="\n".join(gallery.people),
        names="\n".join(store.name_of(one) or "?" for one in gallery.people),
        vectors=_packed(gallery.vectors, "<f4"),
        owners=_packed(gallery.owners, "<i4"),
        learned=_packed(gallery.learned, "u1"),
        carried=None if gallery.carried is None else _packed(gallery.carried, "u1"),
        price=None if gallery.price is None else _packed(gallery.price, "<f4"),
        revision=gallery.revision,
    )


def freeze(table: words_local.FaceTable, embedder: Embedder) -> tuple[Gallery, Mapping[str, str]]:
    """The templates as the matcher takes them, and everybody's name, on the other side."""
    people, names = (tuple(text.split("\n")) if text else () for text in (table.ids, table.names))
    vectors = _unpacked(table.vectors, "<f4").reshape(-1, embedder.spec.dimensions)
    gallery = Gallery(
        model_sha256=embedder.identity,
        vectors=vectors,
        counted=templates(vectors, embedder.spec.scoring),
        owners=_unpacked(table.owners, "<i4").astype(np.intp),
        people=people,
        learned=_unpacked(table.learned, "u1").astype(np.bool_),
        revision=table.revision,
        carried=None if table.carried is None else _unpacked(table.carried, "u1").astype(np.bool_),
        price=None if table.price is None else _unpacked(table.price, "<f4").reshape(-1, 2),
        scoring=embedder.spec.scoring,
    )
    return gallery, dict(zip(people, names, strict=True))


def _packed(array: npt.NDArray[Any], kind: str) -> str:
    return base64.b64encode(zlib.compress(array.astype(kind).tobytes(), 1)).decode()


def _unpacked(text: str, kind: str) -> npt.NDArray[Any]:
    return np.frombuffer(zlib.decompress(_bytes(text)), kind)


def backup(desk: Desk, ask: words.Nothing) -> words_local.Backup:
    """A copy of all that is in the gallery, checked; whoever asked moves it to where it belongs."""
    file = desk.home / COPY
    with suppress(FileNotFoundError):
        file.unlink()
    copy = copies.backup(desk.database, file, desk.now(), by=desk.by)
    return words_local.Backup(file=str(file), **asdict(copy))


def _shot(one: words_local.AdmitShot, model_sha256: str, dimensions: int) -> Shot:
    """As an enrolment takes it; of the picture itself nothing came along but its quality."""
    vector = np.frombuffer(_bytes(one.vector), "<f4")
    if vector.shape != (dimensions,) or not np.isfinite(vector).all() or abs(float(vector @ vector) - 1) > 0.01:
        raise EnrolmentError("this is no embedding of the model in use")
    nan = float("nan")
    return Shot(
        source=one.source[:200],
        portrait=Portrait(
            embedding=Embedding(vector=vector, model_sha256=model_sha256),
            detection=_NOWHERE,
            pose=Pose(yaw_deg=one.yaw_deg, pitch_deg=one.pitch_deg, roll_deg=one.roll_deg),
            quality=Quality(
                score=one.quality,
                refusals=(),
                inter_eye_distance_px=nan,
                sharpness=nan,
                brightness=nan,
                dynamic_range=nan,
                inside=1.0,
            ),
        ),
    )


_NOWHERE = Detection(
    box=PixelBox(x=0, y=0, w=1, h=1), landmarks=np.zeros((5, 2), np.float32), score=1.0, angles_deg=None
)


def _bytes(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise BackupError("this is no base64") from error
