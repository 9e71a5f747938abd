"""The rules of access as they are changed: by command line, by message, always here.

What is meant is worked out on the rules as records; the text of access.toml is edited to say it, and must then be read
as exactly that. The change is audited before the file is replaced: a row of a change that a power cut undid is told by
the next start, a change without a row is not.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any, TypeVar

from edgeface import access as rule_book
from edgeface.access import Rules
from edgeface.access.parts import EVERYONE, Group, PersonRules, Right
from edgeface.access.rules import rights
from edgeface.access.schedule import Schedule
from edgeface.adapters.access_file import append_table, expect, remove_key, remove_table, replace_file, set_key
from edgeface.commands import words
from edgeface.commands.words_doors import Hours, ScheduleName, ScheduleRow
from edgeface.commands.words_people import Validity
from edgeface.errors import ConfigError, UnknownPerson
from edgeface.service.bootstrap import ACCESS, load_rules
from edgeface.store.audit import Facts

R = TypeVar("R", Rules, PersonRules)


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleBook:
    """access.toml of a home folder, or the default that stands for it."""

    home: Path
    door: str
    """That of this reader: the default lets everybody pass it."""
    people: Mapping[str, str]
    """Names by id."""
    note: Callable[[Facts], None]
    """Audits a change, before it is made."""

    @property
    def path(self) -> Path:
        return self.home / ACCESS

    def rules(self) -> Rules:
        """In force. Raises ConfigError."""
        return load_rules(self.home, self.door)

    def text(self) -> str:
        """The rules in force, as they are written."""
        if not self.path.exists():
            return rule_book.default_text(self.door)
        self.rules()
        return self.path.read_text(encoding="utf-8-sig")

    def find(self, who: str) -> str:
        """The id of somebody enrolled, by name or id. Raises UnknownPerson."""
        wanted = who.strip().casefold()
        for person_id, name in self.people.items():
            if who == person_id or wanted == name.casefold():
                return person_id
        raise UnknownPerson(f"nobody called {who[:80]!r} is enrolled; `edgeface people` lists everybody")


def show(book: RuleBook) -> words.RuleBook:
    """Everything that may be read by whoever may look: no PINs, no cards."""
    rules = book.rules()
    return words.RuleBook(
        doors=tuple(rules.doors),
        groups=tuple(words.GroupRow(name=name, members=group.members) for name, group in rules.groups.items()),
        schedules=tuple(rules.schedules),
        weekly=tuple(
            ScheduleRow(
                name=name,
                hours=one.hours,
                holidays=one.holidays,
                holiday_hours=one.holiday_hours,
                time_zone=one.time_zone,
            )
            for name, one in rules.schedules.items()
        ),
        time_zone=rules.site.time_zone,
        grants=tuple(map(shown, rules.grants)),
        denies=tuple(map(shown, rules.denies)),
    )


def grant(book: RuleBook, ask: words.Right) -> words.RuleName:
    """One more right."""
    return _add(book, "grants", "access grant", ask)


def deny(book: RuleBook, ask: words.Right) -> words.RuleName:
    """One more deny."""
    return _add(book, "denies", "access deny", ask)


def revoke(book: RuleBook, ask: words.RuleName) -> words.RuleName:
    """Take a right or a deny out."""
    rules = book.rules()
    path = next((path for path, right in rights(rules) if ask.rule in (path, right.name)), None)
    if path is None:
        known = ", ".join(right.name or path for path, right in rights(rules))
        raise ConfigError(f"there is no rule {ask.rule[:80]!r}; there are {known or 'none'}")
    table, index = path[:-1].split("[")
    kept = tuple(right for i, right in enumerate(getattr(rules, table)) if i != int(index))
    text = remove_table(book.text(), f"[[{table}]]", int(index))
    _write(book, "access revoke", text, _with(rules, table, kept))
    return ask


def join(book: RuleBook, ask: words.Members) -> words.Count:
    """Put people into a group; a new one is made."""
    new = [book.find(one) for one in ask.who]
    return _members(book, "access group add", ask.group, lambda old: (*old, *new))


def leave(book: RuleBook, ask: words.Members) -> words.Count:
    """Take people out of a group; those forgotten by id."""
    gone = {one if one.startswith("p_") else book.find(one) for one in ask.who}
    return _members(book, "access group remove", ask.group, lambda old: tuple(m for m in old if m not in gone))


def set_pin(book: RuleBook, ask: words.Pin) -> words.Id:
    """A PIN, or the one that raises the alarm. Only a slow hash is written."""
    rules, person_id = book.rules(), book.find(ask.who)
    entry, key = rules.people.get(person_id, PersonRules()), "duress_pin" if ask.duress else "pin"
    if rule_book.verify_pin(ask.pin, entry.pin if ask.duress else entry.duress_pin):
        raise ConfigError("the duress PIN must differ from the PIN")
    verifier = _checked(lambda: rule_book.hash_pin(ask.pin, secrets.token_bytes(16)))
    meant = _checked(lambda: _with_person(rules, person_id, _with(entry, key, verifier)))
    _write(book, "access pin", set_key(book.text(), f"people.{person_id}", key, verifier), meant)
    return words.Id(id=person_id)


def give_card(book: RuleBook, ask: words.Card) -> words.Count:
    """One more card. Only a slow hash of its number is written."""
    rules, person_id = book.rules(), book.find(ask.who)
    text, salt = book.text(), rules.site.card_salt or secrets.token_hex(16)
    if not rules.site.card_salt:
        text = set_key(text, "site", "card_salt", salt)
        rules = replace(rules, site=replace(rules.site, card_salt=salt))
    hashed = _checked(lambda: rule_book.hash_card(ask.number, salt))
    if any(hashed in entry.cards for entry in rules.people.values()):
        raise ConfigError("this card belongs to somebody already")
    entry = rules.people.get(person_id, PersonRules())
    cards = (*entry.cards, hashed)
    meant = _checked(lambda: _with_person(rules, person_id, replace(entry, cards=cards)))
    _write(book, "access card", set_key(text, f"people.{person_id}", "cards", cards), meant)
    return words.Count(count=len(cards))


def set_validity(book: RuleBook, ask: Validity) -> words.Id:
    """The days on which somebody may pass anything."""
    rules, person_id = book.rules(), book.find(ask.who)
    first, last = (_day(day) if day else None for day in (ask.valid_from, ask.valid_until))
    entry, text = rules.people.get(person_id, PersonRules()), book.text()
    made = _checked(lambda: replace(entry, valid_from=first, valid_until=last))
    for key, day in (("valid_from", first), ("valid_until", last)):
        table = f"people.{person_id}"
        text = remove_key(text, table, key) if day is None else set_key(text, table, key, day)
    meant = rules if made == PersonRules() and person_id not in rules.people else _with_person(rules, person_id, made)
    _write(book, "access validity", text, meant)
    return words.Id(id=person_id)


def set_hours(book: RuleBook, ask: Hours) -> ScheduleName:
    """The weekly hours of a schedule; a new one is made, and the rest of an old one stays."""
    rules = book.rules()
    former = rules.schedules.get(ask.schedule, Schedule())
    made = _checked(lambda: replace(former, hours=ask.hours))
    meant = _checked(lambda: replace(rules, schedules={**rules.schedules, ask.schedule: made}))
    _write(book, "access hours", set_key(book.text(), f"schedules.{ask.schedule}", "hours", ask.hours), meant)
    return ScheduleName(schedule=ask.schedule)


def drop_schedule(book: RuleBook, ask: ScheduleName) -> ScheduleName:
    """Take a schedule out that no right needs."""
    rules = book.rules()
    if ask.schedule not in rules.schedules:
        known = ", ".join(rules.schedules) or "none"
        raise ConfigError(f"there is no schedule {ask.schedule[:80]!r}; there are {known}")
    kept = {name: one for name, one in rules.schedules.items() if name != ask.schedule}
    meant = _checked(lambda: replace(rules, schedules=kept))
    _write(book, "access hours", remove_table(book.text(), f"[schedules.{ask.schedule}]", 0), meant)
    return ask


def _add(book: RuleBook, table: str, what: str, ask: words.Right) -> words.RuleName:
    rules = book.rules()
    named = tuple(one if one in rules.groups or one == EVERYONE else book.find(one) for one in ask.who)
    made: dict[str, Any] = {"name": ask.name, "who": named, "doors": ask.doors}
    made |= {} if ask.schedule == "always" else {"schedule": ask.schedule}
    made |= {key: _day(day) for key, day in (("valid_from", ask.valid_from), ("valid_until", ask.valid_until)) if day}
    meant = _checked(lambda: _with(rules, table, (*getattr(rules, table), Right(**made))))
    _write(book, what, append_table(book.text(), f"[[{table}]]", made), meant)
    return words.RuleName(rule=ask.name or f"{table}[{len(getattr(meant, table)) - 1}]")


def _members(book: RuleBook, what: str, name: str, change: Callable[[tuple[str, ...]], tuple[str, ...]]) -> words.Count:
    rules = book.rules()
    members = tuple(dict.fromkeys(change(rules.groups.get(name, Group()).members)))
    meant = _checked(lambda: replace(rules, groups={**rules.groups, name: Group(members=members)}))
    _write(book, what, set_key(book.text(), f"groups.{name}", "members", members), meant)
    return words.Count(count=len(members))


def shown(right: Right) -> words.Right:
    """A right as it is told."""
    first, last = right.valid_from, right.valid_until
    return words.Right(
        who=right.who,
        doors=right.doors,
        schedule=right.schedule,
        valid_from=None if first is None else first.isoformat(),
        valid_until=None if last is None else last.isoformat(),
        name=right.name,
    )


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise ConfigError("use a day such as 2026-12-21") from None


def _with(record: R, key: str, value: object) -> R:
    """The record with one field changed."""
    changed: dict[str, Any] = {key: value}
    return replace(record, **changed)


def _with_person(rules: Rules, person_id: str, entry: PersonRules) -> Rules:
    return replace(rules, people={**rules.people, person_id: entry})


T = TypeVar("T")


def _checked(make: Callable[[], T]) -> T:
    """What is made, or a ConfigError that says why it cannot be."""
    try:
        return make()
    except ValueError as error:
        raise ConfigError(str(error)) from error


def _write(book: RuleBook, what: str, text: str, meant: Rules) -> None:
    expect(book.path, text, meant)
    former = hashlib.sha256(book.path.read_bytes()).hexdigest() if book.path.exists() else "default"
    book.note({"what": what, "from": former, "to": hashlib.sha256(text.encode()).hexdigest()})
    replace_file(book.path, text)
