"""Long work in parts: each is kept as soon as it is done, so that a run that was cut off goes on where it was."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence, Set
from itertools import pairwise
from pathlib import Path
from typing import Any

import click
import numpy as np
import numpy.typing as npt

Arrays = dict[str, npt.NDArray[Any]]

SIZE = 200
"""Pictures a part: a minute or less of work is lost when a run is cut off."""
SUFFIXES = {".jpg", ".jpeg", ".png", ".bmp"}


def paths_below(folder: Path, every: int = 1, reserved: Set[str] = frozenset()) -> list[Path]:
    """Every so many of a folder's pictures, in the order of their paths, but for what lies below a reserved name."""
    found = sorted(path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES)[::every]
    return [path for path in found if not reserved & set(path.parts)]


def names(file: Path | None) -> set[str]:
    """Names of folders to skip: the words of a file, if there is one."""
    return set(file.read_text(encoding="utf-8").split()) if file else set()


def in_parts(
    paths: Sequence[Path], folder: Path, settings: str, make: Callable[[Sequence[Path]], Arrays]
) -> Iterator[Arrays]:
    """What `make` says of each part of the pictures, in order; parts that lie in `folder` are not made again.

    They lie below a name that stands for the pictures and the `settings`: with others, nothing is taken for made.
    """
    name = hashlib.sha256("\n".join([settings, *map(str, paths)]).encode()).hexdigest()[:16]
    place = folder / name
    place.mkdir(parents=True, exist_ok=True)
    with click.progressbar(range(0, len(paths), SIZE), label=f"{settings[:38]:38}", show_pos=True) as bar:
        for start in bar:
            file = place / f"{start:07d}.npz"
            if not file.exists():
                part = file.with_suffix(".part.npz")
                np.savez(part, **make(paths[start : start + SIZE]))  # type: ignore[arg-type]
                part.replace(file)
            with np.load(file) as kept:
                yield dict(kept)


def joined(blobs: Sequence[npt.NDArray[np.uint8]]) -> Arrays:
    """Encoded pictures end to end, and where each begins; the last number is the end."""
    stream = np.concatenate(blobs) if blobs else np.zeros(0, np.uint8)
    return {"stream": stream, "offsets": np.cumsum([0, *(len(blob) for blob in blobs)])}


def split(kept: Arrays) -> list[npt.NDArray[np.uint8]]:
    """The pictures that `joined` put together."""
    stream, offsets = kept["stream"], kept["offsets"]
    return [stream[start:end] for start, end in pairwise(offsets)]
