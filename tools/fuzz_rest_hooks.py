"""What schemathesis does with each case of `tools.fuzz_rest`: most signed commands get a signature that holds, and
answers are counted. Loaded by schemathesis itself; `FUZZ_REST` names the folder of the run.
"""

from __future__ import annotations

import atexit
import json
import os
import time
import zlib
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import schemathesis

from edgeface.commands import VERBS
from edgeface.commands.envelope import VERSION
from edgeface.commands.verbs import PAIR
from edgeface.console.rest import PREFIX
from edgeface.signature import Purpose, key_id, public_of, sign

FOLDER = Path(os.environ["FUZZ_REST"])
SIGNED = f"{PREFIX}/signed/"
LEFT_AS_IT_IS = 8
"""One in so many, so that what nobody signed is tried as well."""

_key = json.loads((FOLDER / "key.json").read_text())
_seed, _seq = bytes.fromhex(_key["seed"]), int(time.time() * 1000)
_tally: Counter[str] = Counter()


@schemathesis.hook
def before_call(context: Any, case: Any, kwargs: Any) -> None:
    """Make a command one of the administrator's, of now, with the words that it came with."""
    global _seq
    if not case.path.startswith(SIGNED) or not isinstance(case.body, dict):
        return
    verb, words = case.path.removeprefix(SIGNED), case.body.get("body", {})
    if verb == PAIR or zlib.crc32(repr(case.body).encode("utf-8", "replace")) % LEFT_AS_IT_IS == 0:
        return
    _seq += 1
    made = {"v": VERSION, "cmd_id": f"fuzz-{_seq}", "key_id": key_id(public_of(_seed)), "to": _key["to"], "verb": verb}
    made |= {"body": words if isinstance(words, dict) else {}, "seq": _seq, "ttl_s": min(10, VERBS[verb].most_ttl_s)}
    made["issued_at"] = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"
    try:
        case.body = {**made, "sig": sign(_seed, Purpose.COMMAND, made)}
    except (ValueError, RecursionError):
        return  # what has no canonical form cannot be signed: it goes as it is


@schemathesis.hook
def after_call(context: Any, case: Any, response: Any) -> None:
    """Count it."""
    way = "signed" if case.path.startswith(SIGNED) else "browser"
    _tally[f"{way} {response.status_code}"] += 1
    if way == "signed":
        try:
            _tally[f"code {response.json()['code']}"] += 1
        except (ValueError, KeyError, TypeError):
            _tally["code none"] += 1


@atexit.register
def _told() -> None:
    (FOLDER / "tally.json").write_text(json.dumps(_tally, indent=1, sort_keys=True))
