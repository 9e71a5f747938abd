"""Bundles of models: what was signed comes back, and whatever else comes is refused by name."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bundles import LIVENESS, SEED, packed, shipped
from edgeface.adapters import release
from edgeface.bridge import Bridge
from edgeface.errors import UpdateProblem, UpdateRefused
from edgeface.model import Task
from edgeface.signature import Purpose, key_id, public_of, sign

KEY = key_id(public_of(SEED))
WHERE = Path("home/slots/a")


def publisher(key: str) -> bytes | None:
    return public_of(SEED) if key == KEY else None


def signed(body: bytes) -> bytes:
    signature = sign(SEED, Purpose.MODELS, {"sha256": release._digest(body), "bytes": len(body)})
    return f"edgeface-models-1 {len(body)} {KEY} {signature}\n".encode() + body


@pytest.fixture(scope="module")
def bundle() -> bytes:
    return packed(7)


def bridge() -> Bridge:
    random = np.random.default_rng(1)
    return Bridge(
        former="ab" * 32,
        matrix=random.normal(size=(16, 8)).astype(np.float32),
        offset=random.normal(size=16).astype(np.float32),
        scale=0.9,
        shift=-0.02,
        measured="on nothing",
    )


def test_what_is_packed_comes_back(bundle: bytes) -> None:
    assert release.authentic(bundle, publisher) == KEY
    found = release.parse(bundle, WHERE)
    assert (found.version, found.says) == (7, "the bundle 7")
    entry = found.of(Task.LIVENESS)
    assert entry is not None
    assert entry.content == shipped()[LIVENESS][1]
    assert entry.spec.file == f"{entry.spec.sha256}.tflite"
    assert found.of(Task.EMBEDDER) is None


def test_a_map_comes_back_to_the_last_bit() -> None:
    made = bridge()
    (found,) = release.parse(packed(1, bridges=[made]), WHERE).bridges
    assert found.former == made.former
    assert np.array_equal(found.matrix, made.matrix)
    assert np.array_equal(found.offset, made.offset)
    assert (found.scale, found.shift, found.measured) == (0.9, -0.02, "on nothing")


def refused(content: bytes, known: bool = True) -> UpdateProblem:
    with pytest.raises(UpdateRefused) as caught:
        release.authentic(content, publisher if known else lambda key: None)
    return caught.value.problem


@given(data=st.data())
def test_cut_off_anywhere_it_is_truncated_or_none(bundle: bytes, data: st.DataObject) -> None:
    first = bundle.index(b"\n") + 1
    cut = data.draw(st.one_of(st.integers(0, 200), st.integers(0, len(bundle) - 1)))
    assert refused(bundle[:cut]) is (UpdateProblem.NOT_A_BUNDLE if cut < first else UpdateProblem.TRUNCATED)


@given(data=st.data())
def test_altered_anywhere_it_is_refused(bundle: bytes, data: st.DataObject) -> None:
    """One byte is another: the first line, the head or a model's weights."""
    place = data.draw(st.one_of(st.integers(0, 2000), st.integers(0, len(bundle) - 1)))
    altered = bytearray(bundle)
    altered[place] ^= data.draw(st.integers(1, 255))
    assert refused(bytes(altered)) in {
        UpdateProblem.ALTERED,
        UpdateProblem.NOT_A_BUNDLE,
        UpdateProblem.TRUNCATED,
        UpdateProblem.UNKNOWN_PUBLISHER,
    }


def test_more_at_the_end_or_another_size_is_an_alteration(bundle: bytes) -> None:
    assert refused(bundle + b"\0") is UpdateProblem.ALTERED
    size = bundle.split(b" ")[1]
    assert refused(bundle.replace(size, str(int(size) - 1).encode(), 1)) is UpdateProblem.ALTERED


def test_whoever_is_not_known_publishes_nothing(bundle: bytes) -> None:
    assert refused(bundle, known=False) is UpdateProblem.UNKNOWN_PUBLISHER
    assert refused(packed(7, seed=b"\x08" * 32)) is UpdateProblem.UNKNOWN_PUBLISHER


def test_a_signature_for_something_else_is_none(bundle: bytes) -> None:
    body = bundle[bundle.index(b"\n") + 1 :]
    other = sign(SEED, Purpose.COMMAND, {"sha256": release._digest(body), "bytes": len(body)})
    assert refused(f"edgeface-models-1 {len(body)} {KEY} {other}\n".encode() + body) is UpdateProblem.ALTERED


def test_a_huge_file_is_not_looked_at(monkeypatch: pytest.MonkeyPatch, bundle: bytes) -> None:
    monkeypatch.setattr(release, "MOST_BYTES", len(bundle) - 1)
    assert refused(bundle) is UpdateProblem.TOO_LARGE


def malformed(content: bytes) -> str:
    release.authentic(content, publisher)
    with pytest.raises(UpdateRefused) as caught:
        release.parse(content, WHERE)
    assert caught.value.problem is UpdateProblem.MALFORMED
    return caught.value.detail


def changed(bundle: bytes, **changes: object) -> bytes:
    head, _, rest = bundle[bundle.index(b"\n") + 1 :].partition(b"\n")
    return signed(json.dumps({**json.loads(head), **changes}).encode() + b"\n" + rest)


@pytest.mark.parametrize(
    "changes",
    [
        {"version": 0},
        {"version": True},
        {"version": 1.5},
        {"version": 2**53},
        {"says": "a\nb"},
        {"says": 3},
        {"models": {}},
        {"models": []},
        {"models": {"a": 1}},
        {"parts": []},
        {"parts": [{"sha256": "0" * 64, "bytes": -1}]},
        {"parts": [{"bytes": 1}] * 33},
        {"bridges": [{"former": "x"}]},
        {"version": None},
    ],
)
def test_signed_and_none_all_the_same(bundle: bytes, changes: dict[str, object]) -> None:
    assert malformed(changed(bundle, **changes)), "it says what is wrong"


def test_no_name_from_inside_is_a_path(bundle: bytes) -> None:
    head = json.loads(bundle[bundle.index(b"\n") + 1 :].partition(b"\n")[0])
    table = head["models"][LIVENESS]
    assert "none of the parts" in malformed(changed(bundle, models={"../../evil": table}))
    escaping = {**table, "file": "x.tflite"}
    assert "none of the parts" in malformed(changed(bundle, models={LIVENESS: escaping}))


def test_two_models_for_one_task_are_none(bundle: bytes) -> None:
    head = json.loads(bundle[bundle.index(b"\n") + 1 :].partition(b"\n")[0])
    table = head["models"][LIVENESS]
    assert "one model a task" in malformed(changed(bundle, models={LIVENESS: table, "another": table}))


@given(
    head=st.one_of(
        st.binary(max_size=200),
        st.recursive(
            st.none() | st.booleans() | st.integers(-3, 9) | st.floats(allow_nan=False) | st.text(max_size=8),
            lambda inner: (
                st.lists(inner, max_size=3)
                | st.dictionaries(st.sampled_from(["version", "says", "parts", "models", "bridges", "bytes"]), inner)
            ),
        ).map(lambda value: json.dumps(value).encode()),
    ),
    rest=st.binary(max_size=64),
)
def test_whatever_a_publisher_signs_is_a_bundle_or_refused(head: bytes, rest: bytes) -> None:
    assert malformed(signed(head.replace(b"\n", b" ") + b"\n" + rest))


def test_a_map_of_other_lengths_is_none() -> None:
    whole = packed(1, bridges=[bridge()])
    head = json.loads(whole[whole.index(b"\n") + 1 :].partition(b"\n")[0])
    for change in ({"dimensions": [8, 15]}, {"scale": -1}, {"scale": "nan"}, {"former": "x"}, {"part": "0" * 64}):
        assert malformed(changed(whole, bridges=[{**head["bridges"][0], **change}]))
