"""Any order of visits, PINs, lockdowns, reboots and clocks: never a grant without every condition met.

A second, simpler book is kept beside the judge, from what was done alone: who went in, who was right with a PIN and
when, which lockdown holds. Each grant must be explained by it.
"""

from __future__ import annotations

from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from rulebook import ADA, BOB, EVE

from edgeface.access import (
    Code,
    Factor,
    FactorKind,
    Reply,
    Request,
    Rules,
    State,
    Verdict,
    authorise,
    encode,
    hash_pin,
    lock,
    present,
    restore,
    unlock,
)
from edgeface.config import parse
from edgeface.frame import Instant

RULES = parse(
    f"""
[people.{ADA}]
pin = "{hash_pin("1111", bytes(16))}"
[people.{BOB}]
pin = "{hash_pin("2222", bytes(16))}"
[groups.staff]
members = ["{ADA}", "{BOB}"]
[doors.in]
area = "house"
direction = "in"
[doors.out]
area = "house"
direction = "out"
[doors.safe]
two_people_within_s = 20
[doors.vault]
second_factor = "pin"
second_factor_within_s = 15
[areas.house]
passback = "hard"
grace_s = 0.0
[[grants]]
who = ["staff"]
doors = ["all"]
[[denies]]
who = ["{BOB}"]
doors = ["in"]
[lockdown]
may_pass = ["{BOB}"]
[rate_limit]
per_person = 3
pause_s = 10.0
wrong_factors = 2
""",
    Rules,
)
PINS = {ADA: "1111", BOB: "2222"}
WHO = st.sampled_from([ADA, BOB, EVE, None])
DOOR = st.sampled_from(["in", "out", "safe", "vault"])


class Site(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.state, self.now_s, self.boot = State(), 0.0, 0
        self.inside: set[str] = set()
        self.locked: set[str] = set()
        self.proved: dict[str, float] = {}
        self.asked: dict[str, float] = {}
        self.refused: dict[str, list[float]] = {}
        self.last_code: Code | None = None

    def now(self) -> Instant:
        ns = round(self.now_s * 1e9)
        return Instant(monotonic_ns=ns, wall_ns=0, wall_trusted=False)

    @initialize(start_s=st.floats(0, 1e6))
    def boots_at(self, start_s: float) -> None:
        self.now_s = start_s

    @rule(seconds=st.sampled_from([0.5, 1.0, 3.0, 8.0, 16.0, 25.0]))
    def waits(self, seconds: float) -> None:
        self.now_s += seconds

    @rule(who=WHO, door=DOOR)
    def comes(self, who: str | None, door: str) -> None:
        self.state, ruling = authorise(self.state, RULES, Request(person_id=who, door=door), self.now())
        self.last_code = ruling.code
        if ruling.verdict is Verdict.PERMIT:
            assert who is not None
            self.is_explained(who, door, ruling.with_person)
            self.goes(who, door, ruling.with_person)
        elif ruling.code is Code.SECOND_PERSON_NEEDED:
            self.asked[f"safe/{who}"] = self.now_s
        elif ruling.code in (Code.NO_RIGHT, Code.EXPLICIT_DENY, Code.PASSBACK):
            self.refused.setdefault(str(who), []).append(self.now_s)

    def is_explained(self, who: str, door: str, partner: str | None) -> None:
        assert who in (ADA, BOB)
        assert not ({door, "all"} & self.locked) or who == BOB
        assert (who, door) != (BOB, "in")
        if door == "in":
            assert who not in self.inside
        if door == "safe":
            assert partner is not None and partner != who
            assert self.now_s - self.asked[f"safe/{partner}"] <= 20
            assert not ({door, "all"} & self.locked) or partner == BOB
        if door == "vault":
            assert self.now_s - self.proved[who] <= 15
        newest = self.refused.get(who, [])[-3:]
        assert len(newest) < 3 or self.now_s - newest[-1] >= 10 or newest[-1] - newest[0] > 120

    def goes(self, who: str, door: str, partner: str | None) -> None:
        self.refused.pop(who, None)
        if partner:
            self.refused.pop(partner, None)
            self.asked.pop(f"safe/{partner}", None)
        if door == "vault":
            del self.proved[who]
        if door == "in":
            self.inside.add(who)
        if door == "out":
            self.inside.discard(who)

    @rule(who=st.sampled_from([ADA, BOB]), pin=st.sampled_from(["1111", "2222", "3333"]))
    def types(self, who: str, pin: str) -> None:
        factor = Factor(door="vault", kind=FactorKind.PIN, secret=pin, at=self.now(), person_id=who)
        self.state, answer = present(self.state, RULES, factor, self.now())
        if answer.reply is Reply.ACCEPTED:
            assert PINS[who] == pin
            self.proved[who] = self.now_s

    @rule(door=st.sampled_from(["in", "safe", "all"]))
    def locks(self, door: str) -> None:
        self.state = lock(self.state, door, self.now())
        self.locked.add(door)

    @rule(door=st.sampled_from(["in", "safe", "all"]))
    def unlocks(self, door: str) -> None:
        self.state = unlock(self.state, door)
        self.locked.discard(door)

    @rule(reboot=st.booleans())
    def loses_power(self, reboot: bool) -> None:
        rows = encode(self.state, str(self.boot))
        if reboot:
            self.boot += 1
            self.proved, self.asked = {}, {}
            # The monotonic clock begins anew; this book goes on, so it moves its own moments along.
            shift = self.now_s - 5.0
            self.refused = {who: [at - shift for at in times] for who, times in self.refused.items()}
            self.now_s = 5.0
        self.state = restore(rows, str(self.boot), self.now())

    @invariant()
    def what_holds_is_remembered(self) -> None:
        assert self.state.lost is None
        assert set(self.state.lockdowns) == self.locked
        assert {key.split("/")[1] for key, place in self.state.places.items() if place.inside} == self.inside
        assert len(encode(self.state, "b")) < 40


TestSite = Site.TestCase
TestSite.settings = settings(max_examples=25, stateful_step_count=30, deadline=None)


def test_the_machine_reaches_grants_and_every_refusal() -> None:
    """The machine proves nothing if its doors never open: one script for each answer."""
    scripts: dict[Code, list[tuple[str, Any]]] = {
        Code.PERMITTED: [("comes", (ADA, "safe")), ("comes", (BOB, "safe"))],
        Code.PASSBACK: [("comes", (ADA, "in")), ("waits", (3.0,)), ("comes", (ADA, "in"))],
        Code.SECOND_FACTOR_NEEDED: [("comes", (ADA, "vault"))],
        Code.SECOND_PERSON_NEEDED: [("comes", (ADA, "safe")), ("comes", (ADA, "safe"))],
        Code.LOCKDOWN: [("locks", ("all",)), ("comes", (ADA, "in"))],
        Code.EXPLICIT_DENY: [("comes", (BOB, "in"))],
        Code.NO_RIGHT: [("comes", (EVE, "in"))],
        Code.NOBODY: [("comes", (None, "in"))],
        Code.RATE_LIMITED: [("comes", (EVE, "in"))] * 4,
    }
    for code, script in scripts.items():
        site = Site()
        for name, words in script:
            getattr(site, name)(*words)
        assert site.last_code is code
    opened = Site()
    opened.types(ADA, "1111")
    opened.comes(ADA, "vault")
    assert opened.last_code is Code.PERMITTED
