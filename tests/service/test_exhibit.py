"""A face is shown in Home Assistant only where all of it is allowed, on a signed wish, for a minute; the broker keeps
none. The broker is a real one, the minute is not."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from broker import Broker, Listener, running, staying, wait_until
from commanding import Bench, at_a_desk, noon
from edgeface.adapters.mqtt import MqttOptions, MqttPublisher, mqtt_options
from edgeface.commands import Role
from edgeface.errors import BrokerError, ConfigError
from edgeface.frame import Pixels
from edgeface.homeassistant import Presentation
from edgeface.message import Topics
from edgeface.service.bootstrap import Loaded, open_station
from edgeface.service.exhibit import GREY, SHOWN_S, Exhibit, allowed
from edgeface.service.presence import present
from edgeface.service.serve import serving
from edgeface.service.settings import Config, MqttSettings
from edgeface.snapshot import Options, fitted
from edgeface.store.database import open_database
from edgeface.store.gallery import GalleryStore, NewTemplate
from edgeface.store.snapshots import SnapshotStore

TOPICS = Topics(base="edgeface", device="reader")
VISIT = "0" * 32
ADA, EVE = b"\xff\xd8 a face", b"\xff\xd8 another face"


def text(jpeg: bytes) -> str:
    return base64.b64encode(jpeg).decode()


@dataclass
class Minutes:
    """Timers that the test lets run out."""

    asked: list[Callable[[], None]] = field(default_factory=list)
    cancelled: int = 0

    def __call__(self, seconds: float, then: Callable[[], None]) -> Minutes:
        assert seconds == SHOWN_S
        self.asked.append(then)
        return self

    def start(self) -> None:
        pass

    def cancel(self) -> None:
        self.cancelled += 1


@contextmanager
def hearing(broker: Broker) -> Iterator[Listener]:
    listener = Listener(broker.port, below=TOPICS.image)
    try:
        listener.ready()
        yield listener
    finally:
        listener.close()


def pictures(listener: Listener) -> list[str]:
    return [heard.payload for heard in listener.heard]


@contextmanager
def connected(broker: Broker, make: Callable[[MqttPublisher], Any]) -> Iterator[Any]:
    publisher = MqttPublisher(mqtt_options(broker.url, TOPICS))
    made = make(publisher)
    with staying(publisher):
        wait_until(lambda: publisher.connected, "connected")
        yield made


def test_shown_for_a_minute_and_never_kept(tmp_path: Path) -> None:
    minutes = Minutes()
    with (
        running(tmp_path) as broker,
        connected(broker, lambda publisher: Exhibit(publisher, TOPICS.image, minutes)) as made,
    ):
        with hearing(broker) as home:
            wait_until(lambda: pictures(home) == [GREY], "the broker keeps nobody's picture")
            made.show(ADA)()
            wait_until(lambda: pictures(home) == [GREY, text(ADA)], "it is shown")
            assert not home.heard[-1].retain
            with hearing(broker) as late:
                wait_until(lambda: pictures(late) == [GREY], "who comes later sees nobody")
            made.show(EVE)()
            wait_until(lambda: pictures(home)[2:] == [text(EVE)], "another one is shown")
            minutes.asked[-1]()
            wait_until(lambda: pictures(home)[3:] == [GREY], "its minute is over")
            made.end()
        assert minutes.cancelled >= 2, "the minute of the first did not end that of the second"


def test_a_reader_that_stops_shows_nobody(tmp_path: Path, home: Path, loaded: Loaded, astronaut: Pixels) -> None:
    """And one at work takes the picture back as soon as anybody is forgotten."""
    config = allowing("mqtt://127.0.0.1")
    with running(tmp_path) as broker:
        config = replace(config, mqtt=replace(config.mqtt, broker=broker.url))
        with at_a_desk(home, loaded, config=config) as bench:
            enrolled(bench, astronaut)
        with hearing(broker) as listener:
            with (
                closing(open_database(home / "gallery.db")) as database,
                open_station(config, loaded, database, film_time=True) as station,
                serving(station, config, loaded, database) as served,
            ):
                wait_until(lambda: pictures(listener) == [GREY], "the reader is connected")
                live = served.desk.expect_live()
                live.present_picture(ADA)()
                live.renewed_people()()
                wait_until(lambda: pictures(listener)[1:] == [text(ADA), GREY], "shown, and taken back")
                live.present_picture(EVE)()
                wait_until(lambda: pictures(listener)[3:] == [text(EVE)], "shown again")
            wait_until(lambda: pictures(listener)[4:] == [GREY], "the reader took it back before it went")


def test_forbidden_again_the_entity_and_what_the_broker_kept_are_gone(tmp_path: Path) -> None:
    with running(tmp_path) as broker:
        with connected(broker, lambda publisher: Exhibit(publisher, TOPICS.image)), hearing(broker) as home:
            wait_until(lambda: pictures(home) == [GREY], "it was allowed")
        with hearing(broker) as home, connected(broker, forbidden):
            wait_until(lambda: pictures(home)[-1:] == [""], "it is taken back")
        with hearing(broker) as home, connected(broker, forbidden) as publisher:
            publisher.publish_picture(GREY, 5)
            wait_until(lambda: GREY in pictures(home), "the listener listens")
            assert pictures(home)[0] in ("", GREY) and not any(one.retain for one in home.heard)


def forbidden(publisher: MqttPublisher) -> MqttPublisher:
    present(publisher, TOPICS, Config(mqtt=MqttSettings(home_assistant=Presentation.ANNOUNCED)))
    return publisher


def test_without_a_link_it_is_not_shown_later() -> None:
    publisher = MqttPublisher(mqtt_options("mqtt://127.0.0.1:1", TOPICS))
    with pytest.raises(BrokerError, match="no link"):
        Exhibit(publisher, TOPICS.image).show(ADA)


def allowing(broker: str, **changes: Any) -> Config:
    plain: dict[str, Any] = {"broker": broker, "home_assistant": Presentation.ANNOUNCED, "home_assistant_picture": True}
    return Config(mqtt=MqttSettings(**{**plain, **changes}), snapshots=Options(enabled=True))


@pytest.mark.parametrize(
    ("config", "says"),
    [
        (allowing("mqtt://broker.local"), "TLS only"),
        (allowing("mqtt://192.0.2.7"), "TLS only"),
        (replace(allowing("mqtts://broker.local"), snapshots=Options()), r"enabled under \[snapshots\]"),
        (allowing("mqtts://broker.local", home_assistant=Presentation.OFF), "announced"),
        (allowing("mqtts://broker.local", home_assistant=Presentation.REMOVED), "announced"),
    ],
)
def test_what_would_show_a_face_to_others_is_refused_at_the_start(config: Config, says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        allowed(config, options(config))


def test_it_is_off_unless_it_is_allowed() -> None:
    assert not allowed(Config(), options(Config(mqtt=MqttSettings(broker="mqtt://broker.local"))))
    for broker in ("mqtts://broker.local", "mqtt://localhost", "mqtt://127.0.0.1", "mqtt://[::1]"):
        assert allowed(allowing(broker), options(allowing(broker)))


def options(config: Config) -> MqttOptions:
    return mqtt_options(config.mqtt.broker, TOPICS)


class Screen:
    """Stands for the running reader: what is shown."""

    def __init__(self) -> None:
        self.shown: list[bytes | None] = []
        self.no: Exception | None = None

    def present_picture(self, jpeg: bytes) -> Callable[[], None]:
        if self.no is not None:
            raise self.no
        return lambda: self.shown.append(jpeg)

    def hide_pictures(self) -> None:
        self.shown.append(None)

    def turn(self) -> nullcontext[None]:
        return nullcontext()


def enrolled(bench: Bench, pixels: Pixels) -> str:
    vector = np.ones(128, np.int8)
    made = NewTemplate(model_sha256="a" * 64, vector=vector, quality=1.0, pose=None, source="x.jpg")
    who = GalleryStore(bench.database).enrol("Ada", [made], noon()).id
    picture = fitted(pixels[:112, :112], 6000)
    assert picture is not None
    SnapshotStore(bench.database, Options(enabled=True)).keep(who, VISIT, picture, noon())
    return who


def test_only_a_signed_wish_of_somebody_who_may_see_it_shows_it(home: Path, loaded: Loaded, astronaut: Pixels) -> None:
    screen: Any = Screen()
    with at_a_desk(home, loaded, screen, allowing("mqtt://127.0.0.1")) as bench:
        who, words = enrolled(bench, astronaut), {"who": "Ada", "decision": VISIT}
        for role in (Role.VIEW, Role.OPERATE, Role.KEYPAD):
            assert bench.code("snapshots/present", words, role) == "wrong_role"
        assert bench.ask("snapshots/present", {**words, "decision": "1" * 32})["error"] == "there is no such picture"
        screen.no = ConfigError("not allowed")
        assert bench.code("snapshots/present", words) == "refused"
        assert screen.shown == []
        screen.no = None
        assert bench.code("snapshots/present", words, Role.ENROL) == "done"
        (jpeg,) = screen.shown
        assert jpeg == SnapshotStore(bench.database, Options(enabled=True)).of(who)[0].picture
        assert [row["what"] for row in bench.rows("command")][-1] == "snapshots/present", "it is told who asked"
        assert bench.code("snapshots/delete", {"who": "Ada"}, Role.ENROL) == "done"
        assert screen.shown[1:] == [None]
        assert bench.code("snapshots/present", words, Role.ENROL) == "refused"


def test_no_face_and_no_template_is_told_where_others_can_listen(
    tmp_path: Path, loaded: Loaded, astronaut: Pixels
) -> None:
    """To whoever asks, by whatever key: only over TLS, or on the reader's own machine."""
    asked = {"snapshots/show": {"who": "Ada", "decision": VISIT}, "people/data": {"who": "Ada"}}
    for number, broker in enumerate(("mqtt://broker.local", "mqtts://broker.local", "mqtt://localhost")):
        with at_a_desk(tmp_path / str(number), loaded, config=allowing(broker)) as bench:
            enrolled(bench, astronaut)
            if number == 0:
                for verb, words in asked.items():
                    refused = bench.ask(verb, words)
                    assert (refused["code"], "TLS only" in refused["error"], refused["data"]) == ("refused", True, {})
                bench.near = True
            assert [bench.code(verb, words) for verb, words in asked.items()] == ["done", "done"]


def test_without_a_reader_at_work_nothing_is_shown(home: Path, loaded: Loaded, astronaut: Pixels) -> None:
    with at_a_desk(home, loaded, config=allowing("mqtt://127.0.0.1")) as bench:
        enrolled(bench, astronaut)
        assert bench.code("snapshots/present", {"who": "Ada", "decision": VISIT}) == "refused"
