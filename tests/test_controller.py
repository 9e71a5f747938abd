"""A door opens for what this reader said, to this controller, just now, and for nothing else."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from broker import listening, running, wait_until
from edgeface import message
from edgeface.adapters.clock import SystemClock
from edgeface.adapters.mqtt import MqttOptions, MqttPublisher
from edgeface.controller import LIVE_FOR_S, Doorkeeper, Ledger, Opening, Refusal
from edgeface.decide import Decision, Outcome
from edgeface.message import Topics
from edgeface.service.deliver import Deliverer
from edgeface.service.nonces import Nonces
from edgeface.service.ports import Received
from edgeface.signature import public_of, public_text
from edgeface.store.database import open_database
from edgeface.store.journal import Journal
from edgeface.store.outbox import Outbox
from samples import decision

SEED = bytes(range(32))
KEY = public_text(public_of(SEED))
NOW_S = 1_700_000_000.0


class Time:
    """Two clocks that the test moves."""

    def __init__(self) -> None:
        self.monotonic_s, self.wall_s = 1000.0, NOW_S


@pytest.fixture
def time() -> Time:
    return Time()


def keeper(time: Time, **changes: Any) -> Doorkeeper:
    made: dict[str, Any] = {"door": "front", "public_key": KEY, **changes}
    return Doorkeeper(monotonic_s=lambda: time.monotonic_s, wall_s=lambda: time.wall_s, **made)


def decided(**changes: Any) -> Decision:
    made = decision()
    moment = replace(made.decided_at, wall_ns=int(NOW_S * 1e9))
    return replace(made, **{"captured_at": moment, "decided_at": moment, **changes})


def sent(nonce: str | None, *, seq: int = 7, age_ms: int = 10, seed: bytes = SEED, **changes: Any) -> str:
    """A decision as it leaves the device, live."""
    made = message.decision_message(decided(**changes), seq=seq, boot_id="b")
    return message.encode_signed(message.as_live(made, "Ada", nonce, age_ms), seed)


def test_a_grant_opens_once(time: Time) -> None:
    guard = keeper(time)
    text = sent(guard.nonce())
    opening = guard.judge(text.encode(), retained=False)
    assert isinstance(opening, Opening)
    assert (opening.seq, opening.person_id, opening.label, opening.duress) == (7, "p_0123456789abcdef", "Ada", False)
    assert guard.judge(text, retained=False) is Refusal.SEEN_BEFORE
    assert guard.newest_seq == 7


def test_the_constant_is_that_of_the_messages() -> None:
    assert LIVE_FOR_S == message.LIVE_FOR_S


def test_every_refusal_has_its_name(time: Time) -> None:
    guard = keeper(time)

    def judged(text: str, *, retained: bool = False) -> Opening | Refusal:
        return guard.judge(text, retained=retained)

    history = message.as_history(message.decision_message(decided(), seq=9, boot_id="b"), None)
    unsigned = json.loads(sent(guard.nonce()))
    altered = {**unsigned, "door": "back"}
    del unsigned["sig"]
    former = keeper(time, newest_seq=7)
    found = {
        judged(sent(guard.nonce()), retained=True),
        judged("{}"),
        judged(json.dumps(unsigned)),
        judged(sent(guard.nonce(), seed=bytes(32))),
        judged(json.dumps(altered)),
        judged(message.encode_signed(history, SEED)),
        judged(sent(guard.nonce(), door="back")),
        judged(sent(guard.nonce(), outcome=Outcome.DENY)),
        former.judge(sent(former.nonce()), retained=False),
        judged(sent(None)),
        judged(sent("anotherword")),
        judged(sent(guard.nonce(), age_ms=3000)),
        keeper(time, use_nonces=False).judge(sent(None, decided_at=decision().decided_at), retained=False),
    }
    assert found == set(Refusal) - {Refusal.FORKED}


@pytest.mark.parametrize("outcome", [outcome for outcome in Outcome if outcome is not Outcome.GRANT])
def test_only_a_grant_opens(time: Time, outcome: Outcome) -> None:
    guard = keeper(time)
    assert guard.judge(sent(guard.nonce(), outcome=outcome), retained=False) is Refusal.NO_GRANT


def test_a_word_is_good_for_three_seconds_from_the_decision_whatever_the_wall_clocks_say(time: Time) -> None:
    for waited_s, age_ms, opens in ((2.9, 50, True), (2.9, 150, False), (0.5, 2600, False), (3.1, 0, False)):
        guard = keeper(time)
        text = sent(guard.nonce(), age_ms=age_ms)
        time.monotonic_s += waited_s
        time.wall_s = 0.0
        assert isinstance(guard.judge(text, retained=False), Opening) is opens


def test_a_recording_opens_nothing_after_the_word_was_used_for_another(time: Time) -> None:
    guard = keeper(time)
    word = guard.nonce()
    assert isinstance(guard.judge(sent(word), retained=False), Opening)
    assert guard.judge(sent(word, seq=8), retained=False) is Refusal.WRONG_NONCE


def test_words_do_not_pile_up(time: Time) -> None:
    guard = keeper(time)
    for _ in range(10_000):
        guard.nonce()
        time.monotonic_s += 0.001
    assert len(guard._issued) <= 65


@pytest.mark.parametrize(
    ("ahead_s", "trusted", "expected"),
    [
        (0.0, True, None),
        (2.9, True, None),
        (3.1, True, Refusal.TOO_LATE),
        (3600.0, True, Refusal.TOO_LATE),
        (-0.9, True, None),
        (-1.1, True, Refusal.CLOCK),
        (-3600.0, True, Refusal.CLOCK),
        (-NOW_S, True, Refusal.CLOCK),
        (3.2e8, True, Refusal.TOO_LATE),
        (0.0, False, Refusal.CLOCK),
    ],
)
def test_without_words_both_clocks_must_agree(
    time: Time, ahead_s: float, trusted: bool, expected: Refusal | None
) -> None:
    """An hour or ten years ahead or behind, or 1970: nothing opens."""
    guard = keeper(time, use_nonces=False)
    moment = replace(decided().decided_at, wall_trusted=trusted)
    text = sent(None, decided_at=moment)
    time.wall_s += ahead_s
    found = guard.judge(text, retained=False)
    assert found is expected if expected else isinstance(found, Opening)


@settings(max_examples=300)
@given(st.integers(0, 10**6), st.integers(1, 255))
def test_one_altered_byte_opens_nothing(place: int, change: int) -> None:
    guard = keeper(Time())
    altered = bytearray(sent(guard.nonce()).encode())
    altered[place % len(altered)] ^= change
    assert isinstance(guard.judge(bytes(altered), retained=False), Refusal)


@settings(max_examples=200)
@given(st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
def test_any_bytes_are_refused(noise: bytes) -> None:
    assert keeper(Time()).judge(noise, retained=False) is Refusal.NO_DECISION


@settings(max_examples=200)
@given(st.dictionaries(st.sampled_from(["seq", "door", "nonce", "age_ms", "outcome", "person", "replayed", "duress"]),
                       st.none() | st.integers() | st.text() | st.lists(st.integers()), min_size=1))  # fmt: skip
def test_a_signed_oddity_is_no_crash_and_opens_nothing_else(odd: dict[str, Any]) -> None:
    """A device with a bug signs it all the same."""
    from edgeface.signature import Purpose, sign

    guard = keeper(Time())
    fields = {**json.loads(sent(guard.nonce())), **odd}
    del fields["sig"]
    try:
        fields["sig"] = sign(SEED, Purpose.DECISION, fields)
    except ValueError:
        return
    found = guard.judge(json.dumps(fields), retained=False)
    if isinstance(found, Opening):
        assert fields["outcome"] == "grant"
        assert fields["door"] == "front"
        assert fields["replayed"] is False


def test_a_key_that_is_none_is_an_error(time: Time) -> None:
    with pytest.raises(ValueError, match="ed25519"):
        keeper(time, public_key="")


def history(seq: int, identity: str | None = None) -> str:
    made = decided() if identity is None else decided(id=identity)
    return message.encode_signed(message.as_history(message.decision_message(made, seq=seq, boot_id="b"), None), SEED)


@given(st.permutations([1, 2, 3, 5, 6, 9, 12]))
def test_a_ledger_keeps_each_once_in_any_order_and_knows_its_gaps(order: list[int]) -> None:
    ledger = Ledger(KEY)
    texts = {seq: history(seq) for seq in order}
    for seq in order:
        fields = ledger.take(texts[seq])
        assert not isinstance(fields, Refusal)
        assert fields["seq"] == seq
    assert [ledger.take(texts[seq]) for seq in order] == [Refusal.SEEN_BEFORE] * 7
    assert ledger.duplicates == 7
    assert ledger.missing() == (range(4, 5), range(7, 9), range(10, 12))


def test_two_readers_on_one_gallery_are_noticed() -> None:
    ledger = Ledger(KEY)
    assert isinstance(ledger.take(history(3)), dict)
    assert ledger.take(history(3)) is Refusal.FORKED
    assert Ledger(public_text(public_of(bytes(32)))).take(history(3)) is Refusal.WRONG_KEY


def test_a_controller_needs_no_models_and_no_numbers() -> None:
    code = (
        "import sys, edgeface.controller; "
        "sys.exit(bool({'numpy', 'cv2', 'sqlite3', 'paho', 'ai_edge_litert'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


class StillClock(SystemClock):
    """Moved by hand."""

    ahead_ns = 0

    def now(self) -> Any:
        real = super().now()
        return replace(real, monotonic_ns=real.monotonic_ns + self.ahead_ns)


def heard(payload: bytes, *, retained: bool = False) -> Received:
    return Received(topic="t", payload=payload, retained=retained, response_topic=None, correlation=None)


@pytest.mark.parametrize("odd", [b"", b"short", b"x" * 65, b"a b c d e f", b"\xff" * 12, b"nonce+nonce", b"\n" * 9])
def test_what_is_no_word_is_not_repeated(odd: bytes) -> None:
    nonces = Nonces(SystemClock())
    nonces.hear(heard(odd))
    assert nonces.take() is None


def test_a_word_is_repeated_once_while_it_is_fresh_and_never_a_retained_one() -> None:
    clock = StillClock()
    nonces = Nonces(clock)
    nonces.hear(heard(b"first-word"))
    nonces.hear(heard(b"second-word"))
    nonces.hear(heard(b"kept-word", retained=True))
    assert (nonces.take(), nonces.take()) == ("second-word", None)
    nonces.hear(heard(b"third-word"))
    clock.ahead_ns = int(3.1e9)
    assert nonces.take() is None


def example() -> str:
    """The controller in the README."""
    text = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")
    found = re.search(r"```python\n(from edgeface.controller.*?)```", text, re.DOTALL)
    assert found is not None
    return found[1]


def test_the_example_in_the_readme_opens_a_door(tmp_path: Path) -> None:
    """As it stands there, but for host, port and key; against a real broker and the reader's own publisher."""
    opened: list[Opening] = []
    done = threading.Event()
    with running(tmp_path) as broker, listening(broker) as listener, closing(open_database(tmp_path / "g.db")) as base:
        options = MqttOptions(
            host="127.0.0.1", port=broker.port, topics=Topics(base="edgeface", device="reader"), keepalive_s=1
        )
        publisher, nonces, clock = MqttPublisher(options), Nonces(SystemClock()), SystemClock()
        publisher.listen(options.topics.door("main", "nonce"), nonces.hear)
        deliverer = Deliverer(
            outbox=Outbox(base), publisher=publisher, clock=clock, boot_id="now", name_of=lambda _: "Ada",
            info=lambda: "{}", seed=base.keyring.signing_seed, nonce=nonces.take,
        )  # fmt: skip
        code = example()
        for former, now in (
            ('"ed25519:..."', repr(public_text(public_of(base.keyring.signing_seed)))),
            ('"broker.local", 8883', f'"127.0.0.1", {broker.port}'),
            ("client.tls_set()\n", ""),
            ("while True:", "while not done.is_set():"),
            ("time.sleep(1)", "time.sleep(0.05)"),
        ):
            assert former in code
            code = code.replace(former, now)
        names: dict[str, Any] = {"pulse_the_strike": opened.append, "done": done}
        controller = threading.Thread(target=exec, args=(code, names))
        deliverer.start()
        controller.start()
        try:
            act(Journal(base, "now"), deliverer, lambda: len(listener.of("nonce")) > 3 and nonces._newest is not None)
            wait_until(lambda: len(opened) == 1, "the door opens")
            wait_until(lambda: len(listener.of("decision")) == 1, "whoever records it has heard it as well")
            replayed = listener.of("decision")[0].payload
            listener._client.publish(options.topics.decision, replayed, qos=1).wait_for_publish(5)
            wait_until(lambda: len(listener.of("decision")) == 2, "the recording is heard")
        finally:
            done.set()
            controller.join()
            names["client"].disconnect()
            names["client"].loop_stop()
            names["client"].on_connect = names["client"].on_message = None
            deliverer.stop()
    assert (len(opened), opened[0].label) == (1, "Ada")


def act(journal: Journal, deliverer: Deliverer, ready: Callable[[], bool]) -> None:
    """Somebody comes, as soon as the controller is there."""
    wait_until(ready, "the controller gives its word")
    deliverer.hand_over(journal.record(decision(door="main")))
