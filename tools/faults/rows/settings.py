"""Bits of settings, rules and the models' cards turned over: refused by name, the same meaning, or on record.

A flip can make another file that is valid: 08:00 becomes 09:00. Nothing in the file itself can show that. But the
reader writes the digest of what it goes by into the audit log, at each start and at each change, so that whoever looks
sees that it is not what it was.
"""

from __future__ import annotations

import json
import random
import tomllib
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

from edgeface.access import Rules
from edgeface.adapters import manifest
from edgeface.adapters.clock import SystemClock
from edgeface.config import load, parse, to_toml
from edgeface.errors import ConfigError, ModelError
from edgeface.service.facts import cards_digest, config_digest
from edgeface.service.rulewatch import RuleWatch
from edgeface.service.settings import Config
from edgeface.store.database import Database, open_database
from edgeface.store.journal import Journal
from tools.faults.result import Result
from tools.faults.rows.bits import turned_over
from tools.faults.rows.disk import folder_in_memory

RULES = """
[site]
time_zone = "Europe/Vienna"
[groups.staff]
members = ["p_0123456789abcdef", "p_00000000000000aa"]
[schedules.office]
hours = ["mon-fri 08:00-18:00", "fri 22:00-02:00"]
[holidays]
yearly = ["12-25"]
[areas.lab]
passback = "hard"
[doors.main]
[doors.lab-in]
area = "lab"
direction = "in"
second_factor = "pin-or-card"
two_people_within_s = 30
[[grants]]
name = "staff hours"
who = ["staff"]
doors = ["all"]
schedule = "office"
valid_until = 2027-12-31
[[denies]]
name = "lent key"
who = ["p_00000000000000aa"]
doors = ["lab-in"]
"""
SAME, REFUSED, OTHER = "the same", "refused", "another meaning, on record"

Outcome = str
"""One of these three; anything else is what went wrong, as a sentence."""
Judge = Callable[[Database, bytes], Outcome]
"""What a reader makes of a file with these bytes."""


def flipped(n: int, seed: int, judges: dict[str, tuple[bytes, Judge]] | None = None) -> Result:
    """1 to 8 bits of one file are turned over."""
    dice, wrong, counts = random.Random(seed), list[str](), dict.fromkeys((REFUSED, SAME, OTHER), 0)
    with folder_in_memory() as folder, closing(open_database(folder / "gallery.db")) as database:
        for trial in range(n):
            name, (content, judge) = dice.choice(sorted((judges or JUDGES).items()))
            harmed = _harmed(dice, content)
            try:
                outcome = judge(database, harmed)
            except Exception as error:
                outcome = f"stumbled: {type(error).__name__}: {error}"
            if outcome in counts:
                counts[outcome] += 1
            else:
                wrong.append(f"try {trial}, {name}: {outcome}")
    note = ", ".join(f"{count} {outcome}" for outcome, count in counts.items())
    return Result(fault="bits flipped in settings, rules or cards", n=n, failures=wrong, seed=seed, acknowledged=n,
                  note=note)  # fmt: skip


def believed(n: int, seed: int) -> Result:
    """The control: a program that takes what it knows from a file, and tells nobody what it found."""
    careless = {name: (content, _believe(content)) for name, (content, _) in JUDGES.items()}
    return flipped(n, seed, careless)


def _harmed(dice: random.Random, content: bytes) -> bytes:
    harmed = content
    while harmed == content:
        harmed = turned_over(harmed, dice.choice((1, 1, 2, 8)), dice)
    return harmed


def _settings(database: Database, content: bytes) -> Outcome:
    """As `edgeface run` reads edgeface.toml."""
    path = _laid(database, "edgeface.toml", content)
    try:
        config = load(path, Config)
    except ConfigError as error:
        return _named(error, path)
    usual = Config()
    return _told(config == usual, config_digest(config) != config_digest(usual))


def _rules(database: Database, content: bytes) -> Outcome:
    """As a reader at work reads access.toml when it has changed."""
    adopted: list[Rules] = []
    path = _laid(database, "access.toml", RULES.encode())
    watch = RuleWatch(path, Journal(database, "b"), SystemClock(), adopted.append)
    path.write_bytes(content)
    watch._read()
    if not adopted:
        return REFUSED if path.name in (watch.problem or "") else "it was refused without a word"
    newest = database.read("SELECT payload FROM audit WHERE kind = 'config' ORDER BY seq DESC LIMIT 1")
    before = database.read("SELECT payload FROM audit WHERE kind = 'config' ORDER BY seq DESC LIMIT 1 OFFSET 1")
    digests = [json.loads(row["payload"])["to"] for row in (*newest, *before)]
    return _told(adopted[-1] == parse(RULES, Rules), len(set(digests)) == len(digests))


def _cards(database: Database, content: bytes) -> Outcome:
    """As `edgeface run` reads the manifest of the models."""
    path = _laid(database, "manifest.toml", content)
    try:
        found, usual = manifest.read(path).values(), manifest.read(manifest.shipped()).values()
    except ModelError as error:
        return _named(error, path)
    same = [entry.spec for entry in found] == [entry.spec for entry in usual]
    return _told(same, cards_digest(found) != cards_digest(usual))


def _laid(database: Database, name: str, content: bytes) -> Path:
    path = database.path.with_name(name)
    path.write_bytes(content)
    return path


def _named(error: Exception, path: Path) -> Outcome:
    return REFUSED if path.name in str(error) else f"it does not say which file: {error}"


def _told(same: bool, other_digest: bool) -> Outcome:
    if same:
        return SAME
    return OTHER if other_digest else "another meaning has the digest of the former"


def _believe(content: bytes) -> Judge:
    usual = tomllib.loads(content.decode())

    def judge(database: Database, harmed: bytes) -> Outcome:
        try:
            found: dict[str, Any] = tomllib.loads(harmed.decode(errors="replace"))
        except ValueError:
            return REFUSED
        return SAME if found == usual else "another meaning, and nobody is told"

    return judge


JUDGES: dict[str, tuple[bytes, Judge]] = {
    "edgeface.toml": (to_toml(Config()).encode(), _settings),
    "access.toml": (RULES.encode(), _rules),
    "manifest.toml": (manifest.shipped().read_bytes(), _cards),
}
"""By file: its bytes before they are harmed, and who reads it."""
