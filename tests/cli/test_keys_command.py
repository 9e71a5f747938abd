"""`edgeface keys rotate-device`, as a person calls it."""

from __future__ import annotations

import json
from pathlib import Path

from calling import Edgeface

from edgeface.store import crypto, keyfile


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


def device_key(edgeface: Edgeface) -> tuple[str, str]:
    """What the doctor says of it."""
    rows = (json.loads(line) for line in edgeface("doctor", "--json").output.splitlines())
    return next((row["health"], row["detail"]) for row in rows if row["check"] == "device key")


def test_the_doctor_names_a_former_device_key_until_it_is_gone(edgeface: Edgeface, home: Path, pictures: Path) -> None:
    """A power cut fell between the gallery under the new key and the end of the former one."""
    edgeface("enrol", "Ada", pictures / "astronaut.png")
    file = home / "gallery.db.key"
    (former,) = keyfile.find(home / "gallery.db").keys
    health, said = device_key(edgeface)
    assert (health, said.startswith(crypto.key_id(former))) == ("ok", True)
    edgeface("keys", "rotate-device", "--yes")
    (current,) = keyfile.find(home / "gallery.db").keys
    keyfile.write(file, (former, current))
    health, said = device_key(edgeface)
    assert health == "warning"
    assert said.startswith(f"{crypto.key_id(current)}; {crypto.key_id(former)} of before is still there")
    assert "`edgeface keys rotate-device`" in said, "and what to do about it"
    edgeface("people")
    edgeface("keys", "rotate-device", "--yes")
    health, said = device_key(edgeface)
    assert (health, crypto.key_id(former) in said) == ("ok", False)
    assert "Ada" in edgeface("people").output
