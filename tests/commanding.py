"""Somebody who commands a reader: a key, a counter, and answers that are checked."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from edgeface.commands import Code, Command, Role, signed
from edgeface.frame import Instant
from edgeface.service.bootstrap import Loaded
from edgeface.service.clerk import Clerk
from edgeface.service.desk import Desk, Live
from edgeface.service.guide import Guide
from edgeface.service.settings import Config
from edgeface.signature import Purpose, key_id, public_of, verify
from edgeface.store import commands
from edgeface.store.database import Database, open_database
from schemas import expect_answer

NOON = datetime(2026, 11, 26, 12, tzinfo=UTC)


def noon(seconds: float = 0.0, *, trusted: bool = True) -> Instant:
    wall = NOON + timedelta(seconds=seconds)
    return Instant(
        monotonic_ns=10**12 + int(seconds * 1e9), wall_ns=int(wall.timestamp()) * 10**9, wall_trusted=trusted
    )


@dataclass
class Commander:
    """Signs commands of one key, each with the next number."""

    device: str
    seed: bytes = bytes(range(32))
    seq: int = 0
    issued_at: datetime = NOON

    @property
    def key_id(self) -> str:
        return key_id(public_of(self.seed))

    def make(self, verb: str, body: Mapping[str, Any] | None = None, **changes: Any) -> Command:
        self.seq += 1
        plain: dict[str, Any] = {
            "cmd_id": f"command-{self.seq}",
            "key_id": self.key_id,
            "to": self.device,
            "verb": verb,
            "body": dict(body or {}),
            "seq": self.seq,
            "issued_at": self.issued_at,
        }
        return Command(**{**plain, **changes})

    def sign(self, command: Command) -> bytes:
        return signed(self.seed, command).encode()


@dataclass
class Bench:
    """A clerk at a desk of its own, and keys of every role."""

    database: Database
    desk: Desk
    clerk: Clerk
    keys: dict[Role, Commander] = field(default_factory=dict)
    moment: Instant = field(default_factory=noon)
    near: bool = False
    """Whether what is sent comes over the reader's own socket."""

    def ask(self, verb: str, body: Mapping[str, Any] | None = None, role: Role = Role.ADMIN, **changes: Any) -> Any:
        """The answer of a command that is made, signed and sent, its signature checked."""
        key = self.keys[role]
        return self.send(key.sign(key.make(verb, body, **changes)), verb)

    def send(self, payload: bytes, topic_verb: str, *, retained: bool = False) -> Any:
        text = self.clerk.answer(payload, topic_verb, retained=retained, near=self.near)
        answer = json.loads(text)
        sig = answer.pop("sig")
        assert verify(public_of(self.database.keyring.signing_seed), Purpose.RESPONSE, answer, sig)
        expect_answer(topic_verb, {**answer, "sig": sig})
        return answer

    def code(self, verb: str, body: Mapping[str, Any] | None = None, role: Role = Role.ADMIN, **changes: Any) -> Code:
        return Code(self.ask(verb, body, role, **changes)["code"])

    def rows(self, kind: str) -> list[dict[str, Any]]:
        found = self.database.read("SELECT payload FROM audit WHERE kind = ? ORDER BY seq", (kind,))
        return [json.loads(row["payload"]) for row in found]


@contextmanager
def at_a_desk(
    home: Path,
    loaded: Loaded,
    live: Live | None = None,
    config: Config | None = None,
    guide: Guide | None = None,
) -> Iterator[Bench]:
    home.mkdir(exist_ok=True)
    with closing(open_database(home / "gallery.db")) as database:
        made: list[Bench] = []
        desk = Desk(
            config=config or Config(),
            database=database,
            loaded=lambda: loaded,
            now=lambda: made[0].moment,
            by="test",
            live=live,
            guide=guide,
        )
        bench = Bench(database=database, desk=desk, clerk=Clerk(desk))
        made.append(bench)
        for number, role in enumerate(Role):
            seed = bytes([number + 1]) * 32
            with database.transaction() as tables:
                commands.add(tables, public_of(seed), role.value, role, noon(), by="test")
            bench.keys[role] = Commander(device=bench.clerk.device, seed=seed)
        yield bench


def stranger(bench: Bench) -> Commander:
    """Somebody whose key the device does not know."""
    return replace(bench.keys[Role.ADMIN], seed=b"\x63" * 32)
