"""Model files that are not what the manifest says: bits turned over, cut short, another model under the same name."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

from edgeface.adapters import manifest, tflite
from edgeface.adapters.manifest import Entry
from edgeface.errors import ModelError
from tools.faults.result import Result
from tools.faults.rows.disk import folder_in_memory

Accept = Callable[[Entry, Path], bool]


def _loaded(entry: Entry, folder: Path) -> bool:
    """Whether the reader would run the file in this folder."""
    try:
        tflite.load(entry.spec, folder)
    except ModelError:
        return False
    return True


def exchanged(n: int, seed: int, accept: Accept = _loaded) -> Result:
    """The file of a shipped model is altered, or another shipped model stands under its name."""
    dice, wrong = random.Random(seed), []
    entries = list(manifest.read(manifest.shipped()).values())
    for trial in range(n):
        entry, other = dice.sample(entries, 2)
        content = bytearray((entry.folder / entry.spec.file).read_bytes())
        kind = dice.choice(("one bit", "64 bits", "cut short", "another model"))
        if kind == "another model":
            content = bytearray((other.folder / other.spec.file).read_bytes())
        elif kind == "cut short":
            del content[dice.randrange(len(content)) :]
        else:
            for _ in range(1 if kind == "one bit" else 64):
                content[dice.randrange(len(content))] ^= 1 << dice.randrange(8)
        with folder_in_memory() as folder:
            (folder / entry.spec.file).write_bytes(content)
            if accept(entry, folder):
                wrong.append(f"try {trial}: {entry.spec.name} was loaded, {kind}")
    return Result(fault="model files altered or exchanged", n=n, failures=wrong, seed=seed, acknowledged=n)


def by_size(n: int, seed: int) -> Result:
    """The control: a file of the right length is the right file."""
    return exchanged(n, seed, lambda entry, folder: _size(folder, entry) == _size(entry.folder, entry))


def _size(folder: Path, entry: Entry) -> int:
    return (folder / entry.spec.file).stat().st_size
