"""Home Assistant is told of the reader on each connection, and again whenever it has started anew."""

from __future__ import annotations

from typing import assert_never

from edgeface import __version__
from edgeface.homeassistant import BIRTH, Presentation, discovery, discovery_topic
from edgeface.message import Topics
from edgeface.service.ports import Publisher, Received
from edgeface.service.settings import Config
from edgeface.wire import dumps


def present(publisher: Publisher, topics: Topics, config: Config, *, picture: bool = False) -> None:
    """Say what the settings want said. To be called before the publisher starts. `picture`: with an image."""

    def hear(received: Received) -> None:
        if received.payload == b"online":
            publisher.remind()

    match config.mqtt.home_assistant:
        case Presentation.OFF:
            return
        case Presentation.ANNOUNCED:
            told = discovery(topics, config.decide.door, __version__, picture=picture)
            publisher.keep(discovery_topic(topics), dumps(told))
            if not picture:
                publisher.keep(topics.image, "")
            publisher.listen(BIRTH, hear)
        case Presentation.REMOVED:
            publisher.keep(discovery_topic(topics), "")
            publisher.keep(topics.image, "")
        case _:
            assert_never(config.mqtt.home_assistant)
