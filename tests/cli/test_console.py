"""`edgeface console`: what it says when it starts, and when it cannot."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import httpx2
from calling import Edgeface

from broker import free_port


def test_it_says_where_to_go_and_gives_a_code_once(home: Path) -> None:
    port = free_port()
    command = [sys.executable, "-m", "edgeface", "--home", str(home), "console", "--plain", "--port", str(port)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env={**os.environ, "HOME": str(home)}) as running:
        assert running.stdout is not None
        assert running.stdout.readline() == f"Console: http://127.0.0.1:{port}/\n"
        code = running.stdout.readline()
        assert re.fullmatch(r"Set-up code, for the first account: ([2-9A-Z]{5}-){3}[2-9A-Z]{5}\n", code)
        with httpx2.Client(transport=httpx2.HTTPTransport(retries=10), timeout=60) as client:
            assert client.get(f"http://127.0.0.1:{port}/").headers["location"] == "/setup"
        running.send_signal(signal.SIGTERM)
        assert running.wait(120) in (0, -signal.SIGTERM)
    assert (home / "console").stat().st_mode & 0o777 == 0o700


def test_what_cannot_be_is_said(edgeface: Edgeface, home: Path, tmp_path: Path) -> None:
    for words, says in (
        (("--plain", "--address", "0.0.0.0"), "plain is for 127.0.0.1"),
        (("--address", "reader.local"), "address must be an address"),
    ):
        answer = edgeface("console", *words)
        assert (answer.exit_code, says in answer.output) == (78, True), answer.output
    loose = tmp_path / "loose"
    loose.mkdir(mode=0o755)
    loose.chmod(0o755)
    answer = edgeface("console", "--state", loose)
    assert (answer.exit_code, "chmod 700" in answer.output) == (78, True)
