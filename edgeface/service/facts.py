"""What a reader says of itself: to whoever connects, and to the audit log at each start."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path

from edgeface import __version__
from edgeface.adapters.clock import boot_id
from edgeface.adapters.manifest import Choice
from edgeface.adapters.spec import Entry
from edgeface.config import to_toml
from edgeface.message import InfoMessage, WireModel, encode
from edgeface.service.settings import Config
from edgeface.signature import public_of, public_text
from edgeface.store import audit
from edgeface.store.database import Database
from edgeface.store.gallery import GalleryStore


def info_of(database: Database, choice: Choice) -> str:
    """What is told on `info`, an InfoMessage as JSON."""
    store = GalleryStore(database)
    message = InfoMessage(
        version=__version__,
        boot_id=boot_id(),
        gallery_id=store.id(),
        gallery_revision=store.revision(),
        people=store.count(),
        last_seq=audit.last_seq(database),
        models=tuple(
            WireModel(name=entry.spec.name, task=entry.spec.task, sha256=entry.spec.sha256)
            for entry in choice.entries()
        ),
        public_key=public_text(public_of(database.keyring.signing_seed)),
    )
    return encode(message)


def facts_of(config: Config, choice: Choice, kernels: str, access: Path) -> dict[str, str]:
    """What decides from this start on: models, the kernels of the embedder, rules of the file `access`, settings."""
    return {
        "version": __version__,
        **{entry.spec.task.value: entry.spec.sha256 for entry in choice.entries()},
        "cards": cards_digest(choice.entries()),
        "kernels": kernels,
        "access": hashlib.sha256(access.read_bytes()).hexdigest() if access.exists() else "default",
        "config": config_digest(config),
    }


def config_digest(config: Config) -> str:
    """Which settings these are: no two have the same."""
    return hashlib.sha256(to_toml(config).encode()).hexdigest()


def cards_digest(entries: Iterable[Entry]) -> str:
    """Which thresholds, calibrations and golden outputs the models are used with."""
    return hashlib.sha256(repr([entry.spec for entry in entries]).encode()).hexdigest()
