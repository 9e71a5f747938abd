"""What became of a batch, for people and for machines: JSON, CSV, Markdown, and a picture of what was refused."""

from __future__ import annotations

import csv
import html
import io
import json
from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from edgeface import image
from edgeface.adapters.album import Album, Item
from edgeface.errors import EnrolmentError, PictureError
from edgeface.frame import Pixels
from edgeface.image import Tile, encode_png, sheet_picture
from edgeface.service.batch import Fate, Outcome, PersonReport, PictureReport

SHOWN = 48
"""Refused pictures on the sheet: of each reason some."""
_REFUSED = (Fate.UNFIT, Fate.UNREADABLE, Fate.OUTLIER)


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """A whole batch."""

    source: str
    dry_run: bool
    people: tuple[PersonReport, ...]
    left_out: tuple[PictureReport, ...]

    @property
    def pictures(self) -> list[PictureReport]:
        """All of them, those that belong to nobody last."""
        return [*(picture for person in self.people for picture in person.pictures), *self.left_out]

    def count(self, outcome: Outcome) -> int:
        """How many people came to that."""
        return sum(person.outcome is outcome for person in self.people)


def plain(told: Told) -> dict[str, Any]:
    """As `--json` prints it."""
    fates = Counter(picture.fate.value for picture in told.pictures)
    kinds = Counter(picture.kind for picture in told.pictures if picture.fate in _REFUSED)
    return {
        "source": told.source,
        "dry_run": told.dry_run,
        "people": {outcome.value: told.count(outcome) for outcome in Outcome},
        "pictures": {fate.value: fates[fate.value] for fate in Fate},
        "refused_for": dict(kinds.most_common()),
        "persons": [asdict(person) for person in told.people],
        "left_out": [asdict(picture) for picture in told.left_out],
    }


def summary(told: Told) -> str:
    """One sentence about people, one about pictures."""
    fates = Counter(picture.fate for picture in told.pictures)
    done = (
        f"{told.count(Outcome.WOULD_BE)} would be enrolled"
        if told.dry_run
        else (f"{told.count(Outcome.ENROLLED)} enrolled")
    )
    people = f"{len(told.people)} people: {done}, {told.count(Outcome.BEFORE)} enrolled before, "
    pictures = ", ".join(f"{fates[fate]} {fate.value.replace('_', ' ')}" for fate in Fate if fates[fate])
    return f"{people}{told.count(Outcome.REFUSED)} not enrolled. {sum(fates.values())} pictures: {pictures}."


def as_csv(told: Told) -> str:
    """One row a picture. What a spreadsheet would run as a formula is quoted."""
    out = io.StringIO()
    rows = csv.writer(out, lineterminator="\n")
    rows.writerow(("picture", "fate", "kind", "advice", "person", "outcome", "reason"))
    for person in told.people:
        for one in person.pictures:
            row = (one.path, one.fate.value, one.kind, one.advice, person.name, person.outcome.value, person.reason)
            rows.writerow([_cell(text) for text in row])
    for one in told.left_out:
        rows.writerow([_cell(text) for text in (one.path, one.fate.value, one.kind, one.advice, "", "", "")])
    return out.getvalue()


def as_markdown(told: Told, *, sheet: bool) -> str:
    """A page to read."""
    lines = ["# Enrolment of " + _word(told.source), "", _word(summary(told)), ""]
    if told.dry_run:
        lines += ["This was a dry run: nothing was written to the gallery.", ""]
    kinds = Counter((one.fate.value, one.kind) for one in told.pictures if one.fate in (*_REFUSED, Fate.LEFT_OUT))
    if kinds:
        lines += ["## Why pictures were refused", "", "| fate | why | pictures |", "|---|---|---|"]
        lines += [f"| {fate} | {kind} | {count} |" for (fate, kind), count in kinds.most_common()]
        lines += ["", "![some of the refused pictures](refused.png)" if sheet else "", ""]
    lines += ["## People", "", "| person | outcome | templates | why, or whom they look like |", "|---|---|---|---|"]
    for person in told.people:
        why = person.reason or "; ".join(person.alike)
        lines.append(f"| {_word(person.name)} | {person.outcome.value} | {person.templates} | {_word(why)} |")
    refused = [one for one in told.pictures if one.fate in (*_REFUSED, Fate.LEFT_OUT)]
    if refused:
        lines += ["", "## Pictures that were not used", "", "| picture | why | what to do |", "|---|---|---|"]
        lines += [f"| {_word(one.path)} | {one.kind} | {_word(one.advice)} |" for one in refused]
    return "\n".join(lines) + "\n"


def write(told: Told, album: Album, folder: Path) -> None:
    """report.json, report.csv, report.md and refused.png. They name people and show faces: see who may read them.

    Raises EnrolmentError if they cannot be written.
    """
    tiles = _tiles(told, album)
    try:
        (folder / "report.json").write_text(json.dumps(plain(told), indent=1) + "\n", encoding="utf-8")
        (folder / "report.csv").write_text(as_csv(told), encoding="utf-8")
        (folder / "report.md").write_text(as_markdown(told, sheet=bool(tiles)), encoding="utf-8")
        if tiles:
            heading = f"{len(tiles)} of {sum(one.fate in _REFUSED for one in told.pictures)} refused pictures"
            (folder / "refused.png").write_bytes(encode_png(sheet_picture(tiles, heading)))
    except OSError as error:
        raise EnrolmentError(f"the report cannot be written: {error.strerror or error}; see --report") from error


def _tiles(told: Told, album: Album) -> list[Tile]:
    """Of each reason in turn one more, read once again: none was kept."""
    by_kind: dict[str, list[PictureReport]] = {}
    for one in told.pictures:
        if one.fate in _REFUSED:
            by_kind.setdefault(one.kind, []).append(one)
    chosen: list[PictureReport] = []
    for turn in range(SHOWN):
        chosen += [ones[turn] for ones in by_kind.values() if turn < len(ones)]
    items = {item.path: item for item in album.items}
    chosen = sorted(chosen[:SHOWN], key=lambda one: one.kind)
    return [
        Tile(pixels=_pixels(items.get(one.path), album), title=one.kind, words=f"{one.path}: {one.advice}")
        for one in chosen
    ]


def _pixels(item: Item | None, album: Album) -> Pixels | None:
    if item is None:
        return None
    try:
        return image.decode(album.read(item))
    except PictureError:
        return None


def printable(text: str) -> str:
    """Without anything that would move a cursor, turn letters round or break a file."""
    return "".join(one if one.isprintable() else f"\\u{ord(one):04x}" for one in text)


def _cell(text: str) -> str:
    safe = printable(text)
    return "'" + safe if safe[:1] in ("=", "+", "-", "@") else safe


def _word(text: str) -> str:
    safe = html.escape(printable(text), quote=False)
    return "".join("\\" + one if one in "\\|`*_[]#!" else one for one in safe)
