"""A trouble is written down when it begins and when it ends; one that flaps is counted, and does not fill the disk."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from edgeface.alarms import ROWS_A_DAY, SETTLE_S, Alarm, Alarms, follow
from edgeface.frame import Instant
from edgeface.health import Sign, Trouble

UNPLUGGED = Sign(trouble=Trouble.CAMERA, says="no picture comes", shuts=True)
NO_BROKER = Sign(trouble=Trouble.BROKER, says="no answer")
DAY_S = 86_400.0


def at(seconds: float) -> Instant:
    return Instant(monotonic_ns=round(seconds * 1e9), wall_ns=0, wall_trusted=True)


def told(looks: Iterable[tuple[float, tuple[Sign, ...]]]) -> list[tuple[float, Alarm]]:
    """The rows that these looks lead to, with when."""
    alarms, rows = Alarms(), []
    for seconds, found in looks:
        alarms, due = follow(alarms, found, at(seconds))
        rows += [(seconds, row) for row in due]
    return rows


def every(step_s: float, until_s: float, *signs: Sign, since_s: float = 0.0) -> list[tuple[float, tuple[Sign, ...]]]:
    return [(since_s + step_s * count, signs) for count in range(round((until_s - since_s) / step_s))]


def test_nothing_wrong_is_nothing_told() -> None:
    assert told(every(0.25, 60)) == []


def test_a_trouble_is_told_when_it_begins_and_when_it_ends() -> None:
    looks = every(0.25, 10) + every(0.25, 20, UNPLUGGED, since_s=10) + every(0.25, 30, since_s=20)
    (begun_at, began), (ended_at, ended) = told(looks)
    assert (begun_at, ended_at) == (10 + SETTLE_S, 20 + SETTLE_S)
    assert (began.trouble, began.began, began.shuts, began.for_s, began.times) == (
        Trouble.CAMERA, True, True, SETTLE_S, 1,
    )  # fmt: skip
    assert (ended.trouble, ended.began, ended.says, ended.times) == (Trouble.CAMERA, False, "no picture comes", 0)


def test_what_is_there_at_the_first_look_is_told() -> None:
    ((when, alarm),) = told(every(0.25, 5, NO_BROKER))
    assert (when, alarm.trouble) == (SETTLE_S, Trouble.BROKER)


def test_a_moments_trouble_is_none_but_is_counted() -> None:
    blinks = [(second, (NO_BROKER,) if second % 2 else ()) for second in range(100)]
    assert told(blinks) == []
    (_, alarm), *_ = told(blinks + every(0.25, 110, NO_BROKER, since_s=100))
    assert (alarm.began, alarm.times) == (True, 50)  # the last blink goes on


def test_troubles_do_not_hide_each_other() -> None:
    rows = told([*every(0.25, 10, UNPLUGGED), *every(0.25, 20, UNPLUGGED, NO_BROKER, since_s=10)])
    assert [(alarm.trouble, alarm.began) for _, alarm in rows] == [(Trouble.CAMERA, True), (Trouble.BROKER, True)]


def test_a_loose_plug_fills_no_disk_and_is_told_again_the_next_day() -> None:
    """Three days of four seconds without a camera, four with one."""
    plug = [(4.0 * count + late, (UNPLUGGED,) if count % 2 else ()) for count in range(64_800) for late in (0, 2.5)]
    rows = told(plug)
    for day in range(3):
        assert sum(day * DAY_S <= when < (day + 1) * DAY_S for when, _ in rows) <= 2 * ROWS_A_DAY
    assert len(rows) <= 4 * ROWS_A_DAY
    assert rows[-1][0] > 2.9 * DAY_S
    assert abs(sum(alarm.times for _, alarm in rows) - 32_400) < 1000, "what had no row of its own is counted"


@given(st.lists(st.tuples(st.floats(0.01, 5000), st.sets(st.sampled_from([UNPLUGGED, NO_BROKER]))), max_size=300))
def test_begin_and_end_take_turns_and_the_last_row_is_true_in_time(looks: list[tuple[float, set[Sign]]]) -> None:
    seconds, timed = 0.0, []
    for wait_s, found in looks:
        seconds += wait_s
        timed.append((seconds, tuple(found)))
    last = timed[-1][1] if timed else ()
    timed += [(seconds + 1, last), (seconds + DAY_S, last)]
    rows = [alarm for _, alarm in told(timed)]
    for sign in (UNPLUGGED, NO_BROKER):
        course = [alarm.began for alarm in rows if alarm.trouble is sign.trouble]
        assert course[:1] in ([], [True])
        assert all(before is not after for before, after in pairwise(course))
        assert (sign in last) is (course[-1:] == [True])
        assert len(course) <= ROWS_A_DAY * (2 + seconds / DAY_S)
