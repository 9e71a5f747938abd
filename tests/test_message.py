"""Messages survive the wire, and nothing else does."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgeface import message
from edgeface.errors import ConfigError
from edgeface.frame import Instant
from edgeface.liveness import Prompt
from edgeface.liveness.challenge import Ask
from edgeface.message import (
    DecisionMessage,
    DoorEventMessage,
    DoorMessage,
    HealthMessage,
    InfoMessage,
    Message,
    PromptMessage,
    StateMessage,
    Topics,
)
from edgeface.wire import MessageError
from samples import decision
from schemas import wire_values

KINDS = (DecisionMessage, StateMessage, InfoMessage, PromptMessage, HealthMessage, DoorMessage, DoorEventMessage)


@pytest.mark.parametrize("kind", KINDS)
def test_every_message_survives_the_wire(kind: Any) -> None:
    @settings(max_examples=60, deadline=None)
    @given(wire_values(kind))
    def survives(sent: Any) -> None:
        assert message.decode(kind, message.encode(sent)) == sent
        assert message.decode(kind, message.encode(sent).encode()) == sent

    survives()


def test_every_message_type_is_tested() -> None:
    assert set(KINDS) == set(message.Message.__args__)


def plain(kind: Any = DecisionMessage) -> dict[str, Any]:
    made: dict[Any, Message] = {
        DecisionMessage: message.decision_message(decision(), seq=7, boot_id="b"),
        StateMessage: StateMessage(state=message.Presence.ONLINE, reason=None),
    }
    parsed: dict[str, Any] = json.loads(message.encode(made[kind]))
    return parsed


CHANGES: dict[str, Any] = {
    "unknown version": {"v": 2},
    "version true": {"v": True},
    "no version": {"v": None},
    "extra key": {"extra": 1},
    "text for a number": {"seq": "7"},
    "fraction for a whole number": {"seq": 7.0},
    "true for a number": {"seq": True},
    "true for a score": {"score": True},
    "number for text": {"door": 3},
    "none where there must be one": {"door": None},
    "unknown outcome": {"outcome": "maybe"},
    "time without milliseconds": {"decided_at": "2026-01-31T12:00:00Z"},
    "time in another zone": {"decided_at": "2026-01-31T12:00:00.000+01:00"},
    "no such day": {"decided_at": "2026-02-31T12:00:00.000Z"},
    "list for an object": {"person": []},
    "object with an extra key": {"person": {"id": "p", "label": None, "face": 1}},
    "surrogate": {"door": "\ud800"},
    "too large a number": {"score": 10**400},
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())
def test_decoding_is_strict(change: dict[str, Any]) -> None:
    with pytest.raises(MessageError):
        message.decode(DecisionMessage, json.dumps(plain() | change))


def test_a_decision_stored_before_there_was_a_liveness_model_can_still_be_sent() -> None:
    fields = plain()
    del fields["liveness"]
    assert message.decode(DecisionMessage, json.dumps(fields)).liveness is None


def test_the_silent_alarm_travels_and_older_messages_have_none() -> None:
    told = message.decision_message(decision(duress=True), seq=1, boot_id="b")
    assert message.decode(DecisionMessage, message.encode(told)).duress
    fields = plain()
    del fields["duress"]
    assert not message.decode(DecisionMessage, json.dumps(fields)).duress


MAY_LACK = {"liveness", "strength", "duress", "nonce", "age_ms", "key", "sig"}


@pytest.mark.parametrize("key", sorted(plain().keys() - MAY_LACK))
def test_a_missing_key_is_an_error(key: str) -> None:
    fields = plain()
    del fields[key]
    with pytest.raises(MessageError):
        message.decode(DecisionMessage, json.dumps(fields))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "null",
        "[]",
        "1",
        "{",
        '{"v":1,"v":1,"state":"online","reason":null}',
        "[" * 100_000,
        b"\xff",
        b"\xfe\xff\x00{",
    ],
)
def test_what_is_no_message_is_an_error(text: str | bytes) -> None:
    with pytest.raises(MessageError):
        message.decode(StateMessage, text)


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999"])
def test_numbers_are_finite(number: str) -> None:
    text = json.dumps(plain()).replace('"score": 0.7123', f'"score": {number}')
    assert number in text
    with pytest.raises(MessageError):
        message.decode(DecisionMessage, text)


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=60))
def test_any_bytes_either_decode_or_are_refused(noise: bytes) -> None:
    with pytest.raises(MessageError):
        message.decode(StateMessage, noise)


def test_nan_and_surrogates_are_not_sent() -> None:
    for change in ({"score": float("nan")}, {"door": "\udc80"}):
        with pytest.raises(MessageError):
            message.encode(message.decision_message(decision(**change), seq=1, boot_id="b"))


def test_a_decision_on_the_wire() -> None:
    moment = Instant(monotonic_ns=5, wall_ns=1_700_000_000_987_654_321, wall_trusted=False)
    sent = json.loads(message.encode(message.decision_message(decision(decided_at=moment), seq=7, boot_id="b")))
    assert sent["decided_at"] == "2023-11-14T22:13:20.987Z"
    assert sent["expires_at"] == "2023-11-14T22:13:23.987Z"
    assert (sent["v"], sent["seq"], sent["replayed"], sent["clock_trusted"]) == (1, 7, False, False)
    assert sent["person"] == {"id": "p_0123456789abcdef", "label": None}
    assert sent["score"] == 0.7123


def test_an_unknown_visitor_has_no_person() -> None:
    sent = message.as_history(message.decision_message(decision(person_id=None), seq=1, boot_id="b"), "Ada")
    assert sent.person is None
    assert sent.replayed


def test_topics() -> None:
    topics = Topics(base="edgeface", device="front_door-1")
    assert (topics.state, topics.info) == ("edgeface/front_door-1/state", "edgeface/front_door-1/info")
    assert topics.event == "edgeface/front_door-1/event"
    assert (topics.decision, topics.history) == ("edgeface/front_door-1/decision", "edgeface/front_door-1/history")


@pytest.mark.parametrize("odd", ["", "a/b", "a+", "#", "a\n", "a\x00", "$SYS", "Zoë", "x" * 65])
def test_ids_that_cannot_name_a_topic(odd: str) -> None:
    for ids in ({"base": odd, "device": "d"}, {"base": "b", "device": odd}):
        with pytest.raises(ConfigError):
            Topics(**ids)


def test_a_prompt_on_the_wire() -> None:
    moment = Instant(monotonic_ns=5, wall_ns=1_700_000_000_987_654_321, wall_trusted=True)
    shown = Prompt(ask=Ask.LEFT, words="turn your head to your left", turn=2, turns=3)
    assert json.loads(message.encode(message.prompt_message({4: shown}, "main", moment))) == {
        "v": 1,
        "door": "main",
        "asked_at": "2023-11-14T22:13:20.987Z",
        "prompts": [{"track": 4, "ask": "turn_left", "words": "turn your head to your left", "turn": 2, "turns": 3}],
    }
