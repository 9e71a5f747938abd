"""Commands that must not act: altered, forged, replayed, retained, for another device, too late, of a lesser role."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from edgeface.adapters.clock import SystemClock
from edgeface.commands import Command, Role, signed
from edgeface.frame import Instant
from edgeface.service.clerk import Clerk, User
from edgeface.service.desk import Desk
from edgeface.service.settings import Config
from edgeface.signature import key_id, public_of
from edgeface.store import commands
from edgeface.store.database import Database, open_database
from tools.faults.result import Result
from tools.faults.rows.bits import turned_over
from tools.faults.rows.disk import folder_in_memory

VERB = "door/lockdown"
TABLES = ("people", "templates", "access_state", "audit", "outbox", "commands", "command_keys", "meta")
"""What must be as it was."""
LATE_S = 400


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """A clerk, and keys that it knows."""

    database: Database
    clerk: Clerk
    admin: bytes
    viewer: bytes
    acted: bytes
    """A command that was carried out."""

    def command(self, seed: bytes, number: int, **changes: Any) -> Command:
        """One that would act, but for the changes."""
        made = Command(
            cmd_id=f"faults-{number:08}", key_id=key_id(public_of(seed)), to=self.clerk.device, verb=VERB, body={},
            seq=number, issued_at=datetime.now(UTC), ttl_s=300,
        )  # fmt: skip
        return replace(made, **changes)

    def held(self) -> list[Any]:
        """What must not change."""
        return [self.database.read(f"SELECT * FROM {table}") for table in TABLES]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """What arrives."""

    payload: bytes
    verb: str = VERB
    retained: bool = False


Make = Callable[[Bench, random.Random, int], Sent]
"""Takes a number that is higher than all before."""
Hear = Callable[[Bench, Sent], object]


def must_not_act(n: int, seed: int, hear: Hear | None = None) -> Result:
    """Each of them is answered, and nothing has changed; a command that is right acts before and after."""
    dice, wrong = random.Random(seed), []
    with _bench(dice) as bench:
        before = bench.held()
        for trial in range(n):
            kind = dice.choice(sorted(KINDS))
            sent = KINDS[kind](bench, dice, 10 + trial)
            try:
                (hear or _by_us)(bench, sent)
            except Exception as error:
                wrong.append(f"try {trial}: stumbled over one {kind}: {type(error).__name__}: {error}")
            if (after := bench.held()) != before:
                wrong.append(f"try {trial}: a command acted, {kind}")
                before = after
        good = signed(bench.admin, bench.command(bench.admin, n + 100)).encode()
        if hear is None and json.loads(bench.clerk.answer(good, VERB))["code"] != "done":
            wrong.append("a command that is right did not act in the end")
    return Result(fault="commands altered, forged, replayed", n=n, failures=wrong, seed=seed, acknowledged=n,
                  note=", ".join(KINDS))  # fmt: skip


def trusting(n: int, seed: int) -> Result:
    """The control: whoever knows the topic may command."""

    def hear(bench: Bench, sent: Sent) -> object:
        try:
            told = json.loads(sent.payload)
        except ValueError:
            return None
        name = f"{random.getrandbits(64):016x}"
        return bench.clerk.local(str(told.get("verb")), told.get("body") or {}, name, User(uid=0, name="root"))

    return must_not_act(n, seed, hear)


def _now() -> Instant:
    """A clock that is set: by one that is not, nothing is too late, and the number alone tells old from new."""
    return replace(SystemClock().now(), wall_trusted=True)


def _by_us(bench: Bench, sent: Sent) -> object:
    return bench.clerk.answer(sent.payload, sent.verb, retained=sent.retained)


@contextmanager
def _bench(dice: random.Random) -> Iterator[Bench]:
    def unloaded() -> Any:
        raise AssertionError("no command of these looks at models")

    with folder_in_memory() as folder, closing(open_database(folder / "gallery.db")) as database:
        clerk = Clerk(Desk(config=Config(), database=database, loaded=unloaded, now=_now, by="faults"))
        bench = Bench(database=database, clerk=clerk, admin=dice.randbytes(32), viewer=dice.randbytes(32), acted=b"")
        with database.transaction() as tables:
            for seed, role in ((bench.admin, Role.ADMIN), (bench.viewer, Role.VIEW)):
                commands.add(tables, public_of(seed), role.value, role, _now(), by="faults")
        acted = signed(bench.admin, bench.command(bench.admin, 5)).encode()
        if json.loads(clerk.answer(acted, VERB))["code"] != "done":
            raise AssertionError("a command that is right must act")
        yield replace(bench, acted=acted)


def _bits(bench: Bench, dice: random.Random, seq: int) -> Sent:
    whole = signed(bench.admin, bench.command(bench.admin, seq)).encode()
    return Sent(payload=turned_over(whole, dice.choice((1, 8)), dice))


def _field(bench: Bench, dice: random.Random, seq: int) -> Sent:
    """A field is another than was signed."""
    told = json.loads(signed(bench.admin, bench.command(bench.admin, seq)))
    name = dice.choice(("cmd_id", "seq", "issued_at", "ttl_s", "body", "key_id"))
    told[name] = {
        "cmd_id": "another-0001", "seq": seq + 1, "issued_at": "2030-01-01T00:00:00.000Z", "ttl_s": 299,
        "body": {"door": "main"}, "key_id": key_id(public_of(bench.viewer)),
    }[name]  # fmt: skip
    return Sent(payload=json.dumps(told).encode())


def _by(seed_of: Callable[[Bench, random.Random], bytes], **changes: Any) -> Make:
    def make(bench: Bench, dice: random.Random, seq: int) -> Sent:
        seed = seed_of(bench, dice)
        return Sent(payload=signed(seed, bench.command(seed, seq, **changes)).encode())

    return make


def _admin(bench: Bench, dice: random.Random) -> bytes:
    return bench.admin


def _claimed(bench: Bench, dice: random.Random, seq: int) -> Sent:
    """Signed by somebody else, in the name of one who may."""
    return Sent(payload=signed(dice.randbytes(32), bench.command(bench.admin, seq)).encode())


def _late(bench: Bench, dice: random.Random, seq: int) -> Sent:
    issued = datetime.now(UTC) + timedelta(seconds=dice.choice((-LATE_S, LATE_S)))
    return Sent(payload=signed(bench.admin, bench.command(bench.admin, seq, issued_at=issued)).encode())


KINDS: dict[str, Make] = {
    "bits": _bits,
    "field": _field,
    "unknown key": _by(lambda bench, dice: dice.randbytes(32)),
    "claimed key": _claimed,
    "lesser role": _by(lambda bench, dice: bench.viewer),
    "another device": _by(_admin, to="0123456789abcdef"),
    "older number": _by(_admin, seq=4, cmd_id="faults-older-1"),
    "too late or of the future": _late,
    "replayed": lambda bench, dice, seq: Sent(payload=bench.acted),
    "replayed to another verb": lambda bench, dice, seq: Sent(payload=bench.acted, verb="access/deny"),
    "retained": lambda bench, dice, seq: Sent(
        payload=signed(bench.admin, bench.command(bench.admin, seq)).encode(), retained=True
    ),
    "bytes of chance": lambda bench, dice, seq: Sent(payload=dice.randbytes(dice.randrange(400))),
}
