"""People are forgotten when their time is over, by a clock that is set and runs evenly, and by no other."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgeface.decide import Outcome
from edgeface.errors import UnknownPerson
from edgeface.frame import Instant
from edgeface.service.purge import LONG_STEADY_S, STEADY_S, Purge
from edgeface.store import audit
from edgeface.store.database import Database, open_database
from edgeface.store.gallery import GalleryStore, NewTemplate
from edgeface.store.journal import Journal
from edgeface.store.outbox import Outbox
from edgeface.store.retention import DAY_NS, FOREVER_NS, Options, RetentionStore, last_before, remember_visits
from edgeface.store.verify import verify_gallery
from samples import decision

START_NS = 1_800_000_000 * 10**9
DAY_S = 86_400.0


class Time:
    """Two clocks that the test moves: together, or one alone."""

    def __init__(self) -> None:
        self.mono_s, self.wall_s, self.trusted = 100.0, 0.0, True

    def pass_(self, seconds: float) -> None:
        self.mono_s, self.wall_s = self.mono_s + seconds, self.wall_s + seconds

    def now(self) -> Instant:
        return Instant(
            monotonic_ns=int(self.mono_s * 1e9), wall_ns=START_NS + int(self.wall_s * 1e9), wall_trusted=self.trusted
        )


class Site:
    """A gallery with Ada in it, and a purge that looks every five minutes."""

    def __init__(self, database: Database, **options: float) -> None:
        self.time, self.database = Time(), database
        self.options = Options(**options)
        self.store, self.terms = GalleryStore(database), RetentionStore(database, self.options)
        self.journal = Journal(database, "b")
        self.heard = 0
        self.ada = self.enrol("Ada", 1)
        self.boot()

    def enrol(self, name: str, seed: int) -> str:
        vector = np.random.default_rng(seed).integers(-127, 128, 128).astype(np.int8)
        made = NewTemplate(model_sha256="a" * 64, vector=vector, quality=80.0, pose=None, source="x")
        return self.store.enrol(name, [made], self.time.now()).id

    def boot(self) -> None:
        """The service is started anew."""
        self.purge = Purge(self.database, self.options, self.time.now, self.hear)

    def hear(self) -> None:
        self.heard += 1

    def visit(self, person_id: str | None) -> None:
        now = self.time.now()
        outcome = Outcome.UNKNOWN if person_id is None else Outcome.GRANT
        self.journal.record(decision(person_id=person_id, outcome=outcome, decided_at=now, captured_at=now))

    def run(self, days: float, every_s: float = 300.0) -> None:
        """Time passes, and the service looks again and again."""
        until = self.time.wall_s + days * DAY_S
        while self.time.wall_s < until:
            self.time.pass_(min(every_s, until - self.time.wall_s))
            self.purge()

    def known(self, person_id: str) -> bool:
        return self.store.name_of(person_id) is not None


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    with closing(open_database(tmp_path / "gallery.db")) as opened:
        yield opened


@pytest.fixture
def site(database: Database) -> Site:
    """People are kept for ten days, and somebody unknown was here just now."""
    made = Site(database, people_days=10)
    made.visit(None)
    return made


def test_who_does_not_come_any_more_is_forgotten_and_the_door_hears_of_it(site: Site, tmp_path: Path) -> None:
    (row,) = site.database.read("SELECT wrapped_key FROM people")
    site.run(9.9)
    assert site.known(site.ada)
    assert site.heard == 0
    site.run(0.3)
    assert not site.known(site.ada)
    assert site.heard == 1
    assert not any(row["wrapped_key"] in file.read_bytes() for file in tmp_path.iterdir())


def test_each_visit_begins_the_time_anew(site: Site) -> None:
    eve = site.enrol("Eve", 2)
    for _ in range(3):
        site.run(5)
        site.visit(site.ada)
    assert site.known(site.ada)
    assert not site.known(eve)


def test_without_a_rule_nobody_is_forgotten(database: Database) -> None:
    site = Site(database)
    site.visit(None)
    site.run(400, every_s=DAY_S / 2)
    assert site.known(site.ada)


def test_a_date_of_ones_own_goes_before_the_rule(site: Site) -> None:
    for days, name in ((2.0, "Bo"), (40.0, "Cy"), (None, "Di")):
        person = site.enrol(name, 3)
        until = FOREVER_NS if days is None else site.time.now().wall_ns + int(days * DAY_NS)
        site.terms.keep(person, until)
    site.run(2.1)
    assert [person.name for person in site.store.people()] == ["Ada", "Cy", "Di"]
    site.run(10)
    assert [person.name for person in site.store.people()] == ["Cy", "Di"]
    site.run(30)
    assert [person.name for person in site.store.people()] == ["Di"]
    site.terms.keep(site.store.find("Di").id, None)
    site.run(0.1)
    assert site.store.people() == (), "by the rule again, which counts from the enrolment"


def test_a_clock_that_is_not_set_forgets_nobody(site: Site) -> None:
    site.run(0.1)
    site.time.trusted = False
    site.run(30, every_s=DAY_S / 4)
    assert site.known(site.ada)
    site.terms.keep(site.ada, 1)
    site.run(1)
    assert site.known(site.ada)


@pytest.mark.parametrize("leap_days", [3650.0, 400.0])
def test_a_clock_that_leaps_and_is_put_right_forgets_nobody(site: Site, leap_days: float) -> None:
    """Ten years ahead for most of a day, then right again; the leap alone would have ended everybody's time."""
    site.run(0.1)
    site.time.wall_s += leap_days * DAY_S
    site.run(0.9)
    assert site.known(site.ada)
    site.time.wall_s -= leap_days * DAY_S
    site.run(2)
    assert site.known(site.ada)


def test_a_clock_that_was_wrong_from_the_start_is_not_believed_at_once(site: Site) -> None:
    site.run(0.1)
    site.time.wall_s += 400 * DAY_S
    site.boot()
    site.run(0.9)
    assert site.known(site.ada)
    site.run(0.2)
    assert not site.known(site.ada), "but after a day it is"


def test_a_clock_that_is_tinkered_with_again_and_again_forgets_nobody(site: Site) -> None:
    site.run(0.1)
    for _ in range(500):
        site.time.wall_s += 2 * 3600
        site.run(0.5 * STEADY_S / DAY_S)
    assert site.known(site.ada)


def test_the_clock_of_a_person_begins_when_the_time_is_known(database: Database) -> None:
    """Enrolled in 1970, as far as the device knew."""
    site = Site(database, people_days=10)
    site.visit(None)
    site.time.trusted, site.time.wall_s = False, -START_NS / 1e9
    eve = site.enrol("Eve", 2)
    assert site.terms.term(eve).ends_wall_ns is None
    site.time.trusted, site.time.wall_s = True, 0.0
    site.boot()
    site.run(9.9)
    assert site.known(eve)
    term = site.terms.term(eve)
    assert term.ends_wall_ns is not None
    assert 9 < (term.ends_wall_ns - START_NS) / DAY_NS < 10.1
    site.run(0.5)
    assert not site.known(eve)


def test_who_visits_after_a_long_time_is_kept(site: Site) -> None:
    """The visit is in the journal before the purge looks."""
    site.run(9.9)
    site.time.pass_(3 * DAY_S)
    site.visit(site.ada)
    site.purge()
    site.run(0.1)
    assert site.known(site.ada)


def test_terms_of_nobody(site: Site) -> None:
    for attempt in (lambda: site.terms.term("p_0"), lambda: site.terms.keep("p_0", 1)):
        with pytest.raises(UnknownPerson):
            attempt()


def test_visits_outlive_the_rows_that_tell_them(site: Site) -> None:
    site.run(0.1)
    site.run(5)
    site.visit(site.ada)
    with site.database.transaction() as tables:
        remember_visits(tables)
        (begun,) = tables.execute("SELECT counted_from_wall_ns FROM retention").fetchone()
    assert begun == site.time.now().wall_ns


def test_a_row_that_claims_the_future_keeps_none(site: Site) -> None:
    """The clock was ten years ahead for a moment: what is old is old all the same."""
    site.time.wall_s += 3650 * DAY_S
    site.visit(None)
    site.time.wall_s -= 3650 * DAY_S
    site.visit(None)
    site.time.pass_(20 * DAY_S)
    now = site.time.now()
    with site.database.transaction() as tables:
        assert last_before(tables, now.wall_ns - 10 * DAY_NS, now, FOREVER_NS) == 4, "the enrolment is a row as well"


@settings(max_examples=20)
@given(st.lists(st.tuples(st.integers(-50, 50), st.booleans()), min_size=1, max_size=8))
def test_rows_are_old_only_if_none_before_them_is_young(
    tmp_path_factory: pytest.TempPathFactory, times: list[tuple[int, bool]]
) -> None:
    """Days before and after now, told by a clock that was set or not: nothing young by a set clock is given up."""
    with closing(open_database(tmp_path_factory.mktemp("any") / "gallery.db")) as database:
        now = Instant(monotonic_ns=0, wall_ns=START_NS, wall_trusted=True)
        journal = Journal(database, "b")
        for day, trusted in times:
            at = replace(now, wall_ns=START_NS + day * DAY_NS, wall_trusted=trusted)
            journal.record(decision(decided_at=at, captured_at=at))
        oldest = START_NS - 10 * DAY_NS
        with database.transaction() as tables:
            through = last_before(tables, oldest, now, FOREVER_NS)
            for most in range(1, len(times) + 2):
                assert last_before(tables, oldest, now, most) == min(most, through)
        young = [day for day, trusted in times[:through] if trusted and -10 <= day <= 0]
        assert young == []
        assert through == 0 or (times[through - 1][1] and times[through - 1][0] < -10)


def test_old_rows_go_and_the_chain_holds(database: Database) -> None:
    """Visits are remembered beyond the rows that tell them."""
    site = Site(database, people_days=30, audit_days=10)
    site.purge = Purge(database, site.options, site.time.now, site.hear, delivers=False)
    site.visit(site.ada)
    site.run(9.9)
    assert database.read("SELECT min(seq) AS seq FROM audit") == [{"seq": 1}]
    site.run(10)
    site.visit(None)
    rows = database.read("SELECT seq, kind FROM audit ORDER BY seq")
    assert [row["kind"] for row in rows] == ["prune", "decision"]
    assert verify_gallery(database, []).broken is None
    assert site.known(site.ada)
    site.run(9)
    assert site.known(site.ada)
    site.run(2)
    assert not site.known(site.ada), "thirty days after the visit, which no row tells any more"


def test_rows_that_a_broker_has_to_get_stay(database: Database) -> None:
    site = Site(database, audit_days=10)
    site.visit(None)
    site.run(30)
    assert [row["kind"] for row in database.read("SELECT kind FROM audit ORDER BY seq")] == ["decision", "prune"]


def test_a_log_that_is_full_gives_its_oldest_rows_up_and_says_what_nobody_got(database: Database) -> None:
    """Away from the network a board has neither broker nor time."""
    site = Site(database, audit_rows=100)
    site.time.trusted = False
    for number in range(300):
        site.visit(site.ada)
        if number == 20:
            Outbox(database).delivered(range(2, 12), wall_ns=1)
        site.purge()
    rows = database.read("SELECT kind, payload FROM audit ORDER BY seq")
    (base,) = database.read("SELECT seq FROM audit_base")
    assert 100 <= len(rows) <= 102
    gone = sum(json.loads(row["payload"])["unsent"] for row in rows if row["kind"] == "prune")
    still = sum(row["kind"] == "decision" for row in rows)
    assert gone == 300 - 10 - still == 300 - 10 - Outbox(database).count()
    assert verify_gallery(database, []).broken is None
    again = Outbox(database).again(1, base["seq"] + 1)
    assert (again.oldest, again.waiting + len(again.silent)) == (base["seq"] + 1, 1)
    before = audit.last_seq(database)
    for _ in range(20):
        site.purge()
    assert audit.last_seq(database) <= before + 1, "a log that does not grow is not eaten by rows that say so"


def test_without_a_broker_nothing_that_is_deleted_was_lost_on_anybody(database: Database) -> None:
    site = Site(database, audit_rows=100)
    site.purge = Purge(database, site.options, site.time.now, site.hear, delivers=False)
    for _ in range(150):
        site.visit(None)
    site.purge()
    (row,) = database.read("SELECT payload FROM audit WHERE kind = 'prune'")
    assert json.loads(row["payload"])["unsent"] == 0


def test_days_must_make_sense() -> None:
    for rows in (0, 99, 10**9):
        with pytest.raises(ValueError, match="audit_rows"):
            Options(audit_rows=rows)
    for wrong in (0.0, -1.0, 40_000.0, float("nan")):
        with pytest.raises(ValueError, match="people_days"):
            Options(people_days=wrong)
    assert LONG_STEADY_S > STEADY_S
