"""A reader at work before a camera that fails, one way after the other: when is it said, when alarmed, when over?"""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any

from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from edgeface import image
from edgeface.footage import ADVICE, Fault
from tools.broker import Broker
from tools.cameras.gst import GstCamera, filmed
from tools.cameras.hardware import FILMED, FPS, LATE_S, Mode, Stage
from tools.cameras.rtsp import RtspCamera

KINDS = ("v4l2", "picamera2", "rtsp")
H264 = "h264"
"""The kind that needs GStreamer's server; it can be unplugged and hang, and nothing else."""
SIGNS = {
    Mode.UNPLUG: "",
    Mode.HANG: "",
    Mode.FROZEN: ADVICE[Fault.FROZEN],
    Mode.DARK: ADVICE[Fault.DARK],
    Mode.COVERED: ADVICE[Fault.COVERED],
    Mode.SLOW: ADVICE[Fault.SLOW],
    Mode.LATE: ADVICE[Fault.LATE],
    Mode.SWAPPED: ADVICE[Fault.COLOURS],
}
"""What is said of each; of a camera that is gone, what its driver says."""

ENDS_VISITS = (Mode.UNPLUG, Mode.HANG)
"""After these somebody must be recognised anew; the others are over sooner than a visit is."""

SEEING = (Mode.SLOW, Mode.SWAPPED)
"""With these somebody can still be judged."""

HOLD_S = 1.2
"""A camera is away at least so long: visits are over after a second."""

LASTING_S = 3.5
"""Away for so long, it stands in the journal, on a busy machine too: there a trouble must last for two seconds."""

PATIENCE_S = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """How one fault went."""

    kind: str
    mode: Mode
    said_s: float
    """From the fault, of exchanged colours from the first such picture, to the reader's own words on stderr."""
    alarmed_s: float
    """From there to the report over MQTT."""
    over_s: float
    """From the end of the fault to the report that all is well again."""
    again_s: float | None
    """From the end of the fault to somebody let in; None where nobody has to be recognised anew."""
    decided: int
    """Decisions between the alarm and the end of the fault: must be none."""

    @property
    def plain(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self.__slots__}


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """Something that came out of the reader."""

    at_s: float
    """By the monotonic clock."""
    where: str
    """stdout, stderr or health; film: the first picture in a new mode."""
    text: str


class Drill:
    """One reader, one camera. Enter it, then `await_grant`, then `go` through the faults."""

    def __init__(self, kind: str, home: Path, broker: Broker) -> None:
        """`home` holds a gallery with the first portrait enrolled: see `enrolled`."""
        self._kind, self._home, self._broker = kind, home, broker
        self._heard: SimpleQueue[Said] = SimpleQueue()
        self._rest: list[threading.Thread] = []
        self._stage = Stage(self._film) if kind in ("rtsp", H264) else None
        self._server: RtspCamera | GstCamera | None = None
        self._port = 0

    @contextmanager
    def running(self) -> Iterator[Drill]:
        """The reader, until the block ends."""
        if self._stage is not None:
            if self._kind == H264:
                filmed(self._home / "film", self._stage)
            self._serve()
        source = {"v4l2": "0", "picamera2": "picamera2"}.get(self._kind, f"rtsp://127.0.0.1:{self._port}/door")
        command = [sys.executable, "-m", "tools.cameras.hardware", self._kind, str(self._home), "run", "--json"]
        command += ["--source", source, "--broker", self._broker.url, "--device", self._kind, "--keep-trying"]
        client = self._subscribed()
        pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        self._reader = subprocess.Popen(command, text=True, bufsize=1, **pipes)
        for where in ("stdout", "stderr"):
            thread = threading.Thread(target=self._read, args=(where,), daemon=True)
            thread.start()
            self._rest.append(thread)
        try:
            yield self
        finally:
            self._reader.terminate()
            self._reader.wait(PATIENCE_S)
            for thread in self._rest:
                thread.join()
            for pipe in (self._reader.stdin, self._reader.stdout, self._reader.stderr):
                assert pipe is not None
                pipe.close()
            client.disconnect()
            client.loop_stop()
            client.on_message = client.on_connect = None
            if self._server is not None:
                self._server.close()

    def await_grant(self) -> float:
        """Somebody is let in; when, by the monotonic clock."""
        return self._await(lambda one: one.where == "stdout" and '"outcome": "grant"' in one.text)[0]

    def go(self, mode: Mode) -> Course:
        """One fault, and its end. Colours show in faces that are looked at: so they change with a plug."""
        if mode is Mode.SWAPPED:
            self._pause(HOLD_S)
        began = self._turn(mode)
        if mode is Mode.SWAPPED:
            began = self._await(lambda one: one.where == "film" and one.text == mode.value)[0]
        said_s = alarmed_s = None
        while said_s is None or alarmed_s is None:
            at_s, one = self._await(lambda one: self._tells(one, mode))
            if one.where == "stderr":
                said_s = at_s - began if said_s is None else said_s
            else:
                alarmed_s = at_s - began if alarmed_s is None else alarmed_s
        until_s = max(time.monotonic() + 0.2, began + HOLD_S if mode in ENDS_VISITS else 0.0)
        decided = 0 if mode in SEEING else self._watch(until_s)
        if mode is Mode.SWAPPED:
            self._pause(LASTING_S)
        ended = self._turn(Mode.FILM)
        over = again = None
        while over is None or (again is None and mode in ENDS_VISITS):
            at_s, one = self._await(lambda one: one.where in ("stdout", "health"))
            if one.where == "stdout" and '"grant"' in one.text:
                again = at_s - ended
            if one.where == "health" and "camera" not in _troubles(one):
                over = at_s - ended if over is None else over
        return Course(
            kind=self._kind, mode=mode, said_s=said_s, alarmed_s=alarmed_s, over_s=over, again_s=again, decided=decided
        )

    def _pause(self, for_s: float) -> None:
        """Unplugged for so long, that all visits are over at least."""
        self._turn(Mode.UNPLUG)
        self._watch(time.monotonic() + for_s)

    def _tells(self, one: Said, mode: Mode) -> bool:
        says = one.text.removeprefix("camera: ") if one.text.startswith("camera: ") else ""
        if one.where == "health":
            says = _troubles(one).get("camera", "")
        if not says or says.strip() == "well again":
            return False
        gone = mode in ENDS_VISITS
        return SIGNS[mode] in says and (not gone or not any(sign and sign in says for sign in SIGNS.values()))

    def _watch(self, until_s: float) -> int:
        """How many decisions come by then."""
        count = 0
        while (left_s := until_s - time.monotonic()) > 0:
            try:
                count += '"outcome"' in self._heard.get(timeout=left_s).text
            except Empty:
                break
        return count

    def _turn(self, mode: Mode) -> float:
        if self._stage is None:
            assert self._reader.stdin is not None
            self._reader.stdin.write(f"{mode.value}\n")
            return time.monotonic()
        if self._server is not None and mode is Mode.UNPLUG:
            self._server.close()
            self._server = None
        if isinstance(self._server, GstCamera):
            self._server.hang() if mode is Mode.HANG else self._server.go_on()
        self._stage.turn(mode)
        if self._server is None and mode is not Mode.UNPLUG:
            self._serve()
        return time.monotonic()

    def _serve(self) -> None:
        stage = self._stage
        assert stage is not None
        if self._kind == H264:
            self._server = GstCamera(self._home / "film", self._port)
            self._port = self._server.port
            return

        def take() -> Any:
            return None if stage.mode is Mode.HANG else stage.picture()

        def age_s() -> float:
            return LATE_S if stage.mode is Mode.LATE else 0.0

        self._server = RtspCamera(take, FPS, self._port, age_s)
        self._port = self._server.port

    def _await(self, wanted: Callable[[Said], bool]) -> tuple[float, Said]:
        end = time.monotonic() + PATIENCE_S
        heard: list[str] = []
        while True:
            try:
                one = self._heard.get(timeout=max(0.01, end - time.monotonic()))
            except Empty:
                raise TimeoutError(f"{self._kind}: heard only {heard}") from None
            heard.append(f"{one.where}: {one.text[:200]}")
            if wanted(one):
                return one.at_s, one

    def _read(self, where: str) -> None:
        for line in getattr(self._reader, where):
            if line.startswith(FILMED):
                mode, at_s = line.removeprefix(FILMED).split()
                self._film(Mode(mode), float(at_s))
                continue
            self._heard.put(Said(at_s=time.monotonic(), where=where, text=line))

    def _film(self, mode: Mode, at_s: float) -> None:
        self._heard.put(Said(at_s=at_s, where="film", text=mode.value))

    def _subscribed(self) -> Client:
        client = Client(CallbackAPIVersion.VERSION2, protocol=MQTTProtocolVersion.MQTTv5)
        client.on_connect = lambda client, *_: client.subscribe(f"edgeface/{self._kind}/health")
        client.on_message = lambda _c, _d, message: self._heard.put(
            Said(at_s=time.monotonic(), where="health", text=message.payload.decode())
        )
        client.connect("127.0.0.1", self._broker.port)
        client.loop_start()
        return client


def enrolled(home: Path) -> None:
    """A gallery in `home` with whom the cameras film."""
    picture = home / "person.png"
    home.mkdir(parents=True, exist_ok=True)
    picture.write_bytes(image.encode_png(Stage().picture()))
    command = [sys.executable, "-m", "edgeface", "--home", str(home), "enrol", "Ada", str(picture)]
    command += ["--consent-by", "a drill"]
    subprocess.run(command, check=True, capture_output=True)


def _troubles(one: Said) -> dict[str, str]:
    return {trouble["trouble"]: trouble["says"] for trouble in json.loads(one.text)["troubles"]}
