"""Converters talk a lot. What they say is kept for when they fail."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from tempfile import TemporaryFile

LINES_SHOWN = 20


@contextmanager
def quiet() -> Iterator[None]:
    """Hold back what is written to standard output and error, also past Python; show its end if the block fails."""
    sys.stdout.flush()
    sys.stderr.flush()
    kept = [os.dup(1), os.dup(2)]
    with TemporaryFile() as log:
        os.dup2(log.fileno(), 1)
        os.dup2(log.fileno(), 2)
        done = False
        try:
            yield
            done = True
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            for number, handle in enumerate(kept, start=1):
                os.dup2(handle, number)
                os.close(handle)
            if not done:
                log.seek(0)
                said = log.read().decode("utf-8", "replace").splitlines()
                print("\n".join(said[-LINES_SHOWN:]), file=sys.stderr)
