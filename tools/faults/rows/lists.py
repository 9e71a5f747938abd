"""The access list as it is shipped, held by a real Mosquitto: nobody says or hears what is another's."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from queue import SimpleQueue

from paho.mqtt.client import Client, topic_matches_sub
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from tools.broker import Broker
from tools.faults.result import Result
from tools.faults.rows.disk import folder_in_memory

ACL = Path(__file__).parents[3] / "systemd" / "mosquitto.acl"
READERS = {"edgeface": "reader", "second": "front"}
"""User -> device: the shipped reader, and another with the lines that the list asks for."""

USERS = (*READERS, "door", "console", "keypad", "homeassistant", "audit", "somebody", "reader", "front")
"""All roles, somebody whom the list does not know, and names of devices that are no users."""

VOICE, EAR, FENCE = "voice", "ear", "faults"
"""May say anything, for the trial, and hear anything; and each user may hear a topic of its own there, on which a try
ends."""

SOON_S = 10.0
TAILS = (
    "state", "info", "health", "decision", "history", "event", "head", "image", "request/door/lockdown",
    "request/door/present", "request/people/forget", "response/people/list", "response/door/present",
    "door/main/state", "door/main/event", "door/main/nonce", "door/main/contact",
)  # fmt: skip
HEARS = {
    "door": {"decision", "state"},
    "console": {"response/people/list", "response/door/present", "state", "info"},
    "keypad": {"response/door/present"},
    "homeassistant": {"state", "info", "decision", "health", "image", "door/main/state"},
    "audit": {"decision", "history", "head", "state", "info", "health", "event", "door/main/state", "door/main/event"},
}
"""By role, of any device."""

SAYS = {
    "door": {"door/main/nonce", "door/main/contact"},
    "console": {tail for tail in TAILS if tail.startswith("request/")},
    "keypad": {"request/door/present"},
}
ODD = (
    "edgeface", "edgeface/{device}", "/edgeface/{device}/decision", "edgeface//{device}/decision",
    "Edgeface/{device}/decision", "edgeface2/{device}/decision", "edgeface/{device}x/decision",
    "x/edgeface/{device}/decision", "edgeface/x/{device}/decision", "homeassistant/device/edgeface-{device}/config",
    "homeassistant/status", "faults/voice",
)  # fmt: skip
DEVICES = (*READERS.values(), "elsewhere")
PATTERNS = (*(f"edgeface/{{device}}/{tail}" for tail in TAILS), *ODD)
ALL = sorted({one.format(device=device) for device in DEVICES for one in PATTERNS})
SHARED = "$share/all/"
SWEEP = 2 * len(USERS)
"""Tries that are not left to chance."""


def may(user: str, topic: str, by_role: dict[str, set[str]], says: bool) -> bool:
    """Whether somebody may say, or hear, what stands there."""
    base, _, rest = topic.partition("/")
    device, _, tail = rest.partition("/")
    if topic == f"{FENCE}/{user}":
        return not says
    if base == "homeassistant":
        own = f"device/edgeface-{READERS.get(user)}/config" if says else "status"
        return user == "homeassistant" or (user in READERS and rest == own)
    if base != "edgeface":
        return False
    if user in READERS:
        return device == READERS[user] and (says or tail.split("/")[0] in ("request", "door"))
    return tail in by_role.get(user, set())


class Person:
    """Somebody at the broker."""

    def __init__(self, port: int, user: str) -> None:
        self.port, self.user = port, user
        self.heard: SimpleQueue[tuple[str, bytes]] = SimpleQueue()
        self._said: SimpleQueue[bool] = SimpleQueue()
        self._subscribed: SimpleQueue[None] = SimpleQueue()
        self._client = _client(user)
        self._client.on_publish = lambda _c, _d, _m, code, _p: self._said.put(not code.is_failure)
        self._client.on_subscribe = self._client.on_unsubscribe = lambda *_: self._subscribed.put(None)
        self._client.on_message = lambda _c, _d, message: self.heard.put((message.topic, message.payload))
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()
        self.listen(f"{FENCE}/{user}")

    def say(self, topic: str, payload: bytes = b"x", *, retain: bool = False) -> bool:
        """Whether the broker takes it."""
        self._client.publish(topic, payload, qos=1, retain=retain)
        return self._said.get(timeout=SOON_S)

    def listen(self, to: str) -> None:
        """Ask for topics; what the broker answers does not matter, what comes does."""
        self._client.subscribe(to, qos=1)
        self._subscribed.get(timeout=SOON_S)

    def forget(self, what: str) -> None:
        """Ask no more: of those who share a wish only one is told."""
        self._client.unsubscribe(what)
        self._subscribed.get(timeout=SOON_S)

    def until(self, mark: bytes) -> set[tuple[str, bytes]]:
        """Topics and messages that came before this one."""
        came = set[tuple[str, bytes]]()
        while (message := self.heard.get(timeout=SOON_S))[1] != mark:
            came.add(message)
        return came

    def leave(self) -> None:
        """Go."""
        self._client.disconnect()
        self._client.loop_stop()
        self._client.on_publish = self._client.on_message = None
        self._client.on_subscribe = self._client.on_unsubscribe = None


def access_lists(n: int, seed: int, acl: Callable[[Path], tuple[str, ...]] | None = None) -> Result:
    """First each user says everything and listens to everything; then somebody says something by chance, listens by
    chance, with wildcards, to what is kept too, or leaves a will."""
    dice, wrong, allowed = random.Random(seed), [], 0
    with folder_in_memory() as folder, _people(folder, acl or _shipped) as people:
        for trial in range(n):
            mark, topics = str(trial).encode(), [_topic(dice) for _ in range(4)]
            user = USERS[trial // 2] if trial < SWEEP else dice.choice(USERS)
            if trial < SWEEP:
                problems, granted = (
                    _hears(people, people[user], ALL, "#", False, mark) if trial % 2 else _says(people[user], ALL)
                )
            else:
                problems, granted = _chance(people, people[user], topics, dice, mark)
            wrong += [f"try {trial}: {user} {problem}" for problem in problems]
            allowed += granted
    return Result(fault="access list: another's topics, roles, wildcards", n=n, failures=wrong, seed=seed,
                  acknowledged=allowed, note="said or heard, as it may be")  # fmt: skip


def unlisted(n: int, seed: int) -> Result:
    """The control: a broker without a list."""
    return access_lists(n, seed, lambda folder: ())


Found = tuple[list[str], int]
"""What is wrong, and how much was rightly said or heard."""


def _chance(people: dict[str, Person], who: Person, topics: list[str], dice: random.Random, mark: bytes) -> Found:
    match dice.randrange(3):
        case 0:
            return _says(who, topics)
        case 1:
            return _wills(people, who, topics[0], mark)
        case _:
            wanted = dice.choice(("", "", SHARED)) + _wildcards(topics[0], dice)
            kept = dice.random() < 0.3 and not wanted.startswith(SHARED)
            return _hears(people, who, topics, wanted, kept, mark)


def _says(who: Person, topics: list[str]) -> Found:
    wrong, right = [], 0
    for topic in topics:
        taken, wanted = who.say(topic), may(who.user, topic, SAYS, True)
        wrong += [] if taken == wanted else [f"{'said' if taken else 'may not say'} {topic}"]
        right += taken and wanted
    return wrong, right


def _hears(people: dict[str, Person], who: Person, topics: list[str], to: str, kept: bool, mark: bytes) -> Found:
    """What is said while somebody listens, or was kept from before."""
    what = mark + b" said"
    if not kept:
        who.listen(to)
    for topic in topics:
        people[VOICE].say(topic, what, retain=kept)
    if kept:
        who.listen(to)
    people[VOICE].say(f"{FENCE}/{who.user}", mark)
    came = {topic for topic, message in who.until(mark) if message == what}
    who.forget(to)
    for topic in topics if kept else ():
        people[VOICE].say(topic, b"", retain=True)
    matched = {topic for topic in topics if topic_matches_sub(to.removeprefix(SHARED), topic)}
    wanted = {topic for topic in matched if may(who.user, topic, HEARS, False)}
    wrong = [f"hears {topic}, by {to}" for topic in sorted(came - wanted)]
    return wrong + [f"does not hear {topic}, by {to}" for topic in sorted(wanted - came)], len(came & wanted)


def _wills(people: dict[str, Person], who: Person, topic: str, mark: bytes) -> Found:
    """What the broker says in somebody's name, once a second connection takes the place of the first."""
    will = b"will of " + mark
    with _calling(who, topic, will), _calling(who):
        people[VOICE].say(f"{FENCE}/{EAR}", mark)
    said, wanted = (topic, will) in people[EAR].until(mark), may(who.user, topic, SAYS, True)
    return ([] if said == wanted else [f"{'left' if said else 'may not leave'} a will on {topic}"]), said and wanted


@contextmanager
def _calling(who: Person, topic: str = "", will: bytes = b"") -> Iterator[None]:
    """One more connection of somebody's, always by one name."""
    client, connected = _client(who.user, "twice"), SimpleQueue[None]()
    if topic:
        client.will_set(topic, will, qos=1)
    client.on_connect = lambda *_: connected.put(None)
    client.connect("127.0.0.1", who.port)
    client.loop_start()
    try:
        connected.get(timeout=SOON_S)
        yield
    finally:
        client.disconnect()
        client.loop_stop()
        client.on_connect = None


def _topic(dice: random.Random) -> str:
    """Mostly one of ours, of one device or another; or one that is nearly one."""
    return dice.choice(PATTERNS).format(device=dice.choice(DEVICES))


def _wildcards(topic: str, dice: random.Random) -> str:
    """A filter that it matches, mostly."""
    levels = ["+" if dice.random() < 0.3 else level for level in topic.split("/")]
    if dice.random() < 0.5:
        return "/".join([*levels[: dice.randrange(len(levels) + 1)], "#"])
    return "/".join(levels)


def _client(user: str, name: str = "") -> Client:
    client = Client(
        CallbackAPIVersion.VERSION2, client_id=name, protocol=MQTTProtocolVersion.MQTTv5, reconnect_on_failure=False
    )
    client.username_pw_set(user)
    return client


def _shipped(folder: Path) -> tuple[str, ...]:
    """The list, with another reader's lines as it says, and what the trial itself needs."""
    text = ACL.read_text(encoding="utf-8")
    section = next(part for part in text.split("\n\n") if "user edgeface\n" in part)
    second = section.replace("user edgeface\n", "user second\n").replace("reader", "front")
    trial = f"user {VOICE}\ntopic write #\n\nuser {EAR}\ntopic read #\n\npattern read {FENCE}/%u\n"
    (folder / "acl").write_text(f"{text}\n{second}\n\n{trial}", encoding="utf-8")
    return (f"acl_file {folder / 'acl'}",)


@contextmanager
def _people(folder: Path, acl: Callable[[Path], tuple[str, ...]]) -> Iterator[dict[str, Person]]:
    broker = Broker(folder, "allow_anonymous true", *acl(folder))
    with ExitStack() as stack:
        stack.callback(broker.stop)
        broker.start()
        people = {user: Person(broker.port, user) for user in (*USERS, VOICE, EAR)}
        people[EAR].listen("#")
        for person in people.values():
            stack.callback(person.leave)
        yield people
