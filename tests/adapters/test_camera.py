"""Frames from files come complete and with made-up times; frames from cameras come newest first, or a sentence does."""

from __future__ import annotations

import os
import shutil
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import cv2
import numpy as np
import pytest

from edgeface import image
from edgeface.adapters.camera import CameraOptions, picture_paths
from edgeface.adapters.camera import opencv as opencv_module
from edgeface.adapters.camera.files import Replay
from edgeface.adapters.camera.opencv import Backlog, open_rtsp, open_v4l2
from edgeface.adapters.camera.picamera import PicameraDevice
from edgeface.adapters.clock import SystemClock
from edgeface.errors import CameraLost, CameraUnavailable, PictureError, PictureProblem
from edgeface.frame import Frame, Instant, Pixels
from edgeface.service.newest import NewestFrame
from edgeface.service.source import open_source
from tools.cameras.rtsp import RtspCamera

QUICK = CameraOptions(first_frame_s=5.0, stall_s=0.2)


class HandClock:
    """A clock that moves when it is told to."""

    def __init__(self) -> None:
        self.ns = 1_000_000_000

    def now(self) -> Instant:
        return Instant(monotonic_ns=self.ns, wall_ns=self.ns + 10**18, wall_trusted=True)

    def sleep(self, seconds: float) -> None:
        self.ns += round(seconds * 1e9)


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


def flat(red: int, green: int = 0, blue: int = 0) -> Pixels:
    return np.full((48, 64, 3), (red, green, blue), np.uint8)


def no_bad_picture(path: Path, error: PictureError) -> None:
    raise AssertionError(f"{path} was skipped: {error}")


def played(text: object, clock: HandClock, options: CameraOptions = QUICK) -> list[Frame]:
    return list(open_source(str(text), clock, options, on_bad_picture=no_bad_picture).frames())


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two good pictures and two bad ones, among other things."""
    (tmp_path / "b").mkdir()
    (tmp_path / ".cache").mkdir()
    (tmp_path / "a.png").write_bytes(image.encode_png(flat(10)))
    (tmp_path / "b" / "c.JPG").write_bytes(image.encode_jpeg(flat(200)))
    (tmp_path / "b" / "d.png").write_bytes(image.encode_png(flat(10))[:-5])
    (tmp_path / "b" / "e.gif").write_bytes(b"GIF89a")
    (tmp_path / "notes.txt").write_text("none")
    (tmp_path / ".cache" / "x.png").write_bytes(b"")
    return tmp_path


@pytest.fixture
def video(tmp_path: Path) -> Path:
    """Twelve frames at 8 a second, each redder than the last."""
    path = tmp_path / "film.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 8, (64, 48))
    for step in range(12):
        writer.write(cv2.cvtColor(flat(20 * step), cv2.COLOR_RGB2BGR))
    writer.release()
    return path


def test_a_picture_is_one_frame(tmp_path: Path, clock: HandClock) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(image.encode_png(flat(1, 2, 3)))
    (frame,) = played(path, clock)
    assert np.array_equal(frame.pixels, flat(1, 2, 3))
    assert (frame.camera, frame.sequence, frame.captured_at) == (str(path), 0, clock.now())
    (named,) = played(path, clock, CameraOptions(name="front"))
    assert named.camera == "front"


def test_a_bad_picture_says_so(tmp_path: Path, clock: HandClock) -> None:
    path = tmp_path / "a.webp"
    path.write_bytes(b"RIFF\0\0\0\0WEBP")
    with pytest.raises(PictureError, match="WebP"):
        played(path, clock)


def test_a_folder_plays_in_order_and_reports_what_it_skips(folder: Path, clock: HandClock) -> None:
    skipped: list[tuple[str, PictureProblem]] = []
    source = open_source(
        str(folder),
        clock,
        CameraOptions(fps=4),
        on_bad_picture=lambda path, error: skipped.append((path.name, error.reason)),
    )
    frames = list(source.frames())
    assert [(frame.sequence, int(frame.pixels[0, 0, 0])) for frame in frames] == [(0, 10), (1, 200)]
    assert skipped == [("d.png", PictureProblem.TRUNCATED), ("e.gif", PictureProblem.NOT_A_PICTURE)]
    assert frames[1].captured_at.seconds_since(frames[0].captured_at) == 0.25
    assert frames[1].captured_at.wall_ns - frames[0].captured_at.wall_ns == 250_000_000


def test_picture_paths_are_sorted_and_leave_hidden_files_out(folder: Path) -> None:
    names = [str(path.relative_to(folder)) for path in picture_paths(folder)]
    assert names == ["a.png", "b/c.JPG", "b/d.png", "b/e.gif"]


def test_a_video_plays_at_its_own_pace(video: Path, clock: HandClock) -> None:
    frames = played(video, clock)
    assert [frame.sequence for frame in frames] == list(range(12))
    assert [frame.captured_at.monotonic_ns for frame in frames] == [clock.ns + i * 125_000_000 for i in range(12)]
    middle = frames[6].pixels.mean(axis=(0, 1))
    assert np.allclose(middle, (120, 0, 0), atol=6)


def test_in_real_time_frames_wait_until_they_are_due_and_late_ones_are_dropped(clock: HandClock) -> None:
    decoded: list[int] = []

    def take(number: int) -> Pixels:
        decoded.append(number)
        return flat(number)

    film: Iterator[Any] = ((lambda number=number: take(number)) for number in range(6))
    source = Replay(film, clock, CameraOptions(fps=10, real_time=True), sleep=clock.sleep)
    seen = []
    for frame in source.frames():
        assert clock.now().seconds_since(frame.captured_at) < 0.1
        seen.append((frame.sequence, clock.ns))
        clock.sleep(0.21 if frame.sequence == 1 else 0)
    assert seen == [(0, 10**9), (1, 1_100_000_000), (3, 1_310_000_000), (4, 1_400_000_000), (5, 1_500_000_000)]
    assert decoded == [0, 1, 3, 4, 5]


def test_closing_ends_a_film(video: Path, clock: HandClock) -> None:
    source = open_source(str(video), clock, on_bad_picture=no_bad_picture)
    frames = source.frames()
    next(frames)
    source.close()
    assert list(frames) == []


def test_closing_ends_a_real_time_wait(clock: HandClock) -> None:
    source = Replay(iter([lambda: flat(1)] * 2), clock, CameraOptions(fps=0.1, real_time=True))
    frames = source.frames()
    next(frames)
    threading.Timer(0.05, source.close).start()
    started = time.monotonic()
    assert list(frames) == []
    assert time.monotonic() - started < 5


def test_a_video_without_a_picture_is_lost(clock: HandClock) -> None:
    with pytest.raises(CameraLost, match="holds no picture"):
        list(Replay(iter([]), clock, CameraOptions(name="x")).frames())


@pytest.mark.parametrize(
    ("text", "advice"),
    [
        ("missing.mp4", "check the name"),
        ("empty", "name a folder with JPEG or PNG files"),
        ("notes.txt", "neither a picture nor a video"),
        ("list.m3u8", "neither a picture nor a video"),
        ("broken.avi", "neither a picture nor a video"),
        ("pipe", "neither a file nor a folder"),
        ("a\0b", "check the name"),
        ("http://camera/video", "rtsp://"),
        ("rtsp://", "write rtsp://"),
        ("rtsp://user:secret@host:99999/x", "write rtsp://"),
        ("/dev/video987", "v4l2-ctl --list-devices"),
        ("987", "there is no /dev/video987"),
        ("picamera2", "apt install python3-picamera2"),
    ],
)
def test_what_is_no_source_is_refused_with_advice(
    text: str, advice: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, clock: HandClock
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(sys.modules, "picamera2", None)
    (tmp_path / "empty").mkdir()
    (tmp_path / "notes.txt").write_text("G is not a film\n" * 100)
    (tmp_path / "list.m3u8").write_text("#EXTM3U\n#EXTINF:1,\nfilm.avi\n")
    (tmp_path / "broken.avi").write_bytes(b"RIFF\0\0\0\0AVI ")
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(CameraUnavailable) as caught:
        played(text, clock)
    assert advice in str(caught.value)
    assert "secret" not in str(caught.value)


def test_a_password_is_never_shown(clock: HandClock, capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(CameraUnavailable) as caught:
        played("rtsp://admin:secret@127.0.0.1:1/live?password=hidden", clock)
    assert "rtsp://127.0.0.1:1 sends no video" in str(caught.value)
    assert capfd.readouterr() == ("", "")
    shown = str(caught.value) + repr(caught.value.__cause__)
    assert "secret" not in shown and "hidden" not in shown and "admin" not in shown


class FakeCapture:
    """What OpenCV shows of a V4L2 camera: BGR pictures when they are let through, then silence or an end."""

    def __init__(self, node: str, backend: int) -> None:
        self.node, self.backend = node, backend
        self.wanted: dict[int, float] = {}
        self.stamp_ms = float("nan")
        self.pictures: list[Pixels | None] = []
        self.arrived = threading.Semaphore(0)
        self.ended = False
        self.released = threading.Event()
        self.current: Pixels | None = None

    def isOpened(self) -> bool:
        return self.node != "busy"

    def set(self, key: int, value: float) -> bool:
        self.wanted[key] = value
        return True

    def get(self, key: int) -> float:
        assert key == cv2.CAP_PROP_POS_MSEC
        return self.stamp_ms

    def film(self, *pictures: Pixels | None) -> None:
        for picture in pictures:
            self.pictures.append(picture)
            self.arrived.release()

    def end(self) -> None:
        self.ended = True
        self.arrived.release()

    def grab(self) -> bool:
        while not self.arrived.acquire(timeout=0.01):
            if self.released.is_set():
                return False
        if not self.pictures:
            return False
        self.current = self.pictures.pop(0)
        return True

    def retrieve(self) -> tuple[bool, Pixels | None]:
        return self.current is not None, self.current

    def release(self) -> None:
        self.released.set()


@pytest.fixture
def camera(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, clock: HandClock
) -> Iterator[tuple[NewestFrame, FakeCapture]]:
    """An open V4L2 camera and the hardware behind it."""
    node = tmp_path / "video0"
    node.touch()
    made: list[FakeCapture] = []

    def capture(path: str, backend: int) -> FakeCapture:
        made.append(FakeCapture(path, backend))
        return made[0]

    monkeypatch.setattr(opencv_module.cv2, "VideoCapture", capture)
    options = CameraOptions(name="front", stall_s=0.2, width_px=640, height_px=480, fps=10)
    source = NewestFrame(open_v4l2(node, clock, options), options)
    yield source, made[0]
    made[0].end()
    source.close()


def settled(capture: FakeCapture) -> None:
    """Waits until the camera's queue has been read."""
    while capture.pictures:
        time.sleep(0.001)
    time.sleep(0.03)


def test_a_v4l2_camera_is_asked_for_mjpeg_of_a_size(camera: tuple[NewestFrame, FakeCapture]) -> None:
    _, capture = camera
    assert capture.backend == cv2.CAP_V4L2
    assert capture.wanted == {
        cv2.CAP_PROP_FOURCC: cv2.VideoWriter.fourcc(*"MJPG"),
        cv2.CAP_PROP_FRAME_WIDTH: 640,
        cv2.CAP_PROP_FRAME_HEIGHT: 480,
        cv2.CAP_PROP_FPS: 10,
    }


def test_only_the_newest_picture_of_a_camera_counts(camera: tuple[NewestFrame, FakeCapture], clock: HandClock) -> None:
    source, capture = camera
    capture.film(flat(0, 0, 1), flat(0, 0, 2), flat(0, 0, 3))
    settled(capture)
    frames = source.frames()
    first = next(frames)
    assert (first.sequence, first.camera, first.pixels[0, 0].tolist()) == (2, "front", [3, 0, 0])
    assert first.captured_at == clock.now()
    clock.ns += 5
    capture.film(flat(0, 0, 4))
    second = next(frames)
    assert (second.sequence, second.captured_at.monotonic_ns) == (3, first.captured_at.monotonic_ns + 5)


def test_a_v4l2_picture_is_as_old_as_the_kernel_says(camera: tuple[NewestFrame, FakeCapture], clock: HandClock) -> None:
    source, capture = camera
    frames = source.frames()
    clock.ns = 20_000_000_000
    for stamp_ms, age_s in ((19_900.0, 0.1), (20_000.0, 0.0), (20_001.0, 0.0), (0.0, 0.0), (float("nan"), 0.0)):
        capture.stamp_ms = stamp_ms  # of the future, or of long ago: by another clock
        capture.film(flat(1))
        assert clock.now().seconds_since(next(frames).captured_at) == pytest.approx(age_s)


def test_a_v4l2_picture_is_as_old_after_the_machine_slept(
    camera: tuple[NewestFrame, FakeCapture], clock: HandClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The kernel's stamps do not count that time, ours do."""
    monkeypatch.setattr("edgeface.adapters.camera.opencv.asleep_ns", lambda: 5_000_000_000)
    source, capture = camera
    clock.ns, capture.stamp_ms = 20_000_000_000, 14_900.0
    capture.film(flat(1))
    assert clock.now().seconds_since(next(source.frames()).captured_at) == pytest.approx(0.1)


def moment(seconds: float) -> Instant:
    return Instant(monotonic_ns=round(seconds * 1e9), wall_ns=0, wall_trusted=False)


def test_what_waited_in_a_stream_is_known_by_its_delay() -> None:
    """Ten pictures a second; nobody reads for three seconds, then all of them come at once."""
    age = Backlog()
    came = [(count / 10, count / 10) for count in range(20)]
    came += [(5.0 + count / 1000, count / 10) for count in range(20, 51)]
    came += [(count / 10, count / 10) for count in range(51, 80)]
    ages = [age(moment(arrived + 7), 1000 * taken) for arrived, taken in came]
    assert ages[:3] == [None, None, None], "what waited while it was opened"
    late_s = [0 if found is None else found / 1e9 for found in ages]
    assert max(late_s[:20]) < 0.001
    assert late_s[20] == pytest.approx(3.0, abs=0.03) and late_s[50] < 0.06
    assert all(before > after for before, after in pairwise(late_s[20:51]))
    assert max(late_s[51:]) < 0.01


def test_a_cameras_clock_that_runs_slow_makes_nothing_late() -> None:
    """A day of one picture a second, by a clock that loses 8 seconds in it."""
    age = Backlog()
    ages = [age(moment(second), 1000 * second * (1 - 1e-4)) for second in range(86_400)]
    assert max(found or 0 for found in ages) < 10_000_000


def test_a_stream_without_times_is_as_old_as_it_comes() -> None:
    age = Backlog()
    assert [age(moment(second), 0.0) for second in range(5)] == [None, 0, 0, 0, 0]
    assert Backlog()(moment(1), float("nan")) is None


def test_a_network_camera_that_nobody_reads_for_a_while_does_not_pass_the_past_off_as_the_present() -> None:
    """A real stream over a real socket. Each picture's tone tells when it was taken."""
    began = time.monotonic()

    def taken() -> Pixels:
        return np.full((96, 128, 3), min(250, round(25 * (time.monotonic() - began))), np.uint8)

    server = RtspCamera(taken, 20)
    try:
        options = CameraOptions(stall_s=5.0)
        device = open_rtsp(server.url, SystemClock(), options)
        source = NewestFrame(device, options)
        try:
            frames = source.frames()
            for _ in range(10):
                next(frames)
            with paused(device):
                time.sleep(1.5)
            seen = [next(frames) for _ in range(20)]
        finally:
            source.close()
    finally:
        server.close()
    for frame in seen:
        stamped_s = frame.captured_at.monotonic_ns / 1e9 - began
        assert stamped_s - 0.5 < frame.pixels.mean() / 25 < stamped_s + 0.3, "and not a second and a half"


@contextmanager
def paused(device: Any) -> Iterator[None]:
    """The thread that reads gets no turn."""
    grab, resume = device._capture.grab, threading.Event()

    class Held:
        def __getattr__(self, name: str) -> Any:
            return getattr(device_capture, name)

        def grab(self) -> bool:
            resume.wait()
            return bool(grab())

    device_capture = device._capture
    device._capture = Held()
    try:
        yield
    finally:
        resume.set()


def test_a_damaged_picture_of_a_camera_is_passed_over(camera: tuple[NewestFrame, FakeCapture]) -> None:
    source, capture = camera
    capture.film(None, flat(0, 0, 7))
    assert next(source.frames()).pixels[0, 0].tolist() == [7, 0, 0]
    capture.film(*[None] * 30)
    with pytest.raises(CameraLost, match="damaged pictures only"):
        list(source.frames())


def test_an_unplugged_camera_is_lost_after_its_last_picture(camera: tuple[NewestFrame, FakeCapture]) -> None:
    source, capture = camera
    capture.film(flat(1))
    capture.end()
    frames = source.frames()
    assert next(frames).sequence == 0
    with pytest.raises(CameraLost, match="stopped filming"):
        next(frames)
    assert capture.released.wait(1)


def test_a_silent_camera_is_lost_in_time(camera: tuple[NewestFrame, FakeCapture]) -> None:
    source, capture = camera
    capture.film(flat(1))
    frames = source.frames()
    next(frames)
    started = time.monotonic()
    with pytest.raises(CameraLost, match=r"no picture for 0\.2 s"):
        next(frames)
    assert 0.15 < time.monotonic() - started < 2


def test_closing_a_camera_ends_frames_and_gives_it_back(camera: tuple[NewestFrame, FakeCapture]) -> None:
    source, capture = camera
    threading.Timer(0.05, source.close).start()
    assert list(source.frames()) == []
    capture.end()
    assert capture.released.wait(1)


def test_a_camera_that_may_not_be_opened_or_is_busy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, clock: HandClock
) -> None:
    node = tmp_path / "video0"
    node.touch()
    monkeypatch.setattr(opencv_module.cv2, "VideoCapture", lambda *_: FakeCapture("busy", 0))
    with pytest.raises(CameraUnavailable, match="fuser -v"):
        open_v4l2(node, clock, QUICK)
    monkeypatch.setattr(os, "access", lambda *_: False)
    with pytest.raises(CameraUnavailable, match="add the user to group video"):
        open_v4l2(node, clock, QUICK)


class FakePicamera2:
    """As much of picamera2 as is used. Arrays follow its naming: "BGR888" holds R, G, B, "RGB888" holds B, G, R."""

    taken_at_ns = 5_000_000_000
    breaks_with: Exception | None = None

    @staticmethod
    def global_camera_info() -> list[dict[str, object]]:
        return [{"Model": "imx708", "Num": 0}]

    def __init__(self, index: int) -> None:
        self.calls: list[str] = [f"open {index}"]
        self.requests_out = 0

    def create_video_configuration(self, *, main: dict[str, Any], controls: dict[str, Any]) -> dict[str, Any]:
        return {"main": main, "controls": controls}

    def configure(self, wanted: dict[str, Any]) -> None:
        if wanted["main"]["size"][0] > 4608:
            raise RuntimeError("Camera configuration failed")
        self.configured = wanted

    def start(self) -> None:
        self.calls.append("start")

    def stop(self) -> None:
        self.calls.append("stop")

    def close(self) -> None:
        self.calls.append("close")

    def capture_request(self, *, wait: bool) -> object:
        assert wait is False
        return "job"

    def wait(self, job: object, timeout: float) -> object:
        assert job == "job" and timeout > 0
        if self.breaks_with is not None:
            raise self.breaks_with
        self.requests_out += 1
        return self

    def make_array(self, name: str) -> Pixels:
        assert name == "main"
        width_px, height_px = self.configured["main"]["size"]
        orders = {"BGR888": (9, 5, 1), "RGB888": (1, 5, 9)}
        return np.full((height_px, width_px, 3), orders[self.configured["main"]["format"]], np.uint8)

    def get_metadata(self) -> dict[str, int]:
        return {"SensorTimestamp": self.taken_at_ns}

    def release(self) -> None:
        self.requests_out -= 1


@pytest.fixture
def picamera2(monkeypatch: pytest.MonkeyPatch) -> type[FakePicamera2]:
    fresh = type("Picamera2", (FakePicamera2,), {})
    monkeypatch.setitem(sys.modules, "picamera2", SimpleNamespace(Picamera2=fresh))
    return fresh


SMALL = CameraOptions(width_px=64, height_px=48, fps=20, name="hall", first_frame_s=0.3)


def test_picamera_pictures_are_rgb_and_stamped_by_the_sensor(picamera2: type[FakePicamera2], clock: HandClock) -> None:
    device = PicameraDevice(0, clock, SMALL, boottime_ns=lambda: FakePicamera2.taken_at_ns + 30_000_000)
    fake: Any = device._camera
    pixels, captured_at = device.read()
    assert pixels.shape == (48, 64, 3) and pixels[0, 0].tolist() == [9, 5, 1]
    assert clock.now().seconds_since(captured_at) == 0.03
    assert clock.now().wall_ns - captured_at.wall_ns == 30_000_000
    assert fake.configured["controls"] == {"FrameDurationLimits": (50_000, 50_000)}
    assert fake.requests_out == 0
    device.close()
    assert fake.calls == ["open 0", "start", "stop", "close"]


@pytest.mark.parametrize("error", [TimeoutError(), RuntimeError("Camera frontend has timed out")])
def test_a_picamera_that_stops_is_lost(
    picamera2: type[FakePicamera2], clock: HandClock, error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(picamera2, "breaks_with", error)
    with pytest.raises(CameraLost, match="ribbon cable"):
        played("picamera2", clock, SMALL)


def test_a_picamera_plays_as_a_source(picamera2: type[FakePicamera2], clock: HandClock) -> None:
    source = open_source("picamera2:0", clock, SMALL, on_bad_picture=no_bad_picture)
    assert next(source.frames()).camera == "hall"
    source.close()


def test_a_picamera_that_is_missing_busy_or_too_small(
    picamera2: type[FakePicamera2], clock: HandClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(CameraUnavailable, match=r"1 camera\(s\).*rpicam-hello"):
        played("picamera2:1", clock, SMALL)
    with pytest.raises(CameraUnavailable, match="try a smaller size"):
        played("picamera2", clock, CameraOptions(width_px=8000))

    def busy(self: FakePicamera2, index: int) -> None:
        raise RuntimeError("Camera __init__ sequence did not complete.")

    monkeypatch.setattr(picamera2, "__init__", busy)
    with pytest.raises(CameraUnavailable, match="close the program"):
        played("picamera2", clock, SMALL)


@pytest.mark.parametrize("field", ["width_px", "height_px", "fps", "first_frame_s", "stall_s"])
@pytest.mark.parametrize("value", [0, 10**6, float("nan")])
def test_options_out_of_range_are_refused(field: str, value: float) -> None:
    with pytest.raises(ValueError, match=f"^{field} must be"):
        CameraOptions(**{field: value})  # type: ignore[arg-type]


def test_a_gif_clip_is_a_video(tmp_path: Path, clock: HandClock) -> None:
    """A GIF is refused as a picture but may be played: its frames are opaque once drawn."""
    path = tmp_path / "clip.gif"
    pixel = b"\x02\x02D\x01\0"
    frame = b"!\xf9\x04\0\x0a\0\0\0,\0\0\0\0\1\0\1\0\0" + pixel
    path.write_bytes(b"GIF89a\1\0\1\0\x80\0\0\xff\0\0\0\xff\0" + frame + frame + b";")
    assert [frame.sequence for frame in played(shutil.copy(path, tmp_path / "x.gif"), clock)] == [0, 1]
