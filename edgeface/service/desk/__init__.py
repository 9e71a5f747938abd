"""Carries out the verbs: one implementation each, for the command line, MQTT and whatever comes next.

perform(desk, "access/grant", words.Right(...)) -> words.RuleName
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from edgeface.service.desk import (
    device,
    dial,
    doors,
    guided,
    keys,
    lessons,
    machine,
    moves,
    people,
    persons,
    pictures,
    records,
    rulebook,
    strangers,
    updates,
    weeks,
)
from edgeface.service.desk.place import Desk, Live
from edgeface.service.desk.rulebook import RuleBook

__all__ = ["ACTS", "Act", "Desk", "Live", "RuleBook", "perform"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """How a verb is carried out."""

    run: Callable[[Desk, Any], Any]
    """Takes the verb's words, gives its answer. Raises EdgefaceError to say no."""
    together: bool = True
    """Whether all of it is in the store: then the command's number and answer are written in one transaction with it.
    Else the command is stored as begun, then done, then stored as answered."""
    aside: bool = False
    """Whether the reader goes on looking at frames meanwhile: for what takes long and changes nothing of its own."""


def _edit(change: Callable[[RuleBook, Any], Any]) -> Act:
    def run(desk: Desk, ask: Any) -> Any:
        answer = change(desk.rules(), ask)
        desk.renew_rules()
        return answer

    return Act(run=run, together=False)


def _valid(desk: Desk, ask: Any) -> Any:
    answer = persons.validity(desk, ask)
    desk.renew_rules()
    return answer


ACTS: Mapping[str, Act] = MappingProxyType(
    {
        "people/list": Act(run=people.everybody),
        "people/enrol": Act(run=people.enrol),
        "enrol/begin": Act(run=guided.begin),
        "enrol/look": Act(run=guided.look),
        "enrol/changed": Act(run=guided.changed),
        "enrol/finish": Act(run=guided.finish),
        "enrol/abandon": Act(run=guided.abandon),
        "people/rename": Act(run=people.rename),
        "people/forget": Act(run=people.forget, together=False),
        "people/show": Act(run=persons.show),
        "people/validity": Act(run=_valid, together=False),
        "people/merge": Act(run=persons.merge, together=False),
        "people/data": Act(run=persons.data),
        "people/keep": Act(run=persons.keep),
        "people/admit": Act(run=moves.admit),
        "people/export": Act(run=moves.export),
        "people/import": Act(run=moves.take_in, together=False),
        "people/faces": Act(run=moves.faces),
        "people/recipient": Act(run=moves.recipient),
        "snapshots/list": Act(run=pictures.everything),
        "snapshots/show": Act(run=pictures.show),
        "snapshots/present": Act(run=pictures.present),
        "snapshots/delete": Act(run=pictures.delete),
        "review/questions": Act(run=lessons.questions),
        "review/yes": Act(run=lessons.yes),
        "review/no": Act(run=lessons.no),
        "review/learned": Act(run=lessons.learned),
        "review/undo": Act(run=lessons.undo),
        "review/drop": Act(run=lessons.drop),
        "strangers/list": Act(run=strangers.everybody),
        "strangers/name": Act(run=strangers.name),
        "strangers/ignore": Act(run=strangers.ignore),
        "strangers/forget": Act(run=strangers.forget),
        "access/show": Act(run=lambda desk, _: rulebook.show(desk.rules())),
        "access/test": Act(run=doors.tried),
        "access/grant": _edit(rulebook.grant),
        "access/deny": _edit(rulebook.deny),
        "access/revoke": _edit(rulebook.revoke),
        "access/join": _edit(rulebook.join),
        "access/leave": _edit(rulebook.leave),
        "access/hours": _edit(rulebook.set_hours),
        "access/unschedule": _edit(rulebook.drop_schedule),
        "access/week": Act(run=weeks.week),
        "access/who": Act(run=weeks.who),
        "access/pin": _edit(rulebook.set_pin),
        "access/card": _edit(rulebook.give_card),
        "door/lockdown": Act(run=doors.lockdown),
        "door/reset": Act(run=doors.reset),
        "door/open": Act(run=doors.unlock),
        "door/present": Act(run=doors.present, together=False),
        "door/key": Act(run=device.key),
        "health": Act(run=device.health),
        "calibration": Act(run=dial.calibration),
        "calibration/curves": Act(run=dial.drawn),
        "calibration/set": Act(run=dial.set_dial, together=False),
        "health/report": Act(run=machine.report),
        "models/list": Act(run=machine.models),
        "models/card": Act(run=machine.card),
        "models/status": Act(run=updates.status),
        "models/update": Act(run=updates.update, together=False),
        "models/rollback": Act(run=updates.rollback, together=False),
        "decisions/list": Act(run=records.decisions),
        "audit/list": Act(run=records.rows),
        "audit/verify": Act(run=records.check, together=False),
        "audit/export": Act(run=records.lines, together=False),
        "audit/head": Act(run=records.head),
        "history/replay": Act(run=records.replay),
        "backup": Act(run=moves.backup, together=False, aside=True),
        "keys/add": Act(run=keys.add),
        "log": Act(run=device.log, together=False),
        "restart": Act(run=device.restart, together=False),
        "live/watch": Act(run=device.watch, aside=True),
        "keys/list": Act(run=keys.everybody),
        "keys/revoke": Act(run=keys.revoke),
        "keys/pair": Act(run=keys.pair),
    }
)


def perform(desk: Desk, verb: str, ask: Any) -> Any:
    """Carry out a verb of the table, and put it in force. Raises EdgefaceError."""
    answer = ACTS[verb].run(desk, ask)
    while desk.then:
        desk.then.pop(0)()
    return answer
