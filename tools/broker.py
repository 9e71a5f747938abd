"""A real Mosquitto of one's own, for the demo and the tests: on a free port, gone when it is stopped."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path

DEADLINE_S = 15.0
"""A broker that does not answer by then will not."""


class BrokerMissing(RuntimeError):
    """Mosquitto is not installed, or did not start; the message says what to do."""


class Broker:
    """Mosquitto with a configuration of its own; `start` and `stop` as often as one likes, always on one port."""

    def __init__(self, folder: Path, *settings: str) -> None:
        """`folder` takes its files. `settings` are lines of mosquitto.conf(5); by default everybody may do anything."""
        self.port = free_port()
        self._config = folder / "mosquitto.conf"
        self._log = folder / "mosquitto.log"
        lines = [f"listener {self.port} 127.0.0.1", *(settings or ("allow_anonymous true",))]
        if os.geteuid() == 0:  # it would become the user "mosquitto", who may not read our files
            lines.append("user root")
        self._config.write_text("\n".join(lines) + "\n")
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"mqtt://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start it and wait until it answers. Raises BrokerMissing."""
        program = shutil.which("mosquitto", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
        if program is None:
            raise BrokerMissing("Mosquitto is needed: apt-get install mosquitto")
        with self._log.open("ab") as log:
            self._process = subprocess.Popen([program, "-c", str(self._config)], stdout=log, stderr=log)
        end = time.monotonic() + DEADLINE_S
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > end:
                raise BrokerMissing(f"Mosquitto did not start: {self._log.read_text()}")
            time.sleep(0.01)

    def stop(self) -> None:
        """As by `kill -9`: it says goodbye to nobody."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def send(self, number: signal.Signals) -> None:
        """A signal to it, while it runs."""
        if self._process is not None:
            self._process.send_signal(number)

    def _answers(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0


def free_port() -> int:
    """A TCP port that nobody uses now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
