"""What every command shares: the home folder, the configuration, the models, the gallery."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import click

from edgeface.adapters.clock import SystemClock
from edgeface.config import load
from edgeface.errors import GalleryError
from edgeface.pipeline import Models
from edgeface.service.bootstrap import GALLERY, Loaded, load_models
from edgeface.service.desk import Desk
from edgeface.service.settings import Config
from edgeface.store.database import Database, open_database

_KEY_ADVICE = (
    "it opens the templates in this gallery. Keep a copy elsewhere, apart from backups of the gallery: without it "
    "nobody can be recognised, and with it and the gallery anybody's templates can be read."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """Passed to every command."""

    home: Path
    config_file: Path | None

    def config(self) -> Config:
        """The configuration in force: the file named, else edgeface.toml of the home folder, else the defaults."""
        default = self.home / "edgeface.toml"
        if self.config_file is not None:
            return load(self.config_file, Config)
        return load(default, Config) if default.exists() else Config()

    def loaded(self) -> Loaded:
        """The models in use."""
        return load_models(self.home, self.config().run)

    def models(self) -> Models:
        """The models in use, as the stages take them."""
        return self.loaded().models

    @property
    def by(self) -> str:
        """Who changes something, as the audit tells it: the user's number on this machine."""
        return f"uid {os.getuid()}"

    def desk(self, database: Database) -> Desk:
        """Where the verbs of an open gallery are carried out, while no reader runs."""
        return Desk(config=self.config(), database=database, loaded=self.loaded, now=SystemClock().now, by=self.by)

    @contextmanager
    def gallery(self, *, dry_run: bool = False) -> Iterator[Database]:
        """The gallery, owned until the block ends. With `dry_run` one that does not exist yet is not made."""
        if dry_run and not any(self.home.glob(f"{GALLERY}*")):
            with TemporaryDirectory() as nowhere, closing(open_database(Path(nowhere) / GALLERY)) as database:
                yield database
            return
        try:
            self.home.mkdir(parents=True, exist_ok=True, mode=0o700)
        except OSError as error:
            raise GalleryError(f"the folder {self.home} cannot be made: {error.strerror}; see --home") from error
        database = open_database(self.home / GALLERY)
        if database.new_key is not None:
            click.echo(f"Made the device key {database.new_key}: {_KEY_ADVICE}", err=True)
        try:
            yield database
        finally:
            database.close()
