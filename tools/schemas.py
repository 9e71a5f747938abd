"""JSON Schemas of every message, and the page about them, written from the records in the code.

    python -m tools.schemas             writes docs/schemas.json, messages.md and (tools/openapi.py) openapi.json
    python -m tools.schemas --check     exit code 1 if they are not what the code says

Draft 2020-12. The tests check too that what is committed is up to date.
"""

from __future__ import annotations

import argparse
import dataclasses
import inspect
import json
import sys
import types
from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Any, get_args, get_origin, get_type_hints

from edgeface.adapters.frames import MOST_BYTES as MOST_FRAMED
from edgeface.commands import VERBS, Answer, Command, Verb
from edgeface.commands.envelope import VERSION as COMMAND_VERSION
from edgeface.commands.verbs import PAIR, Reach
from edgeface.config import field_docs
from edgeface.message import (
    VERSION,
    DecisionMessage,
    DoorEventMessage,
    DoorMessage,
    HealthMessage,
    InfoMessage,
    PromptMessage,
    StateMessage,
)
from edgeface.wire import MOST_BYTES

DOCS = Path(__file__).parents[1] / "docs"
MOMENT = "^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\\.[0-9]{3}Z$"
PLAIN: Mapping[Any, Mapping[str, Any]] = {
    str: {"type": "string"},
    int: {"type": "integer"},
    float: {"type": "number"},
    bool: {"type": "boolean"},
    datetime: {"type": "string", "pattern": MOMENT},
}

Schema = dict[str, Any]


def schema_of(kind: type, title: str, version: int | None = None) -> Schema:
    """The schema of a record; with a version, of a whole message."""
    found: dict[str, Schema] = {}
    made = _object(kind, found)
    if version is not None:
        made["properties"] = {"v": {"const": version}, **made["properties"]}
        made["required"] = ["v", *made["required"]]
    defs = {"$defs": dict(sorted(found.items()))} if found else {}
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": title, **made, **defs}


def every_schema() -> Schema:
    """Schemas by message, and of what each verb is told and answers."""
    return {
        "decision": schema_of(DecisionMessage, "decision, history", VERSION),
        "state": schema_of(StateMessage, "state", VERSION),
        "info": schema_of(InfoMessage, "info", VERSION),
        "event": schema_of(PromptMessage, "event", VERSION),
        "health": schema_of(HealthMessage, "health", VERSION),
        "door": schema_of(DoorMessage, "door/<door>/state", VERSION),
        "door_event": schema_of(DoorEventMessage, "door/<door>/event", VERSION),
        "command": schema_of(Command, "request/<verb>", COMMAND_VERSION),
        "answer": schema_of(Answer, "response/<verb>", COMMAND_VERSION),
        "verbs": {
            verb.name: {
                "body": schema_of(verb.words, f"body of request/{verb.name}"),
                "data": schema_of(verb.answer, f"data of response/{verb.name}"),
            }
            for verb in VERBS.values()
        },
    }


def files() -> dict[Path, str]:
    """What is to stand in docs/."""
    schemas = json.dumps(every_schema(), indent=1, ensure_ascii=False) + "\n"
    return {DOCS / "schemas.json": schemas, DOCS / "messages.md": page()}


def page() -> str:
    """What is sent and what may be asked, as a page."""
    rows = [f"| `{verb.name}` | {_role(verb)} | {verb.says} | {_fields(verb.words)} |" for verb in VERBS.values()]
    socket_limit = MOST_FRAMED // 2**20
    return PAGE.format(limit=MOST_BYTES // 1024, socket_limit=socket_limit, verbs="\n".join(rows), fuzzed=_fuzzed())


def _fuzzed() -> str:
    """What the last run of tools/fuzz_commands.py found."""
    found = json.loads((DOCS / "fuzz.json").read_text(encoding="utf-8"))
    answers = ", ".join(f"{count:,} `{code}`" for code, count in found["answers"].items())
    return (
        f"{found['commands']:,} odd commands (seed {found['seed']}): {found['crashes']} crashes, {found['acts']} acts; "
        f"answered {answers}. The `done` ones are reads by a key that may read."
    )


_REACH = {Reach.ANYWHERE: "", Reach.SOCKET: ", socket", Reach.MACHINE: ", machine"}


def _role(verb: Verb) -> str:
    return "none yet" if verb.name == PAIR else verb.role.value + _REACH[verb.reach]


def _fields(kind: type) -> str:
    names = [
        f"`{field.name}`" + ("" if field.default is dataclasses.MISSING else "?") for field in dataclasses.fields(kind)
    ]
    return ", ".join(names) or "-"


def _object(kind: type, found: dict[str, Schema]) -> Schema:
    hints, docs = get_type_hints(kind), field_docs(kind)
    properties = {}
    for field in dataclasses.fields(kind):
        described = {"description": " ".join(docs[field.name].split())} if field.name in docs else {}
        properties[field.name] = {**_value(hints[field.name], found), **described}
    return {
        "description": " ".join(str(inspect.getdoc(kind)).split()),
        "type": "object",
        "properties": properties,
        "required": [field.name for field in dataclasses.fields(kind) if _needed(field)],
        "additionalProperties": False,
    }


def _needed(field: dataclasses.Field[Any]) -> bool:
    return field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING


def _value(hint: Any, found: dict[str, Schema]) -> Schema:
    if isinstance(hint, types.UnionType):
        (wanted,) = (arm for arm in get_args(hint) if arm is not types.NoneType)
        return {"anyOf": [_value(wanted, found), {"type": "null"}]}
    if get_origin(hint) is tuple:
        return {"type": "array", "items": _value(get_args(hint)[0], found)}
    if get_origin(hint) is Mapping:
        return {"type": "object"}
    if dataclasses.is_dataclass(hint) and isinstance(hint, type):
        if hint.__name__ not in found:
            found[hint.__name__] = {}  # it may refer to itself
            found[hint.__name__] = _object(hint, found)
        return {"$ref": f"#/$defs/{hint.__name__}"}
    if isinstance(hint, type) and issubclass(hint, StrEnum):
        return {"enum": [member.value for member in hint]}
    return dict(PLAIN[hint])


def stale(wanted: Mapping[Path, str]) -> list[Path]:
    """Files that are missing, or others than the code says."""
    return [path for path, text in wanted.items() if not path.exists() or path.read_text(encoding="utf-8") != text]


def main() -> None:
    """Write, or check."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="write nothing, and fail if something would be written")
    only_check = parser.parse_args().check
    from tools import openapi  # which builds on this

    wanted = {**files(), **openapi.files()}
    changed = stale(wanted)
    for path in changed:
        sys.stdout.write(f"{path.relative_to(DOCS.parent)} {'is out of date' if only_check else 'is written'}\n")
        if not only_check:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(wanted[path], encoding="utf-8")
    sys.exit(1 if only_check and changed else 0)


PAGE = """\
# Messages

<!-- written by python -m tools.schemas: edit that, or the records in the code -->

JSON over MQTT 5, below `<base>/<device>/`. Each message has a JSON Schema (draft 2020-12) in
[schemas.json](schemas.json), by the names of the last column. Readers are strict: a key too much, too few or twice, a
wrong type, NaN or another `v` is refused. Nothing is longer than {limit} KiB
(the [console](console.md) takes `people/enrol` with pictures of up to 7.5 MB).

| topic | retained | schema |
|---|---|---|
| `state` | yes, last will | `state` |
| `info` | yes | `info` |
| `health` | yes | `health` |
| `event` | never | `event` |
| `decision`, `history` | never | `decision` |
| `door/<door>/state` | yes | `door` |
| `door/<door>/event` | never | `door_event` |
| `request/<verb>` | refused | `command`; its body `verbs/<verb>/body` |
| `response/<verb>` | never | `answer`; its data `verbs/<verb>/data` |
| `head` | never | no JSON: a [signed note](https://c2sp.org/signed-note) |
| `image` | grey only | no JSON: a JPEG in base64, see below |
| `door/<door>/nonce`, `door/<door>/contact` | refused | no JSON: the controller's word; `open`, `closed` or `unknown` |

## Signatures

Decisions, commands and answers are signed: Ed25519 (RFC 8032) over `edgeface <decision, command or response> 1`, a line
feed, and the message without its `sig` in canonical JSON (RFC 8785); `sig` is base64url. A key is known by the first 16
hex digits of the SHA-256 of its 32 public bytes.

## Commands

A command says who asks (`key_id`), which reader (`to`: the id of the reader's own key, from `edgeface door key` or the
`key` of any decision), what (`verb`, `body`), and that it is new: `seq` is above every number that this key has used,
milliseconds since 1970 will do. `issued_at` and `ttl_s` count where the reader knows the time. There is no unsigned
form.

Answers go to `response/<verb>`, or to the MQTT 5 response topic if it lies below `<base>/<device>/response/`, with the
correlation data of the request. The same command again (`cmd_id`) gets the answer that was stored and does nothing; the
stored answers of all go when somebody is forgotten. `code` says what became of it:
`done`, `malformed`, `wrong_version`, `retained`, `wrong_device`, `unknown_key`, `revoked_key`, `bad_signature`,
`wrong_topic`, `unknown_verb`, `wrong_role`, `reused_id`, `replayed`, `late`, `bad_body`, `refused`, `closed`, `busy`,
`not_stored`, `interrupted`.

| verb | role | what for | body (`?`: may be left out) |
|---|---|---|---|
{verbs}

Roles: `view` reads; `keypad` does `door/present` and nothing else; `operate` and `enrol` include `view`; `admin` may do
everything. `publish` signs bundles of models (docs/updates.md) and commands nothing. "socket": asked over the reader's
own socket only; "machine": there only by root and the reader's own user.

Keys: `edgeface keys make` on your desk, `edgeface keys pair --role ROLE` at the reader, which shows a code for ten
minutes and one key, `edgeface keys introduce` on your desk. `edgeface keys sign VERB BODY` prints a command ready to be
sent. With `button` under `[gpio]`, `edgeface keys pair --role ROLE --button` makes a code that counts only once
somebody has pressed the button at the reader: then for ten minutes, and for one key.

## Pictures

No picture leaves the reader by itself. `snapshots/show` answers a signed wish with one of those that are kept, if any
are (`[snapshots]`); like `people/data`, only over TLS or on the reader's own machine. With
`home_assistant_picture = true` under `[mqtt]`, `snapshots/present` puts one on `image` for a minute, for Home
Assistant's entity of that name, and says in the audit log who asked; then, and whenever somebody is forgotten, the
reader stops or its link comes back, a grey one follows. The picture is never retained; the reader does not start with
this setting unless the broker is reached by TLS or on the same machine. Who may hear `image` is for the broker's access
list to say: in the one that is shipped it is the user `homeassistant` alone.

## On the same machine

A running reader is asked, with or without a broker, over a unix stream socket: `/run/edgeface/edgeface.sock` under
systemd, else `edgeface.sock` beside the gallery; `path` under `[socket]` names another. It is its own user's and
group's (0660). Each message is four bytes of length, big-endian, and so many bytes of JSON, at most {socket_limit} MiB.
`edgeface.adapters.reader_socket.ReaderSocket` is the client.

- `{{"kind": "command", "envelope": "...", "verb": "people/list"}}`, the signed command as text, is answered with
  `{{"kind": "answer", "envelope": "..."}}`, the signed answer.
- `{{"kind": "local", "verb": "...", "words": {{...}}, "cmd_id": "..."}}` counts as an admin's if the kernel says that
  root or the reader's own user asks (SO_PEERCRED). The answer is `{{"kind": "done", "answer": {{...}}}}` or
  `{{"kind": "refused", "reason": "<code>", "text": "...", "error": "<kind of error>"}}`.
- `{{"kind": "watch", "envelope": "..."}}`, a signed `live/watch`, is answered with `{{"kind": "frame", ...}}` again and
  again, the newest only, until the link is closed.

A frame has `at`, `size` [w, h], `faces` (box, landmarks, quality, stage, refusal and by how much, track and, once it is
decided, outcome, name and score), `jpeg` in base64 or null, and the latest `decision` or null; `size` is null while the
camera gives no picture. Nothing of it is stored; pictures are made only while somebody watches with `images`.

## Fuzzed

`python -m tools.fuzz_commands` sends bytes of chance, altered commands, and signed ones with odd words to
a clerk with a gallery, and fails if anything stumbles or changes. Its last run: {fuzzed}
"""

if __name__ == "__main__":
    main()
