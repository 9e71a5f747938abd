"""The development sets, read straight from their archives. They are for measuring, never for shipping.

Each set is a tar file: pictures under `images/` and a table that says what they show.
"""

from __future__ import annotations

import csv
import io
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from edgeface import image
from edgeface.frame import Pixels

PICTURES = {".jpg", ".jpeg", ".png"}


@dataclass(frozen=True)
class Archive:
    """A tar file of pictures and tables, indexed once."""

    path: Path

    @cached_property
    def _members(self) -> dict[str, tuple[int, int]]:
        with tarfile.open(self.path) as tar:
            return {_tidy(m.name): (m.offset_data, m.size) for m in tar if m.isfile()}

    def names(self, prefix: str = "") -> list[str]:
        """Members below `prefix`, sorted."""
        return sorted(name for name in self._members if name.startswith(prefix))

    def pictures(self) -> list[str]:
        """Members that are pictures, sorted."""
        return [name for name in self.names() if Path(name).suffix.lower() in PICTURES]

    def read(self, name: str) -> bytes:
        """One member's bytes."""
        offset, size = self._members[name]
        with self.path.open("rb") as file:
            file.seek(offset)
            return file.read(size)

    def picture(self, name: str) -> Pixels:
        """One member as pixels, by the runtime's own decoder."""
        return image.decode(self.read(name))

    def rows(self, name: str) -> Iterator[dict[str, str]]:
        """A CSV member, a dictionary a row."""
        yield from csv.DictReader(io.StringIO(self.read(name).decode("utf-8")))


def _tidy(name: str) -> str:
    return name.removeprefix("./")
