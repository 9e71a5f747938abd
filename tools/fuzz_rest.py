"""schemathesis over the console's OpenAPI document: does anything that it sends make console or reader stumble?

    pip install schemathesis        (kept out of the development extra: it brings much along)
    heavy python -m tools.fuzz_rest --examples 15

Starts a console over a gallery of its own, signs in as an administrator, and sends what the document allows and what it
does not, to every verb; signed commands with a signature that holds, but for one in eight. Exit code 1 for any answer
of 500 and above, or one that the document does not foresee. Prints how often what was answered.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import secrets
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import closing, nullcontext
from pathlib import Path
from typing import Any

import httpx2

from edgeface.access import Answer, Factor, Reply, State
from edgeface.adapters import frames
from edgeface.adapters.clock import SystemClock
from edgeface.bar import Bar
from edgeface.commands import Role
from edgeface.console.accounts import Accounts, Cost
from edgeface.console.app import Console
from edgeface.console.known import Known
from edgeface.console.options import Options
from edgeface.console.server import server
from edgeface.errors import ConfigError, DoorError
from edgeface.service.bootstrap import load_models
from edgeface.service.clerk import Clerk, User
from edgeface.service.desk import Desk
from edgeface.service.loop import Recorded
from edgeface.service.settings import Config
from edgeface.signature import SEED_BYTES, key_id, public_of
from edgeface.store import commands
from edgeface.store.database import Database, open_database
from tools.schemas import DOCS

PASSWORD = "only for this run"
CHECKS = "not_a_server_error,response_schema_conformance,status_code_conformance,content_type_conformance"


class _Quiet:
    """Stands for the reader at work."""

    def __init__(self) -> None:
        self._state = State()

    def turn(self) -> nullcontext[None]:
        return nullcontext()

    def renewed_people(self) -> Callable[[], None]:
        return lambda: None

    def renewed_rules(self) -> Callable[[], None]:
        return lambda: None

    def change(self, change: Callable[[State], State]) -> Callable[[], None]:
        changed = change(self._state)
        return lambda: setattr(self, "_state", changed)

    def present(self, factor: Factor) -> Answer:
        return Answer(reply=Reply.ACCEPTED, reason="thank you")

    def let_in(self, door: str, by: str) -> tuple[Recorded, Callable[[], None]]:
        raise DoorError("no door is here")

    def present_picture(self, jpeg: bytes) -> Callable[[], None]:
        return lambda: None

    def hide_pictures(self) -> None:
        pass

    def dial(self) -> None:
        return None

    def renewed_dial(self, dial: str | None) -> tuple[Bar, Callable[[], None]]:
        raise ConfigError("decide.false_accepts: nobody is here to promise it to")

    def shut(self) -> None:
        return None

    def replay(self, first: int, last: int) -> None:
        return None

    def forgot(self) -> None:
        self._state = State()

    def restart(self) -> None:
        return None


class _Nearby:
    """The reader, asked without a socket in between."""

    def __init__(self, clerk: Clerk) -> None:
        self._clerk = clerk

    def command(self, envelope: str, verb: str) -> str:
        return self._clerk.answer(envelope.encode(), verb, near=True, most_bytes=frames.MOST_BYTES)

    def local(self, verb: str, words: Mapping[str, Any]) -> Mapping[str, Any]:
        said = json.loads(self._clerk.local(verb, words, secrets.token_hex(8), User(uid=0, name="root")))
        answer: Mapping[str, Any] = said["answer"]
        return answer


def signed_in(url: str, code: str) -> tuple[str, str]:
    """Cookie and token of an administrator who was made just now."""
    with httpx2.Client(base_url=url, headers={"origin": url}) as client:
        for path, fields in (
            ("/setup", {"code": code, "name": "fuzz", "password": PASSWORD, "again": PASSWORD}),
            ("/sign-in", {"name": "fuzz", "password": PASSWORD}),
        ):
            answer = client.post(path, data={**fields, "csrf": _token(client.get(path).text)})
            assert answer.status_code == 303, answer.text
        return f"edgeface={client.cookies['edgeface']}", _token(client.get("/account").text)


def key_for(database: Database, home: Path) -> None:
    """A key that may say everything, for tools/fuzz_rest_hooks.py to sign with."""
    seed, reader = secrets.token_bytes(SEED_BYTES), key_id(public_of(database.keyring.signing_seed))
    with database.transaction() as tables:
        commands.add(tables, public_of(seed), "fuzz machine", Role.ADMIN, SystemClock().now(), by="fuzz")
    (home / "key.json").write_text(json.dumps({"seed": seed.hex(), "to": reader}))


def _token(page: str) -> str:
    found = re.search(r'name="csrf" value="([^"]+)"', page)
    assert found is not None
    return found[1]


def fuzz(home: Path, port: int, examples: int, seed: int) -> int:
    """Serve, and let schemathesis loose; its exit code."""
    with closing(open_database(home / "gallery.db")) as database:
        loaded, now = load_models(home), SystemClock().now
        desk = Desk(config=Config(), database=database, loaded=lambda: loaded, now=now, by="fuzz", live=_Quiet())
        console = Console(
            options=Options(port=port, plain=True, idle_s=86400.0, longest_s=86400.0),
            accounts=Accounts(home, Cost(passes=1, memory_kib=64, lanes=1)),
            reader=_Nearby(Clerk(desk)),
            set_up_code="FUZZ",
            known=Known(home),
            machine_tries=10**9,  # else what nobody signed makes those that somebody signed wait
        )
        hooks = Path(__file__).with_name("fuzz_rest_hooks.py")
        running = server(console, None)
        thread = threading.Thread(target=running.run)
        thread.start()
        while not running.started:
            time.sleep(0.05)
        try:
            cookie, token = signed_in(f"http://localhost:{port}", "FUZZ")
            key_for(database, home)
            found = subprocess.run(
                ["schemathesis", "run", str(DOCS / "openapi.json"), "--url", f"http://localhost:{port}",
                 "-H", f"Cookie: {cookie}", "-H", f"X-CSRF-Token: {token}", "--checks", CHECKS,
                 "--phases", "coverage,fuzzing", "-n", str(examples), "--seed", str(seed), "--no-color"],
                check=False, cwd=home, env=os.environ | {"SCHEMATHESIS_HOOKS": hooks.stem, "FUZZ_REST": str(home),
                                                         "PYTHONPATH": f"{hooks.parent}:{hooks.parents[1]}"},
            ).returncode  # fmt: skip
            print((home / "tally.json").read_text())
            return found
        finally:
            running.should_exit = True
            thread.join()


def main() -> None:
    """Run it in a folder that goes away again."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--examples", type=int, default=15, help="for each verb; default: 15")
    parser.add_argument("--port", type=int, default=8931)
    parser.add_argument("--seed", type=int, default=1)
    wanted = parser.parse_args()
    if shutil.which("schemathesis") is None:
        sys.exit("schemathesis is not here: pip install schemathesis")
    with tempfile.TemporaryDirectory() as home:
        sys.exit(fuzz(Path(home), wanted.port, wanted.examples, wanted.seed))


if __name__ == "__main__":
    main()
