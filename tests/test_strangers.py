"""Visitors without a name are told apart, and forgotten in time."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeface import strangers
from edgeface.frame import Instant
from edgeface.model import Tensor
from edgeface.strangers import DAY_NS, Options, Stranger

ON = Options(enabled=True)


def on_day(day: float, *, trusted: bool = True) -> Instant:
    return Instant(monotonic_ns=0, wall_ns=int(day * DAY_NS), wall_trusted=trusted)


def face(*numbers: float) -> Tensor:
    return strangers.visit((np.array(numbers, np.float32),), (1.0,))


POSTMAN, NEIGHBOUR = face(1, 0, 0), face(0, 1, 0)


def after(*visits: tuple[Tensor, float], options: Options = ON) -> tuple[Stranger, ...]:
    known: tuple[Stranger, ...] = ()
    for place, (vector, day) in enumerate(visits):
        known, _ = strangers.meet(known, vector, on_day(day), options, f"s_{place}")
    return known


def test_nothing_is_kept_unless_asked_for() -> None:
    known, whose = strangers.meet((), POSTMAN, on_day(0), Options(), "s_0")
    assert (known, whose) == ((), None)


def test_switching_it_off_forgets_everybody() -> None:
    known, _ = strangers.meet(after((POSTMAN, 0)), NEIGHBOUR, on_day(0), Options(), "s_9")
    assert known == ()


def test_the_same_face_is_the_same_stranger() -> None:
    known = after((POSTMAN, 0), (NEIGHBOUR, 0.5), (face(0.9, 0.1, 0.1), 1))
    assert {(one.id, one.visits) for one in known} == {("s_0", 2), ("s_1", 1)}
    postman = next(one for one in known if one.id == "s_0")
    assert (postman.first_seen_wall_ns, postman.last_seen_wall_ns) == (0, DAY_NS)


def test_what_was_ignored_stays_ignored_and_known() -> None:
    (postman,) = after((POSTMAN, 0))
    ignored = (Stranger(id=postman.id, total=postman.total, visits=1, first_seen_wall_ns=0, last_seen_wall_ns=0,
                        ignored=True),)  # fmt: skip
    known, whose = strangers.meet(ignored, POSTMAN, on_day(1), ON, "s_9")
    assert whose == "s_0"
    assert known[0].ignored


def test_a_stranger_is_forgotten_in_time() -> None:
    known = after((POSTMAN, 0))
    assert strangers.keep(known, on_day(7), ON) == known
    assert strangers.keep(known, on_day(7.01), ON) == ()
    assert strangers.keep(known, on_day(7.01, trusted=False), ON) == known, "a clock that is not set counts no days"
    assert strangers.keep(known, on_day(3650), ON) == ()


def test_there_are_never_more_than_may_be() -> None:
    options = Options(enabled=True, most=2)
    known = after((face(1, 0, 0), 0), (face(0, 1, 0), 1), (face(0, 0, 1), 2), options=options)
    assert [one.id for one in known] == ["s_1", "s_2"]


@pytest.mark.parametrize("odd", [(np.nan, 0, 0), (0, 0, 0), (np.inf, 1, 0)])
def test_what_is_no_direction_is_nobody(odd: tuple[float, float, float]) -> None:
    known, whose = strangers.meet((), np.array(odd, np.float32), on_day(0), ON, "s_0")
    assert (known, whose) == ((), None)


def test_the_better_shots_of_a_visit_count_for_more() -> None:
    found = strangers.visit((POSTMAN, NEIGHBOUR), (90.0, 30.0))
    assert found == pytest.approx(face(3, 1, 0))


@given(
    faces=st.lists(st.tuples(*[st.floats(-1, 1, width=16)] * 3).filter(lambda f: sum(map(abs, f)) > 0.1), max_size=12),
    days=st.lists(st.floats(0, 30), min_size=12, max_size=12),
)
def test_every_visit_counts_once(faces: list[tuple[float, ...]], days: list[float]) -> None:
    options = Options(enabled=True, keep_days=90)
    known = after(*((face(*one), day) for one, day in zip(faces, days, strict=False)), options=options)
    assert sum(one.visits for one in known) == len(faces)
    assert len({one.id for one in known}) == len(known)
    assert [one.last_seen_wall_ns for one in known] == sorted(one.last_seen_wall_ns for one in known)


@pytest.mark.parametrize("wrong", [{"join": 1.0}, {"keep_days": 0.0}, {"keep_days": 91.0}, {"most": 0}])
def test_settings_out_of_range_are_refused_by_name(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        Options(**wrong)  # type: ignore[arg-type]
