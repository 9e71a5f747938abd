"""What a console asks about records, hours and models."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from commanding import Bench, at_a_desk, noon
from edgeface.commands import Role
from edgeface.message import HealthMessage
from edgeface.service.bootstrap import Loaded
from edgeface.service.desk import records
from edgeface.store import audit, transcript
from edgeface.store.audit import Event, Kind
from edgeface.store.heads import verifier_of
from edgeface.wire import dumps, plain


@pytest.fixture
def bench(home: Path, loaded: Loaded) -> Iterator[Bench]:
    with at_a_desk(home, loaded) as made:
        yield made


def decided(bench: Bench, number: int, outcome: str, person: str | None = None, days: float = 0.0) -> None:
    """A decision as the journal writes it."""
    told = {"id": f"{number:032x}", "door": "main", "outcome": outcome, "rule": "unknown_face", "reason": "nobody"}
    told |= {"threshold": 0.31, "shots": 4, "score": 0.2, "margin": None, "quality": 60.0, "liveness": None}
    event = Event(
        kind=Kind.DECISION, boot_id="b", at=noon(days * 86400), payload=json.dumps(told), decision_id=told["id"],
        person_id=person,
    )  # fmt: skip
    with bench.database.transaction() as tables:
        audit.append(tables, event)


def test_decisions_are_filtered_and_come_page_by_page(bench: Bench) -> None:
    for number in range(6):
        decided(bench, number, "grant" if number % 2 else "unknown", f"p_{number:016x}", days=number)

    def found(**wanted: object) -> list[int]:
        answer = bench.ask("decisions/list", wanted, Role.VIEW)
        assert answer["code"] == "done", answer
        return [int(row["id"], 16) for row in answer["data"]["decisions"]]

    assert found() == [5, 4, 3, 2, 1, 0]
    assert found(outcome="grant") == [5, 3, 1]
    assert found(who="p_0000000000000002") == [2]
    assert found(since="2026-11-28", until="2026-11-29") == [3, 2]
    first = bench.ask("decisions/list", {"most": 4})["data"]
    assert first["more"] and found(most=4, before=first["decisions"][-1]["seq"]) == [1, 0]
    for wrong in ({"since": "soon"}, {"who": "Nobody"}, {"until": "9999-12-31"}):
        assert bench.code("decisions/list", wrong) == "refused"


def test_rows_of_the_log_come_page_by_page_and_by_kind(bench: Bench) -> None:
    keys = bench.ask("audit/list", {"kind": "keys"}, Role.VIEW)["data"]["rows"]
    assert len(keys) == len(Role) and keys[0]["seq"] > keys[-1]["seq"]
    first = bench.ask("audit/list", {"most": 2})["data"]
    rest = bench.ask("audit/list", {"most": 2, "before": first["rows"][-1]["seq"]})["data"]
    assert [row["seq"] for row in (*first["rows"], *rest["rows"])] == sorted(
        (row["seq"] for row in (*first["rows"], *rest["rows"])), reverse=True
    )
    assert bench.code("audit/list", {"kind": "gossip"}) == "refused"


def test_the_log_is_checked_in_slices_and_a_wrong_row_is_named(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(records, "SLICE", 3)
    for number in range(10):
        decided(bench, number, "unknown")
    good = bench.ask("audit/verify", role=Role.VIEW)["data"]
    assert good["holds"] and good["last_seq"] == audit.last_seq(bench.database)
    with bench.database.transaction() as tables:
        triggers = "SELECT name FROM sqlite_master WHERE type = 'trigger' AND tbl_name = 'audit'"
        for (name,) in tables.execute(triggers).fetchall():
            tables.execute(f"DROP TRIGGER {name}")
        tables.execute("UPDATE audit SET payload = replace(payload, 'nobody', 'someone') WHERE seq = 8")
    bad = bench.ask("audit/verify", role=Role.VIEW)["data"]
    assert (bad["holds"], bad["bad_seq"]) == (False, 8)


def test_the_log_is_exported_part_by_part_as_an_auditor_reads_it(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(20):
        decided(bench, number, "unknown")
    monkeypatch.setattr(records, "MOST_BYTES", 2000)
    part = bench.ask("audit/export", role=Role.VIEW)["data"]
    lines, asked = list(part["lines"]), 1
    decided(bench, 99, "unknown")  # meanwhile life goes on
    while part["last"] < part["through"]:
        part = bench.ask("audit/export", {"after": part["last"], "through": part["through"]}, Role.VIEW)["data"]
        lines, asked = lines + part["lines"], asked + 1
    assert asked > 3
    begun = transcript.begin(lines[0].encode())
    assert begun.verifier == verifier_of(str(begun.verifier))
    report = transcript.check(begun, [line.encode() for line in lines[1:]], ())
    assert report.broken is None and report.last == begun.head.link


def test_a_week_and_who_could_when(bench: Bench) -> None:
    from test_desk_persons import person

    ada, _grace = person(bench, "Ada", 1), person(bench, "Grace", 2)
    assert bench.ask("access/hours", {"schedule": "office", "hours": ["mon-fri 08:00-18:00"]})["code"] == "done"
    shown = bench.ask("access/show")["data"]
    for right in shown["grants"]:
        assert bench.ask("access/revoke", {"rule": right["name"] or "grants[0]"})["code"] == "done"
    bench.ask("access/grant", {"who": [ada], "schedule": "office"})
    (weekly,) = bench.ask("access/show")["data"]["weekly"]
    assert (weekly["name"], weekly["hours"]) == ("office", ["mon-fri 08:00-18:00"])
    week = bench.ask("access/week", {"door": "main", "first": "2026-11-23"}, Role.VIEW)["data"]
    assert (len(week["cells"]), len(week["cells"][0]), week["people"]) == (7, 24, 2)
    assert [sum(row) for row in week["cells"]] == [10] * 5 + [0] * 2
    at_noon = bench.ask("access/who", {"door": "main", "at": "2026-11-26T12:00"}, Role.VIEW)["data"]
    assert [one["name"] for one in at_noon["people"]] == ["Ada"]
    assert bench.ask("access/who", {"door": "main", "at": "2026-11-26T20:00"})["data"]["total"] == 0
    assert bench.code("access/unschedule", {"schedule": "office"}) == "refused", "a right needs it"
    bench.ask("access/hours", {"schedule": "night", "hours": ["daily 22:00-06:00"]})
    assert bench.code("access/unschedule", {"schedule": "night"}) == "done"
    for verb, words in (
        ("access/week", {"door": "attic"}),
        ("access/week", {"door": "main", "first": "0001-01-01"}),
        ("access/who", {"door": "main", "at": "later"}),
        ("access/hours", {"schedule": "office", "hours": ["always"]}),
        ("access/unschedule", {"schedule": "never"}),
    ):
        assert bench.code(verb, words) == "refused", verb


def test_the_last_report_and_the_models_are_told(bench: Bench, home: Path) -> None:
    assert bench.code("health/report", role=Role.VIEW) == "refused", "nothing was said yet"
    told = HealthMessage(
        state="ok", troubles=(), up_s=5.0, fps=14.5, took_ms_p50=30.0, took_ms_p95=40.0, frames=70, stale_frames=0,
        faces=3, decisions=(), model_ms=(), waiting=0, people=0, gallery_revision=0, temperature_c=None,
        disk_free_mb=None, memory_mb=80.0, open_files=None, cpu_s=2.0,
    )  # type: ignore[arg-type]  # fmt: skip
    (home / "health.json").write_text(dumps({"at": "2026-11-26T12:00:00.000Z", **plain(told)}))
    found = bench.ask("health/report", role=Role.VIEW)["data"]
    assert (found["fps"], found["memory_mb"], found["state"]) == (14.5, 80.0, "ok")
    (home / "health.json").write_text("{")
    assert bench.code("health/report") == "refused"
    models = bench.ask("models/list", role=Role.VIEW)["data"]["models"]
    assert {model["task"] for model in models} >= {"detector", "embedder"}
    card = bench.ask("models/card", {"name": models[0]["name"]}, Role.VIEW)["data"]
    assert "AP" in card["markdown"] or "precision" in card["markdown"]
    assert bench.code("models/card", {"name": "../secret"}) == "refused"


def test_the_bar_tells_its_intervals(bench: Bench) -> None:
    from test_desk_persons import person

    person(bench, "Ada", 1)
    person(bench, "Ada again", 1)
    found = bench.ask("calibration", role=Role.VIEW)["data"]
    kept = [one for one in found["dials"] if one["problem"] is None]
    misses = [one["missed"]["value"] for one in kept]
    assert misses == sorted(misses), "a stricter dial turns more people away"
    assert all(one["missed"]["low"] <= one["missed"]["value"] <= one["missed"]["high"] for one in kept)
    assert found["expected"]["low"] <= found["expected"]["value"] <= found["expected"]["high"]
    assert 0 < found["missed"]["low"] < found["missed"]["high"] < 1
    assert found["too_alike"] == len(found["pairs"]) == 1
    assert [dial["false_accepts"] for dial in found["dials"]] == ["1 in 100", "1 in 1000", "1 in 10000", "1 in 100000"]
