"""What a reader cannot start with: how it comes about, the exit code, and what must be said."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from edgeface.adapters import manifest
from edgeface.store import keyfile
from edgeface.store.database import open_database

EMBEDDER = "edgeface-embed-80"


@dataclass(frozen=True, slots=True, kw_only=True)
class Spoilt:
    """One thing that is wrong with a home folder, or missing from it."""

    do: Callable[[Path], object]
    """Takes the home folder, where somebody is enrolled."""
    code: int
    """As edgeface/errors.py has it."""
    says: str


def key_is_gone(home: Path) -> None:
    keyfile.beside(home / "gallery.db").unlink()


def key_is_anothers(home: Path) -> None:
    keyfile.beside(home / "gallery.db").write_bytes(keyfile.beside(_another(home)).read_bytes())


def key_is_everybodys(home: Path) -> None:
    keyfile.beside(home / "gallery.db").chmod(0o644)


def gallery_is_gone(home: Path) -> None:
    for name in ("gallery.db", "gallery.db-wal"):
        (home / name).unlink(missing_ok=True)


def gallery_is_anothers(home: Path) -> None:
    (home / "gallery.db").write_bytes(_another(home).read_bytes())


def gallery_is_newer(home: Path) -> None:
    with closing(sqlite3.connect(home / "gallery.db")) as newer:
        newer.execute("PRAGMA user_version = 99")


def model_is_altered(home: Path) -> None:
    """A manifest of one's own is chosen, whose embedder has a bit turned over."""
    folder, shipped = home / "own", manifest.shipped()
    folder.mkdir()
    (folder / shipped.name).write_bytes(shipped.read_bytes())
    content = bytearray((shipped.parent / f"{EMBEDDER}.tflite").read_bytes())
    content[len(content) // 2] ^= 1
    (folder / f"{EMBEDDER}.tflite").write_bytes(content)
    (home / "models.toml").write_text(f'[embedder]\nname = "{EMBEDDER}"\nmanifest = "{folder / shipped.name}"\n')


def _another(home: Path) -> Path:
    """The gallery of another device, with nobody in it."""
    other = home.with_name("other")
    other.mkdir(exist_ok=True)
    open_database(other / "gallery.db").close()
    return other / "gallery.db"


def _written(name: str, text: str) -> Callable[[Path], object]:
    return lambda home: (home / name).write_text(text)


def _spoilt(code: int, says: str, do: Callable[[Path], object]) -> Spoilt:
    return Spoilt(do=do, code=code, says=says)


NOWHERE = '[embedder]\nname = "x"\nmanifest = "/nowhere/manifest.toml"\n'
NOBODY = '[[grants]]\nwho = ["nobody-there"]\ndoors = ["all"]\n'
SPOILT: dict[str, dict[str, Spoilt]] = {
    "key": {
        "gone": _spoilt(77, "gallery.db.key", key_is_gone),
        "another's": _spoilt(77, "device key", key_is_anothers),
        "everybody's": _spoilt(77, "gallery.db.key", key_is_everybodys),
    },
    "gallery": {
        "gone": _spoilt(74, "existed and is gone", gallery_is_gone),
        "another's": _spoilt(74, "another gallery", gallery_is_anothers),
        "newer": _spoilt(74, "newer edgeface", gallery_is_newer),
        "empty": _spoilt(74, "is empty", _written("gallery.db", "")),
        "rubbish": _spoilt(74, "gallery.db", _written("gallery.db", "rubbish" * 2000)),
    },
    "settings": {
        "unknown": _spoilt(78, "false_acepts", _written("edgeface.toml", "[decide]\nfalse_acepts = 1\n")),
        "cut short": _spoilt(78, "edgeface.toml", _written("edgeface.toml", "[decide")),
        "too low": _spoilt(78, "decide.threshold", _written("edgeface.toml", "[decide]\nthreshold = 0.1\n")),
        "no broker's": _spoilt(78, "broker", _written("edgeface.toml", '[mqtt]\nbroker = "http://x"\n')),
    },
    "rules": {
        "cut short": _spoilt(78, "access.toml", _written("access.toml", "[doors.main")),
        "of nobody": _spoilt(78, "nobody-there", _written("access.toml", NOBODY)),
    },
    "models": {
        "nowhere": _spoilt(65, "models.toml", _written("models.toml", NOWHERE)),
        "cut short": _spoilt(65, "models.toml", _written("models.toml", "[embedder")),
        "altered": _spoilt(65, EMBEDDER, model_is_altered),
    },
}
"""By what it is, and what is wrong with it."""
