"""The catalogue of models that other people made and that `edgeface models install` can fetch and convert.

A TOML file, one table a model. Its `manifest` table holds what will stand in the installed model's manifest, `original`
what the maker's own file expects, `files` where it is to be had and the digests that decide.
"""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

from edgeface.adapters.spec import to_spec
from edgeface.errors import ModelError
from edgeface.model import ModelSpec, Task

LARGEST_BYTES = 1 << 30
"""More than any network that a door reader could run."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """One of the maker's files."""

    name: str
    """Plain file name."""
    url: str
    """Where the maker publishes it."""
    sha256: str
    """Hex, lower case; a file with any other is never parsed."""
    size_bytes: int
    """At most so much is downloaded."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Original:
    """What the maker's network expects: input = (pixel - mean) / std, channel by channel in its colour order."""

    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    order: str
    """"RGB" or "BGR"."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Offer:
    """A model that can be installed."""

    name: str
    """Also the name of its folder, file and manifest entry: lower case, digits, dots and dashes."""
    maker: str
    """Who made it."""
    summary: str
    """What it is, in a line."""
    licence: str
    """SPDX identifier."""
    licence_url: str
    """Its text, as the maker publishes it."""
    verified: str
    """How the digests were checked against the maker's."""
    measured: str
    """How the threshold in `manifest` was found."""
    sources: tuple[Source, ...]
    """The first is the one that describes the network."""
    original: Original
    manifest: Mapping[str, Any]
    """Keys of the manifest entry but for those that conversion decides, such as file, sha256, origin, mean, golden."""

    @property
    def task(self) -> Task:
        """What the model is for."""
        return self.spec().task

    def entry(self, sha256: str, origin: str, **changes: Any) -> dict[str, Any]:
        """The keys of the installed model's manifest entry."""
        labels = {"file": f"{self.name}.tflite", "sha256": sha256, "licence": self.licence, "origin": origin}
        return {**self.manifest, **labels, **changes}

    def spec(self) -> ModelSpec:
        """What the entry will say but for digest and normalisation. Raises ModelError if the keys do not make one."""
        return to_spec(self.name, self.entry("0" * 64, self.maker, mean=0, std=1), Path("manifest"))


def shipped() -> Path:
    """The catalogue that comes with edgeface."""
    return Path(str(files("edgeface_models"))) / "catalog.toml"


def read(path: Path) -> dict[str, Offer]:
    """Every model of a catalogue, by name. Raises ModelError that names the key at fault."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ModelError(f"cannot read the catalogue {path}: {error}") from error
    return parse(text, str(path))


def parse(text: str, where: str) -> dict[str, Offer]:
    """As `read`, of a text; `where` begins every complaint."""
    try:
        tables = tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        raise ModelError(f"{where} is not TOML: {error}") from error
    found = {}
    for name, table in tables.items():
        try:
            found[name] = _offer(name, table)
        except (ValueError, ModelError) as error:
            raise ModelError(f"{where}: [{name}] {error}") from error
    return found


def find(offers: Mapping[str, Offer], name: str) -> Offer:
    """The offer of that name. Raises ModelError that suggests the nearest."""
    if name in offers:
        return offers[name]
    near = difflib.get_close_matches(name, offers, n=2, cutoff=0.3)
    guess = f"; did you mean {' or '.join(near)}?" if near else "."
    raise ModelError(f"the catalogue has no model named {name!r}{guess} It has: {', '.join(sorted(offers))}")


_NAME = re.compile(r"[a-z0-9](?:[a-z0-9.-]{0,62}[a-z0-9])?")
_FILE = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")
_URL = re.compile(r"https?://[A-Za-z0-9.:-]+/[!-~]+")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_TEXTS = ("maker", "summary", "licence", "licence_url", "verified", "measured")


def _offer(name: str, table: Any) -> Offer:
    if not _NAME.fullmatch(name):
        raise ValueError("a name has lower case letters, digits, dots and dashes only")
    _keys("", table, {*_TEXTS, "files", "original", "manifest"})
    for key in _TEXTS:
        if not isinstance(table[key], str) or not table[key].strip() or not table[key].isprintable():
            raise ValueError(f"{key} must be a text in quotes, on one line")  # it is shown on a terminal
    if not isinstance(table["files"], list) or not table["files"]:
        raise ValueError("files must be a list of tables")
    sources = tuple(_source(f"files[{index}]", one) for index, one in enumerate(table["files"]))
    if len({source.name for source in sources}) < len(sources):
        raise ValueError("files has one name twice")
    offer = Offer(
        **{key: table[key] for key in _TEXTS},
        name=name,
        sources=sources,
        original=_original(table["original"]),
        manifest=_manifest(table["manifest"]),
    )
    offer.spec()
    return offer


def _keys(where: str, table: Any, wanted: Iterable[str]) -> None:
    if not isinstance(table, dict):
        raise ValueError(f"{where or 'it'} must be a table")
    dot = f"{where}." if where else ""
    if unknown := sorted(set(table) - set(wanted)):
        raise ValueError(f"has the unknown key {dot}{unknown[0]}")
    if missing := sorted(set(wanted) - set(table)):
        raise ValueError(f"lacks the key {dot}{missing[0]}")


def _source(where: str, table: Any) -> Source:
    _keys(where, table, ("name", "url", "sha256", "size_bytes"))
    for key, pattern in (("name", _FILE), ("url", _URL), ("sha256", _SHA256)):
        if not isinstance(table[key], str) or not pattern.fullmatch(table[key]):
            raise ValueError(f"{where}.{key} is not a proper {key}: {table[key]!r}")
    size = table["size_bytes"]
    if type(size) is not int or not 0 < size <= LARGEST_BYTES:
        raise ValueError(f"{where}.size_bytes must be a whole number up to {LARGEST_BYTES}")
    return Source(**table)


def _original(table: Any) -> Original:
    _keys("original", table, ("mean", "std", "order"))
    mean, std = (_three(f"original.{key}", table[key]) for key in ("mean", "std"))
    if min(std) <= 0:
        raise ValueError("original.std must be above 0")
    if table["order"] not in ("RGB", "BGR"):
        raise ValueError('original.order must be "RGB" or "BGR"')
    return Original(mean=mean, std=std, order=table["order"])


def _three(where: str, values: Any) -> tuple[float, float, float]:
    if not isinstance(values, list) or len(values) != 3:
        raise ValueError(f"{where} must be three numbers")
    for value in values:
        if type(value) not in (int, float) or not abs(value) < 1e6:  # also refuses nan
            raise ValueError(f"{where} must be three numbers")
    return float(values[0]), float(values[1]), float(values[2])


def _manifest(table: Any) -> Mapping[str, Any]:
    if not isinstance(table, dict):
        raise ValueError("manifest must be a table")
    for key in ("file", "sha256", "licence", "origin", "mean", "std", "order", "golden", "golden_sample"):
        if key in table:
            raise ValueError(f"manifest.{key} is written when the model is installed")
    return table
