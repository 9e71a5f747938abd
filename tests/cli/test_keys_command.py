"""`edgeface keys rotate-device`, as a person calls it."""

from __future__ import annotations

import json
from pathlib import Path

from calling import Edgeface


def test_the_device_key_is_changed(edgeface: Edgeface, home: Path, pictures: Path) -> None:
    edgeface("enrol", "Ada", pictures / "astronaut.png")
    former = (home / "gallery.db.key").read_text()
    assert edgeface("keys", "rotate-device", stdin="n\n").exit_code == 1
    assert (home / "gallery.db.key").read_text() == former
    result = edgeface("keys", "rotate-device", stdin="y\n")
    assert "1 keys are wrapped anew" in result.stdout
    assert "Keep a copy" in result.stderr
    assert (home / "gallery.db.key").read_text() != former
    told = json.loads(edgeface("keys", "rotate-device", "--yes", "--json").stdout)
    assert (told["keys"], told["from_credential"]) == (1, False)
    assert "Ada" in edgeface("people").output
    rows = [json.loads(line) for line in edgeface("audit", "show", "--kind", "keys", "--json").stdout.splitlines()]
    assert [row["facts"]["to"] for row in rows][1:] == [told["key_id"]]
