"""Everything that can go wrong, as one tree.

    EdgefaceError                 exit code
    ├── PictureError              65   a picture file that cannot be used; `reason` names why
    ├── ConfigError               78   a key, value or file of the configuration
    ├── ModelError                65   a model file or its manifest entry
    │   ├── ModelMismatch         65   embeddings of different models meet
    │   ├── ModelUnavailable      69   a model cannot be fetched from its maker
    │   ├── UpdateRefused         65   a bundle of models that is not taken; `problem` names why
    │   └── ToolsMissing          69   what converts models is not on this machine
    ├── GalleryError              74   the database of people and decisions
    │   ├── GalleryMissing        74   it existed and is gone
    │   ├── GalleryCorrupt        74   it is there and cannot be trusted
    │   ├── GalleryInUse          75   another process owns it
    │   ├── UnknownPerson         65   no such person
    │   ├── UnknownQuestion       65   no such question, or template that was learned
    │   ├── UnknownStranger       65   no such stranger
    │   ├── AuditError            65   a file of audit rows or of their heads
    │   ├── BackupError           65   a copy of the gallery, or of people
    │   └── DeviceKeyError        77   the key that opens the gallery
    │       ├── KeyMissing        77   it is gone, or no key
    │       ├── KeyUnsafe         77   others may read it
    │       └── KeyWrong          77   it opens another gallery
    ├── CameraError               69   a source of frames
    │   ├── CameraUnavailable     69   it cannot be opened
    │   └── CameraLost            69   it was there and stopped
    ├── EnrolmentError            65   pictures that do not make a person
    ├── DoorError                 69   the lock, or the wire to it
    ├── ReaderError               69   the reader that runs, and the way to it
    │   └── ReaderAbsent          69   none runs
    └── BrokerError               69   the MQTT broker

A refusal ("too blurred") is a value, never one of these. Exit codes follow sysexits(3). Each message says what is wrong
and what to do about it.
"""

from __future__ import annotations

from enum import StrEnum
from typing import ClassVar


class EdgefaceError(Exception):
    """Root of the tree."""

    exit_code: ClassVar[int] = 70


class PictureProblem(StrEnum):
    """Why a file is no usable picture."""

    UNREADABLE = "unreadable"
    """The operating system could not read the file."""
    NOT_A_PICTURE = "not_a_picture"
    """Neither JPEG nor PNG by its first bytes."""
    TRUNCATED = "truncated"
    """It ends before its end marker."""
    CORRUPT = "corrupt"
    """Its structure or pixels cannot be decoded."""
    ALPHA = "alpha"
    """It has transparency: what a person sees depends on the background."""
    PALETTE = "palette"
    """Indexed colours."""
    CMYK = "cmyk"
    """Print colours, four channels."""
    SIXTEEN_BIT = "sixteen_bit"
    """More than 8 bits a channel."""
    ANIMATED = "animated"
    """More than one picture in the file."""
    TOO_LARGE = "too_large"
    """More pixels, or more bytes, than the limit."""


class PictureError(EdgefaceError):
    """A picture file that cannot be used."""

    exit_code = 65

    def __init__(self, reason: PictureProblem, detail: str) -> None:
        super().__init__(f"{reason.value}: {detail}")
        self.reason = reason
        self.detail = detail


class ConfigError(EdgefaceError):
    """A key, value or file of the configuration; the message gives the path of the key."""

    exit_code = 78


class ModelError(EdgefaceError):
    """A model file or its manifest entry is missing, altered or of the wrong kind."""

    exit_code = 65


class ModelMismatch(ModelError):
    """Embeddings of different models were about to be compared."""


class ModelUnavailable(ModelError):
    """A model's file did not arrive from its maker."""

    exit_code = 69


class ToolsMissing(ModelError):
    """The workstation's tools, which convert models, are not here."""

    exit_code = 69


class UpdateProblem(StrEnum):
    """Why a bundle of models is not taken."""

    UNREADABLE = "unreadable"
    """The operating system could not read the file."""
    TOO_LARGE = "too_large"
    """More bytes than a bundle may have."""
    NOT_A_BUNDLE = "not_a_bundle"
    """It does not begin as a bundle does."""
    TRUNCATED = "truncated"
    """It ends too early."""
    UNKNOWN_PUBLISHER = "unknown_publisher"
    """Nobody who may publish models for this reader signed it."""
    ALTERED = "altered"
    """It is not what its publisher signed."""
    MALFORMED = "malformed"
    """It was signed, and does not hold what a bundle must."""
    OLD_VERSION = "old_version"
    """Its version is not newer than what this reader has had."""
    ON_TRIAL = "on_trial"
    """Another version is being tried."""
    OTHER_RUNTIME = "other_runtime"
    """It promises nothing for the runtime and kernels of this machine."""
    GOLDEN_MISMATCH = "golden_mismatch"
    """A model does not give the numbers that it was measured with."""
    BAD_MODEL = "bad_model"
    """A model cannot be loaded or run, or is not shaped as declared."""
    CRASHED = "crashed"
    """A model took down the process that tried it, or used more time or memory than it may."""
    STRANDS_PEOPLE = "strands_people"
    """Its embedder would know nobody who is enrolled."""
    NOT_STORED = "not_stored"
    """The disk is full or fails."""


class UpdateRefused(ModelError):
    """A bundle of models that is not taken."""

    def __init__(self, problem: UpdateProblem, detail: str) -> None:
        super().__init__(f"{problem.value}: {detail}")
        self.problem = problem
        self.detail = detail


class GalleryError(EdgefaceError):
    """The database of people and decisions."""

    exit_code = 74


class GalleryMissing(GalleryError):
    """A gallery that existed is gone; it is never replaced by an empty one."""


class GalleryCorrupt(GalleryError):
    """The gallery's file is damaged or is not a gallery."""


class GalleryInUse(GalleryError):
    """Another process owns the gallery."""

    exit_code = 75


class UnknownPerson(GalleryError):
    """No person of that name or id is enrolled."""

    exit_code = 65


class UnknownQuestion(GalleryError):
    """No open question of that number, or no learned template."""

    exit_code = 65


class UnknownStranger(GalleryError):
    """No stranger of that id is remembered."""

    exit_code = 65


class AuditError(GalleryError):
    """A file of audit rows or of signed heads is none, or is not this device's."""

    exit_code = 65


class BackupError(GalleryError):
    """A copy of the gallery, or of people, that cannot be made or used."""

    exit_code = 65


class DeviceKeyError(GalleryError):
    """The device key, without which nobody in the gallery can be read."""

    exit_code = 77


class KeyMissing(DeviceKeyError):
    """There is a gallery and no key for it; a new one is never made in its place."""


class KeyUnsafe(DeviceKeyError):
    """Others than the owner may read the key file, or it is no plain file."""


class KeyWrong(DeviceKeyError):
    """The key is there and is another than the gallery's."""


class CameraError(EdgefaceError):
    """A source of frames."""

    exit_code = 69


class CameraUnavailable(CameraError):
    """The source cannot be opened."""


class CameraLost(CameraError):
    """The source was there and stopped delivering."""


class EnrolmentProblem(StrEnum):
    """Why nobody was enrolled."""

    NAME_TAKEN = "name_taken"
    """Somebody of that name is enrolled."""
    NO_PICTURE = "no_picture"
    """No picture is usable, or not every one where all must be."""
    SEVERAL_PEOPLE = "several_people"
    """The pictures show more than one person."""
    FACE_KNOWN = "face_known"
    """The face is enrolled already, under another name."""
    FACE_OF_SEVERAL = "face_of_several"
    """The face matches more than one person: a morphed picture, or somebody enrolled twice."""
    OTHER_FACE = "other_face"
    """Pictures to be added show somebody else."""


class EnrolmentError(EdgefaceError):
    """The pictures given do not make an enrolment; `problem` names why where a batch or a console needs to know."""

    exit_code = 65

    def __init__(self, sentence: str, problem: EnrolmentProblem | None = None) -> None:
        super().__init__(sentence)
        self.problem = problem


class DoorError(EdgefaceError):
    """The lock, or the wire to it, cannot be had or does not obey; it counts as locked."""

    exit_code = 69


class ReaderError(EdgefaceError):
    """The running reader cannot be asked, or it does not answer."""

    exit_code = 69


class ReaderAbsent(ReaderError):
    """No reader runs there."""


class BrokerError(EdgefaceError):
    """The MQTT broker refused or could not be reached."""

    exit_code = 69
