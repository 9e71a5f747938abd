"""Two slots and a switch: whole at any moment, and never without models."""

from __future__ import annotations

import resource
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from bundles import LIVENESS, packed
from edgeface.adapters import manifest, release, slots
from edgeface.adapters.slots import FOLDER, STATE, State, Trial
from edgeface.errors import ModelError, UpdateProblem, UpdateRefused
from edgeface.model import Task


def install(home: Path, version: int) -> str:
    content = packed(version)
    slot = slots.put(home, content)
    slots.switch(home, slot, release.parse(content, Path("bundle")))
    return slot


def test_without_a_switch_the_shipped_models_are_in_use(home: Path) -> None:
    assert slots.read(home) == State()
    liveness = manifest.chosen(home).liveness
    assert liveness is not None
    assert liveness.content is None
    with pytest.raises(ModelError, match="no former models"):
        slots.go_back(home, "why")


def test_bundles_take_turns_and_what_they_lack_is_shipped(home: Path) -> None:
    assert install(home, 1) == "a"
    slots.confirm(home)
    assert install(home, 2) == "b"
    state = slots.read(home)
    assert (state.version, state.active, state.former, state.trial) == (2, "b", "a", Trial())
    choice = manifest.chosen(home)
    assert choice.liveness is not None
    assert choice.liveness.content is not None
    assert packed(2).endswith(choice.liveness.content)
    assert choice.detector.content is None
    slots.confirm(home)
    assert install(home, 3) == "a"
    assert slots.read(home).former == "b"


def test_back_to_the_former_and_no_further(home: Path) -> None:
    install(home, 1)
    slots.confirm(home)
    install(home, 2)
    assert slots.go_back(home, "it died").version == 2
    state = slots.read(home)
    assert (state.version, state.trial, state.newest) == (1, None, 2)
    assert state.returned is not None
    assert (state.returned.why, state.returned.by) == ("it died", None)
    with pytest.raises(ModelError, match="no former models"):
        slots.go_back(home, "again")
    slots.dismiss(home)
    assert slots.read(home).returned is None


def test_the_first_bundle_goes_back_to_the_shipped_models(home: Path) -> None:
    install(home, 1)
    slots.go_back(home, "it died")
    assert slots.read(home).active is None
    assert manifest.chosen(home).liveness is not None


def test_nobody_goes_back_to_a_slot_that_is_being_written(home: Path) -> None:
    install(home, 1)
    slots.confirm(home)
    install(home, 2)
    slots.confirm(home)
    slots.put(home, packed(3))
    assert slots.read(home).version == 2
    with pytest.raises(ModelError, match="no former models"):
        slots.go_back(home, "why")


@pytest.mark.parametrize("spoil", ["flip", "cut", "gone"])
def test_a_damaged_bundle_is_not_used(home: Path, spoil: str) -> None:
    path = home / FOLDER / install(home, 1)
    content = path.read_bytes()
    path.unlink()
    if spoil != "gone":
        path.write_bytes(content[:-1] + (b"" if spoil == "cut" else bytes([content[-1] ^ 1])))
    with pytest.raises(ModelError, match="version 1"):
        manifest.chosen(home)


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", "{}", '{"active":"c","former":null,"slots":{},"trial":null,"returned":null,"newest":0}',
     '{"active":null,"former":"../x","slots":{"../x":{"version":1,"sha256":""}},"trial":null,"returned":null,"newest":0}'],
)  # fmt: skip
def test_a_switch_that_cannot_be_read_says_so(home: Path, text: str) -> None:
    (home / FOLDER).mkdir(parents=True)
    (home / FOLDER / STATE).write_text(text)
    with pytest.raises(ModelError, match="delete it to go back to the shipped models"):
        slots.read(home)


@contextmanager
def small_files(most_bytes: int) -> Iterator[None]:
    """Files cannot grow beyond this: stands for a full disk."""
    former = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (most_bytes, former[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, former)
        signal.signal(signal.SIGXFSZ, handler)


def test_a_full_disk_leaves_what_was_there(home: Path) -> None:
    install(home, 1)
    slots.confirm(home)
    content = packed(2)
    for most_bytes in (10_000, 0):
        with small_files(most_bytes), pytest.raises(UpdateRefused) as caught:
            slots.put(home, content)
        assert caught.value.problem is UpdateProblem.NOT_STORED
    assert slots.read(home).version == 1
    assert sorted(path.name for path in (home / FOLDER).iterdir()) == ["a", STATE]


def test_how_a_trial_stands_is_kept_until_it_is_over(home: Path) -> None:
    install(home, 1)
    slots.on_trial(home, Trial(starts=2, ran_s=60.0, frames=900))
    assert slots.read(home).trial == Trial(starts=2, ran_s=60.0, frames=900)
    slots.confirm(home)
    slots.on_trial(home, Trial(starts=3))
    assert slots.read(home).trial is None


def test_choosing_a_bundles_model_takes_the_choice_away(home: Path) -> None:
    home.mkdir()
    shipped = manifest.read(manifest.shipped())[LIVENESS]
    manifest.choose(home, shipped)
    install(home, 1)
    assert manifest.picked(home) == {Task.LIVENESS}
    chosen = manifest.chosen(home).liveness
    assert chosen is not None
    assert chosen.content is None
    manifest.choose(home, replace(shipped, content=b"x"))
    chosen = manifest.chosen(home).liveness
    assert chosen is not None
    assert chosen.content is not None
