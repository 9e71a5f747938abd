"""A signature holds for one key, one purpose and one text, and for nothing else."""

from __future__ import annotations

import json
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeface import message
from edgeface.signature import Purpose, key_id, parse_public, public_of, public_text, sign, verify
from edgeface.store import crypto
from edgeface.store.database import open_database
from samples import decision

SEED = bytes(range(32))
PUBLIC = public_of(SEED)
BODY = {"door": "main", "score": 0.5, "person": None}


def test_the_known_answer_of_the_rfc() -> None:
    """RFC 8032, 7.1, test 1: the key. The signature is over our own text, so it is checked by its verification."""
    seed = bytes.fromhex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60")
    assert public_of(seed).hex() == "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"


def test_it_holds_however_the_json_is_written() -> None:
    signed = sign(SEED, Purpose.DECISION, BODY)
    again = json.loads(json.dumps(dict(reversed(BODY.items())), indent=2))
    assert verify(PUBLIC, Purpose.DECISION, again, signed)


@pytest.mark.parametrize("change", [{"door": "back"}, {"score": 0.51}, {"person": ""}, {"more": 1}])
def test_it_does_not_hold_for_another_text(change: dict[str, Any]) -> None:
    assert not verify(PUBLIC, Purpose.DECISION, BODY | change, sign(SEED, Purpose.DECISION, BODY))


def test_it_does_not_hold_for_another_key_or_purpose() -> None:
    signed = sign(SEED, Purpose.DECISION, BODY)
    assert not verify(public_of(bytes(32)), Purpose.DECISION, BODY, signed)
    assert not verify(PUBLIC, Purpose.COMMAND, BODY, signed)


@given(st.one_of(st.text(max_size=100), st.binary(min_size=64, max_size=64).map(lambda b: b.hex())))
def test_what_is_no_signature_is_none(text: str) -> None:
    assert not verify(PUBLIC, Purpose.DECISION, BODY, text)


def test_what_is_nested_too_deep_or_too_large_is_not_signed_by_anybody() -> None:
    deep: Any = 1
    for _ in range(900):
        deep = [deep]
    for odd in (deep, 2**60, float("nan")):
        assert not verify(PUBLIC, Purpose.DECISION, {"odd": odd}, sign(SEED, Purpose.DECISION, BODY))


def test_a_public_key_is_passed_on_as_text() -> None:
    assert parse_public(public_text(PUBLIC) + "\n") == PUBLIC
    assert len(key_id(PUBLIC)) == 16
    for odd in ("", "ed25519:", public_text(PUBLIC)[:-4], public_text(PUBLIC)[8:], "ed25519:ä"):
        with pytest.raises(ValueError, match="ed25519"):
            parse_public(odd)


def test_a_decision_leaves_the_device_signed() -> None:
    text = message.encode_signed(message.decision_message(decision(), seq=1, boot_id="b"), SEED)
    fields = json.loads(text)
    signed = fields.pop("sig")
    assert fields["key"] == key_id(PUBLIC)
    assert verify(PUBLIC, Purpose.DECISION, fields, signed)
    assert message.decode(message.DecisionMessage, text).sig == signed


def test_each_gallery_signs_with_a_key_of_its_own_that_stays(tmp_path: Path) -> None:
    seeds = []
    for name in ("a.db", "b.db", "a.db"):
        with closing(open_database(tmp_path / name)) as database:
            seeds.append(database.keyring.signing_seed)
    assert seeds[0] == seeds[2] != seeds[1]


def test_the_signing_key_is_told_by_nothing_that_is_stored(tmp_path: Path) -> None:
    with closing(open_database(tmp_path / "a.db")) as database:
        keyring = database.keyring
        label = f"sign decisions\0{keyring.gallery_id}"
        assert keyring.signing_seed == crypto.derive(keyring.names_key, label)
        assert crypto.fingerprint(keyring.names_key, label) != keyring.signing_seed.hex()
        assert keyring.signing_seed not in (tmp_path / "a.db").read_bytes()


def test_a_signature_is_written_in_one_way_only() -> None:
    """The last letter before the padding carries two bits of the 64 bytes, and four that decoders pass over."""
    signed = sign(SEED, Purpose.DECISION, BODY)
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    others = [signed[:-3] + letter + "==" for letter in letters if letter != signed[-3]]
    assert signed.endswith("==") and len(others) == 63
    assert not any(verify(PUBLIC, Purpose.DECISION, BODY, other) for other in others)
