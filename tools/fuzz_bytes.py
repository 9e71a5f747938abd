"""Bytes that a coverage-guided fuzzer thinks of, for whatever reads what others send or write.

    pip install -e '.[fuzz]'; python -m tools.fuzz_bytes --count 1000000

Commands, decisions at a controller, access rules and settings: each must be taken, or refused with an error of ours;
anything else is a crash, told with the input. One JSON line. Needs atheris, which has wheels for x86-64 alone.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path

SEEDS = (
    b'{"v":1,"cmd_id":"fuzz-0001","key_id":"0123456789abcdef","to":"0123456789abcdef","verb":"door/lockdown","body":{},'
    b'"seq":1,"issued_at":"2026-01-01T00:00:00.000Z","ttl_s":10,"sig":"x"}',
    b'{"v":1,"id":"a","seq":1,"door":"main","outcome":"grant","person":null,"replayed":false,"nonce":null,"key":"x"}',
    b'[doors.main]\n[[grants]]\nname = "all"\nwho = ["everyone"]\ndoors = ["main"]\n'
    b'[schedules.day]\nhours = ["fri 22:00-02:00"]\n',
    b'[decide]\nfalse_accepts = 0.001\n[mqtt]\nbroker = "mqtt://h"\n',
)


def fuzz() -> None:
    """In a process of its own: libFuzzer ends it."""
    import atheris

    with atheris.instrument_imports(include=["edgeface"]):
        from edgeface.access import Rules
        from edgeface.commands import envelope
        from edgeface.config import parse
        from edgeface.controller import Doorkeeper, Ledger
        from edgeface.errors import ConfigError
        from edgeface.service.settings import Config
        from edgeface.signature import public_of, public_text

    key = public_text(public_of(bytes(32)))
    keeper, ledger = Doorkeeper(door="main", public_key=key), Ledger(key)

    def once(data: bytes) -> None:
        envelope.read(data)
        keeper.judge(data, retained=False)
        ledger.take(data)
        text = data.decode("utf-8", errors="replace")
        for into in (Rules, Config):
            try:
                parse(text, into)
            except ConfigError:
                continue

    atheris.Setup(sys.argv, once)
    atheris.Fuzz()


def main() -> None:
    """Start it, and say what came of it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=1)
    words = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        for number, content in enumerate(SEEDS):
            (Path(folder) / f"seed-{number}").write_bytes(content)
        options = [f"-runs={words.count}", f"-seed={words.seed}", "-print_final_stats=1", "-max_len=4096"]
        command = [sys.executable, "-c", "from tools.fuzz_bytes import fuzz; fuzz()", *options, folder]
        ended = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)
    executed = re.search(r"number_of_executed_units: (\d+)", ended.stderr)
    covered = re.findall(r"cov: (\d+)", ended.stderr)
    if executed is None:
        sys.exit(f"the fuzzer did not run: {ended.stderr[-2000:]}")
    found = {"fault": "bytes by coverage", "n": int(executed[1]), "failures": int(ended.returncode != 0),
             "covered": int(covered[-1]) if covered else 0, "seed": words.seed}  # fmt: skip
    sys.stdout.write(json.dumps(found) + "\n")
    if ended.returncode:
        sys.exit(ended.stderr[-3000:])


if __name__ == "__main__":
    main()
