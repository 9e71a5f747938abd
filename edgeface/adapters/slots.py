"""Two places for bundles of models in the home folder, and which of them is in use.

    HOME/slots/a, HOME/slots/b     a bundle each, whole or not at all
    HOME/slots/state.json          the switch: which is in use, which was before, what is on trial

A new bundle goes into the place that is not in use; only then the switch is thrown, by the renaming of one file. Until
a trial is over the former place is not touched. Without a switch, or if it says none, the models that come with
edgeface are in use. Whatever is cut off, wherever, leaves one whole set of models.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from edgeface.adapters import release
from edgeface.adapters.release import Release
from edgeface.errors import ModelError, UpdateProblem, UpdateRefused
from edgeface.store import files

FOLDER = "slots"
STATE = "state.json"
SLOTS = ("a", "b")


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """What lies in a slot."""

    version: int
    sha256: str
    """Of the whole file: what was verified when it came."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """The bundle in use has to prove itself."""

    starts: int = 0
    """Readers that began with it and have not ended in an orderly way, one after another."""
    ran_s: float = 0.0
    """Seconds that readers have run with it."""
    frames: int = 0
    """That they have looked at."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Returned:
    """A bundle that did not prove itself, or that somebody went back from."""

    version: int
    why: str
    by: str | None = None
    """Who wanted it; None: the reader itself, which raises an alarm."""
    audited: bool = False
    """Whether the audit log has it: a reader that cannot start cannot write it down."""


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """The switch."""

    active: str | None = None
    """Slot in use; None: the shipped models."""
    former: str | None = None
    """Slot to go back to, as above."""
    slots: tuple[tuple[str, Held], ...] = ()
    trial: Trial | None = None
    returned: Returned | None = None
    newest: int = 0
    """The highest version that was ever switched to."""

    def held(self, slot: str | None) -> Held | None:
        """What lies in a slot; None for the shipped models."""
        return dict(self.slots).get(slot) if slot is not None else None

    @property
    def free(self) -> str:
        """The slot that the next bundle goes into."""
        return SLOTS[1] if self.active == SLOTS[0] else SLOTS[0]

    @property
    def version(self) -> int | None:
        """Of the bundle in use; None: the shipped models."""
        held = self.held(self.active)
        return None if held is None else held.version


def read(home: Path) -> State:
    """The switch. Raises ModelError if it cannot be read."""
    path = home / FOLDER / STATE
    try:
        told = json.loads(path.read_text(encoding="utf-8"))
        return _state(told)
    except (FileNotFoundError, NotADirectoryError):
        return State()
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise ModelError(f"{path} cannot be read ({error}): delete it to go back to the shipped models") from error


def _state(told: Any) -> State:
    slots = tuple((name, Held(**held)) for name, held in told["slots"].items())
    trial, returned = told["trial"], told["returned"]
    state = State(
        active=told["active"],
        former=told["former"],
        slots=slots,
        trial=None if trial is None else Trial(**trial),
        returned=None if returned is None else Returned(**returned),
        newest=int(told["newest"]),
    )
    known = {None, *(name for name, _ in slots)}
    if {name for name, _ in slots} - set(SLOTS) or state.active not in known or state.former not in known:
        raise ValueError("it names slots that are none")
    return state


def put(home: Path, content: bytes) -> str:
    """Write a verified bundle into the slot that is not in use; its name. What lay there is gone.

    Raises UpdateRefused if the disk is full or fails.
    """
    state = read(home)
    slot, folder = state.free, home / FOLDER
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if state.held(slot) is not None:  # first of all nobody may count on it any more
            kept = tuple(pair for pair in state.slots if pair[0] != slot)
            former = state.active if state.former == slot else state.former
            _write(home, replace(state, slots=kept, former=former))
        files.put(folder / slot, content)
    except OSError as error:
        (folder / f"{slot}.new").unlink(missing_ok=True)
        raise UpdateRefused(UpdateProblem.NOT_STORED, f"{folder / slot} cannot be written: {error.strerror}") from error
    return slot


def switch(home: Path, slot: str, found: Release) -> State:
    """Use the bundle in a slot from the next start on, on trial. Raises UpdateRefused if that cannot be stored."""
    state = read(home)
    slots = {**dict(state.slots), slot: Held(version=found.version, sha256=found.sha256)}
    return _write(
        home,
        State(
            active=slot,
            former=state.active,
            slots=tuple(slots.items()),
            trial=Trial(),
            newest=max(state.newest, found.version),
        ),
    )


def opened(home: Path, state: State) -> Release | None:
    """The bundle in use, as it was verified; None for the shipped models. Raises ModelError if it was damaged."""
    held = state.held(state.active)
    if held is None:
        return None
    path = home / FOLDER / str(state.active)
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ModelError(f"the models of version {held.version}, {path}, cannot be read: {error.strerror}") from error
    if hashlib.sha256(content).hexdigest() != held.sha256:
        raise ModelError(f"the models of version {held.version}, {path}, were damaged or altered")
    return release.parse(content, path)


def on_trial(home: Path, trial: Trial) -> None:
    """How the trial stands. Nothing is written if there is none any more."""
    state = read(home)
    if state.trial is not None:
        _write(home, replace(state, trial=trial))


def confirm(home: Path) -> None:
    """The bundle in use has proved itself."""
    _write(home, replace(read(home), trial=None, returned=None))


def go_back(home: Path, why: str, by: str | None = None) -> Returned:
    """Use what was in use before the last switch. Raises ModelError if there is nothing to go back to."""
    state = read(home)
    held = state.held(state.active)
    if held is None or state.former == state.active:
        raise ModelError("there are no former models to go back to")
    returned = Returned(version=held.version, why=why, by=by)
    _write(home, replace(state, active=state.former, trial=None, returned=returned))
    return returned


def told(home: Path) -> None:
    """The audit log has the last return."""
    state = read(home)
    if state.returned is not None:
        _write(home, replace(state, returned=replace(state.returned, audited=True)))


def dismiss(home: Path) -> None:
    """Somebody has seen that a bundle did not prove itself: no alarm any more."""
    _write(home, replace(read(home), returned=None))


def _write(home: Path, state: State) -> State:
    plain = {**asdict(state), "slots": {name: asdict(held) for name, held in state.slots}}
    path = home / FOLDER / STATE
    try:
        files.put(path, json.dumps(plain, indent=1).encode())
    except OSError as error:
        raise UpdateRefused(UpdateProblem.NOT_STORED, f"{path} cannot be written: {error.strerror}") from error
    return state
