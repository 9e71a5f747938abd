"""How pages are drawn: templates in `templates/`, all words in `strings/en.toml`; nothing is trusted as HTML."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from edgeface import __version__
from edgeface.console import chart

if TYPE_CHECKING:
    from edgeface.console.visit import Visit

HERE = Path(__file__).parent
STATIC = HERE / "static"
CONSENT = HERE.parent / "store" / "consent.txt"
"""What a person agrees to: the text that the reader records."""
NOTHING = "\N{EN DASH}"
"""Stands where there is no figure."""


def strings() -> SimpleNamespace:
    """Everything that the console says, as `words.people.title`."""
    return _spaces(tomllib.loads((HERE / "strings" / "en.toml").read_text(encoding="utf-8")))


class Look:
    """Draws pages."""

    def __init__(self, words: SimpleNamespace) -> None:
        self._words = words
        self.environment = Environment(
            loader=FileSystemLoader(HERE / "templates"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self.environment.filters |= {"moment": moment, "number": number, "percent": percent, "size": size}
        self.environment.filters |= {"figure": figure, "lasted": lasted}
        self.environment.globals |= {"version": __version__, "t": words, "score": chart.score}

    def part(self, template: str, facts: Mapping[str, Any]) -> str:
        """A part of a page, to be put in its place by a script."""
        return str(self.environment.get_template(template).render(facts))

    def render(self, template: str, visit: Visit, facts: Mapping[str, Any]) -> str:
        """A page as text. A notice is said once."""
        notices: tuple[str, ...] = ()
        if visit.found is not None:
            notices = tuple(visit.found.notices)
            visit.found.notices.clear()
        shown: dict[str, Any] = {"visit": visit, "session": visit.found, "can": visit.can, "notices": notices}
        shown |= {"csrf": visit.console.csrf(visit), "error": None}
        return str(self.environment.get_template(template).render({**shown, **facts}))


def moment(value: datetime | str | None) -> str:
    """A moment in UTC, as people read it."""
    if value is None:
        return NOTHING
    at = datetime.fromisoformat(value) if isinstance(value, str) else value
    return at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")


def number(value: float | None, digits: int = 0) -> str:
    """A figure."""
    return NOTHING if value is None else f"{value:,.{digits}f}"


def figure(value: float | None, unit: str) -> str:
    """A figure with its unit; counts have none."""
    if unit == "MB":
        return size(None if value is None else value * 1e6)
    return number(value, 1 if unit else 0) + (f" {unit}" if unit and value is not None else "")


def lasted(seconds: float) -> str:
    """How long something has run."""
    if seconds < 3600:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h" if seconds < 172800 else f"{seconds / 86400:.0f} d"


def percent(value: float | None, digits: int = 1) -> str:
    """A share."""
    return NOTHING if value is None else f"{100 * value:.{digits}f} %"


def size(value: float | None) -> str:
    """Bytes."""
    if value is None:
        return NOTHING
    for unit in ("B", "kB", "MB"):
        if value < 1000:
            return f"{value:.0f} {unit}"
        value /= 1000
    return f"{value:.1f} GB"


def _spaces(table: Mapping[str, Any]) -> SimpleNamespace:
    return SimpleNamespace(
        **{key: _spaces(value) if isinstance(value, dict) else value for key, value in table.items()}
    )
