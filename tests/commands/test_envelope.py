"""A command counts if it is signed, for this device, new and of now; anything else has a name and does nothing."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some

from edgeface.commands import VERBS, Answer, Code, Command, Key, Refused, Role, Status, authentic, check, may, read
from edgeface.commands.envelope import signed
from edgeface.frame import Instant
from edgeface.signature import Purpose, key_id, public_of, verify
from edgeface.wire import MOST_BYTES

SEED, OTHER = bytes(range(32)), bytes(range(1, 33))
PUBLIC = public_of(SEED)
DEVICE = "0123456789abcdef"
NOON = datetime(2026, 11, 26, 12, tzinfo=UTC)


def command(**changes: Any) -> Command:
    plain: dict[str, Any] = {
        "cmd_id": "first-of-all",
        "key_id": key_id(PUBLIC),
        "to": DEVICE,
        "verb": "people/rename",
        "body": {"who": "Ada", "name": "Ada Lovelace"},
        "seq": 7,
        "issued_at": NOON,
    }
    return Command(**{**plain, **changes})


def known(**changes: Any) -> Key:
    plain: dict[str, Any] = {"key_id": key_id(PUBLIC), "public": PUBLIC, "role": Role.ADMIN, "revoked": False}
    return Key(**{**plain, "newest_seq": 6, **changes})


def sent(made: Command, seed: bytes = SEED) -> Command:
    found = read(signed(seed, made).encode())
    assert isinstance(found, Command), found
    return found


def at(seconds: float, *, trusted: bool = True) -> Instant:
    wall = NOON + timedelta(seconds=seconds)
    return Instant(monotonic_ns=0, wall_ns=int(wall.timestamp() * 1000) * 10**6, wall_trusted=trusted)


def verdict(made: Command, key: Key | None, **changes: Any) -> Code | None:
    plain: dict[str, Any] = {"to": DEVICE, "retained": False, "topic_verb": "people/rename"}
    found = authentic(made, key, **{**plain, **changes})
    return None if found is None else found.code


def code(payload: bytes) -> Code:
    found = read(payload)
    assert isinstance(found, Refused)
    assert found.reason.isprintable()
    assert len(found.reason) <= 200
    return found.code


def test_what_was_signed_is_what_is_read_and_is_authentic() -> None:
    made = sent(command())
    assert replace(made, sig="") == command()
    assert verdict(made, known()) is None


def test_who_is_not_known_revoked_or_elsewhere_is_refused_by_name() -> None:
    made = sent(command())
    assert verdict(made, None) is Code.UNKNOWN_KEY
    assert verdict(made, known(revoked=True)) is Code.REVOKED_KEY
    assert verdict(made, known(), retained=True) is Code.RETAINED
    assert verdict(made, known(), to="f" * 16) is Code.WRONG_DEVICE
    assert verdict(made, known(), topic_verb="people/forget") is Code.WRONG_TOPIC
    assert verdict(sent(command(), OTHER), known()) is Code.BAD_SIGNATURE
    assert verdict(replace(made, sig=""), known()) is Code.BAD_SIGNATURE


@pytest.mark.parametrize(
    "changed",
    [
        {"cmd_id": "another-one"},
        {"seq": 8},
        {"verb": "people/forget"},
        {"body": {"who": "Ada", "name": "Eve"}},
        {"ttl_s": 300},
        {"issued_at": NOON + timedelta(seconds=1)},
    ],
)
def test_no_field_can_be_altered(changed: dict[str, Any]) -> None:
    altered = replace(sent(command()), **changed)
    assert verdict(altered, known(), topic_verb=altered.verb) is Code.BAD_SIGNATURE


def test_a_signature_of_something_else_is_none_of_a_command() -> None:
    answer = Answer(
        verb="health", cmd_id="first-of-all", status=Status.OK, code=Code.DONE, error=None, data={}, key=DEVICE
    )
    text = json.loads(signed(SEED, answer))
    assert verify(PUBLIC, Purpose.RESPONSE, {k: v for k, v in text.items() if k != "sig"}, text["sig"])
    assert not verify(PUBLIC, Purpose.COMMAND, {k: v for k, v in text.items() if k != "sig"}, text["sig"])


def refusal(made: Command, key: Key, needed: Role, now: Instant) -> Code | None:
    found = check(made, key, needed, now)
    return None if found is None else found.code


def test_replays_late_ones_and_the_wrong_role_are_refused() -> None:
    made = command()
    assert refusal(made, known(), Role.ENROL, at(3)) is None
    assert refusal(made, known(newest_seq=7), Role.ENROL, at(3)) is Code.REPLAYED
    assert refusal(made, known(role=Role.VIEW), Role.ENROL, at(3)) is Code.WRONG_ROLE
    assert refusal(made, known(), Role.ENROL, at(11)) is Code.LATE
    assert refusal(made, known(), Role.ENROL, at(-11)) is Code.LATE


def test_a_clock_that_is_not_set_refuses_nothing_but_the_sequence_does() -> None:
    years = at(10 * 365 * 86400, trusted=False)
    assert refusal(command(), known(), Role.ENROL, years) is None
    assert refusal(command(), known(newest_seq=7), Role.ENROL, years) is Code.REPLAYED


@pytest.mark.parametrize(
    ("payload", "named"),
    [
        (b"", Code.MALFORMED),
        (b"OPEN", Code.MALFORMED),
        (b"[]", Code.MALFORMED),
        (b"\xff\xfe", Code.MALFORMED),
        (b'{"v":1,"v":1}', Code.MALFORMED),
        (b'{"v":1,"seq":NaN}', Code.MALFORMED),
        (b"[" * 50_000, Code.MALFORMED),
        (b'{"v":1,"body":' + b'{"a":' * 20 + b"1" + b"}" * 21, Code.MALFORMED),
        (b'{"v":1,"cmd_id":"' + b"x" * MOST_BYTES + b'"}', Code.MALFORMED),
        (b'{"v":1,"seq":' + b"9" * 5000 + b"}", Code.MALFORMED),
        (b'{"v":2}', Code.WRONG_VERSION),
        (b'{"v":true}', Code.WRONG_VERSION),
        (b"{}", Code.WRONG_VERSION),
    ],
)
def test_what_is_no_command_has_a_name(payload: bytes, named: Code) -> None:
    assert code(payload) is named


@pytest.mark.parametrize(
    "odd",
    [
        {"cmd_id": "short"},
        {"cmd_id": "a+b/#\0-long-enough"},
        {"key_id": "ABCDEF0123456789"},
        {"to": ""},
        {"seq": 0},
        {"seq": 2**53},
        {"seq": True},
        {"ttl_s": 301},
        {"ttl_s": 1.5},
        {"issued_at": "yesterday"},
        {"body": []},
        {"extra": 1},
        {"sig": None},
        {"\u202e\x1b[31m": 1},
    ],
)
def test_odd_fields_are_refused(odd: dict[str, Any]) -> None:
    plain = json.loads(signed(SEED, command()))
    assert code(json.dumps({**plain, **odd}).encode()) is Code.MALFORMED


LEAVES = some.none() | some.booleans() | some.integers() | some.floats() | some.text()
JSON = some.recursive(LEAVES, lambda inner: some.lists(inner) | some.dictionaries(some.text(), inner), max_leaves=20)


@given(some.binary() | JSON.map(lambda value: json.dumps(value).encode(errors="replace")))
def test_no_bytes_make_it_stumble(payload: bytes) -> None:
    found = read(payload)
    assert isinstance(found, Refused) or authentic(found, known(), to=DEVICE, retained=False, topic_verb=found.verb)


@given(some.dictionaries(some.text(max_size=8), JSON, max_size=4))
def test_a_body_that_was_signed_arrives_as_it_was(body: dict[str, Any]) -> None:
    try:
        text = signed(SEED, command(body=body))
    except ValueError:  # NaN, infinity, lone surrogates, whole numbers beyond 2**53
        return
    found = read(text.encode())
    if isinstance(found, Refused):
        assert found.code is Code.MALFORMED
        return
    assert verdict(found, known()) is None


def test_a_keypad_may_do_one_thing_and_an_admin_all() -> None:
    assert [verb.name for verb in VERBS.values() if may(Role.KEYPAD, verb.role)] == ["door/present"]
    assert all(may(Role.ADMIN, verb.role) for verb in VERBS.values())
    assert not any(may(Role.VIEW, verb.role) for verb in VERBS.values() if verb.changes)


def test_every_verb_can_be_a_topic_and_has_records_to_speak_with() -> None:
    for name, verb in VERBS.items():
        assert name == verb.name
        assert name.replace("/", "").isalpha()
        assert verb.words.__doc__
        assert verb.answer.__doc__
