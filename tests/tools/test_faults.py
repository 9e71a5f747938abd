"""A few of the faults of docs/faults.md, and that the campaign would see a store that loses things."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from bundles import packed
from edgeface.adapters import release, slots
from edgeface.store.database import Database
from tools.faults import disk, page
from tools.faults.deeds import DEEDS, too_early
from tools.faults.kill import kill
from tools.faults.result import Result

Tell = Callable[[str], None]


@pytest.mark.parametrize("name", DEEDS)
def test_killed_at_any_moment_nothing_is_lost_or_half(name: str) -> None:
    result = kill(name, DEEDS[name], n=4, seed=2)
    assert result.failures == []


def test_a_store_that_says_so_too_early_is_found_out() -> None:
    """The naive way: acknowledged at once, written in batches."""
    result = kill("decide", too_early(20, longest_s=0.5), n=8, seed=2)
    assert any("acknowledged and is lost" in problem for problem in result.failures)


def test_models_that_are_written_over_themselves_are_found_out() -> None:
    """The naive way: a new bundle in the place of the one in use."""
    content = packed(1)  # before any process is killed: it takes longer than some of them live

    def careless(database: Database, tell: Tell) -> None:
        home = database.path.parent
        slots.switch(home, slots.put(home, content), release.parse(content, home))
        while True:
            for part, for_s in ((content[: len(content) // 2], 0.05), (content, 0.001)):
                (home / slots.FOLDER / "a").write_bytes(part)
                time.sleep(for_s)

    result = kill("update", replace(DEEDS["update"], run=careless, longest_s=1.5), n=8, seed=3)
    assert any("not whole" in problem for problem in result.failures)


def test_nothing_opens_without_a_row_when_writes_fail() -> None:
    result = disk.failing(n=3, seed=2)
    assert result.failures == []
    assert result.note == "9 decisions refused"


@pytest.mark.parametrize("fault", ["full", "read-only"])
def test_nothing_opens_without_a_row_on_a_real_disk(fault: str) -> None:
    if subprocess.run(["unshare", "-rm", "true"], capture_output=True).returncode:
        pytest.skip("this machine lets nobody mount a disk of his own")
    assert disk.namespaced(fault, 3, 2).failures == []


@pytest.mark.parametrize(
    ("n", "failed", "below"),
    [(1000, 0, 0.0029912), (20, 0, 0.1391083), (100, 3, 0.0757108), (10, 10, 1.0)],  # by scipy.stats.beta
)
def test_the_bound_is_that_of_clopper_and_pearson(n: int, failed: int, below: float) -> None:
    result = Result(fault="x", n=n, failures=["it failed"] * failed, seed=1, acknowledged=0)
    assert result.bound == pytest.approx(below, abs=1e-4)
    told = json.loads(result.as_json())
    assert (told["fault"], told["n"], told["failures"], told["seed"]) == ("x", n, failed, 1)


def test_the_page_keeps_the_rows_of_other_faults(tmp_path: Path) -> None:
    file = tmp_path / "faults.md"
    file.write_text(f"# Faults\n\n{page.BEGIN}\n{page.END}\n\nend\n")
    first, second = (Result(fault=name, n=1000, failures=[], seed=1, acknowledged=5) for name in ("one", "two"))
    page.write(file, [first, second])
    page.write(file, [replace(first, n=10, failures=["bad"], note="so so")])
    lines = file.read_text().splitlines()
    assert lines[5] == "| one | 10 | 1 | 39.42 % | 5 (so so) | 1 |"
    assert lines[6] == "| two | 1,000 | 0 | 0.30 % | 5 | 1 |"
    assert (lines[0], lines[-1]) == ("# Faults", "end")
    file.write_text("")
    with pytest.raises(ValueError, match="has no line"):
        page.write(file, [])
