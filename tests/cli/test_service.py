"""`edgeface run` as systemd starts it: told by its environment, watched through its socket."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from edgeface.frame import Pixels


def test_the_service_says_ready_lives_and_says_goodbye(
    tmp_path: Path, film_of: Callable[[Pixels, int], Path], hopper: Pixels
) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        manager.settimeout(60)
        environment = {
            **os.environ,
            "NOTIFY_SOCKET": str(tmp_path / "notify"),
            "WATCHDOG_USEC": "600000",
            "EDGEFACE_SOURCE": str(film_of(hopper, 90)),
        }
        command = [sys.executable, "-m", "edgeface", "--home", str(tmp_path / "home"), "run", "--json"]
        with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as service:
            first = manager.recv(4096).decode()
            assert first.startswith("READY=1\nSTATUS=watching, 0 people enrolled")
            said = [manager.recv(4096).decode() for _ in range(4)]
            assert [text for text in said if not text.startswith("STATUS=")][:3] == ["WATCHDOG=1"] * 3
            service.terminate()
            while (last := manager.recv(4096).decode()).startswith(("WATCHDOG=1", "STATUS=")):
                pass
            assert last == "STOPPING=1"
            assert service.wait(timeout=60) == 0
