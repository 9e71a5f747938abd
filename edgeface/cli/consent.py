"""The question every enrolment begins with: did the person agree?"""

from __future__ import annotations

import sys
from pathlib import Path

import click

from edgeface.adapters.clock import SystemClock
from edgeface.commands.words import ConsentGiven, ConsentTaken
from edgeface.errors import EnrolmentError
from edgeface.store.consent import Consent, Given, read_text, taken


def ask(by: str | None, text_file: Path, given: Given, *, required: bool) -> Consent | None:
    """The record of a consent: `by` says so, or whoever sits at the terminal does.

    None if none is required and nobody says so. Raises EnrolmentError if one is required and nobody can be asked.
    """
    if by is None and not required:
        return None
    text = read_text(text_file)
    if by is None:
        if not sys.stdin.isatty():
            raise EnrolmentError(
                "nobody is enrolled without consent: name who took it with --consent-by NAME, or set "
                "require_consent = false under [enrol]"
            )
        click.echo(text.words, err=True)
        click.confirm("Did the person agree to this?", abort=True, err=True)
        by = str(click.prompt("Recorded by (your name)", err=True))
    return taken(text, by, given, SystemClock().now())


def told_of(consent: Consent | None) -> ConsentTaken | None:
    """A consent as the reader is told of it, which keeps its own time."""
    if consent is None:
        return None
    return ConsentTaken(
        by=consent.recorded_by,
        given=ConsentGiven(consent.given.value),
        text_version=consent.text_version,
        text_sha256=consent.text_sha256,
    )
