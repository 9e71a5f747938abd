"""The keys of an open gallery: the device key wraps one key a person; a person's key seals what is known of them.

    device key (outside the gallery) ── wraps ──> a person's key ── seals ──> name, templates, their sources
                                     └─ wraps ──> the key behind `name_key` and the device's signatures

Whoever holds the gallery and not the device key reads ids, times, qualities, poses and model digests, no name and no
template. Deleting a person's wrapped key makes unreadable whatever it sealed, in old pages and in copies as well, once
the device key has been changed (rotation.py).
"""

from __future__ import annotations

from dataclasses import dataclass

from edgeface.errors import GalleryCorrupt, KeyWrong
from edgeface.store import crypto
from edgeface.store.crypto import Unsealable, bound


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class PersonKey:
    """One person's key, unwrapped."""

    gallery_id: str
    person_id: str
    key: bytes

    def seal_name(self, name: str) -> bytes:
        """A name, bound to gallery and person."""
        return crypto.seal(self.key, name.encode(), self._place("name"))

    def name(self, sealed: bytes) -> str:
        """The reverse. Raises GalleryCorrupt."""
        return self._open(sealed, self._place("name"), "name").decode()

    def seal_vector(self, vector: bytes, template_id: int, model_sha256: str) -> bytes:
        """A template, bound to gallery, person, number and model."""
        return crypto.seal(self.key, vector, self._place("vector", str(template_id), model_sha256))

    def vector(self, sealed: bytes, template_id: int, model_sha256: str) -> bytes:
        """The reverse. Raises GalleryCorrupt."""
        return self._open(sealed, self._place("vector", str(template_id), model_sha256), f"template {template_id}")

    def seal_source(self, source: str, template_id: int) -> bytes:
        """Where a template's picture came from."""
        return crypto.seal(self.key, source.encode(), self._place("source", str(template_id)))

    def source(self, sealed: bytes, template_id: int) -> str:
        """The reverse. Raises GalleryCorrupt."""
        return self._open(sealed, self._place("source", str(template_id)), f"source {template_id}").decode()

    def seal_face(self, vector: bytes, what: str, number: str, model_sha256: str) -> bytes:
        """A vector that is no template: a question about a visit, or a stranger's direction. `what` says which."""
        return crypto.seal(self.key, vector, self._place(what, number, model_sha256))

    def face(self, sealed: bytes, what: str, number: str, model_sha256: str) -> bytes:
        """The reverse. Raises GalleryCorrupt."""
        return self._open(sealed, self._place(what, number, model_sha256), f"{what} {number}")

    def seal_facts(self, facts: bytes, seq: int) -> bytes:
        """What an audit row says of the person."""
        return crypto.seal(self.key, facts, self._place("audit", str(seq)))

    def facts(self, sealed: bytes, seq: int) -> bytes:
        """The reverse. Raises GalleryCorrupt."""
        return self._open(sealed, self._place("audit", str(seq)), f"audit row {seq}")

    def seal_picture(self, picture: bytes, decision_id: str) -> bytes:
        """A snapshot of a visit."""
        return crypto.seal(self.key, picture, self._place("picture", decision_id))

    def picture(self, sealed: bytes, decision_id: str) -> bytes:
        """The reverse. Raises GalleryCorrupt."""
        return self._open(sealed, self._place("picture", decision_id), f"snapshot {decision_id}")

    def _place(self, *what: str) -> bytes:
        return bound(self.gallery_id, self.person_id, *what)

    def _open(self, sealed: bytes, place: bytes, what: str) -> bytes:
        try:
            return crypto.unseal(self.key, sealed, place)
        except Unsealable as error:
            raise GalleryCorrupt(f"the {what} of {self.person_id} was altered: {error}; restore a backup") from error


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Keyring:
    """What opens one gallery."""

    gallery_id: str
    device_key: bytes
    names_key: bytes
    """Behind `name_key`, so that equal names are noticed without being readable, and behind the device's signatures.
    It never changes: whoever checks signatures would not know the device any more."""

    @property
    def device_key_id(self) -> str:
        return crypto.key_id(self.device_key)

    @property
    def signing_seed(self) -> bytes:
        """The private key of this device's signatures (`edgeface.signature`). Another device key leaves it as it is."""
        return crypto.derive(self.names_key, f"sign decisions\0{self.gallery_id}")

    def new_person(self, person_id: str) -> tuple[PersonKey, bytes]:
        """A fresh key for a person, and the same key wrapped, to be stored."""
        key = crypto.new_key()
        return self._person(person_id, key), self._wrap(person_id, key)

    def person(self, person_id: str, wrapped: bytes) -> PersonKey:
        """A person's key. Raises GalleryCorrupt: the device key itself was tried when the gallery was opened."""
        try:
            key = crypto.unseal(self.device_key, wrapped, _person_place(self.gallery_id, person_id))
        except Unsealable as error:
            raise GalleryCorrupt(f"the key of {person_id} was altered: {error}; restore a backup") from error
        return self._person(person_id, key)

    def rewrapped(self, person_id: str, wrapped: bytes, device_key: bytes) -> bytes:
        """A person's key under another device key."""
        key = self.person(person_id, wrapped).key
        return crypto.seal(device_key, key, _person_place(self.gallery_id, person_id))

    def name_key(self, folded: str) -> str:
        """What stands for a name where uniqueness is checked."""
        return crypto.fingerprint(self.names_key, folded)

    def _person(self, person_id: str, key: bytes) -> PersonKey:
        return PersonKey(gallery_id=self.gallery_id, person_id=person_id, key=key)

    def _wrap(self, person_id: str, key: bytes) -> bytes:
        return crypto.seal(self.device_key, key, _person_place(self.gallery_id, person_id))


def wrap_names_key(device_key: bytes, gallery_id: str, names_key: bytes) -> bytes:
    """To be stored with the gallery: also what tells a right device key from a wrong one."""
    return crypto.seal(device_key, names_key, bound(gallery_id, "names key"))


def unlock(device_key: bytes, gallery_id: str, wrapped_names_key: bytes) -> Keyring:
    """The keyring of a gallery. Raises KeyWrong."""
    try:
        names_key = crypto.unseal(device_key, wrapped_names_key, bound(gallery_id, "names key"))
    except Unsealable as error:
        raise KeyWrong(f"the device key does not open this gallery ({error}): restore one of them") from error
    return Keyring(gallery_id=gallery_id, device_key=device_key, names_key=names_key)


def _person_place(gallery_id: str, person_id: str) -> bytes:
    return bound(gallery_id, person_id, "key")
