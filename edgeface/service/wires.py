"""The board's wires that are watched, each in a thread of its own: the door's contact, and the button."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from edgeface.access import Contact
from edgeface.adapters import gpio
from edgeface.adapters.gpio import Input, Level
from edgeface.service.doorway import Doorway


@contextmanager
def watched(line: str, tell: Callable[[bool | None], None], name: str) -> Iterator[Input]:
    """Tell a wire's level now and each change until the block ends: True is high, None that it is lost.

    Raises DoorError.
    """
    wire = gpio.open_input(line, tell)
    thread = threading.Thread(target=wire.watch, name=name, daemon=True)
    thread.start()
    try:
        yield wire
    finally:
        wire.close()
        thread.join()


def of_contact(options: gpio.Options, doorway: Doorway) -> Callable[[bool | None], None]:
    """Takes the level of a door's contact, and tells the doorway what it means."""
    open_is_high = options.contact_open is Level.HIGH

    def tell(high: bool | None) -> None:
        known = Contact.OPEN if high is open_is_high else Contact.CLOSED
        doorway.contact(Contact.UNKNOWN if high is None else known)

    return tell
