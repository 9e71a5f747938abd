"""A camera that films on its own: only its newest picture counts."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

from edgeface.adapters.camera import CameraOptions
from edgeface.errors import CameraError, CameraLost
from edgeface.frame import Frame
from edgeface.service.ports import Device


class NewestFrame:
    """Reads a device without pause, in a thread of its own, and keeps nothing but the last picture.

    A driver queues pictures; whoever reads slower than the camera films sees ever older ones. The thread empties that
    queue, so that a frame is never older than one frame time when it is taken.
    """

    def __init__(self, device: Device, options: CameraOptions) -> None:
        """Starts filming."""
        self._device = device
        self._options = options
        self._changed = threading.Condition()
        self._newest: Frame | None = None
        self._given = -1
        self._silent_at = time.monotonic() + options.first_frame_s
        self._failure: CameraError | None = None
        self._closed = False
        self._thread = threading.Thread(target=self._grab, name=f"camera {device.name}", daemon=True)
        self._thread.start()

    def frames(self) -> Iterator[Frame]:
        """The newest frame each time one is asked for, each once, until `close`; gaps in `sequence` were skipped.

        Raises CameraLost if the device fails or is silent for `stall_s` (`first_frame_s` before the first).
        """
        while not self._closed:
            if (frame := self.newest(self._patience_s())) is not None:
                yield frame

    def newest(self, wait_s: float) -> Frame | None:
        """The newest frame that was not given yet; None if there is none within `wait_s`, or once closed.

        Raises CameraLost as `frames` does.
        """
        with self._changed:
            self._changed.wait_for(self._ready, min(wait_s, max(0.0, self._silent_at - time.monotonic())))
            if self._closed:
                return None
            if self._newest is not None and self._newest.sequence > self._given:
                self._given = self._newest.sequence
                return self._newest
            if self._failure is not None:
                raise self._failure
            if time.monotonic() >= self._silent_at:
                silence_s = self._patience_s()
                raise CameraLost(f"{self._device.name}: no picture for {silence_s:g} s; check its cable and power")
        return None

    def close(self) -> None:
        """Ends `frames` and gives the device back; a device that hangs is left to its thread after `stall_s`."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        self._thread.join(self._options.stall_s)

    def _ready(self) -> bool:
        fresh = self._newest is not None and self._newest.sequence > self._given
        return self._closed or fresh or self._failure is not None

    def _patience_s(self) -> float:
        """How long the camera may be silent now."""
        return self._options.first_frame_s if self._newest is None else self._options.stall_s

    def _grab(self) -> None:
        sequence = 0
        try:
            while not self._closed:
                pixels, captured_at = self._device.read()
                frame = Frame(pixels=pixels, camera=self._device.name, sequence=sequence, captured_at=captured_at)
                with self._changed:
                    self._newest = frame
                    self._silent_at = time.monotonic() + self._options.stall_s
                    self._changed.notify_all()
                sequence += 1
        except CameraError as error:
            with self._changed:
                self._failure = error
                self._changed.notify_all()
        finally:
            self._device.close()
