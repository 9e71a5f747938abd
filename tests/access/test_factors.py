"""A PIN or a card besides the face."""

from __future__ import annotations

import pytest
from rulebook import ADA, BOB, moment

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
    hash_card,
    hash_pin,
    present,
    verify_pin,
)
from edgeface.config import parse

SALT = "0" * 32
RULES = parse(
    f"""
[site]
card_salt = "{SALT}"
[people.{ADA}]
pin = "{hash_pin("1234", b"a" * 16)}"
duress_pin = "{hash_pin("9999", b"b" * 16)}"
[people.{BOB}]
cards = ["{hash_card("77AB", SALT)}"]
[doors.main]
second_factor = "pin-or-card"
[doors.plain]
[[grants]]
who = ["everyone"]
doors = ["all"]
""",
    Rules,
)


def seen(state: State, who: str, seconds: float) -> tuple[State, Code, bool]:
    state, ruling = authorise(state, RULES, Request(person_id=who, door="main"), moment(seconds=seconds))
    assert (ruling.verdict is Verdict.PERMIT) == (ruling.code is Code.PERMITTED)
    return state, ruling.code, ruling.duress


def typed(state: State, secret: str, seconds: float, kind: FactorKind = FactorKind.PIN) -> tuple[State, Reply]:
    now = moment(seconds=seconds)
    state, answer = present(state, RULES, Factor(door="main", kind=kind, secret=secret, at=now), now)
    assert "duress" not in answer.reason
    return state, answer.reply


def test_face_then_pin_then_face() -> None:
    state, code, _ = seen(State(), ADA, 0)
    assert code is Code.SECOND_FACTOR_NEEDED
    state, reply = typed(state, "1234", 5)
    assert reply is Reply.ACCEPTED
    assert seen(state, BOB, 6)[1] is Code.SECOND_FACTOR_NEEDED
    assert seen(state, ADA, 26)[1] is Code.SECOND_FACTOR_NEEDED
    state, code, duress = seen(state, ADA, 25)
    assert (code, duress) == (Code.PERMITTED, False)
    assert seen(state, ADA, 25)[1] is Code.SECOND_FACTOR_NEEDED, "a proof opens once"


def test_duress_opens_and_only_the_decision_tells() -> None:
    state, reply = typed(seen(State(), ADA, 0)[0], "9999", 5)
    assert reply is Reply.ACCEPTED
    assert seen(state, ADA, 6)[1:] == (Code.PERMITTED, True)
    state, _ = typed(state, "1234", 6)
    assert seen(state, ADA, 7)[2], "the right PIN does not take it back"


def test_a_card_says_whose_it_is() -> None:
    state, reply = typed(State(), "77ab", 0, FactorKind.CARD)
    assert reply is Reply.ACCEPTED
    assert seen(state, ADA, 1)[1] is Code.SECOND_FACTOR_NEEDED
    assert seen(state, BOB, 1)[1] is Code.PERMITTED
    for wrong in ("77ac", "", "7" * 99, "é"):
        assert typed(State(), wrong, 0, FactorKind.CARD)[1] is Reply.WRONG


def test_what_does_not_count() -> None:
    assert typed(State(), "1234", 0)[1] is Reply.NOBODY
    state = seen(State(), ADA, 0)[0]
    assert typed(state, "1234", 21)[1] is Reply.NOBODY
    assert typed(seen(State(), BOB, 0)[0], "1234", 1)[1] is Reply.WRONG
    old = Factor(door="main", kind=FactorKind.PIN, secret="1234", at=moment(), person_id=ADA)
    assert present(state, RULES, old, moment(seconds=21))[1].reply is Reply.LATE
    plain = Factor(door="plain", kind=FactorKind.PIN, secret="1234", at=moment())
    assert present(state, RULES, plain, moment())[1].reply is Reply.NOT_ASKED
    assert "1234" not in repr(old)


def test_wrong_pins_are_counted() -> None:
    state = seen(State(), ADA, 0)[0]
    for second in range(5):
        state, reply = typed(state, "0000", second)
        assert reply is Reply.WRONG
    assert typed(state, "1234", 6)[1] is Reply.PAUSED
    state = seen(state, ADA, 35)[0]
    assert typed(state, "1234", 36)[1] is Reply.ACCEPTED


def test_the_verifier() -> None:
    verifier = hash_pin("1234", bytes(16))
    assert verify_pin("1234", verifier)
    assert not verify_pin("1235", verifier)
    assert not verify_pin("1234", "")
    assert not verify_pin("1234", verifier[:-1] + ("0" if verifier[-1] != "0" else "1"))
    assert "1234" not in verifier.split(":")
    for bad in ("123", "abcd", "1" * 13, ""):
        with pytest.raises(ValueError, match="4 to 12"):
            hash_pin(bad, bytes(16))
