"""A kept picture, shown in Home Assistant for a minute because somebody who may see it asked for it.

    signed `snapshots/present` -> audit row -> the picture on `image`, never retained -> a minute later a grey one

No picture leaves the reader by itself. This one is sent only where pictures are kept at all (`[snapshots]`), the
settings allow it, and nobody can listen on the way; what the broker keeps on that topic is grey. Home Assistant holds
what it was sent in memory until the grey one comes: at the latest with the next link, if the first one broke.
"""

from __future__ import annotations

import base64
import threading
from collections.abc import Callable
from typing import Protocol

import numpy as np

from edgeface import image
from edgeface.adapters.mqtt import MqttOptions
from edgeface.errors import BrokerError, ConfigError
from edgeface.homeassistant import Presentation
from edgeface.service.ports import Publisher
from edgeface.service.settings import Config
from edgeface.snapshot import SIDE_PX

SHOWN_S = 60.0
"""A choice: time to look at it."""

HELD_S = 5
"""How long the broker may hold it for a Home Assistant that is away: less than anybody who asked would wait."""

GREY = base64.b64encode(image.encode_jpeg(np.full((SIDE_PX, SIDE_PX, 3), 127, np.uint8))).decode()
"""Nobody."""


class Timer(Protocol):
    """What calls back once."""

    def start(self) -> None:
        """Begin to wait."""
        ...

    def cancel(self) -> None:
        """Do not call back any more."""
        ...


def allowed(config: Config, broker: MqttOptions) -> bool:
    """Whether pictures may be shown over this broker. Raises ConfigError where that is wished and may not be."""
    if not config.mqtt.home_assistant_picture:
        return False
    wrong = None
    if config.mqtt.home_assistant is not Presentation.ANNOUNCED:
        wrong = 'nothing is shown unless home_assistant = "announced"'
    elif not config.snapshots.enabled:
        wrong = "no picture is kept that could be shown: see enabled under [snapshots]"
    elif not broker.private:
        wrong = "a face goes over TLS only: write mqtts:// in mqtt.broker"
    if wrong is not None:
        raise ConfigError(f"mqtt.home_assistant_picture: {wrong}")
    return True


class Exhibit:
    """One picture at a time, on one topic. May be called from any thread."""

    def __init__(
        self,
        publisher: Publisher,
        topic: str,
        timer: Callable[[float, Callable[[], None]], Timer] = threading.Timer,
    ) -> None:
        """To be made before the publisher connects. `timer` calls back after so many seconds."""
        self._publisher, self._timer = publisher, timer
        self._running: Timer | None = None
        self._lock = threading.Lock()
        publisher.keep(topic, GREY)

    def show(self, jpeg: bytes) -> Callable[[], None]:
        """What is returned shows it. Raises BrokerError if nobody could see it."""
        if not self._publisher.connected:
            raise BrokerError("there is no link to the broker: nothing can be shown")

        def put_up() -> None:
            with self._lock:
                self._stop_timer()
                self._publisher.publish_picture(base64.b64encode(jpeg).decode(), HELD_S)
                self._running = self._timer(SHOWN_S, self.end)
                self._running.start()

        return put_up

    def end(self) -> None:
        """Show nobody from now on."""
        with self._lock:
            if self._running is not None:
                self._publisher.publish_picture(GREY, HELD_S)
            self._stop_timer()

    def _stop_timer(self) -> None:
        if self._running is not None:
            self._running.cancel()
            self._running = None
