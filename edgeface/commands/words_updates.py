"""What the verbs about bundles of models are told and answer (docs/updates.md)."""

from __future__ import annotations

import re
from dataclasses import dataclass

_FILE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


def is_name(file: str) -> bool:
    """Whether a bundle may be called so: nothing that leads out of its folder, or hides there."""
    return _FILE.fullmatch(file) is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class Bundle:
    """A bundle that lies on the device."""

    file: str
    """Its name in the folder `updates` of the reader's home folder: letters, digits, . - and _."""
    strand: bool = False
    """Even if nobody enrolled would be known any more."""

    def __post_init__(self) -> None:
        if not is_name(self.file):
            raise ValueError("file must be a name in the folder updates: letters, digits, . - and _, 100 at most")


@dataclass(frozen=True, slots=True, kw_only=True)
class Begun:
    """A bundle whose signature and version are right. Its models are being tried; the reader starts anew with them, or
    `models/status` says why not."""

    version: int
    says: str
    """What is new, by its publisher."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """How a trial stands."""

    ran_s: float
    frames: int
    starts: int
    """Without an orderly end, one after another."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bundles:
    """Which bundle is in use, and what became of the last ones."""

    version: int | None
    """In use; null: the models that came with edgeface."""
    former: int | None
    """To go back to, likewise."""
    can_go_back: bool
    trial: Trial | None
    given_up: int | None
    """Version that was gone back from last, until that is dismissed."""
    why: str | None
    """Why it was."""
    busy: bool
    """Whether a bundle is being tried now."""
    last: tuple[str, ...]
    """What happened to bundles last, newest first, as sentences."""
    lying: tuple[str, ...] = ()
    """Files in the folder `updates` that could be taken, 50 at the most."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Left:
    """The version that was gone back from; it is never taken again."""

    version: int
