"""The type of the fixture that calls `edgeface` as a person would."""

from __future__ import annotations

from collections.abc import Callable

from click.testing import Result

Edgeface = Callable[..., Result]
"""Words of a command line, `stdin=` for what is typed -> exit code and output."""
