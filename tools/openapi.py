"""The OpenAPI document of the console's REST interface, written from the table of verbs.

`python -m tools.schemas` writes docs/openapi.json with the other schemas.

OpenAPI 3.1, whose schemas are JSON Schema draft 2020-12: those of docs/schemas.json. The tests check too that what is
committed is up to date.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from edgeface import __version__
from edgeface.commands import Answer, Command, Verb
from edgeface.commands.envelope import VERSION
from edgeface.commands.verbs import PAIR
from edgeface.console.rest import PREFIX, asked
from tools.schemas import DOCS, schema_of

PROBLEMS = {
    "400": "What was sent cannot be read, or the verb does not take such words.",
    "401": "Nobody is signed in, or nobody with this key may command this reader.",
    "403": "The token is missing, or the role does not suffice.",
    "408": "Not all of it came within a minute.",
    "409": "The verb said no, or the command was said before: the sentence says why.",
    "413": "Longer than 64 KiB, or than 7.5 MB where pictures are sent.",
    "415": "Not application/json, or compressed.",
    "421": "Not a name of this machine.",
    "429": "Too many commands that nobody may say came from this address.",
    "502": "The reader said what it should not.",
    "503": "No reader answers, or it is busy, or its disk failed.",
}

Schema = dict[str, Any]


def document() -> Schema:
    """All of it."""
    paths: dict[str, Schema] = {}
    for verb in asked():
        if verb.name != PAIR:
            paths[f"{PREFIX}/{verb.name}"] = {"post": _spoken(verb)}
        paths[f"{PREFIX}/signed/{verb.name}"] = {"post": _signed(verb)}
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "edgeface console",
            "version": __version__,
            "summary": "The verbs of a door reader, as over MQTT.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "https://localhost:8443"}],
        "tags": [{"name": name} for name in sorted({_tag(verb) for verb in asked()})],
        "paths": paths,
        "components": {
            "schemas": {
                "Problem": {
                    "type": "object",
                    "properties": {"code": {"type": "string"}, "error": {"type": "string"}},
                    "required": ["code", "error"],
                },
                "Command": _plain(schema_of(Command, "command", VERSION)),
                "Answer": _plain(schema_of(Answer, "answer", VERSION)),
                **{_id(verb): _plain(schema_of(verb.words, verb.name)) for verb in asked()},
            },
            "responses": {status: _response(says, _ref("schemas", "Problem")) for status, says in PROBLEMS.items()},
            "securitySchemes": {
                "session": {
                    "type": "apiKey",
                    "in": "cookie",
                    "name": "__Host-edgeface",
                    "description": "Of a browser that signed in.",
                },
                "token": {
                    "type": "apiKey",
                    "in": "header",
                    "name": "X-CSRF-Token",
                    "description": "`csrf` of any form on that session's pages.",
                },
            },
        },
    }


def _spoken(verb: Verb) -> Schema:
    return {
        "operationId": _id(verb),
        "tags": [_tag(verb)],
        "summary": verb.says,
        "description": f"Takes the role {verb.role.value}.",
        "security": [{"session": [], "token": []}],
        "requestBody": _body(_ref("schemas", _id(verb))),
        "responses": {"200": _response("Done.", _plain(schema_of(verb.answer, verb.name))), **_problems()},
    }


def _signed(verb: Verb) -> Schema:
    words = _ref("schemas", _id(verb))
    answers = {
        status: _response(says, {"anyOf": [_ref("schemas", "Answer"), _ref("schemas", "Problem")]})
        for status, says in PROBLEMS.items()
        if status in ("400", "401", "403", "409", "503")
    }
    return {
        "operationId": "signed_" + _id(verb),
        "tags": [_tag(verb)],
        "summary": f"{verb.says} Signed elsewhere.",
        "description": f"A command whose `verb` is {verb.name}, as in docs/messages.md; the answer is signed as well.",
        "security": [],
        "requestBody": _body({"allOf": [_ref("schemas", "Command"), {"properties": {"body": words}}]}),
        "responses": {"200": _response("Done.", _ref("schemas", "Answer")), **_problems(), **answers},
    }


def _id(verb: Verb) -> str:
    return verb.name.replace("/", "_")


def _tag(verb: Verb) -> str:
    return verb.name.partition("/")[0]


def _problems() -> Schema:
    return {status: _ref("responses", status) for status in PROBLEMS}


def _ref(place: str, name: str) -> Schema:
    return {"$ref": f"#/components/{place}/{name}"}


def _body(schema: Schema) -> Schema:
    return {"required": True, "content": {"application/json": {"schema": schema}}}


def _response(says: str, schema: Schema) -> Schema:
    return {"description": says, "content": {"application/json": {"schema": schema}}}


def _plain(schema: Schema) -> Schema:
    """A schema on its own: what it refers to stands in its place, since `$defs` are found from the document's root."""
    defs = schema.get("$defs", {})

    def placed(node: Any) -> Any:
        if isinstance(node, dict):
            if str(node.get("$ref", "")).startswith("#/$defs/"):
                rest = {key: value for key, value in node.items() if key != "$ref"}
                return {**placed(defs[node["$ref"].removeprefix("#/$defs/")]), **rest}
            return {key: placed(value) for key, value in node.items() if key not in ("$defs", "$schema", "title")}
        return [placed(item) for item in node] if isinstance(node, list) else node

    made: Schema = placed(schema)
    return made


def files() -> dict[Path, str]:
    """What is to stand in docs/."""
    return {DOCS / "openapi.json": json.dumps(document(), indent=1, ensure_ascii=False) + "\n"}
