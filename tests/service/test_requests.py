"""Commands through a real Mosquitto to a reader at work: answered where they may be, in force from the next frame."""

from __future__ import annotations

import base64
import json
import time
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import pytest
from paho.mqtt.client import MQTTMessage

from asking import at_work
from broker import running, wait_until
from edgeface.adapters.clock import SystemClock
from edgeface.controller import Doorkeeper, Opening
from edgeface.decide import Outcome
from edgeface.frame import Pixels
from edgeface.image import encode_jpeg
from edgeface.message import Topics
from edgeface.service.bootstrap import Loaded, Station, open_station
from edgeface.service.ports import Received
from edgeface.service.requests import MOST_WAITING, Requests
from edgeface.service.serve import serving
from edgeface.service.settings import Config, MqttSettings
from edgeface.store.database import open_database
from portraits import empty, film


def visit(station: Station, portrait: Pixels, start_s: float) -> list[Outcome]:
    watch = station.reader.watch
    steps = [*watch(film(portrait, start_s=start_s)), *watch(empty(2, start_s=start_s + 2))]
    return [recorded.decision.outcome for step in steps for recorded in step.decisions]


def test_people_and_rules_changed_by_message_count_at_the_running_reader(
    home: Path, tmp_path: Path, loaded: Loaded, astronaut: Pixels
) -> None:
    picture = base64.b64encode(encode_jpeg(astronaut)).decode()
    with running(tmp_path) as broker, at_work(home, loaded, broker) as (station, asker):
        assert visit(station, astronaut, 0) == [Outcome.UNKNOWN]
        made = asker.ask("people/enrol", {"name": "Ada", "pictures": [picture], "consent_by": "The Warden"})
        assert made["code"] == "done", made
        assert visit(station, astronaut, 10) == [Outcome.GRANT]
        assert asker.ask("access/deny", {"who": ["Ada"], "name": "out"})["code"] == "done"
        assert Outcome.GRANT not in visit(station, astronaut, 20)
        assert asker.ask("access/revoke", {"rule": "out"})["code"] == "done"
        assert visit(station, astronaut, 120) == [Outcome.GRANT]
        assert asker.ask("door/lockdown")["code"] == "done"
        assert Outcome.GRANT not in visit(station, astronaut, 130)
        assert "lockdown" in asker.ask("health")["data"]["shut"]
        assert "lockdown" in (station.shut() or "")
        assert asker.ask("door/lockdown", {"lift": True})["code"] == "done"
        assert asker.ask("people/forget", {"who": "Ada"})["code"] == "done"
        assert visit(station, astronaut, 240) == [Outcome.UNKNOWN]


def test_a_visit_that_is_going_on_is_judged_by_the_new_rules(
    home: Path, tmp_path: Path, loaded: Loaded, astronaut: Pixels
) -> None:
    """Somebody stands at the door unknown, is enrolled from the desk, and is let in without walking away."""
    picture = base64.b64encode(encode_jpeg(astronaut)).decode()
    with running(tmp_path) as broker, at_work(home, loaded, broker) as (station, asker):
        outcomes: list[Outcome] = []
        enrolled = False
        for frame in film(astronaut, 6):
            outcomes += [recorded.decision.outcome for recorded in station.reader.step(frame).decisions]
            if outcomes and not enrolled:
                enrolled = True
                body = {"name": "Ada", "pictures": [picture], "consent_by": "W"}
                assert asker.ask("people/enrol", body)["code"] == "done"
        assert outcomes == [Outcome.UNKNOWN, Outcome.GRANT]


def test_the_answer_goes_to_the_response_topic_with_the_senders_word_and_nowhere_else(
    home: Path, tmp_path: Path, loaded: Loaded
) -> None:
    with running(tmp_path) as broker, at_work(home, loaded, broker) as (_, asker):
        asker.commander.issued_at = datetime.now(UTC).replace(microsecond=0)

        def answered(to: str | None) -> MQTTMessage:
            asker.send("health", asker.commander.sign(asker.commander.make("health")), to, b"\x00word")
            return asker.heard()

        usual = "edgeface/reader/response/health"
        for wanted, topic in (
            (None, usual),
            ("edgeface/reader/response/desk/1", "edgeface/reader/response/desk/1"),
            ("edgeface/reader/decision", usual),
            ("edgeface/reader/response/../decision", usual),
            ("edgeface/other/response/x", usual),
            ("edgeface/reader/response/", usual),
        ):
            heard = answered(wanted)
            assert (heard.topic, heard.qos, heard.retain) == (topic, 1, False)
            assert heard.properties.CorrelationData == b"\x00word"
            assert json.loads(heard.payload)["code"] == "done"


def test_a_retained_command_is_refused_and_is_not_given_to_the_next_start(
    home: Path, tmp_path: Path, loaded: Loaded
) -> None:
    with running(tmp_path, "allow_anonymous true", "persistence false") as broker:
        with at_work(home, loaded, broker) as (station, asker):
            asker.commander.issued_at = datetime.now(UTC).replace(microsecond=0)
            shut = asker.commander.sign(asker.commander.make("door/lockdown"))
            asker.send("door/lockdown", shut, retain=True)
            assert json.loads(asker.heard().payload)["code"] == "retained"
            assert station.guard.problem("main") is None
        with closing(open_database(home / "gallery.db")) as database:
            config = Config(mqtt=MqttSettings(broker=broker.url))
            with (
                open_station(config, loaded, database, film_time=True) as again,
                serving(again, config, loaded, database),
            ):
                wait_until(lambda: again.problem() is None, "the reader is connected")
                assert again.guard.problem("main") is None
                assert database.read("SELECT * FROM commands") == []


def test_what_is_no_command_is_answered_and_does_no_harm(home: Path, tmp_path: Path, loaded: Loaded) -> None:
    odd = [b"", b"OPEN", b"\xff" * 1000, b"[" * 10_000, b'{"v":1}', b'{"v":1,"v":1}', b"{}", b"null", b"1e999"]
    with running(tmp_path) as broker, at_work(home, loaded, broker) as (_, asker):
        for payload in odd:
            asker.send("door/lockdown", payload)
        for payload in odd:
            assert json.loads(asker.heard().payload)["code"] in ("malformed", "wrong_version"), payload
        asker.send("no/such/VERB/x", b"{}")
        assert asker.heard().topic == "edgeface/reader/response/unknown"
        assert asker.ask("health")["code"] == "done"


class Slow:
    """A clerk that answers only when it is let."""

    def __init__(self) -> None:
        self.gate: SimpleQueue[None] = SimpleQueue()

    def answer(self, payload: bytes, topic_verb: str, *, retained: bool = False) -> str:
        self.gate.get()
        return "done"

    def busy(self, payload: bytes, topic_verb: str) -> str:
        return "busy"


class Speaker:
    """A publisher that remembers what it was told to say."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def listen(self, topic: str, hear: Any) -> None:
        self.hear = hear

    def publish_response(self, topic: str, payload: str, correlation: bytes | None) -> None:
        self.said.append(payload)


def test_a_flood_is_answered_busy_and_bounded() -> None:
    slow, speaker = Slow(), Speaker()
    requests = Requests(speaker, Topics(base="edgeface", device="reader"))  # type: ignore[arg-type]
    requests.serve(slow)
    message = Received(
        topic="edgeface/reader/request/health", payload=b"", retained=False, response_topic=None, correlation=None
    )
    for _ in range(100):
        speaker.hear(message)
    assert len(speaker.said) >= 100 - MOST_WAITING - 1
    for _ in range(MOST_WAITING + 1):
        slow.gate.put(None)
    requests.stop()
    assert set(speaker.said) == {"busy", "done"}
    assert len(speaker.said) == 100


def test_a_door_is_opened_from_afar_with_the_controllers_own_word(
    home: Path, tmp_path: Path, loaded: Loaded, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Asked by a signed command, decided and journalled as any visit, and judged by a controller as any grant."""
    monkeypatch.setattr(SystemClock, "_synchronised", lambda self: True)
    with running(tmp_path) as broker, at_work(home, loaded, broker) as (_, asker):
        keeper = Doorkeeper(door="main", public_key=asker.ask("door/key")["data"]["key"])
        asker.say("edgeface/reader/door/main/nonce", keeper.nonce())
        time.sleep(0.3)  # the word is on another topic, and may come later
        done = asker.ask("door/open", {"door": "main"}, ttl_s=3)
        assert done["code"] == "done", done
        payload = asker.decisions.get(timeout=15).payload
        opening = keeper.judge(payload, retained=False)
        assert isinstance(opening, Opening), opening
        assert (opening.id, opening.seq, opening.person_id) == (done["data"]["decision"], done["data"]["seq"], None)
        assert keeper.judge(payload, retained=False) is not None
        assert not isinstance(keeper.judge(payload, retained=False), Opening)  # once
        told = json.loads(payload)
        assert (told["rule"], told["person"], "by key " in told["reason"]) == ("remote_unlock", None, True)
        assert asker.ask("door/lockdown")["code"] == "done"
        refused = asker.ask("door/open", {"door": "main"}, ttl_s=3)
        assert (refused["code"], "a lockdown holds" in refused["error"]) == ("refused", True)
        rows = asker.ask("decisions/list")["data"]["decisions"]
        assert [row["rule"] for row in rows] == ["remote_unlock"]
        assert asker.decisions.empty()
        again = asker.ask("history/replay", {"first": 1, "last": done["data"]["seq"]})
        assert (again["code"], again["data"]["waiting"]) == ("done", 1)
