"""Models that are not what they should be: bits turned over, cut short, another model or another's calibration.

Of what is shipped the file is held against the manifest; thresholds and calibration of the manifest itself are in
`edgeface.toml`'s place (`tools.faults.rows.settings`). In a bundle all of it is signed.
"""

from __future__ import annotations

import json
import random
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from edgeface.adapters import manifest, release, tflite
from edgeface.adapters.manifest import Entry
from edgeface.canonical import canonical
from edgeface.errors import ModelError, UpdateRefused
from edgeface.model import Task
from edgeface.signature import public_of
from tools.faults.deeds import PUBLISHER
from tools.faults.result import Result
from tools.faults.rows.bits import turned_over
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
        content = (entry.folder / entry.spec.file).read_bytes()
        kind = dice.choice(("one bit", "64 bits", "cut short", "another model"))
        if kind == "another model":
            content = (other.folder / other.spec.file).read_bytes()
        elif kind == "cut short":
            content = content[: dice.randrange(len(content))]
        else:
            content = turned_over(content, 1 if kind == "one bit" else 64, dice)
        with folder_in_memory() as folder:
            (folder / entry.spec.file).write_bytes(content)
            if accept(entry, folder):
                wrong.append(f"try {trial}: {entry.spec.name} was loaded, {kind}")
    return Result(fault="model files altered or exchanged", n=n, failures=wrong, seed=seed, acknowledged=n)


def by_size(n: int, seed: int) -> Result:
    """The control: a file of the right length is the right file."""
    return exchanged(n, seed, lambda entry, folder: _size(folder, entry) == _size(entry.folder, entry))


def bundles_altered(n: int, seed: int, accept: Callable[[bytes], bool] | None = None) -> Result:
    """A bundle has another calibration, threshold, model, version or bit than was signed, or another signature."""
    dice, wrong, whole = random.Random(seed), [], _bundle()
    for trial in range(n):
        kind = dice.choice(sorted(ALTERED))
        altered = ALTERED[kind](whole, dice)
        if altered != whole and (accept or _taken)(altered):
            wrong.append(f"try {trial}: a bundle was taken, {kind}")
    return Result(fault="bundles altered", n=n, failures=wrong, seed=seed, acknowledged=n, note=", ".join(ALTERED))


def by_their_parts(n: int, seed: int) -> Result:
    """The control: a bundle whose models have the digests that it says itself is a good one."""

    def accept(content: bytes) -> bool:
        try:
            return bool(release.parse(content, Path("bundle")).models)
        except UpdateRefused:
            return False

    return bundles_altered(n, seed, accept)


def _taken(content: bytes) -> bool:
    """Whether the reader would look inside."""
    try:
        release.authentic(content, lambda key: public_of(PUBLISHER))
    except UpdateRefused:
        return False
    return True


def _bundle() -> bytes:
    path = manifest.shipped()
    tables = tomllib.loads(path.read_text(encoding="utf-8"))
    models = {name: (table, (path.parent / table["file"]).read_bytes()) for name, table in tables.items()}
    return release.pack(PUBLISHER, 7, "what is new", models)


def _headed(whole: bytes, change: Callable[[dict[str, Any]], None]) -> bytes:
    """The same bundle with another head, as long as it says; the signature stays."""
    first, _, body = whole.partition(b"\n")
    head, _, parts = body.partition(b"\n")
    told = json.loads(head)
    change(told)
    body = canonical(told) + b"\n" + parts
    mark, _, key, signature = first.split(b" ")
    return b" ".join((mark, str(len(body)).encode(), key, signature)) + b"\n" + body


def _embedder(told: dict[str, Any]) -> dict[str, Any]:
    return next(table for table in told["models"].values() if table["task"] == Task.EMBEDDER)


def _recalibrated(told: dict[str, Any]) -> None:
    """What was measured of another embedder: each score is worth more."""
    table = _embedder(told)
    table["calibration"] = [[at, log + 1] for at, log in table["calibration"]]


def _lenient(told: dict[str, Any]) -> None:
    _embedder(told)["thresholds"] = {"grant": 0.2}


def _exchanged(told: dict[str, Any]) -> None:
    """Two models change places, with all that stands in their tables but the file."""
    one, two = (name for name, table in told["models"].items() if table["task"] in (Task.QUALITY, Task.LIVENESS))
    for key in ("file", "sha256"):
        first, second = told["models"][one][key], told["models"][two][key]
        told["models"][one][key], told["models"][two][key] = second, first


def _newer(told: dict[str, Any]) -> None:
    told["version"] += 1


def _bits(whole: bytes, dice: random.Random) -> bytes:
    return turned_over(whole, dice.choice((1, 64)), dice)


def _resigned(whole: bytes, dice: random.Random) -> bytes:
    """By somebody who has no key that may publish, under the name of one who has."""
    path, seed = Path("bundle"), dice.randbytes(32)
    models = {}
    for name, entry in release.parse(whole, path).models.items():
        table = json.loads(whole.split(b"\n", 2)[1])["models"][name]
        models[name] = (table, entry.content or b"")
    forged = release.pack(seed, 8, "what is new", models)
    mine, theirs = (content.split(b"\n", 1)[0].split(b" ") for content in (forged, whole))
    return b" ".join((mine[0], mine[1], theirs[2], mine[3])) + b"\n" + forged.split(b"\n", 1)[1]


ALTERED: dict[str, Callable[[bytes, random.Random], bytes]] = {
    "other calibration": lambda whole, dice: _headed(whole, _recalibrated),
    "other threshold": lambda whole, dice: _headed(whole, _lenient),
    "models exchanged": lambda whole, dice: _headed(whole, _exchanged),
    "newer": lambda whole, dice: _headed(whole, _newer),
    "bits": _bits,
    "cut short": lambda whole, dice: whole[: dice.randrange(len(whole))],
    "another's signature": _resigned,
}


def _size(folder: Path, entry: Entry) -> int:
    return (folder / entry.spec.file).stat().st_size
