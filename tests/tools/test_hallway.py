"""The hallway of the soak and the timings: a reader that is started anew, a camera that goes, and the page of it."""

from __future__ import annotations

import signal
import sys
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from edgeface.service.bootstrap import GALLERY
from edgeface.store.database import open_database
from tools import timings
from tools.faults import __main__ as campaign
from tools.faults import soak_page
from tools.faults.hall import KNOWN, enrol
from tools.faults.soak import Bout, Soak, _grown
from tools.faults.vfs import Sync, Tape, Write, disk_after, recording
from tools.hallway.camera import FilmCamera, Spoilt, portraits
from tools.hallway.manager import Life, Manager, Sample


def wait_until(true: Callable[[], bool], what: str) -> None:
    end_s = time.monotonic() + 60
    while not true():
        assert time.monotonic() < end_s, what
        time.sleep(0.01)


def test_a_reader_is_started_anew_and_recognises_again(tmp_path: Path) -> None:
    home, camera = tmp_path / "home", tmp_path / "camera"
    home.mkdir()
    ada, _ = portraits()
    with closing(open_database(home / GALLERY)) as database:
        enrol(home, database, ada, KNOWN)
    with (
        FilmCamera(camera, [(KNOWN, [ada])], stay_s=2.0, apart_s=0.5) as film,
        Manager(tmp_path, camera, (), restart_s=0.0) as manager,
    ):
        wait_until(lambda: any(one["outcome"] == "grant" for one in manager.told), "somebody is recognised")
        manager.send(signal.SIGKILL)
        wait_until(lambda: len(manager.lives) == 2 and manager.ready, "the reader is there again")
        film.spoilt = Spoilt.UNPLUGGED
        health = home / "health.json"
        wait_until(lambda: health.exists() and "there is no camera" in health.read_text(), "a lost camera is told")
        film.spoilt, told = None, len(manager.told)
        wait_until(lambda: any(one["outcome"] == "grant" for one in manager.told[told:]), "and is recognised again")
    first, second = manager.lives
    assert (first.code, second.code) == (-signal.SIGKILL, 0)
    assert film.showed(KNOWN, film.visits[0].begun_ns)
    assert not film.showed("somebody else", film.visits[0].begun_ns)


def samples(count: int, grows_mb: float) -> list[Sample]:
    return [
        Sample(
            at_s=float(at),
            pid=7,
            resident_mb=100 + grows_mb * at / count,
            descriptors=10,
            threads=9,
            cpu_s=1.0,
            wal_mb=0.5,
        )
        for at in range(count)
    ]


def test_what_grows_is_told() -> None:
    assert _grown(samples(400, 0.0)) == []
    assert _grown(samples(400, 40.0)) == ["memory grew by 30.0 MB"]


def test_the_soak_becomes_a_table_and_a_figure(tmp_path: Path) -> None:
    page = tmp_path / "faults.md"
    page.write_text(f"# Faults\n{soak_page.BEGIN}\n{soak_page.END}\nthe end\n")
    found = Soak(seed=3, minutes=20.0, begun_s=0.0, samples=samples(1200, 5.0), decisions=1234, opened=99)
    found.lives = [Life(started_s=0.0, ready_s=1.5)]
    found.bouts = [
        Bout(fault="reader killed", begun_s=60.0, took_s=1.0, back_s=2.5),
        Bout(fault="reader killed", begun_s=90.0, took_s=1.0, back_s=None),
    ]
    found.wrong = ["the door opened too late"]
    soak_page.write(page, found)
    text = page.read_text()
    assert "| reader killed | 2 | 2.5, 2.5, 1 never |" in text
    assert "memory +15.00 MB an hour" in text
    assert "- the door opened too late" in text
    assert text.startswith("# Faults\n") and text.endswith("\nthe end\n")
    assert (tmp_path / "soak.png").stat().st_size > 10_000
    readme = tmp_path / "README.md"
    readme.write_text(f"before\n{soak_page.BEGIN}\n{soak_page.END}\nafter\n")
    soak_page.tell(readme, found)
    assert "memory +15.00 MB an hour" in readme.read_text() and readme.read_text().endswith("\nafter\n")
    page.write_text("")
    with pytest.raises(ValueError, match="has no line"):
        soak_page.write(page, found)


def test_a_page_without_a_place_is_named_before_the_soak_begins(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(*_: object) -> None:
        raise AssertionError("an hour is gone by now")

    monkeypatch.setattr(campaign, "soak", never)
    monkeypatch.setattr(sys, "argv", ["faults", "soak", "--out", str(tmp_path / "nowhere.md")])
    with pytest.raises(SystemExit, match="cannot be read"):
        campaign.main()


def test_what_was_not_synced_may_be_gone_and_what_was_is_there() -> None:
    class Never:
        def choice(self, _: object) -> float:
            return 0.0

        def random(self) -> float:
            return 0.99

    events = [Write("a", 0, b"12345678"), Sync("a"), Write("a", 4, b"xxxx"), Write("b", 600, b"y")]
    assert disk_after({}, events, None) == {"a": b"1234xxxx", "b": bytes(600) + b"y"}
    assert disk_after({}, events, Never()) == {"a": b"12345678", "b": b""}  # type: ignore[arg-type]


def test_the_layer_writes_down_what_sqlite_does(tmp_path: Path) -> None:
    tape = Tape()
    open_database(tmp_path / GALLERY).close()
    with recording(tape), closing(open_database(tmp_path / GALLERY)) as database, database.transaction() as tables:
        tables.execute("UPDATE meta SET revision = revision + 1")
    names = {event.file for event in tape.events if isinstance(event, Write | Sync)}
    assert f"{GALLERY}-wal" in names
    count = len(tape.events)
    with closing(open_database(tmp_path / GALLERY)) as database, database.transaction() as tables:
        tables.execute("UPDATE meta SET revision = revision + 1")
    assert len(tape.events) == count


def test_timings_are_told_with_their_interval(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    figure = timings.Figure(name="start to ready, s", values=(1.0, 1.1, 1.2, 1.3, 9.0))
    assert figure.told() == "1.2 [1, 9] (5)"
    assert "| start to ready, s | 1.2 [1, 9] (5) | 2 |" in timings.table([figure])
    readme = tmp_path / "README.md"
    readme.write_text("nothing")
    monkeypatch.setattr(timings, "README", readme)
    monkeypatch.setattr(timings, "PAGE", tmp_path / "timings.md")
    names = ("kill -9 to ready, s", "unplugged to alarm, s", "plugged in to recognised, s", "resident memory, MB",
             "processor seconds an hour in which nobody comes", "processor seconds a visit, beyond those")  # fmt: skip
    each = [
        f"{scene}: {what}" for scene in timings.SCENES for what in ("frames a second, of 15", "share of one core, %")
    ]
    figures = [figure, *(timings.Figure(name=name, values=(0.5, 0.5)) for name in (*names, *each))]
    with pytest.raises(ValueError, match="has no line"):
        timings.write("", figures)
    readme.write_text(f"before\n{timings.BEGIN}\nold\n{timings.END}\nafter\n")
    timings.write("", figures)
    assert readme.read_text().startswith(
        f"before\n{timings.BEGIN}\nReady 1.2 s after the start and 0.5 s after a crash"
    )
    assert readme.read_text().endswith(f"{timings.END}\nafter\n")
