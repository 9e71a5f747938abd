"""What the reader tells systemd about itself: sd_notify(3), in a few lines, over the socket that systemd names.

Run by hand there is no such socket, and nothing is told.
"""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import Mapping

log = logging.getLogger(__name__)


class Notifier:
    """The way to the service manager, if there is one."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        """`environment`: of the process, as systemd sets it."""
        self._address = _address(environment.get("NOTIFY_SOCKET", ""))
        self.watchdog_s = _watchdog_s(environment)
        """Silence for longer than this, in seconds, is answered with a restart; None: nobody listens for it."""

    def ready(self, status: str) -> None:
        """The reader can decide from now on."""
        self._tell(f"READY=1\nSTATUS={_line(status)}")

    def status(self, status: str) -> None:
        """One line for `systemctl status`; no names."""
        self._tell(f"STATUS={_line(status)}")

    def alive(self) -> None:
        """Feed the watchdog."""
        self._tell("WATCHDOG=1")

    def stopping(self) -> None:
        """The reader ends because it was asked to."""
        self._tell("STOPPING=1")

    def _tell(self, message: str) -> None:
        if self._address is None:
            return
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as link:
                link.sendto(message.encode(), self._address)
        except OSError as error:  # the manager then restarts a reader it does not hear: that is its part
            log.warning("systemd could not be told %s: %s", message.partition("\n")[0], error)


def _address(name: str) -> str | None:
    """A path, or a name in the abstract namespace, which begins with @."""
    if name.startswith("@"):
        return "\0" + name[1:]
    return name if name.startswith("/") else None


def _watchdog_s(environment: Mapping[str, str]) -> float | None:
    """As systemd asks of this process, and of no child that inherited the variables."""
    micros, process = environment.get("WATCHDOG_USEC", ""), environment.get("WATCHDOG_PID", "")
    if not micros.isdecimal() or int(micros) == 0 or process not in ("", str(os.getpid())):
        return None
    return int(micros) / 1e6


def _line(text: str) -> str:
    return " ".join(text.split())
