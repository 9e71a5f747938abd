"""A camera that films on its own: only its newest picture counts."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Protocol

from edgeface.adapters.camera.options import CameraOptions
from edgeface.errors import CameraError, CameraLost
from edgeface.frame import Frame, Instant, Pixels


class Device(Protocol):
    """What a driver offers; both methods are called by one thread only."""

    def read(self) -> tuple[Pixels, Instant]:
        """Waits for the next picture: uint8 (height, width, 3) RGB, and when it was taken. Raises CameraLost."""
        ...

    def close(self) -> None:
        """Gives the device back."""
        ...


class NewestFrame:
    """Reads a device without pause, in a thread of its own, and keeps nothing but the last picture.

    A driver queues pictures; whoever reads slower than the camera films sees ever older ones. The thread empties that
    queue, so that a frame is never older than one frame time when it is taken.
    """

    def __init__(self, device: Device, options: CameraOptions) -> None:
        """Starts filming; `options.name` names the frames."""
        self._device = device
        self._options = options
        self._changed = threading.Condition()
        self._newest: Frame | None = None
        self._failure: CameraError | None = None
        self._closed = False
        self._thread = threading.Thread(target=self._grab, name=f"camera {options.name}", daemon=True)
        self._thread.start()

    def frames(self) -> Iterator[Frame]:
        """The newest frame each time one is asked for, each once, until `close`; gaps in `sequence` were skipped.

        Raises CameraLost if the device fails or is silent for `stall_s` (`first_frame_s` before the first).
        """
        patience_s, after = self._options.first_frame_s, -1
        while (frame := self._next(after, patience_s)) is not None:
            patience_s, after = self._options.stall_s, frame.sequence
            yield frame

    def close(self) -> None:
        """Ends `frames` and gives the device back; a device that hangs is left to its thread after `stall_s`."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        self._thread.join(self._options.stall_s)

    def _next(self, after: int, patience_s: float) -> Frame | None:
        """The newest frame if its number is above `after`; None once closed."""

        def ready() -> bool:
            fresh = self._newest is not None and self._newest.sequence > after
            return self._closed or fresh or self._failure is not None

        with self._changed:
            if not self._changed.wait_for(ready, patience_s):
                raise CameraLost(f"{self._options.name}: no picture for {patience_s:g} s; check its cable and power")
            if self._closed:
                return None
            if self._newest is not None and self._newest.sequence > after:
                return self._newest
            assert self._failure is not None
            raise self._failure

    def _grab(self) -> None:
        sequence = 0
        try:
            while not self._closed:
                pixels, captured_at = self._device.read()
                frame = Frame(pixels=pixels, camera=self._options.name, sequence=sequence, captured_at=captured_at)
                with self._changed:
                    self._newest = frame
                    self._changed.notify_all()
                sequence += 1
        except CameraError as error:
            with self._changed:
                self._failure = error
                self._changed.notify_all()
        finally:
            self._device.close()
