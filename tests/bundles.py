"""Bundles of models for tests: of a shipped model, which is small, signed with a key that everybody knows."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from contextlib import closing
from functools import cache
from pathlib import Path
from typing import Any

from edgeface.adapters import manifest, release
from edgeface.adapters.clock import SystemClock
from edgeface.bridge import Bridge
from edgeface.commands import Role
from edgeface.service.bootstrap import GALLERY
from edgeface.signature import key_id, public_of
from edgeface.store import commands
from edgeface.store.database import Database, open_database

SEED = b"\x07" * 32
LIVENESS = "edgeface-live-80"
EMBEDDER = "edgeface-embed-80"

Models = Mapping[str, tuple[Mapping[str, Any], bytes]]


def shipped(*names: str, **changes: Any) -> dict[str, tuple[Mapping[str, Any], bytes]]:
    """Tables and files of shipped models, each table with these changes; None takes a key away."""
    path = manifest.shipped()
    tables = tomllib.loads(path.read_text(encoding="utf-8"))
    found = {}
    for name in names or (LIVENESS,):
        table = {key: value for key, value in {**tables[name], **changes}.items() if value is not None}
        found[name] = (table, (path.parent / tables[name]["file"]).read_bytes())
    return found


@cache
def _content(version: int) -> bytes:
    return release.pack(SEED, version, f"the bundle {version}", shipped())


def packed(version: int = 1, models: Models | None = None, bridges: Sequence[Bridge] = (), seed: bytes = SEED) -> bytes:
    """A signed bundle."""
    if models is None and not bridges and seed == SEED:
        return _content(version)
    return release.pack(seed, version, f"the bundle {version}", models or shipped(), bridges)


def trusting(home: Path) -> Database:
    """The gallery of a home folder that takes bundles signed with `SEED`; to be closed."""
    home.mkdir(exist_ok=True)
    database = open_database(home / GALLERY)
    if commands.find(database, key_id(public_of(SEED))) is None:
        with database.transaction() as tables:
            commands.add(tables, public_of(SEED), "tests", Role.PUBLISH, SystemClock().now(), by="tests")
    return database


def trust(home: Path) -> None:
    """As `trusting`, and close it."""
    with closing(trusting(home)):
        pass
