"""Model manifests: which models there are, which are in use, and whether each is what it claims to be.

A manifest is a TOML file beside its models, one table a model; see `models/manifest.toml` for the keys. The choice in
use is kept in `models.toml` of the home folder, so that an update of the package does not change it.
"""

from __future__ import annotations

import json
import math
import re
import tomllib
from dataclasses import MISSING, dataclass, fields
from importlib.resources import files
from pathlib import Path
from typing import Any

from edgeface.errors import ModelError
from edgeface.model import Layout, ModelSpec, Task

CHOICE = "models.toml"
SHIPPED = "shipped"
"""Stands for the shipped manifest in `models.toml`: its path changes with every virtual environment."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A model and the folder that its file lies in."""

    spec: ModelSpec
    folder: Path
    manifest: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """The detector and the embedder in use."""

    detector: Entry
    embedder: Entry


def shipped() -> Path:
    """The manifest that comes with edgeface."""
    return Path(str(files("edgeface_models"))) / "manifest.toml"


def read(manifest: Path) -> dict[str, Entry]:
    """Every model of a manifest, by name. Raises ModelError that names the key at fault."""
    try:
        tables = tomllib.loads(manifest.read_text(encoding="utf-8"))
    except OSError as error:
        raise ModelError(f"cannot read the manifest {manifest}: {error.strerror}") from error
    except ValueError as error:
        raise ModelError(f"{manifest} is not TOML: {error}") from error
    specs = (_spec(name, table, manifest) for name, table in tables.items())
    return {spec.name: Entry(spec=spec, folder=manifest.parent, manifest=manifest) for spec in specs}


def chosen(home: Path) -> Choice:
    """The models in use: those of `models.toml`, or the first of each task in the shipped manifest."""
    choice = _read_choice(home)
    entries = {task: _pick(task, choice.get(task.value), home) for task in Task}
    return Choice(detector=entries[Task.DETECTOR], embedder=entries[Task.EMBEDDER])


def choose(home: Path, entry: Entry) -> None:
    """Put a model to use from the next start on. Raises ModelError if that cannot be written down."""
    choice = _read_choice(home)
    manifest = SHIPPED if entry.manifest == shipped() else str(entry.manifest.resolve())
    choice[entry.spec.task.value] = {"name": entry.spec.name, "manifest": manifest}
    lines = ["# Written by `edgeface models use`."]
    for task, picked in sorted(choice.items()):
        lines += [f"[{task}]", *(f"{key} = {_quoted(value)}" for key, value in sorted(picked.items()))]
    part = home / f"{CHOICE}.part"
    try:
        home.mkdir(parents=True, exist_ok=True)
        part.write_text("\n".join(lines) + "\n", encoding="utf-8")
        part.replace(home / CHOICE)
    except OSError as error:
        raise ModelError(f"the choice cannot be written to {home / CHOICE}: {error.strerror}; see --home") from error


def known(home: Path) -> dict[str, Entry]:
    """Shipped models, and those of manifests that are in use; of two with one name, the one that was chosen."""
    found = read(shipped())
    for manifest in {_manifest_of(picked) for picked in _read_choice(home).values()} - {shipped()}:
        found |= _read_chosen(manifest, home)
    return found


def _manifest_of(picked: dict[str, str]) -> Path:
    return shipped() if picked["manifest"] == SHIPPED else Path(picked["manifest"])


def _read_choice(home: Path) -> dict[str, dict[str, str]]:
    path = home / CHOICE
    if not path.exists():
        return {}
    try:
        choice = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ModelError(f"{path} cannot be read ({error}): delete it to go back to the shipped models") from error
    for task, picked in choice.items():
        if task not in set(Task) or not _is_choice(picked):
            raise ModelError(f"{path}: [{task}] is not as `edgeface models use` writes it: delete the file")
    return choice


def _is_choice(picked: Any) -> bool:
    if not isinstance(picked, dict) or set(picked) != {"name", "manifest"}:
        return False
    return all(isinstance(value, str) for value in picked.values())


def _read_chosen(manifest: Path, home: Path) -> dict[str, Entry]:
    try:
        return read(manifest)
    except ModelError as error:
        raise ModelError(f"{error}; {home / CHOICE} names it: delete that to go back to the shipped models") from error


def _pick(task: Task, picked: dict[str, str] | None, home: Path) -> Entry:
    if picked is None:
        return next(entry for entry in read(shipped()).values() if entry.spec.task is task)
    manifest = _manifest_of(picked)
    entry = _read_chosen(manifest, home).get(picked["name"])
    if entry is None or entry.spec.task is not task:
        raise ModelError(f"{manifest} has no {task} named {picked['name']}: choose one with `edgeface models use`")
    return entry


def _spec(name: str, table: Any, manifest: Path) -> ModelSpec:
    where = f"{manifest}: [{name}]"
    if not isinstance(table, dict):
        raise ModelError(f"{where} is not a table")
    required = {f.name for f in fields(ModelSpec) if f.default is MISSING and f.default_factory is MISSING} - {"name"}
    if unknown := sorted(set(table) - set(_KINDS)):
        raise ModelError(f"{where} has the unknown key {unknown[0]}; known are {', '.join(sorted(_KINDS))}")
    if missing := sorted(required - set(table)):
        raise ModelError(f"{where} lacks the key {missing[0]}")
    try:
        values = {key: _converted(key, value) for key, value in table.items()}
        return _checked(ModelSpec(**{**values, "name": name}))
    except ValueError as error:
        raise ModelError(f"{where}: {error}") from error


_KINDS: dict[str, tuple[type, str]] = {
    **dict.fromkeys(("task", "file", "sha256", "licence", "origin", "layout", "order"), (str, "a text in quotes")),
    **dict.fromkeys(("width_px", "height_px", "dimensions", "output"), (int, "a whole number")),
    **dict.fromkeys(("mean", "std"), (float, "a number")),
    "template": (list, "a list of points [x, y]"),
    "mirror": (bool, "true or false"),
    "thresholds": (dict, "a table of numbers"),
}
"""Every key of a model, what TOML must give for it, and how to say that."""


def _converted(key: str, value: Any) -> Any:
    """A TOML value as ModelSpec takes it. Raises ValueError."""
    kind, wanted = _KINDS[key]
    try:
        if kind is float:
            return _number(value)
        fits = type(value) is kind  # a bool is an int to isinstance
        if not fits:
            raise TypeError
        if kind is list:
            return tuple((_number(x), _number(y)) for x, y in value)
        if kind is dict:
            return {name: _number(number) for name, number in value.items()}
    except (TypeError, ValueError):
        raise ValueError(f"{key} must be {wanted}, not {json.dumps(value, default=str)}") from None
    if key in ("task", "layout"):
        return _choice(key, value)
    return value


def _number(value: Any) -> float:
    if type(value) not in (int, float) or not math.isfinite(value):
        raise TypeError
    return float(value)


def _choice(key: str, value: str) -> Task | Layout:
    choices: type[Task] | type[Layout] = Task if key == "task" else Layout
    if value not in set(choices):
        raise ValueError(f"{key} must be one of {', '.join(choices)}, not {value}")
    return choices(value)


def _checked(spec: ModelSpec) -> ModelSpec:
    """Refuse what would only fail, or fail open, at the door."""
    threshold = "grant" if spec.task is Task.EMBEDDER else "min_score"
    problems = (
        (spec.order not in ("RGB", "BGR"), 'order must be "RGB" or "BGR"'),
        (spec.std <= 0, "std must be above 0"),
        (not 16 <= spec.width_px <= 2048 or not 16 <= spec.height_px <= 2048, "width_px and height_px: 16 to 2048"),
        (not _FILE_NAME.fullmatch(spec.file), "file must be a plain file name beside the manifest"),
        (not _SHA256.fullmatch(spec.sha256), "sha256 must be 64 hex digits, in lower case"),
        (not spec.licence.strip(), "licence must say what may be done with the model"),
        ((spec.task is Task.EMBEDDER) != (spec.layout is Layout.EMBEDDING), "layout does not fit the task"),
        (spec.task is Task.EMBEDDER and len(spec.template) != 5, "template must be five points"),
        (
            any(not -0.5 <= part <= 1.5 for point in spec.template for part in point),
            "template must be in parts of the side",
        ),
        (spec.task is Task.EMBEDDER and spec.dimensions < 8, "dimensions must be at least 8"),
        (spec.output < 0, "output must not be negative"),
        (not 0 < spec.thresholds.get(threshold, 0) < 1, f"thresholds.{threshold} must be above 0 and below 1"),
    )
    for wrong, sentence in problems:
        if wrong:
            raise ValueError(sentence)
    return spec


_FILE_NAME = re.compile(r"[^/\\\x00-\x1f]*[^/\\\x00-\x1f.][^/\\\x00-\x1f]*")
_SHA256 = re.compile("[0-9a-f]{64}")


def _quoted(text: str) -> str:
    """A TOML string: JSON's escapes, and DEL, which JSON leaves as it is."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
