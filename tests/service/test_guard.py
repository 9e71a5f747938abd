"""The rules have the last word, and what they remember is stored with the decision or not at all."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from edgeface.access import Contact, Factor, FactorKind, Reply, Rules, State, default_text, hash_pin, lock
from edgeface.access.parts import Right
from edgeface.config import parse
from edgeface.decide import Decision, Outcome
from edgeface.errors import GalleryError
from edgeface.frame import Instant
from edgeface.service.guard import Guard, recall
from edgeface.store import access_state
from edgeface.store.access_state import Change
from edgeface.store.database import Database, open_database
from edgeface.store.gallery import GalleryStore, NewTemplate
from edgeface.store.journal import Journal
from samples import decision, instant

ADA = "p_0123456789abcdef"
RULES = parse(
    f"""
[doors.front]
area = "house"
direction = "in"
[areas.house]
passback = "hard"
grace_s = 0.0
[[grants]]
name = "family"
who = ["{ADA}"]
doors = ["front"]
""",
    Rules,
)


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    opened = open_database(tmp_path / "gallery.db")
    yield opened
    opened.close()


def guarding(rules: Rules, database: Database, boot_id: str, now: Instant) -> Guard:
    return Guard(rules, recall(database, boot_id, now), boot_id)


def decided(guard: Guard, database: Database, **changes: object) -> Decision:
    """One decision on its way, as the loop sends it."""
    ruled = guard.rule(decision(**changes))
    Journal(database, "boot").record(ruled.decision, ruled.memory.change)
    guard.keep(ruled.memory)
    return ruled.decision


def test_a_grant_becomes_a_denial_with_rule_and_reason(database: Database) -> None:
    guard = guarding(RULES, database, "boot", instant())
    let_in = decided(guard, database)
    assert (let_in.outcome, let_in.rule, let_in.reason) == (Outcome.GRANT, "family", "3 good shots agree")
    again = decided(guard, database)
    assert (again.outcome, again.rule) == (Outcome.DENY, "areas.house")
    assert again.reason == "this person is inside already"
    other = decided(guard, database, person_id="p_00000000000000ff")
    assert (other.outcome, other.rule) == (Outcome.DENY, "no_right")


@pytest.mark.parametrize("outcome", [Outcome.UNKNOWN, Outcome.SPOOF, Outcome.INSUFFICIENT_QUALITY])
def test_only_a_grant_can_change(database: Database, outcome: Outcome) -> None:
    given = decision(outcome=outcome, person_id=None)
    assert guarding(RULES, database, "boot", instant()).rule(given).decision == given


def test_the_default_changes_nothing(database: Database) -> None:
    given = decision()
    guard = guarding(parse(default_text("front"), Rules), database, "boot", instant())
    assert guard.rule(given).decision == given
    assert guard.rule(decision(door="back")).decision.outcome is Outcome.DENY


def test_what_is_remembered_survives_the_process(database: Database) -> None:
    decided(guarding(RULES, database, "boot", instant()), database)
    assert decided(guarding(RULES, database, "boot", instant()), database).outcome is Outcome.DENY
    assert decided(guarding(RULES, database, "next", instant()), database).outcome is Outcome.DENY


def test_a_decision_that_is_not_stored_is_not_remembered(database: Database) -> None:
    guard = guarding(RULES, database, "boot", instant())
    with database.transaction() as tables:
        tables.execute("CREATE TRIGGER full BEFORE INSERT ON outbox BEGIN SELECT RAISE(ABORT, 'disk full'); END")
    with pytest.raises(GalleryError):
        decided(guard, database)
    assert access_state.read(database) == {}
    with database.transaction() as tables:
        tables.execute("DROP TRIGGER full")
    assert decided(guard, database).outcome is Outcome.GRANT
    assert access_state.read(database) != {}


def test_rows_that_cannot_be_read_shut_the_door_and_stay(database: Database) -> None:
    with database.transaction() as tables:
        access_state.write(tables, Change(written={"places/house": "no JSON"}))
    guard = guarding(RULES, database, "boot", instant())
    assert "damaged" in str(guard.problem("front"))
    assert decided(guard, database).rule == "state_lost"
    assert access_state.read(database) == {"places/house": "no JSON"}


def test_who_is_forgotten_is_no_longer_inside(database: Database) -> None:
    store = GalleryStore(database)
    template = NewTemplate(model_sha256="m" * 64, vector=np.ones(8, np.int8), quality=1.0, pose=None, source="")
    ada = store.enrol("Ada", [template], instant()).id
    rules = replace(RULES, grants=(Right(who=("everyone",), doors=("front",)),))
    decided(guarding(rules, database, "boot", instant()), database, person_id=ada)
    assert f"places/house/{ada}" in access_state.read(database)
    store.forget(ada, instant())
    assert ada not in str(access_state.read(database))


def test_a_door_that_opens_for_nobody_is_told(database: Database) -> None:
    assert guarding(RULES, database, "boot", instant()).problem("front") is None
    assert "know no door" in str(guarding(RULES, database, "boot", instant()).problem("back"))
    assert "nobody a right" in str(Guard(parse("[doors.front]", Rules), State(), "boot").problem("front"))
    assert "lockdown" in str(Guard(RULES, lock(State(), "all", instant()), "boot").problem("front"))


def test_a_films_time_is_not_this_machines(database: Database) -> None:
    guard = Guard(parse(default_text("front"), Rules), State(), "boot", film_time=True)
    assert guard.rule(decision()).memory.change is None
    real = guarding(parse(default_text("front"), Rules), database, "boot", instant())
    assert real.rule(decision()).memory.change is not None


def test_a_clock_that_is_not_set(database: Database) -> None:
    strict = parse(
        "[site]\nuntrusted_clock = 'deny'\n[doors.front]\n[[grants]]\nwho = ['everyone']\ndoors = ['all']", Rules
    )
    unset = Instant(monotonic_ns=10**9, wall_ns=10**9, wall_trusted=False)
    refused = decided(guarding(strict, database, "boot", unset), database, decided_at=unset)
    assert (refused.outcome, refused.rule) == (Outcome.DENY, "site.untrusted_clock")


LOCK = parse(
    "[doors.front]\ninterlock = 'a'\n[doors.back]\ninterlock = 'a'\n[[grants]]\nwho = ['everyone']\ndoors = ['front']",
    Rules,
)


def test_an_interlock_waits_for_the_other_doors_contact(database: Database) -> None:
    guard = guarding(LOCK, database, "boot", instant())
    assert guard.rule(decision()).decision.outcome is Outcome.DENY
    guard.hear("back", Contact.CLOSED)
    assert guard.rule(decision()).decision.outcome is Outcome.GRANT
    guard.hear("back", Contact.OPEN)
    assert guard.rule(decision()).decision.rule == "doors.front.interlock"


def test_a_duress_pin_reaches_the_decision(database: Database) -> None:
    rules = parse(
        f"[people.{ADA}]\npin = '{hash_pin('1234', bytes(16))}'\nduress_pin = '{hash_pin('4321', bytes(16))}'\n"
        "[doors.front]\nsecond_factor = 'pin'\n[[grants]]\nwho = ['everyone']\ndoors = ['all']",
        Rules,
    )
    guard = guarding(rules, database, "boot", instant())
    assert decided(guard, database).rule == "doors.front.second_factor"
    factor = Factor(door="front", kind=FactorKind.PIN, secret="4321", at=instant())
    answer, memory = guard.present(factor, instant())
    assert (answer.reply, guard.rule(decision()).decision.outcome) == (Reply.ACCEPTED, Outcome.DENY), "not kept yet"
    assert memory.change is not None
    Journal(database, "boot").remember(memory.change)
    guard.keep(memory)
    assert "4321" not in "".join(access_state.read(database).values())
    told = decided(guard, database)
    assert (told.outcome, told.duress) == (Outcome.GRANT, True)
    assert not decided(guard, database).duress
