"""edgeface: a door reader that knows faces.

The modules in the order of the flow, for `ls` sorts by the alphabet:

    frame -> detect -> track -> pose -> quality -> align -> embed -> match -> evidence -> decide     (pipeline.py)
          -> store.journal (audit and outbox, one transaction) -> service.deliver (publish)

For programs of your own there is `edgeface.open`; see library.py. It is imported when it is used, so that a door
controller can import `edgeface.controller` where neither models nor cameras are installed.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from edgeface.library import Faces
    from edgeface.service.settings import Config

__version__ = "0.1.0"
__all__ = ["open"]


def open(home: Path | str, config: Config | None = None) -> Faces:
    """Open a home folder: see `edgeface.library.Faces`. Raises ConfigError, ModelError, GalleryError."""
    from edgeface.library import Faces

    return Faces(Path(home).expanduser(), config)
