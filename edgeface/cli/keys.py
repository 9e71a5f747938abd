"""`edgeface keys`: the keys that matter here."""

from __future__ import annotations

import click


@click.group(short_help="Change the key that opens the gallery.")
def keys() -> None:
    """The device key opens names and templates. It lies beside the gallery, or comes from systemd; see the README."""
