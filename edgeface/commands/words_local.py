"""What the verbs are told and answer that only root and the reader's own user may ask: the command line's."""

from __future__ import annotations

from dataclasses import dataclass, field

from edgeface.commands.words import ConsentTaken


@dataclass(frozen=True, slots=True, kw_only=True)
class AdmitShot:
    """A picture that was looked at and is to become a template."""

    source: str
    vector: str
    """Embedding, float32 little-endian numbers in base64."""
    quality: float
    yaw_deg: float
    pitch_deg: float
    roll_deg: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Admit:
    """A person to be enrolled from pictures that were looked at elsewhere on this machine."""

    name: str
    shots: tuple[AdmitShot, ...]
    """None: only whether the name will do."""
    model_sha256: str
    """Of the embedder that looked."""
    add: bool = False
    allow_duplicate: bool = False
    dry_run: bool = False
    consent: ConsentTaken | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Admitted:
    """Somebody who is enrolled, or would be."""

    id: str | None
    name: str
    templates: int
    looks_like: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Export:
    """People who travel to another device."""

    who: tuple[str, ...] = ()
    """Names or ids; none: everybody."""
    passphrase: str | None = field(default=None, repr=False)
    recipient: str | None = None
    """The other device's key, as `edgeface people recipient` prints it there."""

    def __post_init__(self) -> None:
        if (self.passphrase is None) == (self.recipient is None):
            raise ValueError("passphrase or recipient: say one of them")


@dataclass(frozen=True, slots=True, kw_only=True)
class Exported:
    """A file of people."""

    people: int
    file: str
    """base64."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Import:
    """People from another device."""

    file: str
    """base64."""
    passphrase: str | None = field(default=None, repr=False)
    """None: it was sealed for this device's own key."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportedRow:
    """What became of one of them."""

    id: str
    name: str
    refused: str | None
    """Why the person was not taken in; null if he was."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Imported:
    """What became of everybody."""

    people: tuple[ImportedRow, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Faces:
    """Which templates."""

    learned: bool = True
    """With what visits taught."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FaceTable:
    """The templates of everybody, as the matcher takes them: arrays, little-endian, deflated, in base64."""

    ids: str
    """Of everybody whom the embedder in use can know, a line each."""
    names: str
    """In the same order."""
    vectors: str
    """float32, shape (templates, dimensions)."""
    owners: str
    """int32: whose each template is, as the number of a line."""
    learned: str
    """uint8: 1 if a visit taught it."""
    carried: str | None
    """uint8: 1 if a former embedder made it; null: none."""
    price: str | None
    """float32, shape (templates, 2): see `edgeface.match`."""
    revision: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Backup:
    """A copy of the gallery, checked."""

    file: str
    """Where it lies: in the gallery's own folder, to be moved away."""
    gallery_id: str
    device_key_id: str
    people: int
    last_seq: int
    sha256: str
