"""Raspberry Pi camera modules, through picamera2 (which comes with Raspberry Pi OS, not from PyPI)."""

from __future__ import annotations

import importlib
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from typing import Any

import numpy as np

from edgeface.adapters.camera.options import CameraOptions
from edgeface.errors import CameraLost, CameraUnavailable
from edgeface.frame import Instant, Pixels, shifted
from edgeface.service.ports import Clock


def open_picamera(index: int, clock: Clock, options: CameraOptions) -> PicameraDevice:
    """The board's camera number `index`, from 0. Raises CameraUnavailable."""
    return PicameraDevice(index, clock, replace(options, name=options.name or f"picamera2:{index}"))


class PicameraDevice:
    """A Picamera2 as a `Device`."""

    def __init__(
        self,
        index: int,
        clock: Clock,
        options: CameraOptions,
        *,
        boottime_ns: Callable[[], int] = lambda: time.clock_gettime_ns(time.CLOCK_BOOTTIME),
    ) -> None:
        """Opens and starts the camera; `boottime_ns` is the clock that the sensor's time stamps are read on."""
        self.name = options.name
        self._clock = clock
        self._options = options
        self._boottime_ns = boottime_ns
        self._patience_s = options.first_frame_s
        self._camera = _open(index)
        frame_us = round(1e6 / options.fps)
        try:
            # In picamera2, "BGR888" is named by its order within a little-endian word: the array holds R, G, B.
            wanted = self._camera.create_video_configuration(
                main={"size": (options.width_px, options.height_px), "format": "BGR888"},
                controls={"FrameDurationLimits": (frame_us, frame_us)},
            )
            self._camera.configure(wanted)
            self._camera.start()
        except (RuntimeError, ValueError, OSError) as error:
            self._camera.close()
            size = f"{options.width_px} x {options.height_px}"
            message = f"{options.name} does not film at {size} ({error}); try a smaller size"
            raise CameraUnavailable(message) from error

    def read(self) -> tuple[Pixels, Instant]:
        """The next picture, stamped by the sensor."""
        try:
            # Waiting is bounded here rather than by capture_request(wait=seconds), which older versions lack.
            job = self._camera.capture_request(wait=False)
            request = self._camera.wait(job, timeout=self._patience_s)
            self._patience_s = self._options.stall_s
            try:
                pixels, metadata = request.make_array("main"), request.get_metadata()
            finally:
                request.release()
        except (RuntimeError, OSError) as error:
            advice = "switch the board off and check the ribbon cable"
            raise CameraLost(f"{self._options.name} stopped filming; {advice}") from error
        return np.ascontiguousarray(pixels, np.uint8), self._taken_at(metadata.get("SensorTimestamp"))

    def close(self) -> None:
        # A camera that broke may refuse to stop; that it broke has been told already.
        with suppress(RuntimeError, OSError):
            self._camera.stop()
            self._camera.close()

    def _taken_at(self, sensor_ns: int | None) -> Instant:
        """The moment of a SensorTimestamp (CLOCK_BOOTTIME, ns) on our clock."""
        now = self._clock.now()
        age_ns = 0 if sensor_ns is None else max(0, self._boottime_ns() - sensor_ns)
        return shifted(now, -age_ns)


def _open(index: int) -> Any:
    try:
        Picamera2 = importlib.import_module("picamera2").Picamera2
    except ImportError as error:
        advice = "sudo apt install python3-picamera2, and make the venv with --system-site-packages"
        raise CameraUnavailable(f"picamera2 cannot be imported ({error}); {advice}") from error
    found = len(Picamera2.global_camera_info())
    if index >= found:
        advice = "switch the board off, check the ribbon cable, then list cameras: rpicam-hello --list-cameras"
        raise CameraUnavailable(f"the board has {found} camera(s), so none of number {index}; {advice}")
    try:
        return Picamera2(index)
    except RuntimeError as error:
        advice = "close the program that uses it (rpicam-hello, another edgeface)"
        raise CameraUnavailable(f"picamera2:{index} cannot be opened; {advice}") from error
