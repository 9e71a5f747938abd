"""The published schemas are those of the code, and say of real messages that they fit."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any, get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from commanding import at_a_desk
from edgeface.commands import VERBS, Code, Role
from edgeface.message import (
    DecisionMessage,
    DoorEventMessage,
    DoorMessage,
    HealthMessage,
    InfoMessage,
    Message,
    Presence,
    PromptMessage,
    StateMessage,
    encode,
)
from edgeface.service.bootstrap import Loaded
from schemas import SCHEMAS, fits, wire_values
from tools.schemas import DOCS, files, stale


def test_what_is_published_is_what_the_code_says() -> None:
    assert stale(files()) == [], "run: python -m tools.schemas"


def test_the_page_names_every_verb_and_every_code() -> None:
    text = (DOCS / "messages.md").read_text()
    assert all(f"`{name}`" in text for name in VERBS)
    assert all(f"`{code.value}`" in text for code in Code)


def test_every_message_has_its_schema() -> None:
    described = {str(schema.get("description")) for schema in SCHEMAS.values()}
    assert {" ".join(str(kind.__doc__).split()) for kind in get_args(Message)} <= described


NAMES = {
    DecisionMessage: "decision", StateMessage: "state", InfoMessage: "info", PromptMessage: "event",
    HealthMessage: "health", DoorMessage: "door", DoorEventMessage: "door_event",
}  # fmt: skip


@pytest.mark.parametrize("kind", get_args(Message))
def test_every_message_fits_its_schema_whatever_it_says(kind: Any) -> None:
    schema = SCHEMAS[NAMES[kind]]

    @settings(max_examples=30, deadline=None)
    @given(wire_values(kind), st.randoms(use_true_random=False))
    def suits(message: Any, chance: random.Random) -> None:
        plain = json.loads(encode(message))
        assert fits(plain, schema, schema)
        key = chance.choice(sorted(plain))
        assert not fits({**plain, key: {"another": "kind"}}, schema, schema)
        assert not fits({**plain, "extra": 1}, schema, schema)

    suits()


def test_messages_fit_their_schemas_and_altered_ones_do_not() -> None:
    info = InfoMessage(
        version="1", boot_id="b", gallery_id="g", gallery_revision=1, people=2, last_seq=3, models=(), public_key=None
    )
    state = StateMessage(state=Presence.ONLINE, reason=None)
    for name, message in (("info", info), ("state", state)):
        plain = json.loads(encode(message))
        assert fits(plain, SCHEMAS[name], SCHEMAS[name])
        assert not fits({**plain, "v": 2}, SCHEMAS[name], SCHEMAS[name])
        assert not fits({**plain, "extra": 1}, SCHEMAS[name], SCHEMAS[name])


@pytest.mark.parametrize("verb", ["people/list", "access/show", "health", "calibration", "keys/list", "access/test"])
def test_commands_and_answers_fit_their_schemas(home: Path, loaded: Loaded, verb: str) -> None:
    body = {"who": "p_0123456789abcdef", "door": "main"} if verb == "access/test" else {}
    with at_a_desk(home, loaded) as bench:
        key = bench.keys[Role.ADMIN]
        asked = key.sign(key.make(verb, body))
        assert fits(json.loads(asked), SCHEMAS["command"], SCHEMAS["command"])
        assert fits(body, SCHEMAS["verbs"][verb]["body"], SCHEMAS["verbs"][verb]["body"])
        answer = json.loads(bench.clerk.answer(asked, verb))
    assert fits(answer, SCHEMAS["answer"], SCHEMAS["answer"])
    if answer["code"] == "done":
        assert fits(answer["data"], SCHEMAS["verbs"][verb]["data"], SCHEMAS["verbs"][verb]["data"])
    else:
        assert (verb, answer["code"]) == ("access/test", "refused")
