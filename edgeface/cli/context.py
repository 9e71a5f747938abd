"""What every command shares: the home folder, the configuration, the models, the gallery."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import click

from edgeface.adapters.clock import SystemClock
from edgeface.adapters.reader_socket import ReaderSocket
from edgeface.commands import VERBS, words, words_local
from edgeface.config import load
from edgeface.embed import Embedder
from edgeface.errors import GalleryError
from edgeface.match import Gallery
from edgeface.pipeline import Models
from edgeface.service.bootstrap import GALLERY, SETTINGS, Loaded, load_models
from edgeface.service.desk import Desk, perform
from edgeface.service.desk.moves import freeze
from edgeface.service.serve import SOCKET
from edgeface.service.settings import Config
from edgeface.store.database import Database, open_database
from edgeface.wire import plain, record

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
        default = self.home / SETTINGS
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
        return Desk(
            config=self.config(),
            database=database,
            loaded=self.loaded,
            now=SystemClock().now,
            by=self.by,
            settings=self.config_file,
        )

    def ask(self, verb: str, asked: Any) -> Any:
        """The answer to a verb: of the reader that runs on this home folder, or worked out here while none runs.

        Raises EdgefaceError, whatever the verb says no with.
        """
        with self.reader() as reader:
            if reader is not None:
                return record(VERBS[verb].answer, reader.local(verb, plain(asked)), verb)
        with self.gallery() as database:
            return perform(self.desk(database), verb, asked)

    @contextmanager
    def reader(self) -> Iterator[ReaderSocket | None]:
        """The reader that runs on this home folder; None if none does."""
        with ReaderSocket(self.home / SOCKET) as reader:
            yield reader if reader.answers() else None

    def everybody(self) -> Iterator[words.PersonRow]:
        """Everybody enrolled, page by page."""
        seen = 0
        while True:
            page = self.ask("people/list", words.Page(first=seen, most=200))
            yield from page.people
            seen += len(page.people)
            if seen >= page.total or not page.people:
                return

    def people(self) -> Mapping[str, str]:
        """Everybody enrolled, names by id; nobody if nobody ever was."""
        if not (self.home / GALLERY).exists():
            return {}
        return {row.id: row.name for row in self.everybody()}

    def faces(self, embedder: Embedder, *, learned: bool) -> tuple[Gallery, Mapping[str, str]]:
        """The templates of everybody whom the embedder in use can know, and the names. For commands that measure."""
        table = self.ask("people/faces", words_local.Faces(learned=learned))
        return freeze(table, embedder)

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
