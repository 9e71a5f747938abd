"""A reader at work in a process of its own, and what others on the machine ask of it over its socket."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from base64 import b64decode, b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest
from at_work import endless, reading

from commanding import Commander
from edgeface.adapters.reader_socket import ReaderSocket
from edgeface.commands import Role
from edgeface.errors import ReaderAbsent, ReaderError
from edgeface.frame import Pixels
from edgeface.image import decode, encode_jpeg
from edgeface.signature import key_id, parse_public, public_of
from edgeface.store import commands
from edgeface.store.database import open_database
from portraits import at

SEED = bytes(range(32))


@pytest.fixture
def long_film(tmp_path: Path, astronaut: Pixels) -> Path:
    return endless(astronaut, tmp_path / "film")


def with_a_key(home: Path) -> None:
    home.mkdir()
    database = open_database(home / "gallery.db")
    with database.transaction() as tables:
        commands.add(tables, public_of(SEED), "console", Role.ADMIN, at(0), by="test")
    database.close()


def test_a_console_enrols_somebody_and_sees_him_recognised(home: Path, long_film: Path, astronaut: Pixels) -> None:
    with_a_key(home)
    with reading(home, long_film), ReaderSocket(home / "edgeface.sock") as reader:
        device = key_id(parse_public(reader.local("door/key", {})["key"]))
        console = Commander(device=device, seed=SEED, seq=time.time_ns() // 10**6)
        console.issued_at = datetime.now(UTC)
        picture = b64encode(encode_jpeg(astronaut)).decode()
        ada = reader.local("people/enrol", {"name": "Ada", "pictures": [picture], "consent_by": "W"})["id"]
        words = {"images": True, "most_fps": 10}
        watcher = reader.watch(console.sign(console.make("live/watch", words)).decode())
        for frame in watcher:
            faces = [face for face in frame["faces"] if face["name"] is not None]
            if faces:
                break
        assert (faces[0]["person_id"], faces[0]["name"], faces[0]["outcome"]) == (ada, "Ada", "grant")
        assert (frame["decision"]["name"], frame["decision"]["outcome"]) == ("Ada", "grant")
        left, top, width, height = faces[0]["box"]
        height_px, width_px = decode(b64decode(frame["jpeg"])).shape[:2]
        assert [width_px, height_px] == frame["size"]
        assert 0 < left < left + width < width_px
        assert 0 < top < top + height < height_px
        watcher.close()


def test_a_killed_reader_is_told_from_one_that_runs_and_starts_again(home: Path, long_film: Path) -> None:
    socket = home / "edgeface.sock"
    with reading(home, long_film) as process, ReaderSocket(socket) as reader:
        assert reader.local("health", {})["people"] == 0
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert socket.exists()
        with pytest.raises(ReaderError):
            reader.local("health", {})
        with pytest.raises(ReaderAbsent, match="no reader is running"):
            reader.local("health", {})
    with reading(home, long_film) as process, ReaderSocket(socket) as reader:
        assert reader.local("health", {})["people"] == 0
        with client_that_is_killed(socket):
            pass
        assert reader.local("health", {})["people"] == 0
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=30) == 0
        assert not socket.exists()


@contextmanager
def client_that_is_killed(socket: Path) -> Iterator[None]:
    """Asks for a lockdown again and again, and dies in the middle of it."""
    code = (
        "import sys; from pathlib import Path; from edgeface.adapters.reader_socket import ReaderSocket\n"
        "r = ReaderSocket(Path(sys.argv[1])); print(r.local('health', {}), flush=True)\n"
        "while True: r.local('door/lockdown', {'lift': True})"
    )
    with subprocess.Popen([sys.executable, "-c", code, str(socket)], stdout=subprocess.PIPE) as client:
        assert client.stdout is not None
        assert client.stdout.readline()
        yield
        client.kill()


def test_under_systemd_it_is_asked_in_the_runtime_folder_and_found_from_home(home: Path, long_film: Path) -> None:
    runtime = home.parent / "run"
    runtime.mkdir(mode=0o750)
    with reading(home, long_film, RUNTIME_DIRECTORY=str(runtime)) as process:
        assert (runtime / "edgeface.sock").stat().st_mode & 0o777 == 0o660
        assert (home / "edgeface.sock").is_symlink()
        with ReaderSocket(runtime / "edgeface.sock") as reader:
            assert reader.local("health", {})["people"] == 0
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=30) == 0
    assert list(runtime.iterdir()) == []
    assert not (home / "edgeface.sock").is_symlink()
