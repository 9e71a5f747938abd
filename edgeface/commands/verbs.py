"""Everything that may be asked, in one table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from edgeface.commands import (
    words,
    words_device,
    words_doors,
    words_enrol,
    words_keys,
    words_local,
    words_people,
    words_records,
    words_review,
    words_updates,
)
from edgeface.commands.envelope import MOST_TTL_S
from edgeface.commands.roles import Role


class Reach(StrEnum):
    """From where a verb may be asked."""

    ANYWHERE = "anywhere"
    SOCKET = "socket"
    """Over the reader's own socket only, by whatever key may."""
    MACHINE = "machine"
    """Over the socket, and only by root or the reader's own user, who could read all of it anyhow."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verb:
    """One thing that may be asked."""

    name: str
    """Also the end of its topics: request/<name>, response/<name>."""
    role: Role
    """What it takes."""
    words: type
    """The record of what it is told."""
    answer: type
    """The record of what it answers."""
    says: str
    """What it does, for people."""
    changes: bool = True
    """Whether it changes anything: then its answer is stored, and the same command again gets the same."""
    reach: Reach = Reach.ANYWHERE
    most_ttl_s: int = MOST_TTL_S
    """The longest that it may be on its way. A verb that takes less than the usual is refused while the reader does not
    know the time: what opens a door must be of now."""

    @property
    def near(self) -> bool:
        """Whether it is only asked on the reader's own machine."""
        return self.reach is not Reach.ANYWHERE


def _table(*verbs: Verb) -> Mapping[str, Verb]:
    return MappingProxyType({verb.name: verb for verb in verbs})


def _verb(
    name: str,
    role: Role,
    told: type,
    answer: type,
    says: str,
    *,
    changes: bool = True,
    reach: Reach = Reach.ANYWHERE,
    most_ttl_s: int = MOST_TTL_S,
) -> Verb:
    return Verb(
        name=name, role=role, words=told, answer=answer, says=says, changes=changes, reach=reach, most_ttl_s=most_ttl_s
    )


def _look(name: str, told: type, answer: type, says: str, reach: Reach = Reach.ANYWHERE) -> Verb:
    return _verb(name, Role.VIEW, told, answer, says, changes=False, reach=reach)


def _home(name: str, told: type, answer: type, says: str, *, changes: bool = True) -> Verb:
    return _verb(name, Role.ADMIN, told, answer, says, changes=changes, reach=Reach.MACHINE)


VERBS: Mapping[str, Verb] = _table(
    _look("people/list", words.Page, words.People, "Who is enrolled."),
    _verb("people/enrol", Role.ENROL, words.Enrol, words.Enrolled, "Teach the reader a face, from pictures."),
    _verb("enrol/begin", Role.ENROL, words_enrol.GuidedWish, words_enrol.GuidedState, "Enrol who is at the camera."),
    _verb("enrol/look", Role.ENROL, words_enrol.GuidedId, words_enrol.GuidedState, "How far is it?", changes=False),
    _verb("enrol/changed", Role.ENROL, words_enrol.GuidedId, words_enrol.GuidedState, "The glasses are off, or on."),
    _verb("enrol/finish", Role.ENROL, words_enrol.GuidedEnd, words.Enrolled, "Store what the camera has seen."),
    _verb("enrol/abandon", Role.ENROL, words_enrol.GuidedId, words.Nothing, "Forget what the camera has seen."),
    _verb("people/rename", Role.ENROL, words.Rename, words.Id, "Give somebody another name."),
    _verb("people/forget", Role.ENROL, words_people.Forget, words.Forgotten, "Destroy all that is kept of somebody."),
    _look("people/show", words.Who, words_people.PersonCard, "What is known of somebody, but for the face."),
    _verb("people/validity", Role.ADMIN, words_people.Validity, words.Id, "On which days somebody may pass."),
    _verb("people/merge", Role.ENROL, words_people.Merge, words_people.Merged, "One person was enrolled twice."),
    _verb("people/data", Role.ENROL, words.Who, words_people.PersonData, "All that is kept of somebody, to hand out."),
    _verb("people/keep", Role.ENROL, words_people.Keep, words_people.Kept, "Until when somebody is kept."),
    _home("people/admit", words_local.Admit, words_local.Admitted, "Enrol somebody whose pictures were looked at."),
    _home("people/export", words_local.Export, words_local.Exported, "Put people into a sealed file.", changes=False),
    _home("people/import", words_local.Import, words_local.Imported, "Take people in from a sealed file."),
    _home("people/faces", words_local.Faces, words_local.FaceTable, "All templates, to measure with.", changes=False),
    _look("people/recipient", words.Nothing, words.DeviceKey, "For which key others seal people who come here."),
    _look("snapshots/list", words.Who, words_review.Snapshots, "Which pictures are kept of somebody's visits."),
    _verb("snapshots/show", Role.ENROL, words_review.Visit, words_review.Picture, "One of them.", changes=False),
    _verb("snapshots/present", Role.ENROL, words_review.Visit, words.Nothing, "One, in Home Assistant, for a minute."),
    _verb("snapshots/delete", Role.ENROL, words.Who, words.Count, "Delete those of somebody."),
    _look("review/questions", words.Nothing, words_review.Questions, "What the reader is unsure of.", Reach.SOCKET),
    _verb("review/yes", Role.ENROL, words_review.QuestionId, words_review.Taught, "It was that person."),
    _verb("review/no", Role.ENROL, words_review.QuestionId, words_review.Taught, "It was somebody else."),
    _look("review/learned", words_review.Whose, words_review.Lessons, "What visits taught.", Reach.SOCKET),
    _verb("review/undo", Role.ENROL, words_review.TemplateId, words_review.Untaught, "Take one of that back."),
    _verb("review/drop", Role.ENROL, words.Who, words_review.Untaught, "Take all of somebody's back."),
    _look("strangers/list", words_review.StrangersWanted, words_review.Strangers, "Who came unknown.", Reach.SOCKET),
    _verb("strangers/name", Role.ENROL, words_review.Named, words_review.Became, "Enrol a stranger."),
    _verb("strangers/ignore", Role.ENROL, words_review.Ignored, words.Nothing, "Show a stranger no more, or again."),
    _verb("strangers/forget", Role.ENROL, words_review.StrangerId, words.Nothing, "Delete what is known of one."),
    _look("access/show", words.Nothing, words.RuleBook, "The rules of access, without PINs and cards."),
    _look("access/test", words.Try, words.Tried, "Could somebody open a door, and why not?"),
    _verb("access/grant", Role.ADMIN, words.Right, words.RuleName, "Give people a right."),
    _verb("access/deny", Role.ADMIN, words.Right, words.RuleName, "Keep people out, whatever else grants."),
    _verb("access/revoke", Role.ADMIN, words.RuleName, words.RuleName, "Take a right or a deny away."),
    _verb("access/join", Role.ADMIN, words.Members, words.Count, "Put people into a group."),
    _verb("access/leave", Role.ADMIN, words.Members, words.Count, "Take people out of a group."),
    _verb("access/hours", Role.ADMIN, words_doors.Hours, words_doors.ScheduleName, "Set the hours of a schedule."),
    _verb("access/unschedule", Role.ADMIN, words_doors.ScheduleName, words_doors.ScheduleName, "Take one out."),
    _look("access/week", words_doors.WeekWanted, words_doors.WeekCells, "How many could open a door, hour by hour."),
    _look("access/who", words_doors.WhoWanted, words_doors.WhoCould, "Who could open a door at a moment."),
    _verb("access/pin", Role.ENROL, words.Pin, words.Id, "Set somebody's PIN."),
    _verb("access/card", Role.ENROL, words.Card, words.Count, "Give somebody a card."),
    _verb("door/lockdown", Role.OPERATE, words.Lockdown, words.Nothing, "Shut a door, or all, or end that."),
    _verb("door/reset", Role.OPERATE, words.Reset, words.Nothing, "Forget who is inside, pauses, a wrong clock."),
    _verb(
        "door/open",
        Role.OPERATE,
        words.Open,
        words.Opened,
        "Open a door now, from afar; never in a lockdown.",
        most_ttl_s=3,
    ),
    _verb("door/present", Role.KEYPAD, words.Present, words.Presented, "A PIN or a card, for the visit at a door."),
    _look("door/key", words.Nothing, words.DeviceKey, "The public key of the reader's decisions."),
    _look("health", words.Nothing, words.Health, "How the reader is."),
    _look("calibration", words.Nothing, words.Calibration, "What score opens the door."),
    _look("calibration/curves", words.Nothing, words_device.Curves, "How often either error is made, by the score."),
    _verb("calibration/set", Role.ADMIN, words_device.DialToSet, words_device.DialIsSet, "Set the dial, and go by it."),
    _look("health/report", words.Nothing, words_device.Report, "What the reader last said about itself, in figures."),
    _look("models/list", words.Nothing, words_device.Models, "The models in use."),
    _look("models/card", words_device.ModelName, words_device.ModelCard, "What was measured of a model."),
    _look("models/status", words.Nothing, words_updates.Bundles, "Which bundle of models is in use, and its trial."),
    _verb("models/update", Role.ADMIN, words_updates.Bundle, words_updates.Begun, "Take a bundle that lies there."),
    _verb("models/rollback", Role.ADMIN, words.Nothing, words_updates.Left, "Go back to the former models."),
    _look("decisions/list", words_records.DecisionsWanted, words_records.Decisions, "What was decided, and why."),
    _look("audit/list", words_records.AuditWanted, words_records.AuditRows, "What happened here."),
    _look("audit/verify", words.Nothing, words_records.AuditReport, "Does the audit log hold?"),
    _look("audit/export", words_records.AuditPart, words_records.AuditLines, "The audit log as a file, part by part."),
    _look("audit/head", words.Nothing, words_records.AuditHead, "The newest row, signed, for a witness."),
    _verb("history/replay", Role.OPERATE, words_records.Rows, words_records.Replayed, "Send past decisions again."),
    _home("backup", words.Nothing, words_local.Backup, "A copy of the gallery, in its own folder."),
    _verb("log", Role.OPERATE, words.Log, words.Nothing, "How much is logged, until the next start."),
    _verb("restart", Role.OPERATE, words.Nothing, words.Nothing, "Stop; the service manager starts it anew."),
    _verb("keys/list", Role.ADMIN, words.Nothing, words.Keys, "Which keys may command.", changes=False),
    _verb("keys/revoke", Role.ADMIN, words.KeyName, words.KeyName, "A key may command no more, for good."),
    _verb("live/watch", Role.OPERATE, words.Watch, words.Nothing, "See what the camera sees.", reach=Reach.SOCKET),
    _verb("keys/add", Role.ADMIN, words_keys.NewKey, words_keys.KeyAdded, "A key may command.", reach=Reach.SOCKET),
    _verb("keys/pair", Role.ADMIN, words.Pair, words.Paired, "A new key introduces itself, while pairing is open."),
)

PAIR = "keys/pair"
"""The only verb that a key may say which the device does not know yet."""
