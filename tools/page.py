"""Pages that several commands write: each replaces its own section and leaves the rest."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path


def write_section(page: Path, title: str, lines: Sequence[str]) -> None:
    """Put `lines` below the heading `title` of a page, in the place of what stood there, or at its end."""
    text = page.read_text(encoding="utf-8") if page.exists() else ""
    head, *sections = ("\n" + text).split("\n## ")
    kept = {section.split("\n", 1)[0]: section for section in sections}
    kept[title] = "\n".join([title, "", *lines]).rstrip() + "\n"
    parts = [head.strip(), *(f"## {section.strip()}" for section in kept.values())]
    page.write_text("\n\n".join(part for part in parts if part) + "\n", encoding="utf-8")
