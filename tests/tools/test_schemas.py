"""The published schemas are those of the code, and say of real messages that they fit."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, get_args

import pytest

from commanding import at_a_desk
from edgeface.commands import VERBS, Code, Role
from edgeface.message import InfoMessage, Message, Presence, StateMessage, encode
from edgeface.service.bootstrap import Loaded
from tools.schemas import DOCS, every_schema, files, stale

SCHEMAS = every_schema()


def fits(value: Any, schema: dict[str, Any], root: dict[str, Any]) -> bool:
    """As much of JSON Schema as these use."""
    if "$ref" in schema:
        return fits(value, root["$defs"][schema["$ref"].rpartition("/")[2]], root)
    if "anyOf" in schema:
        return any(fits(value, arm, root) for arm in schema["anyOf"])
    if "enum" in schema:
        return value in schema["enum"]
    if "const" in schema:
        return bool(value == schema["const"])
    if schema["type"] == "object":
        properties = schema.get("properties")
        if not isinstance(value, dict) or properties is None:
            return isinstance(value, dict)
        known = set(schema["required"]) <= value.keys() <= properties.keys()
        return known and all(fits(item, properties[key], root) for key, item in value.items())
    if schema["type"] == "array":
        return isinstance(value, list) and all(fits(item, schema["items"], root) for item in value)
    kinds: dict[str, Any] = {
        "string": str, "integer": int, "number": (int, float), "boolean": bool, "null": type(None),
    }  # fmt: skip
    return isinstance(value, kinds[schema["type"]])


def test_what_is_published_is_what_the_code_says() -> None:
    assert stale(files()) == [], "run: python -m tools.schemas"


def test_the_page_names_every_verb_and_every_code() -> None:
    text = (DOCS / "messages.md").read_text()
    assert all(f"`{name}`" in text for name in VERBS)
    assert all(f"`{code.value}`" in text for code in Code)


def test_every_message_has_its_schema() -> None:
    described = {str(schema.get("description")) for schema in SCHEMAS.values()}
    assert {" ".join(str(kind.__doc__).split()) for kind in get_args(Message)} <= described


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
