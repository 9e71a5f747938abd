"""A bundle of models in one file, signed by a publisher: what `edgeface models update` takes.

    edgeface-models-1 SIZE KEY SIGNATURE     one line; SIZE counts the bytes after it, KEY is the publisher's id
    {"bridges":[...],"models":{...},...}     canonical JSON, one line
    the parts                                models and maps end to end, in the order of "parts"

The signature is over size and SHA-256 of all that follows the first line, and nothing of that is looked at before the
signature holds. A part is known by its SHA-256; no name from inside is ever a path.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from typing import Any

import numpy as np

from edgeface.adapters.spec import Entry, to_spec
from edgeface.bridge import Bridge
from edgeface.canonical import EXACT, Json, canonical
from edgeface.errors import ModelError, UpdateProblem, UpdateRefused
from edgeface.model import Task
from edgeface.signature import Purpose, key_id, public_of, sign, verify

MOST_BYTES = 64 << 20
"""Of a bundle. The shipped models come to 2.5 MB; a board keeps two bundles and must read one into memory."""
MOST_HEAD_BYTES = 1 << 20
MOST_PARTS = 32

_FIRST = re.compile(rb"edgeface-models-1 ([1-9][0-9]{0,8}) ([0-9a-f]{16}) ([A-Za-z0-9_=-]{88})\n")
_LONGEST_FIRST = 140
_SHA256 = re.compile("[0-9a-f]{64}")
_NAME = re.compile(r"[a-z0-9](?:[a-z0-9.-]{0,62}[a-z0-9])?")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Release:
    """What a bundle holds."""

    version: int
    """Grows with each bundle of a publisher; a reader never goes back."""
    says: str
    """What is new, one line."""
    sha256: str
    """Of the whole file."""
    models: Mapping[str, Entry]
    """By name."""
    bridges: tuple[Bridge, ...]
    """From embedders whose templates need not be made anew."""

    def of(self, task: Task) -> Entry | None:
        """The model for a task."""
        return next((entry for entry in self.models.values() if entry.spec.task is task), None)


def pack(
    seed: bytes, version: int, says: str, models: Mapping[str, tuple[Mapping[str, Any], bytes]],
    bridges: Sequence[Bridge] = (),
) -> bytes:  # fmt: skip
    """A bundle, signed. `models`: by name, the table of a manifest and the file. Raises UpdateRefused if it is none."""
    maps = {bridge.former: _packed(bridge) for bridge in bridges}
    parts = [content for _, content in models.values()] + list(maps.values())
    head: Json = {
        "version": version,
        "says": says,
        "parts": [{"sha256": _digest(part), "bytes": len(part)} for part in parts],
        "models": {
            name: {**table, "file": f"{_digest(content)}.tflite", "sha256": _digest(content)}
            for name, (table, content) in models.items()
        },
        "bridges": [
            {
                "former": bridge.former,
                "part": _digest(maps[bridge.former]),
                "dimensions": list(bridge.dimensions),
                "scale": bridge.scale,
                "shift": bridge.shift,
                "measured": bridge.measured,
            }
            for bridge in bridges
        ],
    }
    body = canonical(head) + b"\n" + b"".join(parts)
    signature = sign(seed, Purpose.MODELS, _signed(body))
    packed = f"edgeface-models-1 {len(body)} {key_id(public_of(seed))} {signature}\n".encode() + body
    parse(packed, Path("bundle"))
    return packed


def authentic(content: bytes, publisher: Callable[[str], bytes | None]) -> str:
    """That a publisher signed it; the id of whose key. Nothing else is looked at.

    `publisher` gives the public key of an id, or None for one that may not publish. Raises UpdateRefused.
    """
    size, key, signature, body = _opened(content)
    if len(body) < size:
        raise UpdateRefused(UpdateProblem.TRUNCATED, f"{len(body)} of {size} bytes are there: fetch it again")
    public = publisher(key)
    if public is None:
        raise UpdateRefused(
            UpdateProblem.UNKNOWN_PUBLISHER,
            f"it is signed with key {key}, which may not publish models for this reader: "
            "`edgeface keys add` with the publisher's public key and --role publish",
        )
    if len(body) > size or not verify(public, Purpose.MODELS, _signed(body), signature):
        raise UpdateRefused(UpdateProblem.ALTERED, f"it is not what key {key} signed: fetch it again")
    return key


def parse(content: bytes, where: Path) -> Release:
    """What an authentic bundle holds; `where` it is, for whoever asks. Raises UpdateRefused."""
    *_, body = _opened(content)
    head, mark, rest = body.partition(b"\n")
    if not mark or len(head) > MOST_HEAD_BYTES:
        raise _malformed("it has no head")
    try:
        told = json.loads(head)
        parts = _parts(told["parts"], rest)
        return Release(
            version=_version(told["version"]),
            says=_line(told["says"]),
            sha256=_digest(content),
            models=_models(told["models"], parts, where),
            bridges=tuple(_bridge(one, parts) for one in told["bridges"]),
        )
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError, OverflowError) as error:
        raise _malformed(f"{type(error).__name__}: {error}") from error
    except UpdateRefused:
        raise
    except ModelError as error:
        raise _malformed(str(error)) from error


def _opened(content: bytes) -> tuple[int, str, str, bytes]:
    """(size, key, signature, all that follows the first line)."""
    if len(content) > MOST_BYTES:
        raise UpdateRefused(UpdateProblem.TOO_LARGE, f"{len(content)} bytes; a bundle has {MOST_BYTES} at most")
    found = _FIRST.match(content[:_LONGEST_FIRST])
    if found is None:
        raise UpdateRefused(UpdateProblem.NOT_A_BUNDLE, "it does not begin as `edgeface models pack` writes it")
    size, key, signature = (part.decode("ascii") for part in found.groups())
    return int(size), key, signature, content[found.end() :]


def _signed(body: bytes) -> dict[str, str | int]:
    return {"sha256": _digest(body), "bytes": len(body)}


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _malformed(why: str) -> UpdateRefused:
    return UpdateRefused(UpdateProblem.MALFORMED, f"it was signed, but it is no bundle that this edgeface knows: {why}")


def _version(value: Any) -> int:
    if type(value) is not int or not 1 <= value <= EXACT:
        raise ValueError(f"the version must be a whole number from 1, not {value!r}")
    return value


def _line(value: Any) -> str:
    if not isinstance(value, str) or len(value) > 500 or not (value.isprintable() or not value):
        raise ValueError("says and measured must be texts on one line, of 500 letters at most")
    return value


def _parts(told: Any, rest: bytes) -> dict[str, bytes]:
    """The parts by digest, each checked."""
    if not isinstance(told, list) or len(told) > MOST_PARTS:
        raise ValueError(f"a bundle has {MOST_PARTS} parts at most")
    sizes = [part["bytes"] for part in told]
    if not all(type(size) is int and size > 0 for size in sizes) or sum(sizes) != len(rest):
        raise ValueError("the parts are not as long as they should be")
    cut = [rest[end - size : end] for end, size in zip(accumulate(sizes), sizes, strict=True)]
    found = {_digest(part): part for part in cut}
    if [part["sha256"] for part in told] != [_digest(part) for part in cut]:
        raise ValueError("a part is another than it should be")
    return found


def _models(told: Any, parts: Mapping[str, bytes], where: Path) -> dict[str, Entry]:
    specs = [to_spec(name, table, where) for name, table in told.items()]
    for spec in specs:
        if not _NAME.fullmatch(spec.name) or spec.file != f"{spec.sha256}.tflite" or spec.sha256 not in parts:
            raise ValueError(f"the model {spec.name!r} is none of the parts, or its name is none")
    tasks = [spec.task for spec in specs]
    if not specs or len(set(tasks)) < len(tasks):
        raise ValueError("a bundle has one model a task, and at least one")
    return {
        spec.name: Entry(spec=spec, folder=where.parent, manifest=where, content=parts[spec.sha256]) for spec in specs
    }


def _packed(bridge: Bridge) -> bytes:
    """The map and its offset as little-endian float32, row by row, the offset last in each row."""
    return np.column_stack([bridge.matrix, bridge.offset]).astype("<f4").tobytes()


def _bridge(told: Mapping[str, Any], parts: Mapping[str, bytes]) -> Bridge:
    former, new = told["dimensions"]
    sides = all(type(side) is int and 8 <= side <= 4096 for side in (former, new))
    if not sides or not _SHA256.fullmatch(told["former"]):
        raise ValueError("a bridge must name a model and two lengths")
    rows = np.frombuffer(parts[told["part"]], "<f4").reshape(new, former + 1).astype(np.float32)
    return Bridge(
        former=told["former"],
        matrix=np.ascontiguousarray(rows[:, :-1]),
        offset=np.ascontiguousarray(rows[:, -1]),
        scale=float(told["scale"]),
        shift=float(told["shift"]),
        measured=_line(told["measured"]),
    )
