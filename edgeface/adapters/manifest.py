"""Model manifests: which models there are, which are in use, and whether each is what it claims to be.

A manifest is a TOML file beside its models, one table a model; see `models/manifest.toml` for the keys. The choice in
use is kept in `models.toml` of the home folder, so that an update of the package does not change it. Where nobody
chose, the models of the newest signed bundle are in use (`slots.py`), or those that come with edgeface.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

from edgeface.adapters import installed, slots
from edgeface.adapters.spec import Entry, to_spec
from edgeface.bridge import Bridge
from edgeface.errors import ModelError
from edgeface.model import Task

CHOICE = "models.toml"
SHIPPED = "shipped"
"""Stands for the shipped manifest in `models.toml`: its path changes with every virtual environment."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """The models in use."""

    detector: Entry
    embedder: Entry
    quality: Entry | None = None
    """None here and below: neither chosen nor shipped, and the reader does without."""
    liveness: Entry | None = None
    pose: Entry | None = None
    bridges: tuple[Bridge, ...] = ()
    """To the embedder, from those whose templates need not be made anew."""

    def entries(self) -> tuple[Entry, ...]:
        """All of them, in the order of the tasks."""
        places = (self.detector, self.embedder, self.quality, self.liveness, self.pose)
        return tuple(entry for entry in places if entry is not None)


def shipped() -> Path:
    """The manifest that comes with edgeface."""
    return Path(str(files("edgeface_models"))) / "manifest.toml"


def read(manifest: Path) -> dict[str, Entry]:
    """Every model of a manifest, by name. Raises ModelError that names the key at fault."""
    try:
        tables = tomllib.loads(manifest.read_text(encoding="utf-8"))
    except OSError as error:
        raise ModelError(f"cannot read the manifest {manifest}: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise ModelError(f"{manifest} is not TOML: {error}") from error
    specs = (to_spec(name, table, manifest) for name, table in tables.items())
    return {spec.name: Entry(spec=spec, folder=manifest.parent, manifest=manifest) for spec in specs}


def chosen(home: Path) -> Choice:
    """The models in use: those of `models.toml`, or of the newest bundle, or the first of each task that is shipped."""
    choice, models = _read_choice(home), standard(home)
    entries = {task: _pick(task, choice.get(task.value), models, home) for task in Task}
    detector, embedder = entries[Task.DETECTOR], entries[Task.EMBEDDER]
    if detector is None or embedder is None:
        raise ModelError(f"{shipped()} has no {Task.DETECTOR} or no {Task.EMBEDDER}: install edgeface again")
    return Choice(
        detector=detector,
        embedder=embedder,
        quality=entries[Task.QUALITY],
        liveness=entries[Task.LIVENESS],
        pose=entries[Task.POSE],
        bridges=() if embedder.content is None else _bridges(home, embedder),
    )


def standard(home: Path) -> dict[Task, Entry]:
    """What is in use where nobody chose: a model of the bundle in use, or the first shipped. Raises ModelError."""
    found: dict[Task, Entry] = {}
    for entry in (*_updated(home).values(), *read(shipped()).values()):
        found.setdefault(entry.spec.task, entry)
    return found


def picked(home: Path) -> frozenset[Task]:
    """Tasks for which `edgeface models use` chose a model."""
    return frozenset(Task(task) for task in _read_choice(home))


def choose(home: Path, entry: Entry) -> None:
    """Put a model to use from the next start on. Raises ModelError if that cannot be written down."""
    choice = _read_choice(home)
    manifest = SHIPPED if entry.manifest == shipped() else str(entry.manifest.resolve())
    if entry.content is not None:  # of a bundle: in use wherever nothing else is chosen
        choice.pop(entry.spec.task.value, None)
    else:
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
    """Shipped and installed models, and those of manifests in use; of two with one name, the one that was chosen."""
    found = read(shipped()) | _updated(home)
    for name, manifest in installed.manifests(home).items():
        found |= _read_installed(name, manifest)
    for manifest in {_manifest_of(picked) for picked in _read_choice(home).values()} - {shipped()}:
        found |= _read_chosen(manifest, home)
    return found


def _updated(home: Path) -> dict[str, Entry]:
    """The models of the bundle in use."""
    found = slots.opened(home, slots.read(home))
    return {} if found is None else dict(found.models)


def _bridges(home: Path, embedder: Entry) -> tuple[Bridge, ...]:
    """The maps of the bundle that an embedder came with."""
    found = slots.opened(home, slots.read(home))
    if found is None:
        return ()
    return tuple(bridge for bridge in found.bridges if bridge.dimensions[1] == embedder.spec.dimensions)


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


def _read_installed(name: str, manifest: Path) -> dict[str, Entry]:
    try:
        return read(manifest)
    except ModelError as error:
        raise ModelError(f"{error}; take it away with `edgeface models remove {name}`") from error


def _read_chosen(manifest: Path, home: Path) -> dict[str, Entry]:
    try:
        return read(manifest)
    except ModelError as error:
        raise ModelError(f"{error}; {home / CHOICE} names it: delete that to go back to the shipped models") from error


def _pick(task: Task, picked: dict[str, str] | None, models: Mapping[Task, Entry], home: Path) -> Entry | None:
    if picked is None:
        return models.get(task)
    manifest = _manifest_of(picked)
    entry = _read_chosen(manifest, home).get(picked["name"])
    if entry is None or entry.spec.task is not task:
        raise ModelError(f"{manifest} has no {task} named {picked['name']}: choose one with `edgeface models use`")
    return entry


def _quoted(text: str) -> str:
    """A TOML string: JSON's escapes, and DEL, which JSON leaves as it is."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
