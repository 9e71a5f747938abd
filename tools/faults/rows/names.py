"""Texts that break programs, as names of people, devices, doors: in no topic or log, and whole where they are kept."""

from __future__ import annotations

import logging
import random
import unicodedata
from collections.abc import Callable
from contextlib import closing, contextmanager
from typing import Any

from edgeface import decide
from edgeface.errors import ConfigError, EnrolmentError
from edgeface.message import Topics
from edgeface.store.database import Database, open_database
from edgeface.store.gallery import GalleryStore
from tools.faults.deeds import enrol, now
from tools.faults.result import Result
from tools.faults.rows.disk import folder_in_memory

ODD = (
    "\0", "+", "#", "/", "$SYS/", "../", "\u202e", "\u200d", "\ud800", "\x1b[2J", "\r\n", "\u2028",
    "=cmd|' /C calc'!A0",    "'); DROP TABLE people;--", "${x}", "%s%n", "{0}", "\u0301", "\U000e0041", "x" * 70_000,
)  # fmt: skip
PLAIN = ("Ada", " ", "Zoë", "李", "محمد", "O'Neill", "-", "7", "ß")
MOST_TOPIC_BYTES = 65_535
SENTINEL = "zzq"
"""Stands in each text, so that it is found wherever it goes."""

Use = Callable[[Database, str], list[str]]
"""Makes something of a text; what is wrong with it."""


def odd_names(n: int, seed: int, uses: tuple[Use, ...] | None = None) -> Result:
    """Each is refused with our own error, or kept as it is; no topic and no line of the log has anything of it."""
    dice, wrong = random.Random(seed), list[str]()
    with folder_in_memory() as folder, closing(open_database(folder / "gallery.db")) as database, _log() as said:
        enrol(database, "Grace Hopper")
        for trial in range(n):
            parts = [dice.choice(ODD if dice.random() < 0.6 else PLAIN) for _ in range(dice.randrange(1, 5))]
            text = "".join(dice.sample([SENTINEL, *parts], len(parts) + 1))
            for use in uses or (_person, _device, _door):
                try:
                    wrong += [f"try {trial}: {problem}" for problem in use(database, text)]
                except Exception as error:
                    wrong.append(f"try {trial}: stumbled: {type(error).__name__}: {str(error)[:80]}")
            if any(SENTINEL in line for line in said):
                wrong.append(f"try {trial}: the log tells a name")
            said.clear()
    return Result(fault="odd names of people, devices, doors", n=n, failures=wrong, seed=seed, acknowledged=3 * n)


def in_topics(n: int, seed: int) -> Result:
    """The control: names stand in topics as they are."""
    return odd_names(n, seed, (lambda database, text: _topic(f"edgeface/{text}/state"),))


def _person(database: Database, text: str) -> list[str]:
    store = GalleryStore(database)
    try:
        who = enrol(database, text)
    except EnrolmentError:
        return []
    name, wrong = str(store.name_of(who)), []
    if name != unicodedata.normalize("NFC", text).strip():
        wrong.append(f"{text[:40]!r} is kept as {name[:40]!r}")
    if any(unicodedata.category(one) in ("Cc", "Cs", "Zl", "Zp") for one in name) or len(name) > 100:
        wrong.append(f"{name[:40]!r} is a name")
    if store.find(text).id != who or {person.name for person in store.people()} != {"Grace Hopper", name}:
        wrong.append(f"{name[:40]!r} makes people others than they are")
    wrong += [] if SENTINEL not in who else ["the id tells the name"]
    store.forget(who, now())
    return wrong


def _device(database: Database, text: str) -> list[str]:
    try:
        topics = Topics(base="edgeface", device=text), Topics(base=text, device="reader")
    except ConfigError:
        return []
    return [problem for one in topics for problem in _topic(one.state)]


def _door(database: Database, text: str) -> list[str]:
    try:
        door = decide.Options(door=text).door
    except ValueError:
        return []
    return _topic(Topics(base="edgeface", device="reader").door(door, "state"))


def _topic(topic: str) -> list[str]:
    """What MQTT says against publishing on it (MQTT 5, 1.5.4 and 4.7)."""
    try:
        length = len(topic.encode())
    except UnicodeEncodeError:
        return ["a topic is no UTF-8"]
    levels = topic.split("/")
    right = not set("+#\0") & set(topic) and length <= MOST_TOPIC_BYTES and levels[0] != "$SYS" and "" not in levels
    return [] if right else [f"{topic[:40]!r} is a topic"]


class _Said(logging.Handler):
    def __init__(self, lines: list[str]) -> None:
        super().__init__()
        self._lines = lines

    def emit(self, record: logging.LogRecord) -> None:
        self._lines.append(record.getMessage())


@contextmanager
def _log() -> Any:
    """All that is logged meanwhile."""
    lines: list[str] = []
    handler, logger = _Said(lines), logging.getLogger("edgeface")
    logger.addHandler(handler)
    level = logger.level
    logger.setLevel(logging.DEBUG)
    try:
        yield lines
    finally:
        logger.removeHandler(handler)
        logger.setLevel(level)
