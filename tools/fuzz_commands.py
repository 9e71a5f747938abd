"""Odd commands by the million: does any of them make the reader stumble, or act?

    heavy python -m tools.fuzz_commands --count 1000000     writes docs/fuzz.json, which docs/messages.md tells

Three kinds, in equal parts, to a clerk with a gallery of its own: bytes of chance; commands that were carried out,
altered in their bytes or in their JSON (nothing of them may act again); and commands signed by a key that may only
look, with words of chance. After them the gallery must hold what it held, but for that key's own counter. First of all
the unaltered commands must act, and one of them with a new number must at the end: or it was no test.
"""

from __future__ import annotations

import argparse
import json
import random
import string
import sys
import tempfile
from collections import Counter
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from edgeface.adapters.clock import SystemClock
from edgeface.commands import VERBS, Command, Role, signed
from edgeface.service.bootstrap import load_models
from edgeface.service.clerk import Clerk
from edgeface.service.desk import Desk
from edgeface.service.settings import Config
from edgeface.signature import key_id, public_of
from edgeface.store import commands
from edgeface.store.database import Database, open_database

RESULT = Path(__file__).parents[1] / "docs" / "fuzz.json"
ODD: tuple[Any, ...] = (
    None, True, False, 0, -1, 1, 2**53, 2**63, 10**400, 1.5, -0.0, 1e308, "", "\0", "+", "#", "a/b", "../..", "\u202e",
    "\x1b[2J", "=cmd()", "p_0123456789abcdef", "everyone", "x" * 70_000, [], {}, [[[[[[[[[[]]]]]]]]]], {"v": 1},
)  # fmt: skip
"""Values that have broken parsers before."""

TABLES = ("people", "templates", "access_state", "audit", "outbox", "commands", "meta")


class Sender:
    """A key and its counter."""

    def __init__(self, database: Database, device: str, role: Role) -> None:
        self._seed, self._device, self.seq = random.randbytes(32), device, 0
        with database.transaction() as tables:
            commands.add(tables, public_of(self._seed), role.value, role, SystemClock().now(), by="fuzz")

    def sign(self, verb: str, body: dict[str, Any]) -> bytes:
        self.seq += 1
        command = Command(
            cmd_id=f"fuzz-{self.seq:08}",
            key_id=key_id(public_of(self._seed)),
            to=self._device,
            verb=verb,
            body=body,
            seq=self.seq,
            issued_at=datetime.now(UTC),
            ttl_s=300,
        )
        return signed(self._seed, command).encode()


def altered_bytes(payload: bytes, chance: random.Random) -> bytes:
    """A few bytes replaced, taken out, put in or repeated."""
    made = bytearray(payload)
    for _ in range(chance.randint(1, 4)):
        place = chance.randrange(len(made) + 1)
        match chance.randrange(4):
            case 0:
                made[place : place + 1] = chance.randbytes(1)
            case 1:
                del made[place : place + chance.randint(1, 20)]
            case 2:
                made[place:place] = chance.choice((b'"', b"{", b"[", b"\\", b"\xff", b",", b"NaN", b"1e999", b"\0"))
            case _:
                made[place:place] = made[place : place + chance.randint(1, 40)]
    return bytes(made)


def altered_json(payload: bytes, chance: random.Random) -> bytes:
    """A field that is another, gone, new, or there twice."""
    fields = json.loads(payload)
    name = chance.choice(sorted(fields))
    match chance.randrange(4):
        case 0:
            fields[name] = chance.choice(ODD)
        case 1:
            del fields[name]
        case 2:
            fields[chance.choice((name.upper(), "".join(chance.choices(string.printable, k=5))))] = chance.choice(ODD)
        case _:
            text = json.dumps(fields)
            return f'{text[:-1]},"{name}":{json.dumps(chance.choice(ODD))}}}'.encode()
    return json.dumps(fields).encode()


def odd_body(verb: str, chance: random.Random) -> dict[str, Any]:
    """Words of chance, half of them with the names that the verb takes."""
    names = [*VERBS[verb].words.__dataclass_fields__, "".join(chance.choices(string.ascii_lowercase, k=4))]
    plain = [value for value in ODD if not (isinstance(value, int) and abs(value) >= 2**53) and value != "x" * 70_000]
    return {name: chance.choice(plain) for name in names if chance.random() < 0.6}


def held(database: Database) -> list[Any]:
    """What must not change."""
    return [database.read(f"SELECT * FROM {table}") for table in TABLES]


def fuzz(home: Path, count: int, seed: int) -> dict[str, Any]:
    """Send them all; what came of it. Raises AssertionError if anything acted, and what makes the reader stumble."""
    chance, outcomes = random.Random(seed), Counter[str]()
    with closing(open_database(home / "gallery.db")) as database:
        loaded = load_models(home)
        desk = Desk(config=Config(), database=database, loaded=lambda: loaded, now=SystemClock().now, by="fuzz")
        clerk = Clerk(desk)
        admin, viewer = Sender(database, clerk.device, Role.ADMIN), Sender(database, clerk.device, Role.VIEW)
        corpus = [
            ("door/lockdown", admin.sign("door/lockdown", {})),
            ("access/deny", admin.sign("access/deny", {"who": ["everyone"], "name": "fuzz"})),
            ("access/join", admin.sign("access/join", {"group": "staff", "who": []})),
        ]
        for verb, payload in corpus:
            assert json.loads(clerk.answer(payload, verb))["code"] == "done", "the control must act"
        before, rules = held(database), (home / "access.toml").read_bytes()
        with click.progressbar(range(count), label="Odd commands", file=sys.stderr) as bar:
            for number in bar:
                verb, payload = chance.choice(corpus)
                kind = number % 4
                if kind == 0:
                    payload = chance.randbytes(chance.randint(0, 300))
                elif kind in (1, 2):
                    payload = (altered_bytes if kind == 1 else altered_json)(payload, chance)
                else:
                    verb = chance.choice(sorted(VERBS))
                    payload = viewer.sign(verb, odd_body(verb, chance))
                outcomes[json.loads(clerk.answer(payload, verb))["code"]] += 1
        assert held(database) == before, "something acted"
        assert (home / "access.toml").read_bytes() == rules, "something changed the rules"
        control = admin.sign("door/lockdown", {"lift": True})
        assert json.loads(clerk.answer(control, "door/lockdown"))["code"] == "done", "the control must act"
        assert held(database) != before
    return {"commands": count, "seed": seed, "crashes": 0, "acts": 0, "answers": dict(sorted(outcomes.items()))}


def main() -> None:
    """Fuzz, and write what came of it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=1)
    words = parser.parse_args()
    with tempfile.TemporaryDirectory() as home:
        found = fuzz(Path(home), words.count, words.seed)
    RESULT.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    sys.stdout.write(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
