"""Stands for systemd: starts the reader, hears READY and heartbeat, kills what is silent, starts anew what ended."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tools.hallway.reader import CLOCK

WATCHDOG_S, RESTART_S, START_S, STOP_S = 10.0, 2.0, 60.0, 10.0
"""As systemd/edgeface.service has them."""

SAMPLE_S = 1.0


@dataclass(slots=True)
class Life:
    """Of one process. Moments are monotonic seconds."""

    started_s: float
    ready_s: float | None = None
    ended_s: float | None = None
    code: int | None = None
    """What it exited with; below zero the signal that ended it."""
    silenced: bool = False
    """It was killed because its heartbeat stopped."""
    said: str = ""
    """The last of what it wrote for people."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """How a process stood at one moment."""

    at_s: float
    pid: int
    resident_mb: float
    descriptors: int
    threads: int
    cpu_s: float
    wal_mb: float


class Manager:
    """One reader, for as long as the block lasts. `before_start` runs while nobody has the gallery."""

    def __init__(
        self,
        folder: Path,
        camera: Path,
        words: tuple[str, ...],
        *,
        before_start: Callable[[], None] = lambda: None,
        restart_s: float = RESTART_S,
        environment: dict[str, str] | None = None,
    ) -> None:
        """`folder` takes its files; the reader's home is folder/home. `words` follow `edgeface run`."""
        self.home, self._camera, self._words = folder / "home", camera, words
        self._offset, self._socket = folder / "clock", folder / "notify"
        self._before_start, self._restart_s = before_start, restart_s
        self._environment = {**os.environ, **(environment or {})}
        self.lives: list[Life] = []
        self.told: list[dict[str, Any]] = []
        """What the reader printed: its decisions, in order."""
        self.samples: list[Sample] = []
        self._process: subprocess.Popen[str] | None = None
        self._fed_s = 0.0
        self._ending = threading.Event()
        self._wanted = threading.Event()
        self._wanted.set()
        self.set_clock(0, trusted=True)

    def __enter__(self) -> Manager:
        self._notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._notify.bind(str(self._socket))
        self._notify.settimeout(0.2)
        self._threads = [threading.Thread(target=work) for work in (self._hear, self._supervise, self._watch)]
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.rest()
        self._ending.set()
        for thread in self._threads:
            thread.join()
        self._notify.close()

    def set_clock(self, offset_ns: int, *, trusted: bool) -> None:
        """Move the reader's wall clock. In place, so that a running one sees it."""
        if not self._offset.exists():
            self._offset.write_bytes(bytes(CLOCK.size))
        with self._offset.open("r+b") as file:
            file.write(CLOCK.pack(offset_ns, trusted))

    @property
    def life(self) -> Life | None:
        """The process that there is, or the last one."""
        return self.lives[-1] if self.lives else None

    @property
    def pid(self) -> int | None:
        """Of the reader, while it runs."""
        process = self._process
        return process.pid if process is not None and process.poll() is None else None

    @property
    def ready(self) -> bool:
        """Whether there is a reader that has said that it can decide."""
        life = self.life
        return self.pid is not None and life is not None and life.ready_s is not None

    def send(self, number: signal.Signals) -> None:
        """A signal to the reader, if there is one."""
        if (pid := self.pid) is not None:
            os.kill(pid, number)

    def rest(self) -> None:
        """Stop the reader, and start no other before `resume`."""
        self._wanted.clear()
        end_s = time.monotonic() + STOP_S
        self.send(signal.SIGCONT)
        self.send(signal.SIGTERM)
        while self._process is not None:
            if time.monotonic() > end_s:
                self.send(signal.SIGKILL)
            time.sleep(0.02)

    def resume(self) -> None:
        """Start it again."""
        self._wanted.set()

    def _supervise(self) -> None:
        while not self._ending.is_set():
            if not self._wanted.wait(0.1):
                continue
            self._before_start()
            if self._ending.is_set() or not self._wanted.is_set():
                continue
            self._live()
            if self._wanted.is_set():
                self._ending.wait(self._restart_s)

    def _live(self) -> None:
        """One process from its start to its end."""
        command = [sys.executable, "-m", "tools.hallway.reader", str(self._camera), str(self._offset)]
        command += ["--home", str(self.home), "run", "--source", "0", "--json", "--keep-trying", *self._words]
        environment = {
            **self._environment, "NOTIFY_SOCKET": str(self._socket), "WATCHDOG_USEC": str(int(WATCHDOG_S * 1e6)),
            "OPENBLAS_NUM_THREADS": "1", "PYTHONUNBUFFERED": "1", "MALLOC_ARENA_MAX": "2",
        }  # fmt: skip
        life = Life(started_s=time.monotonic())
        self.lives.append(life)
        self._fed_s = life.started_s
        process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self._process = process
        ears = [
            threading.Thread(target=self._listen, args=(process,)),
            threading.Thread(target=_read, args=(process, life)),
        ]
        for ear in ears:
            ear.start()
        while process.poll() is None:
            silent_s = time.monotonic() - self._fed_s
            if silent_s > (START_S if life.ready_s is None else WATCHDOG_S):
                life.silenced = True
                process.kill()
            time.sleep(0.02)
        for ear in ears:
            ear.join()
        life.ended_s, life.code = time.monotonic(), process.returncode
        self._process = None

    def _listen(self, process: subprocess.Popen[str]) -> None:
        assert process.stdout is not None
        with process.stdout as lines:
            for line in lines:
                if line.startswith('{"seq"') and line.endswith("}\n"):
                    self.told.append(json.loads(line))

    def _hear(self) -> None:
        while not self._ending.is_set():
            try:
                message = self._notify.recv(4096).decode()
            except TimeoutError:
                continue
            now_s, life = time.monotonic(), self.life
            if life is None:
                continue
            if "READY=1" in message:
                life.ready_s = now_s
            if "READY=1" in message or "WATCHDOG=1" in message:
                self._fed_s = now_s

    def _watch(self) -> None:
        while not self._ending.wait(SAMPLE_S):
            if (pid := self.pid) is not None and (sample := look(pid, self.home / "gallery.db-wal")) is not None:
                self.samples.append(sample)


def _read(process: subprocess.Popen[str], life: Life) -> None:
    assert process.stderr is not None
    with process.stderr as lines:
        for line in lines:
            life.said = (life.said + line)[-4000:]


def look(pid: int, wal: Path) -> Sample | None:
    """How this process stands, from proc(5); None if it has just ended."""
    folder = Path(f"/proc/{pid}")
    try:
        status = dict(line.split(":", 1) for line in (folder / "status").read_text().splitlines())
        times = (folder / "stat").read_text().rpartition(")")[2].split()
        descriptors = sum(1 for _ in (folder / "fd").iterdir())
    except OSError:
        return None
    if "VmRSS" not in status:
        return None
    try:
        wal_mb = wal.stat().st_size / 2**20
    except OSError:
        wal_mb = 0.0
    return Sample(
        at_s=time.monotonic(),
        pid=pid,
        resident_mb=int(status["VmRSS"].split()[0]) / 1024,
        descriptors=descriptors,
        threads=int(status["Threads"]),
        cpu_s=(int(times[11]) + int(times[12])) / os.sysconf("SC_CLK_TCK"),
        wal_mb=wal_mb,
    )
