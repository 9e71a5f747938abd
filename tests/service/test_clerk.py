"""Commands are carried out once, by whom they may be, and nothing else leaves a trace."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, nullcontext
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some

from broker import wait_until
from commanding import NOON, Bench, Commander, at_a_desk, noon, stranger
from edgeface.access import Answer, Factor, Reply, Rules, State
from edgeface.adapters.clock import boot_id
from edgeface.commands import VERBS, Code, Role, may
from edgeface.commands.verbs import Reach
from edgeface.config import load
from edgeface.decide import opened_from_afar
from edgeface.errors import ConfigError, DoorError, GalleryError
from edgeface.frame import Pixels
from edgeface.image import encode_jpeg
from edgeface.service.bootstrap import Loaded
from edgeface.service.clerk import Clerk, User
from edgeface.service.desk import ACTS
from edgeface.service.loop import Recorded
from edgeface.service.pairing import open_window, proof_of
from edgeface.signature import public_of, public_text
from edgeface.store import commands
from edgeface.store.database import Database, open_database
from edgeface.store.gallery import GalleryStore


class Remembering:
    """Stands for the running reader: notes what it is told to put in force."""

    def __init__(self) -> None:
        self.done: list[str] = []
        self.state = State()
        self.no: Exception | None = None

    def turn(self) -> nullcontext[None]:
        return nullcontext()

    def renewed_people(self) -> Callable[[], None]:
        if self.no is not None:
            raise self.no
        return lambda: self.done.append("people renewed")

    def renewed_rules(self) -> Callable[[], None]:
        return lambda: self.done.append("rules renewed")

    def change(self, change: Callable[[State], State]) -> Callable[[], None]:
        changed = change(self.state)
        return lambda: setattr(self, "state", changed)

    def let_in(self, door: str, by: str) -> tuple[Recorded, Callable[[], None]]:
        if self.no is not None:
            raise self.no
        recorded = Recorded(seq=1, decision=opened_from_afar(door, by, noon(), "0" * 32))
        return recorded, lambda: self.done.append(f"{door} opened by {by}")

    def present(self, factor: Factor) -> Answer:
        self.done.append(f"{factor.kind.value} at {factor.door}")
        return Answer(reply=Reply.ACCEPTED, reason="thank you")

    def present_picture(self, jpeg: bytes) -> Callable[[], None]:
        if self.no is not None:
            raise self.no
        return lambda: self.done.append(f"{len(jpeg)} bytes shown")

    def hide_pictures(self) -> None:
        self.done.append("nobody shown")

    def dial(self) -> None:
        return None

    def shut(self) -> None:
        return None

    def replay(self, first: int, last: int) -> None:
        self.done.append(f"replay {first} to {last}")

    def forgot(self) -> None:
        self.state = State()

    def restart(self) -> None:
        self.done.append("restart")


@pytest.fixture
def live() -> Remembering:
    return Remembering()


@pytest.fixture
def bench(home: Path, loaded: Loaded, live: Remembering) -> Iterator[Bench]:
    with at_a_desk(home, loaded, live) as made:
        yield made


def jpeg(pixels: Pixels) -> str:
    return base64.b64encode(encode_jpeg(pixels, quality=80)).decode()


def enrolled(bench: Bench, pixels: Pixels, name: str = "Ada") -> str:
    answer = bench.ask("people/enrol", {"name": name, "pictures": [jpeg(pixels)], "consent_by": "The Warden"})
    assert answer["code"] == "done", answer
    return str(answer["data"]["id"])


def everything(database: Database) -> list[Any]:
    """All rows of all tables."""
    tables = [row["name"] for row in database.read("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")]
    return [database.read(f"SELECT * FROM {table}") for table in tables]


def test_every_verb_of_the_table_can_be_carried_out() -> None:
    assert ACTS.keys() == VERBS.keys()


def test_a_person_is_enrolled_renamed_and_forgotten_by_message(
    bench: Bench, live: Remembering, astronaut: Pixels
) -> None:
    ada = enrolled(bench, astronaut)
    assert live.done == ["people renewed"]
    assert bench.ask("people/rename", {"who": ada, "name": "Ada Lovelace"}, Role.ENROL)["data"] == {"id": ada}
    listed = bench.ask("people/list", role=Role.VIEW)["data"]
    assert [(row["name"], row["templates"]) for row in listed["people"]] == [("Ada Lovelace", 1)]
    receipt = bench.ask("people/forget", {"who": "ada lovelace"}, Role.ENROL)["data"]
    assert (receipt["templates"], receipt["remains"]) == (1, [])
    assert GalleryStore(bench.database).people() == ()
    assert live.done == ["people renewed"] * 3


def test_nobody_is_enrolled_without_consent_a_face_or_twice(bench: Bench, astronaut: Pixels) -> None:
    picture = [jpeg(astronaut)]
    for body, says in (
        ({"name": "Ada", "pictures": picture}, "consent"),
        ({"name": "Ada", "pictures": ["!"], "consent_by": "W"}, "base64"),
        ({"name": "A/#+\u202e\u0000", "pictures": picture, "consent_by": "W"}, "name"),
        ({"name": "x" * 5000, "pictures": picture, "consent_by": "W"}, "characters"),
    ):
        answer = bench.ask("people/enrol", body)
        assert (answer["code"], says in answer["error"]) == ("refused", True), answer
    enrolled(bench, astronaut)
    again = bench.ask("people/enrol", {"name": "Eve", "pictures": picture, "consent_by": "W"})
    assert again["code"] == "refused" and "already enrolled as Ada" in again["error"]
    assert len(GalleryStore(bench.database).people()) == 1


def test_people_with_whom_the_reader_could_not_go_on_are_not_taken(
    bench: Bench, live: Remembering, astronaut: Pixels
) -> None:
    """What the running reader refuses undoes the enrolment, and the answer is stored all the same."""
    live.no = ConfigError("decide.false_accepts: cannot be kept")
    key = bench.keys[Role.ADMIN]
    asked = key.sign(key.make("people/enrol", {"name": "Ada", "pictures": [jpeg(astronaut)], "consent_by": "W"}))
    first = bench.send(asked, "people/enrol")
    assert first["code"] == "refused" and "cannot be kept" in first["error"]
    assert GalleryStore(bench.database).people() == ()
    live.no = None
    assert bench.send(asked, "people/enrol") == first
    assert GalleryStore(bench.database).people() == ()


def test_the_same_command_again_gets_the_same_answer_and_acts_once(bench: Bench, home: Path, live: Remembering) -> None:
    key = bench.keys[Role.ADMIN]
    for verb, body in (("access/deny", {"who": ["everyone"]}), ("door/lockdown", {}), ("log", {"level": "warning"})):
        asked = key.sign(key.make(verb, body, ttl_s=3))
        first = bench.send(asked, verb)
        assert first["code"] == "done", first
        before = everything(bench.database), (home / "access.toml").read_bytes(), list(live.done)
        assert bench.send(asked, verb) == first
        assert before == (everything(bench.database), (home / "access.toml").read_bytes(), live.done)
    assert len(load(home / "access.toml", Rules).denies) == 1


def test_another_command_cannot_take_an_id_that_was_used(bench: Bench) -> None:
    assert bench.code("door/lockdown", cmd_id="once-and-only") is Code.DONE
    assert bench.code("door/lockdown", {"lift": True}, cmd_id="once-and-only") is Code.REUSED_ID


def test_a_replay_is_refused_after_a_restart_too(bench: Bench, home: Path, loaded: Loaded) -> None:
    key = bench.keys[Role.OPERATE]
    look, shut = key.sign(key.make("health")), key.sign(key.make("door/lockdown"))
    assert bench.send(look, "health")["code"] == "done"
    first = bench.send(shut, "door/lockdown")
    bench.database.close()
    with closing(open_database(home / "gallery.db")) as database:
        later = replace(bench, database=database, desk=replace(bench.desk, database=database))
        later.clerk = type(bench.clerk)(later.desk)
        assert later.send(look, "health")["code"] == "replayed"
        assert later.send(shut, "door/lockdown") == first
        assert later.code("door/lockdown", role=Role.OPERATE, seq=2) is Code.REPLAYED


def refusals(bench: Bench) -> dict[Code, tuple[bytes, str, bool]]:
    """A command for every reason to refuse it."""
    key, view, other = bench.keys[Role.ADMIN], bench.keys[Role.VIEW], stranger(bench)
    shut = "door/lockdown"
    altered = key.sign(key.make(shut)).replace(b'"ttl_s":10', b'"ttl_s":11')
    return {
        Code.MALFORMED: (key.sign(key.make(shut, {"door": "x" * 70_000})), shut, False),
        Code.WRONG_VERSION: (key.sign(key.make(shut)).replace(b'{"v":1', b'{"v":9'), shut, False),
        Code.RETAINED: (key.sign(key.make(shut)), shut, True),
        Code.WRONG_DEVICE: (key.sign(key.make(shut, to="f" * 16)), shut, False),
        Code.UNKNOWN_KEY: (other.sign(other.make(shut)), shut, False),
        Code.BAD_SIGNATURE: (altered, shut, False),
        Code.WRONG_TOPIC: (key.sign(key.make("health")), shut, False),
        Code.UNKNOWN_VERB: (key.sign(key.make("door/explode")), "door/explode", False),
        Code.WRONG_ROLE: (view.sign(view.make(shut)), shut, False),
        Code.REPLAYED: (key.sign(key.make(shut, seq=1)), shut, False),
        Code.LATE: (key.sign(key.make(shut, issued_at=NOON - timedelta(seconds=11))), shut, False),
        Code.BAD_BODY: (key.sign(key.make(shut, {"door": 1})), shut, False),
    }


def test_whatever_is_refused_has_its_name_and_leaves_no_trace(bench: Bench, home: Path) -> None:
    bench.keys[Role.ADMIN].seq = 10
    assert bench.code("health") is Code.DONE
    before = everything(bench.database)
    for named, (payload, topic, retained) in refusals(bench).items():
        answer = bench.send(payload, topic, retained=retained)
        assert (answer["code"], answer["status"], answer["data"]) == (named.value, "error", {}), answer
    assert everything(bench.database) == before
    assert not (home / "access.toml").exists()


@pytest.mark.parametrize("role", Role)
def test_a_role_may_do_what_it_may_and_nothing_else(bench: Bench, role: Role) -> None:
    bench.near = True
    for verb in VERBS.values():
        if verb.name == "keys/pair" or verb.reach is Reach.MACHINE:
            continue
        code = bench.code(verb.name, {"no": "such word"}, role, ttl_s=3)
        assert code is (Code.BAD_BODY if may(role, verb.role) else Code.WRONG_ROLE), verb.name


def test_a_command_that_never_ends_stops_the_pulse(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    goes_on, clerk = threading.Event(), Clerk(bench.desk, stuck_s=0.05)
    held = replace(ACTS["people/list"], run=lambda desk, ask: goes_on.wait(15))
    monkeypatch.setattr("edgeface.service.clerk.ACTS", {**ACTS, "people/list": held})
    caller = threading.Thread(
        target=clerk.local, args=("people/list", {}, "command-1", User(uid=0, name="root")), daemon=True
    )
    assert clerk.ticks()
    caller.start()
    wait_until(lambda: not clerk.ticks(), "it ticks no more")
    goes_on.set()
    wait_until(clerk.ticks, "it has come to an end after all")
    caller.join()


def test_what_is_begun_and_never_ended_says_so(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """As if the power went while the file was replaced."""

    class PowerCut(BaseException):
        pass

    def cut(*_: object) -> None:
        raise PowerCut

    key = bench.keys[Role.ADMIN]
    asked = key.sign(key.make("access/deny", {"who": ["everyone"]}))
    monkeypatch.setattr("edgeface.service.desk.rulebook.replace_file", cut)
    with pytest.raises(PowerCut):
        bench.clerk.answer(asked, "access/deny")
    monkeypatch.undo()
    assert bench.send(asked, "access/deny")["code"] == "interrupted"
    assert [row["what"] for row in bench.rows("command")] == ["access/deny"]


def test_a_full_disk_means_that_nothing_was_done(bench: Bench, live: Remembering, monkeypatch: Any) -> None:
    def full(*_: object) -> None:
        raise GalleryError("no space")

    monkeypatch.setattr(commands, "remember", full)
    key = bench.keys[Role.ADMIN]
    asked = key.sign(key.make("door/lockdown"))
    before = everything(bench.database)
    assert bench.send(asked, "door/lockdown")["code"] == "not_stored"
    assert everything(bench.database) == before
    assert live.state == State()
    monkeypatch.undo()
    assert bench.send(asked, "door/lockdown")["code"] == "done"
    assert live.state.lockdowns.keys() == {"all"}


def test_a_lockdown_is_in_force_and_on_record(bench: Bench, live: Remembering) -> None:
    assert bench.code("door/lockdown", role=Role.OPERATE) is Code.DONE
    assert live.state.lockdowns.keys() == {"all"}
    (asked, signed_one) = bench.rows("command")
    by = f"key {bench.keys[Role.OPERATE].key_id}"
    assert (asked["by"], asked["what"], signed_one["by"], signed_one["what"]) == (by, "lockdown", by, "door/lockdown")


def test_a_keypad_presents_and_its_secret_is_nowhere(bench: Bench, home: Path, live: Remembering) -> None:
    body = {"door": "main", "kind": "pin", "secret": "24681357"}
    assert bench.ask("door/present", body, Role.KEYPAD)["data"] == {"reply": "accepted", "reason": "thank you"}
    assert live.done == ["pin at main"]
    bench.database.erase_traces()
    assert b"24681357" not in (home / "gallery.db").read_bytes()


def test_answers_that_may_name_somebody_are_sealed_and_go_when_anybody_is_forgotten(
    bench: Bench, home: Path, astronaut: Pixels, hopper: Pixels
) -> None:
    enrolled(bench, astronaut, "Lovelace")
    key = bench.keys[Role.ADMIN]
    twice = {"name": "Eve", "pictures": [jpeg(astronaut)], "consent_by": "W"}
    asked = key.sign(key.make("people/enrol", twice))
    first = bench.send(asked, "people/enrol")
    assert "Lovelace" in first["error"]
    bench.database.erase_traces()
    assert b"Lovelace" not in (home / "gallery.db").read_bytes()
    assert bench.ask("people/forget", {"who": "Lovelace"})["data"]["remains"] == []
    assert bench.send(asked, "people/enrol")["code"] == "interrupted"


def test_rules_are_shown_without_secrets_and_tried(bench: Bench, astronaut: Pixels) -> None:
    ada = enrolled(bench, astronaut)
    assert bench.code("access/pin", {"who": "Ada", "pin": "2468"}, Role.ENROL) is Code.DONE
    assert bench.code("access/pin", {"who": "Ada", "pin": "24"}, Role.ENROL) is Code.BAD_BODY
    assert bench.code("access/join", {"group": "staff", "who": ["Ada"]}) is Code.DONE
    assert bench.ask("access/grant", {"who": ["staff"], "name": "late"})["data"] == {"rule": "late"}
    shown = bench.ask("access/show", role=Role.VIEW)["data"]
    assert shown["groups"] == [{"name": "staff", "members": [ada]}]
    assert "scrypt" not in json.dumps(shown)
    tried = bench.ask("access/test", {"who": "Ada", "door": "main"}, Role.VIEW)["data"]
    assert (tried["verdict"], tried["code"]) == ("permit", "permitted")
    assert bench.ask("access/revoke", {"rule": "no such"})["code"] == "refused"


def test_the_device_tells_how_it_is(bench: Bench, live: Remembering) -> None:
    assert bench.ask("health", role=Role.VIEW)["data"]["door"] == "main"
    assert bench.ask("calibration", role=Role.VIEW)["data"]["people"] == 0
    assert bench.code("restart", role=Role.OPERATE) is Code.DONE
    assert live.done == ["restart"]


def pairing(bench: Bench, code: str, seed: bytes = b"\x63" * 32) -> tuple[Commander, bytes]:
    key = Commander(device=bench.clerk.device, seed=seed)
    public = public_text(public_of(seed))
    body = {"public_key": public, "name": "a new key", "proof": proof_of(code, public)}
    return key, key.sign(key.make("keys/pair", body))


def test_a_key_pairs_once_while_somebody_at_the_reader_lets_it(bench: Bench, home: Path) -> None:
    key, asked = pairing(bench, "AAAAA-AAAAA-AAAAA-AAAAA")
    assert bench.send(asked, "keys/pair")["code"] == "closed"
    code = open_window(home, Role.OPERATE, noon())
    assert bench.send(pairing(bench, "BBBBB" * 4)[1], "keys/pair")["code"] == "closed"
    key, asked = pairing(bench, code.lower())
    assert bench.send(asked, "keys/pair")["data"] == {"id": key.key_id, "role": "operate"}
    assert bench.send(asked, "keys/pair")["data"] == {"id": key.key_id, "role": "operate"}  # the answer, once more
    assert bench.send(key.sign(key.make("door/lockdown")), "door/lockdown")["code"] == "done"
    assert bench.send(key.sign(key.make("keys/list")), "keys/list")["code"] == "wrong_role"
    assert bench.send(pairing(bench, code, b"\x64" * 32)[1], "keys/pair")["code"] == "closed"
    assert bench.code("keys/revoke", {"id": key.key_id}) is Code.DONE
    assert bench.send(key.sign(key.make("health")), "health")["code"] == "revoked_key"
    listed = bench.ask("keys/list")["data"]["keys"]
    assert [(row["role"], row["revoked"]) for row in listed if row["name"] == "a new key"] == [("operate", True)]


def test_pairing_closes_by_itself(bench: Bench, home: Path) -> None:
    code = open_window(home, Role.ADMIN, noon())
    bench.moment = noon(601)
    key, asked = pairing(bench, code)
    key.issued_at = NOON + timedelta(seconds=601)
    assert bench.send(key.sign(key.make("keys/pair", json.loads(asked)["body"])), "keys/pair")["code"] == "closed"
    bench.moment = noon(5)
    file = home / "pairing"
    file.write_text(file.read_text().replace(boot_id(), "0" * 32))  # the machine was started anew
    assert bench.send(pairing(bench, code)[1], "keys/pair")["code"] == "closed"


def test_somebody_elses_key_is_not_paired_with_a_proof_that_was_overheard(bench: Bench, home: Path) -> None:
    code = open_window(home, Role.ADMIN, noon())
    honest = json.loads(pairing(bench, code)[1])["body"]
    thief = Commander(device=bench.clerk.device, seed=b"\x65" * 32)
    mine = {**honest, "public_key": public_text(public_of(thief.seed))}
    assert bench.send(thief.sign(thief.make("keys/pair", mine)), "keys/pair")["code"] == "closed"
    assert bench.send(thief.sign(thief.make("keys/pair", honest)), "keys/pair")["code"] == "unknown_key"


NAMES = some.text(max_size=30) | some.sampled_from(["a/b", "+", "#", "\x00", "\u202eevil", "\x1b[2J", "x" * 20_000])
VALUES = some.none() | some.booleans() | some.integers() | some.floats() | NAMES | some.lists(NAMES, max_size=3)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(verb=some.sampled_from(sorted(VERBS)), data=some.data())
def test_words_of_any_kind_make_nobody_stumble(bench: Bench, verb: str, data: some.DataObject) -> None:
    known = sorted(VERBS[verb].words.__dataclass_fields__)
    body = data.draw(some.dictionaries(some.sampled_from(known or ["x"]) | NAMES, VALUES, max_size=5))
    key = bench.keys[Role.ADMIN]
    try:
        asked = key.sign(key.make(verb, body, ttl_s=3))
    except ValueError:
        return
    before = len(GalleryStore(bench.database).people())
    answer = bench.send(asked, verb)
    far = VERBS[verb].reach is not Reach.ANYWHERE
    expected = ("unknown_verb",) if far else ("done", "refused", "bad_body", "closed")
    assert answer["code"] in (*expected, "malformed"), answer
    assert len(GalleryStore(bench.database).people()) == before


def test_a_door_is_opened_from_afar_now_or_never(bench: Bench, live: Remembering) -> None:
    operator = bench.keys[Role.OPERATE]
    assert bench.ask("door/open", {"door": "main"}, Role.OPERATE, ttl_s=3)["code"] == "done"
    assert live.done == [f"main opened by key {operator.key_id}"]
    payload = operator.sign(operator.make("door/open", {"door": "main"}, ttl_s=3))
    first, again = bench.send(payload, "door/open"), bench.send(payload, "door/open")
    assert first == again
    assert len(live.done) == 2  # the same command opens once
    assert bench.code("door/open", {"door": "main"}, Role.OPERATE, ttl_s=4) is Code.LATE
    assert bench.code("door/open", {"door": "side"}, Role.OPERATE, ttl_s=3) is Code.REFUSED
    assert bench.code("door/open", {"door": "main"}, Role.ENROL, ttl_s=3) is Code.WRONG_ROLE
    bench.moment = noon(4)
    assert bench.code("door/open", {"door": "main"}, Role.OPERATE, ttl_s=3) is Code.LATE
    bench.moment = noon(trusted=False)
    assert bench.code("door/open", {"door": "main"}, Role.OPERATE, ttl_s=3) is Code.LATE
    bench.moment = noon()
    live.no = DoorError("the door stays shut: a lockdown holds")
    assert "lockdown" in bench.ask("door/open", {"door": "main"}, Role.OPERATE, ttl_s=3)["error"]
    live.no = GalleryError("the disk is full")
    assert bench.code("door/open", {"door": "main"}, Role.OPERATE, ttl_s=3) is Code.NOT_STORED
    assert len(live.done) == 2
