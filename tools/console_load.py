"""Whether the console slows recognition: from a frame's capture to its decision, with two live viewers and with none.

    python -m tools.console_load [--pairs 9] [--block 8]

One reader works on in a process of its own at a film of two people. Blocks without and with two browsers' worth of
viewers (pictures, five frames a second each, through a real console) take turns; the ratio of the two 95th percentiles
comes with a 95 % interval from resampling pairs of blocks. The result is a section of docs/console.md.
"""

from __future__ import annotations

import http.client
import json
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import click
import numpy as np

from edgeface.adapters.clock import SystemClock
from edgeface.adapters.reader_socket import ReaderSocket
from edgeface.commands import Role
from edgeface.console.accounts import Accounts, Cost
from edgeface.console.app import Console
from edgeface.console.dial import Dial
from edgeface.console.known import Known
from edgeface.console.options import Options
from edgeface.console.server import server
from edgeface.frame import Instant
from edgeface.image import encode_png
from edgeface.service.bootstrap import load_models, open_station
from edgeface.service.serve import serving
from edgeface.service.settings import Config
from edgeface.service.source import open_source
from edgeface.signature import public_of, public_text
from edgeface.store import commands
from edgeface.store.database import open_database
from tools.page import write_section

PAGE = Path("docs/console.md")
SEED = bytes(range(32))
VIEWERS, SETTLE_S, FRAMES = 2, 2.0, 20_000
ALLOWED = 1.10


@click.command()
@click.option("--pairs", default=9, show_default=True, type=click.IntRange(2, 100), help="Blocks of each kind.")
@click.option("--block", default=8.0, show_default=True, help="Seconds of each, after two to settle.")
@click.option("--dry-run", is_flag=True, help="Print the section, write nothing.")
@click.option("--reader", type=click.Path(path_type=Path), hidden=True, help="Be the reader of that folder.")
def main(pairs: int, block: float, dry_run: bool, reader: Path | None) -> None:
    """Measure it, and write it down."""
    if reader is not None:
        return read(reader)
    with tempfile.TemporaryDirectory() as place:
        arms = measured(Path(place), pairs, block)
    lines = told(arms, block)
    click.echo("\n".join(lines))
    if not dry_run:
        write_section(PAGE, "Does it slow recognition?", lines)
    return None


def read(folder: Path) -> None:
    """A reader at work; one line a frame with a face: when it was through, and how long after its capture."""
    loaded, clock = load_models(folder / "home"), SystemClock()
    config = replace(Config(), camera=replace(Config().camera, real_time=True))
    with closing(open_database(folder / "home" / "gallery.db")) as database:
        camera = open_source(str(folder / "film"), clock, config.camera, on_bad_picture=lambda path, error: None)
        with closing(camera), open_station(config, loaded, database, film_time=False) as station:

            def tell(step: Any) -> None:
                if step.frame is not None and step.sightings:
                    now = clock.now()
                    ms = 1000 * now.seconds_since(step.frame.captured_at)
                    print(json.dumps([time.monotonic(), ms]), flush=True)

            station.reader.tell(tell)
            with serving(station, config, loaded, database):
                for _ in station.reader.watch(camera.frames()):
                    pass


def measured(folder: Path, pairs: int, block_s: float) -> dict[bool, list[np.ndarray[Any, Any]]]:
    """Milliseconds of each block, without (False) and with (True) viewers."""
    public = prepared(folder)
    words = [sys.executable, "-m", "tools.console_load", "--reader", str(folder)]
    arms: dict[bool, list[np.ndarray[Any, Any]]] = {False: [], True: []}
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as process:
        try:
            rows: list[tuple[float, float]] = []
            threading.Thread(target=_collect, args=(process, rows), daemon=True).start()
            console = Running(folder, public, process)
            with click.progressbar(range(2 * pairs), label="Blocks", file=sys.stderr) as turns:
                for turn in turns:
                    watched = turn % 2 == (turn // 2) % 2  # off on on off: a drift favours neither
                    arms[watched].append(console.block(rows, block_s, watched=watched))
            console.stop()
        finally:
            process.terminate()
    return arms


def told(arms: Mapping[bool, list[np.ndarray[Any, Any]]], block_s: float) -> list[str]:
    """The section."""
    chance = np.random.default_rng(7)
    pairs = min(len(blocks) for blocks in arms.values())
    off, on = (np.concatenate(arms[watched]) for watched in (False, True))

    def ratio(chosen: Any) -> float:
        both = [np.concatenate([arms[watched][place] for place in chosen]) for watched in (True, False)]
        return float(np.percentile(both[0], 95) / np.percentile(both[1], 95))

    value = ratio(range(pairs))
    low, high = np.percentile([ratio(chance.integers(0, pairs, pairs)) for _ in range(2000)], [2.5, 97.5])
    verdict = "holds" if high <= ALLOWED else "does not hold" if low > ALLOWED else "is not decided by this run"
    return [
        f"From a frame's capture to its decision, {pairs} pairs of blocks of {block_s:g} s in turns on one machine, by",
        "`python -m tools.console_load`; 10 frames a second, two viewers with pictures through the console.",
        "",
        "| | frames with faces | median, ms | 95th percentile, ms |",
        "|---|---|---|---|",
        *(
            f"| {name} | {len(times)} | {np.median(times):.1f} | {np.percentile(times, 95):.1f} |"
            for name, times in (("nobody looks", off), ("two look", on))
        ),
        "",
        f"Ratio of the 95th percentiles: {value:.3f} [{low:.3f}, {high:.3f}] (95 %, pairs of blocks resampled).",
        f"That it stays within 10 % {verdict}.",
    ]


class Running:
    """A console in this process, and viewers of it."""

    def __init__(self, folder: Path, public: str, process: subprocess.Popen[str]) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self._port = free.getsockname()[1]
        accounts = Accounts(folder / "console", Cost(passes=1, memory_kib=64, lanes=1))
        accounts.keep(accounts.sealed("ada", Role.OPERATE, SEED, "a password of chance"), public)
        path = folder / "home" / "edgeface.sock"
        options = Options(port=self._port, plain=True)
        known = Known(folder / "console")
        self._console = Console(options=options, accounts=accounts, reader=Dial(path), set_up_code="", known=known)
        self._server = server(self._console, None)
        self._thread = threading.Thread(target=self._server.run)
        self._thread.start()
        while not (self._server.started and _answers(path)):
            if process.poll() is not None:
                raise click.ClickException("the reader did not start: see above")
            time.sleep(0.05)

    def block(self, rows: list[tuple[float, float]], block_s: float, *, watched: bool) -> np.ndarray[Any, Any]:
        """The milliseconds of one block."""
        ends = threading.Event()
        looking = [threading.Thread(target=self._look, args=(ends,)) for _ in range(VIEWERS if watched else 0)]
        for thread in looking:
            thread.start()
        time.sleep(SETTLE_S if watched else SETTLE_S + 3.0)  # links to the reader end 3 s after the last viewer
        began = time.monotonic()
        time.sleep(block_s)
        ended = time.monotonic()
        ends.set()
        for thread in looking:
            thread.join()
        return np.array([ms for at, ms in list(rows) if began <= at < ended])

    def stop(self) -> None:
        """Serve no more."""
        self._server.should_exit = self._server.force_exit = True
        self._thread.join()

    def _look(self, ends: threading.Event) -> None:
        cookie = self._console.sessions.begin("ada", Role.OPERATE, SEED)
        link, number = http.client.HTTPConnection("127.0.0.1", self._port, timeout=30), 0
        while not ends.is_set():
            link.request("GET", f"/live/next?images=1&after={number}", headers={"cookie": f"edgeface={cookie}"})
            number = int(json.loads(link.getresponse().read())["number"])
        link.close()


def prepared(folder: Path) -> str:
    """A film, a gallery that knows the console's key, an empty folder of accounts; the reader's public key."""
    from tests.portraits import astronaut_portrait, hopper_portrait, shot

    film, home = folder / "film", folder / "home"
    for made in (film, home, folder / "console"):
        made.mkdir(mode=0o700)
    faces = (astronaut_portrait(), hopper_portrait())
    frames = [shot(face, number) for face in faces for number in range(40)]
    for index in range(FRAMES):
        path = film / f"{index:05}.png"
        if index < len(frames):
            path.write_bytes(encode_png(frames[index]))
        else:
            path.symlink_to(film / f"{index % len(frames):05}.png")
    with closing(open_database(home / "gallery.db")) as database:
        now = Instant(monotonic_ns=1, wall_ns=time.time_ns(), wall_trusted=True)
        with database.transaction() as tables:
            commands.add(tables, public_of(SEED), "console ada", Role.OPERATE, now, by="console_load")
        return public_text(public_of(database.keyring.signing_seed))


def _answers(path: Path) -> bool:
    with ReaderSocket(path) as reader:
        return reader.answers()


def _collect(process: subprocess.Popen[str], rows: list[tuple[float, float]]) -> None:
    assert process.stdout is not None
    for line in process.stdout:
        at, ms = json.loads(line)
        rows.append((at, ms))


if __name__ == "__main__":
    main()
