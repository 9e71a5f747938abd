"""Model manifests: which models there are, which are in use, and whether each is what it claims to be.

A manifest is a TOML file beside its models, one table a model; see `models/manifest.toml` for the keys. The choice in
use is kept in `models.toml` of the home folder, so that an update of the package does not change it.
"""

from __future__ import annotations

import tomllib
from dataclasses import MISSING, dataclass, fields
from importlib.resources import files
from pathlib import Path
from typing import Any

from edgeface.errors import ModelError
from edgeface.model import Layout, ModelSpec, Task

CHOICE = "models.toml"


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
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ModelError(f"{manifest} is not TOML: {error}") from error
    specs = (_spec(name, table, manifest) for name, table in tables.items())
    return {spec.name: Entry(spec=spec, folder=manifest.parent, manifest=manifest) for spec in specs}


def chosen(home: Path) -> Choice:
    """The models in use: those of `models.toml`, or the first of each task in the shipped manifest."""
    choice = _read_choice(home)
    entries = {task: _pick(task, choice.get(task.value)) for task in Task}
    return Choice(detector=entries[Task.DETECTOR], embedder=entries[Task.EMBEDDER])


def choose(home: Path, entry: Entry) -> None:
    """Put a model to use from the next start on."""
    choice = _read_choice(home)
    choice[entry.spec.task.value] = {"name": entry.spec.name, "manifest": str(entry.manifest.resolve())}
    home.mkdir(parents=True, exist_ok=True)
    lines = ["# Written by `edgeface models use`."]
    for task, picked in sorted(choice.items()):
        lines += [f"[{task}]", *(f"{key} = {_quoted(value)}" for key, value in sorted(picked.items()))]
    part = home / f"{CHOICE}.part"
    part.write_text("\n".join(lines) + "\n", encoding="utf-8")
    part.replace(home / CHOICE)


def known(home: Path) -> dict[str, Entry]:
    """Shipped models, and those of manifests that are in use."""
    choice = _read_choice(home)
    found: dict[str, Entry] = {}
    for manifest in {Path(picked["manifest"]) for picked in choice.values()}:
        found |= read(manifest)
    return found | read(shipped())


def _read_choice(home: Path) -> dict[str, dict[str, str]]:
    path = home / CHOICE
    if not path.exists():
        return {}
    try:
        choice = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ModelError(f"{path} cannot be read ({error}): delete it to go back to the shipped models") from error
    for task, picked in choice.items():
        if task not in set(Task) or not isinstance(picked, dict) or set(picked) != {"name", "manifest"}:
            raise ModelError(f"{path}: [{task}] is not as `edgeface models use` writes it: delete the file")
    return choice


def _pick(task: Task, picked: dict[str, str] | None) -> Entry:
    manifest = Path(picked["manifest"]) if picked else shipped()
    entries = read(manifest)
    if picked is None:
        return next(entry for entry in entries.values() if entry.spec.task is task)
    entry = entries.get(picked["name"])
    if entry is None or entry.spec.task is not task:
        raise ModelError(f"{manifest} has no {task} named {picked['name']}: choose one with `edgeface models use`")
    return entry


def _spec(name: str, table: Any, manifest: Path) -> ModelSpec:
    where = f"{manifest}: [{name}]"
    if not isinstance(table, dict):
        raise ModelError(f"{where} is not a table")
    known_keys = {field.name for field in fields(ModelSpec)} - {"name"}
    needed = {field.name for field in fields(ModelSpec) if field.default is MISSING and field.default_factory is MISSING}
    if unknown := set(table) - known_keys:
        raise ModelError(f"{where} has the unknown key {sorted(unknown)[0]}; known are {', '.join(sorted(known_keys))}")
    if missing := needed - {"name"} - set(table):
        raise ModelError(f"{where} lacks the key {sorted(missing)[0]}")
    try:
        return _checked(ModelSpec(**{**table, **_converted(table), "name": name}))
    except (ValueError, TypeError) as error:
        raise ModelError(f"{where}: {error}") from error


def _converted(table: dict[str, Any]) -> dict[str, Any]:
    return {
        "task": Task(table["task"]),
        "layout": Layout(table["layout"]),
        "template": tuple((float(x), float(y)) for x, y in table.get("template", ())),
        "thresholds": {str(key): float(value) for key, value in table.get("thresholds", {}).items()},
        "mean": float(table["mean"]),
        "std": float(table["std"]),
    }


def _checked(spec: ModelSpec) -> ModelSpec:
    """Refuse what would only fail, or fail open, at the door."""
    problems = (
        (spec.order not in ("RGB", "BGR"), 'order must be "RGB" or "BGR"'),
        (spec.std <= 0, "std must be above 0"),
        (not 16 <= spec.width_px <= 2048 or not 16 <= spec.height_px <= 2048, "width_px and height_px: 16 to 2048"),
        (Path(spec.file).name != spec.file, "file must be a plain file name beside the manifest"),
        (len(spec.sha256) != 64, "sha256 must be 64 hex digits"),
        (not spec.licence.strip(), "licence must say what may be done with the model"),
        ((spec.task is Task.EMBEDDER) != (spec.layout is Layout.EMBEDDING), "layout does not fit the task"),
        (spec.task is Task.EMBEDDER and len(spec.template) != 5, "template must be five points"),
        (spec.task is Task.EMBEDDER and spec.dimensions < 8, "dimensions must be at least 8"),
        (spec.task is Task.EMBEDDER and not 0 < spec.thresholds.get("grant", 0) < 1, "thresholds.grant: 0 to 1"),
        (spec.task is Task.DETECTOR and not 0 < spec.thresholds.get("min_score", 0) < 1, "thresholds.min_score: 0 to 1"),
    )
    for wrong, sentence in problems:
        if wrong:
            raise ValueError(sentence)
    return spec


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
