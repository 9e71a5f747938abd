"""What the service needs from outside, without saying who provides it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from edgeface.frame import Frame, Instant, Pixels


class Clock(Protocol):
    """Tells the time."""

    def now(self) -> Instant:
        """The moment of the call."""
        ...


class Device(Protocol):
    """What a camera's driver offers; both methods are called by one thread only."""

    name: str
    """What frames and messages call it: no password."""

    def read(self) -> tuple[Pixels, Instant]:
        """Waits for the next picture: uint8 (height, width, 3) RGB, and when it was taken. Raises CameraLost."""
        ...

    def close(self) -> None:
        """Gives the device back."""
        ...


class Camera(Protocol):
    """Delivers pictures until it is closed."""

    def frames(self) -> Iterator[Frame]:
        """Frames as they come; ends with the source. Raises CameraLost."""
        ...

    def close(self) -> None:
        """Give the source back."""
        ...


class LiveCamera(Camera, Protocol):
    """A camera that films on its own."""

    def newest(self, wait_s: float) -> Frame | None:
        """The newest frame not given yet, None if none comes within `wait_s`. Raises CameraLost."""
        ...


class Lock(Protocol):
    """What moves the bolt. Locked from the start, and whenever it is not known to be anything else."""

    @property
    def alive(self) -> bool:
        """Whether it would still do what it is told."""
        ...

    def release(self, for_s: float) -> None:
        """Unlock now; it locks by itself after so long. Raises DoorError."""
        ...

    def lock(self) -> None:
        """Lock now. Raises DoorError."""
        ...

    def restart(self) -> None:
        """Lock after a failure, by a fresh start. Raises DoorError."""
        ...

    def close(self) -> None:
        """Lock and let go."""
        ...


class Receipt(StrEnum):
    """What became of a message that was sent."""

    ACCEPTED = "accepted"
    """The broker took it for at least one subscriber."""
    UNHEARD = "unheard"
    """The broker took it, but nobody subscribes: it is gone."""
    REFUSED = "refused"
    """The broker said no, for instance by its access list."""
    LOST = "lost"
    """The link broke before an answer came; it may have arrived or not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """A message that came."""

    topic: str
    payload: bytes
    retained: bool
    """The broker kept it from before: it tells how things are, never what to do."""
    response_topic: str | None
    """Where the sender wants the answer (MQTT 5)."""
    correlation: bytes | None
    """What the answer must repeat, so that the sender knows what it answers."""


class Publisher(Protocol):
    """A link to the broker that comes and goes. It keeps nothing for later."""

    @property
    def connected(self) -> bool:
        """Whether a message could be sent now."""
        ...

    def listen(self, topic: str, hear: Callable[[Received], None]) -> None:
        """Subscribe on each connection from now on; to be called before `stay`. `hear` is called from another thread
        and must neither block nor raise."""
        ...

    def stay(self, on_connect: Callable[[], None]) -> None:
        """Connect, and again whenever the link breaks, until `stop`. Calls back, from another thread, each time the
        link is up."""
        ...

    def ticks(self) -> bool:
        """False once the link hangs so that `stay` cannot make another."""
        ...

    def publish_decision(self, payload: str, expiry_s: int) -> Future[Receipt] | None:
        """Send a live decision at once, or not at all: None if it was not sent. Never sent later, never kept."""
        ...

    def publish_history(self, payload: str) -> Future[Receipt] | None:
        """Send a past decision; None if it was not sent."""
        ...

    def publish_event(self, payload: str, expiry_s: int) -> Future[Receipt] | None:
        """Send what is of use only now, or not at all: None if it was not sent. Never sent later, never kept."""
        ...

    def publish_picture(self, payload: str, expiry_s: int) -> Future[Receipt] | None:
        """Send a picture, base64, at once, or not at all: None if it was not sent. Never sent later, never kept."""
        ...

    def publish_head(self, payload: str) -> Future[Receipt] | None:
        """Send a signed head of the audit log to whoever listens now; None if it was not sent."""
        ...

    def publish_info(self, payload: str) -> Future[Receipt] | None:
        """Send what this device runs, to be kept by the broker; None if it was not sent."""
        ...

    def publish_health(self, payload: str) -> Future[Receipt] | None:
        """Send how this device is, to be kept by the broker; None if it was not sent."""
        ...

    def keep(self, topic: str, payload: str) -> None:
        """Have the broker keep a message: it is sent, retained, on each connection. An empty one removes it."""
        ...

    def remind(self) -> None:
        """Send what is to be kept once more, if there is a link."""
        ...

    def publish_response(self, topic: str, payload: str, correlation: bytes | None) -> Future[Receipt] | None:
        """Send the answer to a request, with what it must repeat; None if it was not sent."""
        ...

    def publish_door(self, door: str, payload: str) -> Future[Receipt] | None:
        """Send how a door is, to be kept by the broker; None if it was not sent."""
        ...

    def publish_door_event(self, door: str, payload: str) -> Future[Receipt] | None:
        """Send what happened at a door; None if it was not sent."""
        ...

    def stop(self) -> None:
        """Have `stay` say goodbye, disconnect and return. What has no receipt by then counts as lost."""
        ...
