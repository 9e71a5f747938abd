"""The reader's own socket: who may ask what, and that nobody who calls can hold up anybody else."""

from __future__ import annotations

import json
import os
import pwd
import shutil
import socket
import struct
import tempfile
import threading
import time
from base64 import b64decode
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some

from commanding import Bench, at_a_desk, noon
from edgeface.adapters import frames
from edgeface.adapters.listener import listen
from edgeface.adapters.reader_socket import ReaderSocket
from edgeface.commands import Role
from edgeface.commands.envelope import signed
from edgeface.errors import ConfigError, EnrolmentError, ReaderAbsent, ReaderError, UnknownPerson
from edgeface.frame import Frame, Pixels
from edgeface.image import decode
from edgeface.service.bootstrap import Loaded
from edgeface.service.lookout import MOST_WATCHERS, Lookout
from edgeface.service.loop import Step
from edgeface.service.reception import KEPT_FREE, MOST_CALLERS, Reception

USER = pwd.getpwuid(os.getuid()).pw_name


class Desk:
    """A bench with a socket."""

    def __init__(self, bench: Bench, path: Path) -> None:
        self.bench, self.path = bench, path
        self.lookout = Lookout(lambda person_id: f"name of {person_id}")
        self.reader = ReaderSocket(path)

    def envelope(self, verb: str, body: dict[str, Any] | None = None, role: Role = Role.ADMIN, **changes: Any) -> str:
        key = self.bench.keys[role]
        return signed(key.seed, key.make(verb, body, **changes))

    def watcher(self, *, images: bool = False) -> Generator[dict[str, Any], None, None]:
        words = {"images": images, "most_fps": 10}
        return ReaderSocket(self.path).watch(self.envelope("live/watch", words, Role.OPERATE))

    def show(self, number: int = 0, size: tuple[int, int] = (48, 64)) -> None:
        self.lookout.take(step(number, size))


def step(number: int, size: tuple[int, int] = (48, 64)) -> Step:
    pixels = np.full((*size, 3), number % 256, np.uint8)
    frame = Frame(pixels=pixels, camera="test", sequence=number, captured_at=noon(number / 10))
    return Step(frame=frame, sightings=(), decisions=(), stale=False, took_ms=1.0)


@contextmanager
def at_a_socket(home: Path, loaded: Loaded, path: Path, idle_s: float = 60.0) -> Iterator[Desk]:
    with at_a_desk(home, loaded) as bench:
        desk = Desk(bench, path)
        reception = Reception(listen(path), bench.clerk, desk.lookout, idle_s=idle_s)
        reception.start()
        try:
            yield desk
        finally:
            desk.reader.close()
            reception.stop()
            assert not path.exists()


@pytest.fixture
def desk(home: Path, loaded: Loaded) -> Iterator[Desk]:
    with at_a_socket(home, loaded, home / "edgeface.sock") as made:
        yield made


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory, loaded: Loaded) -> Iterator[Desk]:
    home = tmp_path_factory.mktemp("home")
    with at_a_socket(home, loaded, home / "edgeface.sock", idle_s=0.3) as made:
        yield made


def raw(path: Path) -> socket.socket:
    link = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    link.settimeout(10)
    here = Path.cwd()
    os.chdir(path.parent)
    try:
        link.connect(path.name)
    finally:
        os.chdir(here)
    return link


def framed(fields: Any) -> bytes:
    data = fields if isinstance(fields, bytes) else json.dumps(fields).encode()
    return struct.pack(">I", len(data)) + data


def heard(link: socket.socket) -> dict[str, Any] | None:
    with link.makefile("rb") as stream:
        head = stream.read(4)
        if len(head) < 4:
            return None
        found = json.loads(stream.read(struct.unpack(">I", head)[0]))
        assert isinstance(found, dict)
        return found


def test_a_signed_command_is_answered_as_over_mqtt(desk: Desk) -> None:
    answer = json.loads(desk.reader.command(desk.envelope("health", role=Role.VIEW), "health"))
    assert (answer["code"], answer["data"]["people"], answer["key"]) == ("done", 0, desk.bench.clerk.device)
    envelope = desk.envelope("keys/list", role=Role.VIEW)
    assert json.loads(desk.reader.command(envelope, "keys/list"))["code"] == "wrong_role"
    envelope = desk.envelope("door/lockdown", role=Role.OPERATE)
    first, again = desk.reader.command(envelope, "door/lockdown"), desk.reader.command(envelope, "door/lockdown")
    assert first == again
    assert len(desk.bench.rows("command")) == 2  # the lockdown, and who asked for it


def test_a_long_command_comes_whole_here_and_is_refused_over_mqtt(desk: Desk) -> None:
    envelope = desk.envelope("people/enrol", {"name": "Ada", "pictures": ["A" * 200_000], "consent_by": "W"})
    assert json.loads(desk.reader.command(envelope, "people/enrol"))["code"] == "refused"  # no picture, but read
    assert desk.bench.send(envelope.encode(), "people/enrol")["code"] == "malformed"


def test_a_user_of_this_machine_needs_no_key_and_is_named_in_the_audit(desk: Desk) -> None:
    assert desk.reader.local("people/list", {}) == {"people": [], "total": 0}
    assert desk.reader.local("door/lockdown", {"door": "all"}, cmd_id="lock-the-doors") == {}
    assert [row["by"] for row in desk.bench.rows("command")] == [f"local:{USER}"] * 2
    with pytest.raises(UnknownPerson, match="nobody called 'Bob'"):
        desk.reader.local("people/forget", {"who": "Bob"})
    with pytest.raises(EnrolmentError, match="consent"):
        desk.reader.local("people/enrol", {"name": "Ada", "pictures": ["!"]})
    for verb, words in (("people/list", {"most": 1000}), ("no/such", {}), ("keys/pair", {})):
        with pytest.raises(ReaderError):
            desk.reader.local(verb, words)


def test_a_wish_that_is_repeated_is_granted_once(desk: Desk) -> None:
    wish = ("access/grant", {"who": ["everyone"], "name": "all"})
    first = desk.reader.local(*wish, cmd_id="one-and-only")
    assert desk.reader.local(*wish, cmd_id="one-and-only") == first
    assert len(desk.reader.local("access/show", {})["grants"]) == 2  # the default's, and this one
    with pytest.raises(ReaderError, match="another command"):
        desk.reader.local("access/grant", {"who": ["everyone"]}, cmd_id="one-and-only")
    with pytest.raises(ReaderError, match="cmd_id"):
        desk.reader.local(*wish, cmd_id="short")


@pytest.mark.skipif(os.getuid() != 0, reason="only root can be somebody else")
def test_another_user_of_this_machine_must_sign(home: Path, loaded: Loaded) -> None:
    folder = Path(tempfile.mkdtemp(prefix="edgeface-"))
    folder.chmod(0o755)
    try:
        with at_a_socket(home, loaded, folder / "s") as desk:
            assert (folder / "s").stat().st_mode & 0o777 == 0o660
            assert as_nobody(lambda: ReaderSocket(folder / "s").local("health", {})) == "ReaderError"
            (folder / "s").chmod(0o666)  # as a member of the group
            ask = framed({"kind": "local", "verb": "health", "words": {}, "cmd_id": "0123456789"})
            assert as_nobody(lambda: refusal(folder / "s", ask)) == "wrong_role"
            envelope = framed({"kind": "command", "verb": "health", "envelope": desk.envelope("health")})
            assert as_nobody(lambda: refusal(folder / "s", envelope)) == "answer"
    finally:
        shutil.rmtree(folder)


def refusal(path: Path, request: bytes) -> str:
    with raw(path) as link:
        with suppress(BrokenPipeError):  # whoever is sent away at the door may be told so before anything was asked
            link.sendall(request)
        found = heard(link) or {}
    return str(found.get("reason", found.get("kind")))


def as_nobody(act: Callable[[], object]) -> str:
    """What an act gives, or the name of its error, in a process of user "nobody"."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.setgroups([])
            os.setgid(65534)
            os.setuid(65534)
            said = str(act())
        except BaseException as error:
            said = type(error).__name__
        os.write(writing, said.encode())
        os._exit(0)
    os.close(writing)
    os.waitpid(child, 0)
    with os.fdopen(reading, "rb") as pipe:
        return pipe.read().decode()


def test_watchers_see_the_newest_frame_and_no_more_than_may(desk: Desk) -> None:
    watcher = desk.watcher(images=True)
    seen = first_of(desk, watcher)
    assert (seen["size"], seen["faces"], seen["decision"]) == ([64, 48], [], None)
    pixels = decode(b64decode(seen["jpeg"]))
    assert pixels.shape == (48, 64, 3)
    for number in range(100, 200):
        desk.show(number)
    fresh = next(watcher)
    assert decode(b64decode(fresh["jpeg"])).mean() == pytest.approx(199, abs=3)
    others = [desk.watcher() for _ in range(MOST_WATCHERS - 1)]
    for other in others:
        assert first_of(desk, other)["jpeg"] is None
    with pytest.raises(ReaderError, match="as many watch"):
        next(desk.watcher())
    for one in (watcher, *others):
        one.close()
    until(lambda: not desk.lookout.full and desk.lookout._watchers == 0)
    assert desk.lookout._seen is None  # nothing is kept of whom nobody looks at


def first_of(desk: Desk, watcher: Iterator[dict[str, Any]]) -> dict[str, Any]:
    """The first frame of a watcher, shown as often as it takes him to be there."""
    done = threading.Event()

    def show() -> None:
        number = 0
        while not done.wait(0.02):
            desk.show(number := number + 1)

    showing = threading.Thread(target=show)
    showing.start()
    try:
        return next(watcher)
    finally:
        done.set()
        showing.join()


def until(true: Callable[[], bool]) -> None:
    end = time.monotonic() + 10
    while not true():
        assert time.monotonic() < end
        time.sleep(0.02)


def test_whoever_may_not_watch_sees_nothing(desk: Desk) -> None:
    words = {"images": True}
    with pytest.raises(ReaderError, match="takes the role operate"):
        next(desk.reader.watch(desk.envelope("live/watch", words, Role.VIEW)))
    with pytest.raises(ReaderError, match="another verb"):
        next(desk.reader.watch(desk.envelope("health")))
    envelope = desk.envelope("live/watch", words)
    watcher = desk.reader.watch(envelope)
    first_of(desk, watcher)
    with pytest.raises(ReaderError, match="asked before"):  # the same once more is answered as it was, and
        next(ReaderSocket(desk.path).watch(envelope))
    watcher.close()
    assert [row["what"] for row in desk.bench.rows("command")] == ["live/watch"]
    assert desk.bench.ask("live/watch", words)["code"] == "unknown_verb"  # over MQTT
    with pytest.raises(ConfigError, match="watch"):
        desk.reader.local("live/watch", words)


def test_a_watcher_who_takes_nothing_holds_up_nobody(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(frames, "WITHIN_S", 0.5)
    with raw(desk.path) as lazy:
        lazy.sendall(framed({"kind": "watch", "envelope": desk.envelope("live/watch", {"images": True})}))
        until(lambda: desk.lookout._watchers == 1)
        noise = np.random.default_rng(1).integers(0, 256, (720, 1280, 3), np.uint8)
        slowest = 0.0
        for number in range(40):
            seen = Frame(pixels=noise, camera="test", sequence=number, captured_at=noon())
            shown = Step(frame=seen, sightings=(), decisions=(), stale=False, took_ms=1.0)
            before = time.thread_time()
            desk.lookout.take(shown)
            slowest = max(slowest, time.thread_time() - before)
            time.sleep(0.02)
        assert slowest < 0.01
        assert desk.reader.local("health", {})["people"] == 0
        until(lambda: desk.lookout._watchers == 0)


def test_more_callers_than_may_are_sent_away_and_root_still_gets_in(desk: Desk) -> None:
    calls = [raw(desk.path) for _ in range(MOST_CALLERS)]
    for link in calls:  # all are let in, as they are of the reader's own user
        link.sendall(framed({"kind": "local", "verb": "health", "words": {}, "cmd_id": "0123456789"}))
        assert (heard(link) or {})["kind"] == "done"
    assert refusal(desk.path, b"") == "busy"
    for link in calls:
        link.close()
    ask = framed({"kind": "local", "verb": "health", "words": {}, "cmd_id": "0123456789"})
    until(lambda: refusal(desk.path, ask) == "done")
    assert 0 < KEPT_FREE < MOST_CALLERS


ODD = some.one_of(
    some.binary(max_size=64),
    some.binary(max_size=64).map(framed),
    some.recursive(
        some.none() | some.booleans() | some.integers() | some.text(max_size=8),
        lambda inner: some.lists(inner, max_size=3) | some.dictionaries(some.text(max_size=8), inner, max_size=3),
    ).map(framed),
    some.fixed_dictionaries(
        {"kind": some.sampled_from(["command", "local", "watch", "frame", ""])},
        optional={"verb": some.text(max_size=12), "envelope": some.text(max_size=12), "words": some.integers()},
    ).map(framed),
    some.sampled_from(
        [
            struct.pack(">I", 0),
            struct.pack(">I", frames.MOST_BYTES + 1),
            struct.pack(">I", 2**32 - 1) + b"x",
            struct.pack(">I", 100) + b"half",
            framed(b"[" * 70_000),
            framed(b'{"a":[' + b"[]," * 50_000 + b"[]]}"),
            framed(b'{"kind":"local","kind":"watch"}'),
            framed(b'{"kind":NaN}'),
        ]
    ),
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=150, deadline=None)
@given(sent=some.lists(ODD, max_size=3))
def test_no_bytes_make_it_stumble(shared: Desk, sent: list[bytes]) -> None:
    with raw(shared.path) as link:
        try:
            link.sendall(b"".join(sent))
            link.shutdown(socket.SHUT_WR)
            while (found := heard(link)) is not None:
                assert found["kind"] in ("refused", "answer"), found
        except OSError:
            pass  # let go while it still spoke
    assert shared.reader.local("health", {})["people"] == 0 if shared.reader.answers() else False
    shared.reader.close()


def test_who_says_nothing_is_let_go(shared: Desk) -> None:
    with raw(shared.path) as link:
        assert (heard(link) or {})["text"] == "nothing came in time"
        assert heard(link) is None


def test_what_a_killed_reader_left_is_replaced_and_nothing_else(tmp_path: Path) -> None:
    place = tmp_path / ("x" * 80) / "edgeface.sock"  # longer than an address may be
    place.parent.mkdir()
    first = listen(place)
    with pytest.raises(ReaderError, match="another reader answers"):
        listen(place)
    first._server.close()  # as by kill -9: the file stays
    with pytest.raises(ReaderAbsent, match="no reader is running"):
        ReaderSocket(place).local("health", {})
    second = listen(place)
    first.close()
    assert place.exists()  # it is the second's
    second.close()
    assert not place.exists()
    place.write_text("mine")
    with pytest.raises(ReaderError, match="is no socket"):
        listen(place)
    assert place.read_text() == "mine"
    with pytest.raises(ReaderError, match="path under"):
        listen(tmp_path / "nowhere" / "edgeface.sock")
    with pytest.raises(ReaderAbsent):
        ReaderSocket(tmp_path / "nowhere" / "edgeface.sock").local("health", {})


def test_a_picture_is_made_once_for_all_who_watch(desk: Desk, astronaut: Pixels) -> None:
    made = desk.lookout._jpeg(7, astronaut)
    assert desk.lookout._jpeg(7, astronaut) is made
    assert desk.lookout._jpeg(8, astronaut) is not made
    large = np.zeros((1440, 2560, 3), np.uint8)
    assert decode(b64decode(desk.lookout._jpeg(9, large))).shape == (720, 1280, 3)
