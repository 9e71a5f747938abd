"""What is wrong is named with what to do; what shuts the door is told from what only wants looking after."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeface.footage import BLINDING, Fault
from edgeface.health import Findings, Machine, Options, State, Trouble, prometheus, signs, state

WELL = Machine(temperature_c=50.0, throttled=False, disk_free_mb=9000.0, memory_mb=90.0, open_files=20, cpu_s=1.0)
UNTOLD = Machine(temperature_c=None, throttled=None, disk_free_mb=None, memory_mb=None, open_files=None, cpu_s=1.0)
ILL: dict[Trouble, tuple[dict[str, Any], dict[str, Any]]] = {
    Trouble.CAMERA: ({"camera": (Fault.SLOW,)}, {}),
    Trouble.RULES: ({"rules": "nobody may enter"}, {}),
    Trouble.MODELS: ({"models": ("other bits",)}, {}),
    Trouble.BROKER: ({"broker": "no answer"}, {}),
    Trouble.CLOCK: ({"clock_trusted": False}, {}),
    Trouble.DISK: ({}, {"disk_free_mb": 199.0}),
    Trouble.HOT: ({}, {"temperature_c": 78.0}),
    Trouble.THROTTLED: ({}, {"throttled": True}),
}


@pytest.mark.parametrize("machine", [WELL, UNTOLD])
def test_all_is_well_and_what_is_not_told_is_no_trouble(machine: Machine) -> None:
    assert signs(Findings(), machine, Options()) == ()
    assert state(()) is State.OK


def test_every_trouble_is_known_here() -> None:
    assert list(ILL) == list(Trouble)


@pytest.mark.parametrize("trouble", ILL)
def test_each_trouble_alone(trouble: Trouble) -> None:
    findings, machine = ILL[trouble]
    (found,) = signs(Findings(**findings), replace(WELL, **machine), Options())
    assert found.trouble is trouble
    assert found.says
    assert state((found,)) is State.DEGRADED


@given(st.sets(st.sampled_from(list(Trouble))))
def test_troubles_do_not_hide_each_other(wanted: set[Trouble]) -> None:
    findings = {key: value for trouble in wanted for key, value in ILL[trouble][0].items()}
    machine = {key: value for trouble in wanted for key, value in ILL[trouble][1].items()}
    found = signs(Findings(**findings), replace(WELL, **machine), Options())
    assert [sign.trouble for sign in found] == [trouble for trouble in Trouble if trouble in wanted]


@pytest.mark.parametrize("fault", Fault)
def test_a_camera_that_does_not_see_shuts_the_door(fault: Fault) -> None:
    found = signs(Findings(camera=(fault,)), WELL, Options())
    assert state(found) is (State.SHUT if fault in BLINDING else State.DEGRADED)


def test_what_the_driver_said_is_passed_on() -> None:
    (found,) = signs(Findings(camera=(Fault.LOST,), camera_detail="unplugged"), WELL, Options())
    assert found.says == "unplugged"


def test_figures_for_prometheus() -> None:
    text = prometheus({"frames_total": 3, "fps": None, "trouble{kind}": {'a"b\\\n': 1.0, "c": 0.0}, "none{kind}": {}})
    assert text == (
        "# TYPE edgeface_frames_total counter\nedgeface_frames_total 3\n"
        '# TYPE edgeface_trouble gauge\nedgeface_trouble{kind="a\\"b\\\\\\n"} 1\nedgeface_trouble{kind="c"} 0\n'
    )


@pytest.mark.parametrize("change", [{"every_s": 0.5}, {"disk_low_mb": -1.0}, {"hot_c": float("inf")}])
def test_options_out_of_range_are_refused(change: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=next(iter(change))):
        Options(**change)  # type: ignore[arg-type]
