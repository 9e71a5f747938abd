"""What every story of the demo needs: a broker, somebody who listens to it, a reader, and the contact sheet."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any

from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from edgeface.adapters.clock import SystemClock
from edgeface.decide import Decision
from edgeface.enrol import Portrait, Unfit, portrait
from edgeface.frame import Pixels
from edgeface.liveness import Check
from edgeface.service.bootstrap import GALLERY, Loaded, Station, load_models, open_station
from edgeface.service.enrolment import template_of
from edgeface.service.loop import Step
from edgeface.service.ports import Camera
from edgeface.service.settings import Config, MqttSettings
from edgeface.store.database import open_database
from edgeface.store.gallery import GalleryStore
from tools.broker import Broker
from tools.demo.sheet import Row, Shot, draw

HERE = "edgeface/demo/"
"""Where the demo's reader publishes."""
SAID = {"grant": "\033[32m", "unknown": "\033[31m", "spoof": "\033[35m", "insufficient_quality": "\033[33m"}


class Show:
    """The stage: use as a context manager."""

    def __init__(self, home: Path, sheet: Path, models: Path) -> None:
        """`home` for the gallery, empty; `models` is the home whose choice of models runs."""
        self.broker = Broker(home)
        self.loaded: Loaded = load_models(models)
        self._home, self._sheet = home, sheet
        self._rows: list[Row] = []
        self._title = ""
        self._steps: list[Step] = []
        self._names: dict[str, str] = {}
        self.told: list[tuple[str, Decision]] = []
        """Each decision so far, with the title of its scene."""
        self._listener = _Listener(self.broker.port)

    def __enter__(self) -> Show:
        say("Starting Mosquitto on a free port of this machine ...")
        self.broker.start()
        self._listener.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        self._listener.stop()
        self.broker.stop()
        if kind is None:
            note = (
                f"{len(self._rows)} scenes; green boxes passed the quality gate, amber ones did not, grey ones are "
                "decided; alive: 1 a living face, 0 a picture of one"
            )
            draw(self._rows, note, self._sheet)
            say(f"\nThe contact sheet of what the reader saw: {self._sheet}")

    def restart_broker(self) -> None:
        """Bring the broker back, and whoever listens to it."""
        self.broker.start()
        self._listener.wait()

    @property
    def live_floor(self) -> float | None:
        """The liveness score that a door wants which lets in living faces only; None without a model."""
        return self.loaded.live_floor(self.config().liveness.min_score)

    def config(self, *, living: bool = False) -> Config:
        """The defaults; `living`: only a living face opens the door."""
        plain = Config()
        mqtt = MqttSettings(broker=self.broker.url, device="demo")
        return replace(plain, mqtt=mqtt, liveness=replace(plain.liveness, require=(Check.PICTURE,) if living else ()))

    def enrol(self, name: str, pictures: Sequence[Pixels]) -> bool:
        """Enrol somebody from pictures, each through the door's own quality gate; False if none was good enough."""
        looked = [portrait(pixels, self.loaded.models, self.config().pipeline()) for pixels in pictures]
        good = [found for found in looked if isinstance(found, Portrait)]
        for refused in (found for found in looked if isinstance(found, Unfit)):
            say(f"  a picture of {name} was not used: {refused.advice}")
        if not good:
            return False
        with closing(open_database(self._home / GALLERY)) as database:
            templates = [template_of(found, "demo") for found in good]
            person = GalleryStore(database).enrol(name, templates, SystemClock().now())
        self._names[person.id] = name
        size = self.loaded.models.embedder.spec.dimensions
        say(f"  enrolled: {name}, {len(good)} template(s) of {size} bytes, id {person.id}; no picture is kept")
        return True

    def usable(self, pixels: Pixels) -> bool:
        """Whether a picture shows one face, well enough to enrol by."""
        return isinstance(portrait(pixels, self.loaded.models, self.config().pipeline()), Portrait)

    def watch(self, camera: Camera, stop: Callable[[Step], bool] = lambda step: False, *, living: bool = False) -> None:
        """Let the reader watch a camera until its film ends or `stop` says so. Its decisions arrive over the broker.

        `living`: only a living face opens the door.
        """
        with (
            closing(open_database(self._home / GALLERY)) as database,
            closing(camera),
            open_station(self.config(living=living), self.loaded, database, film_time=False) as station,
        ):
            self._await_link(station)
            for step in station.reader.watch(camera.frames()):
                self._steps.append(step)
                if stop(step):
                    break
            self.end_scene()
            self._await_delivery(station)

    def begin_scene(self, title: str) -> None:
        """From here on frames belong to another row of the contact sheet."""
        self.end_scene()
        self._title = title
        say(f"\n{title}")

    def end_scene(self) -> None:
        """Close the row."""
        if self._title:
            made = [recorded.decision for step in self._steps for recorded in step.decisions]
            self.told += [(self._title, decision) for decision in made]
            verdicts = tuple((decision.outcome, self._verdict(decision)) for decision in made)
            self._rows.append(Row(title=self._title, shots=self._chosen(), verdicts=verdicts))
        self._title, self._steps = "", []

    def _chosen(self) -> tuple[Shot, ...]:
        busy = [step for step in self._steps if step.sightings] or self._steps
        if not busy:
            return ()
        # The shot that decided is among them: afterwards a visitor is followed, not looked at.
        deciding = next((index for index, step in enumerate(busy) if step.decisions), int(0.1 * (len(busy) - 1)))
        picked = sorted((deciding, *(int(part * (len(busy) - 1)) for part in (0.5, 0.95))))
        return tuple(Shot(pixels=busy[index].frame.pixels, sightings=busy[index].sightings) for index in picked)

    def _verdict(self, decision: Decision) -> str:
        words = (
            decision.outcome.value,
            self._names.get(decision.person_id or "", ""),
            decision.reason,
            measured(decision.quality, decision.liveness),
        )
        return "  ".join(word for word in words if word)

    def _await_link(self, station: Station) -> None:
        end = time.monotonic() + 3
        while (problem := station.problem()) and time.monotonic() < end:
            time.sleep(0.02)
        if problem:
            say(f"  no link to the broker: {problem}")

    def _await_delivery(self, station: Station) -> None:
        end = time.monotonic() + 8
        while station.waiting() and not station.problem() and time.monotonic() < end:
            time.sleep(0.05)


class _Listener:
    """A door controller's place: hears the decisions and says how old they are."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._client = Client(CallbackAPIVersion.VERSION2, protocol=MQTTProtocolVersion.MQTTv5)
        self._client.reconnect_delay_set(1, 1)
        self._subscribed = threading.Event()
        self._client.on_connect = lambda client, *_: client.subscribe(f"{HERE}#", qos=1)
        self._client.on_subscribe = lambda *_: self._subscribed.set()
        self._client.on_disconnect = lambda *_: self._subscribed.clear()
        self._client.on_message = self._hear

    def start(self) -> None:
        self._client.connect("127.0.0.1", self._port)
        self._client.loop_start()
        self.wait()

    def wait(self) -> None:
        """Until it is subscribed: what is published before would reach nobody."""
        self._subscribed.wait(10)

    def stop(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def _hear(self, _client: Client, _data: Any, message: Any) -> None:
        arrived_ns = time.time_ns()
        if (told := heard(message.topic.removeprefix(HERE), message.payload, arrived_ns)) is not None:
            say(told)


def heard(topic: str, payload: bytes, arrived_ns: int) -> str | None:
    """What is said of a message; None of those that a demo does not show. Topics are those below the device's."""
    if topic == "state":
        return f"  broker: reader is {json.loads(payload)['state']}"
    if topic in ("decision", "history"):
        fields = json.loads(payload)
        return _described(topic, fields, arrived_ns) if "outcome" in fields else None
    return None


def _described(topic: str, payload: dict[str, Any], arrived_ns: int) -> str:
    taken_ns = datetime.fromisoformat(payload["captured_at"]).timestamp() * 1e9
    who = (payload["person"] or {}).get("label") or "-"  # forgotten since, or nobody
    facts = (
        payload["reason"],
        "" if payload["score"] is None else f"score {payload['score']:.2f} (needs {payload['threshold']:.2f})",
        measured(payload["quality"], payload["liveness"]),
        f"{(arrived_ns - taken_ns) / 1e6:.0f} ms after the frame",
    )
    outcome = f"{SAID[payload['outcome']]}{payload['outcome']:20}\033[0m"
    return f"  broker: /{topic:8} #{payload['seq']:<3} {outcome} {who:16} {'; '.join(fact for fact in facts if fact)}"


def measured(quality: float | None, liveness: float | None) -> str:
    """Means over the good shots of a visit, as words: "quality 84, alive 0.86"; empty if there were none."""
    if quality is None:
        return ""
    return f"quality {quality:.0f}, alive " + ("not judged" if liveness is None else f"{liveness:.2f}")


def say(text: str) -> None:
    """A line at once, also into a pipe."""
    print(text, flush=True)
