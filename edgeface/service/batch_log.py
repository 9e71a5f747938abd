"""What a batch has done so far, a line a person, so that a run that was cut off goes on where it was.

The gallery itself knows who is enrolled. The log adds what became of the pictures, and spares looking at those again
that made nobody. It counts only for the same folder, models and settings, and only while the pictures are as they were.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from edgeface.errors import EnrolmentError, EnrolmentProblem
from edgeface.service.batch import Fate, Group, Outcome, PersonReport, PictureReport
from edgeface.service.enrolment import Admits
from edgeface.service.settings import Config

FILE = "progress.jsonl"
_OF_THE_PICTURES = (EnrolmentProblem.NO_PICTURE.value, EnrolmentProblem.SEVERAL_PEOPLE.value)
"""Reasons that stay true while the pictures do, whoever else comes or goes."""


def fingerprint(folder: Path, model_sha256: str, config: Config, *, strict: bool) -> str:
    """What a batch depends on; 64 hex digits."""
    parts = (str(folder.resolve()), model_sha256, repr(config.pipeline()), repr(config.enrol), str(strict))
    return hashlib.sha256("\0".join(parts).encode("utf-8", "surrogateescape")).hexdigest()


class BatchLog:
    """One batch's progress. Without a folder, or in a dry run, nothing is kept."""

    def __init__(self, folder: Path | None, mark: str, *, dry_run: bool) -> None:
        """Takes over what a former run of the same batch wrote, else begins anew. Raises EnrolmentError."""
        self._path = None if folder is None or dry_run else folder / FILE
        self._done: dict[str, dict[str, Any]] = {}
        if self._path is None:
            return
        try:
            lines = self._path.read_text(encoding="utf-8").splitlines() if self._path.exists() else []
            if lines[:1] == [_text({"batch": mark})]:
                self._done = {entry["name"]: entry for entry in map(_entry, lines[1:]) if entry}
            else:
                self._path.write_text(_text({"batch": mark}) + "\n", encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise EnrolmentError(f"{self._path} cannot be used: {error}; remove it, or see --report") from error

    def known(self, group: Group, registrar: Admits) -> PersonReport | None:
        """What the log says of a person, if it still holds; else None."""
        entry = self._done.get(group.name)
        if entry is None or entry["sizes"] != _sizes(group):
            return None
        report = _report(entry["report"])
        if report.outcome is Outcome.ENROLLED:
            return report if registrar.knows(report.person_id, report.name) else None
        return report if report.kind in _OF_THE_PICTURES else None

    def add(self, group: Group, report: PersonReport) -> None:
        """One more person. Raises EnrolmentError if it cannot be written."""
        if self._path is None or report.outcome is Outcome.BEFORE:
            return
        line = _text({"name": group.name, "sizes": _sizes(group), "report": asdict(report)})
        try:
            with self._path.open("a", encoding="utf-8") as file:
                file.write(line + "\n")
        except OSError as error:
            raise EnrolmentError(f"{self._path} cannot be written: {error.strerror or error}; see --report") from error


def _entry(line: str) -> dict[str, Any] | None:
    """None for a line that was cut off."""
    try:
        found = json.loads(line)
    except ValueError:
        return None
    return found if isinstance(found, dict) and set(found) == {"name", "sizes", "report"} else None


def _sizes(group: Group) -> dict[str, int]:
    return {item.path: item.size for item in group.items}


def _report(stored: dict[str, Any]) -> PersonReport:
    pictures = tuple(PictureReport(**{**one, "fate": Fate(one["fate"])}) for one in stored["pictures"])
    return PersonReport(
        **{
            **stored,
            "outcome": Outcome(stored["outcome"]),
            "alike": tuple(stored["alike"]),
            "pictures": pictures,
        }
    )


def _text(plain: dict[str, Any]) -> str:
    return json.dumps(plain, sort_keys=True)
