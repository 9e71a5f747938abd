"""What people do on the pages, without a script in the browser; all goes by the reader's own verbs and roles."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from consoles import PASSWORD, Browser, Hall, tags_of, text_of

from commanding import Bench, noon
from edgeface.commands import Role
from edgeface.commands.words_device import Report
from edgeface.console import chart
from edgeface.console.look import HERE, NOTHING, figure, lasted
from edgeface.console.markdown import to_html
from edgeface.console.pages import MENU
from edgeface.console.pages.audit import KINDS
from edgeface.frame import Instant
from edgeface.store import audit, transcript
from edgeface.store.audit import Event, Kind
from edgeface.store.gallery import GalleryStore, NewTemplate
from edgeface.wire import moment


def person(bench: Bench, name: str, seed: int = 1) -> str:
    import numpy as np

    identity, spec = bench.desk.loaded().embedder.identity, bench.desk.loaded().models.embedder.spec
    vector = np.random.default_rng(seed).integers(-120, 120, spec.dimensions).astype(np.int8)
    template = NewTemplate(model_sha256=identity, vector=vector, quality=70.0, pose=None, source="a.jpg")
    return GalleryStore(bench.database).enrol(name, [template], noon(), by="test").id


def decided(bench: Bench, number: int, outcome: str, reason: str, person_id: str | None = None) -> None:
    told: dict[str, Any] = {"id": f"{number:032x}", "door": "main", "outcome": outcome, "rule": "a_rule"}
    told |= {"reason": reason, "threshold": 0.31, "shots": 4, "score": 0.4}
    at = Instant(monotonic_ns=number, wall_ns=noon().wall_ns, wall_trusted=True)
    event = Event(
        kind=Kind.DECISION, boot_id="b", at=at, payload=json.dumps(told), decision_id=told["id"], person_id=person_id
    )
    with bench.database.transaction() as tables:
        audit.append(tables, event)


def test_every_page_can_be_read_without_script_and_with_a_screen_reader(hall: Hall, ada: Browser, bench: Bench) -> None:
    ada_id = person(bench, "Ada")
    person(bench, "Ada again")
    decided(bench, 1, "insufficient_quality", "2 good shots of 9: too_dark in 5, blurred in 2")
    bench.ask("access/hours", {"schedule": "office", "hours": ["mon-fri 08:00-18:00"]})
    pages = [where for _, where, _, _ in MENU]
    for path in (*pages, f"/people/{ada_id}", f"/people/{ada_id}/forget", "/doors/main", "/account"):
        answer = ada.get(path)
        assert answer.status_code == 200, path
        assert "<h1>" in answer.text and answer.headers["cache-control"] == "no-store"
        tags = tags_of(answer)
        ids = [attributes["id"] for _, attributes in tags if "id" in attributes]
        assert len(ids) == len(set(ids)), path
        labelled = {attributes.get("for") for tag, attributes in tags if tag == "label"}
        for tag, attributes in tags:
            if tag in ("input", "select", "textarea") and attributes.get("type") != "hidden":
                assert attributes.get("id") in labelled, (path, attributes)
            assert "style" not in attributes and not any(name.startswith("on") for name in attributes)
    assert "too dark × 5" in text_of(ada.get("/decisions"))  # noqa: RUF001
    assert "card" in ada.get("/models/" + bench.ask("models/list")["data"]["models"][0]["name"]).text


def test_every_string_is_said_somewhere() -> None:
    sources = [path.read_text(encoding="utf-8") for path in HERE.rglob("*") if path.suffix in (".py", ".html")]
    said, section = " ".join(sources), ""
    for line in (HERE / "strings" / "en.toml").read_text(encoding="utf-8").splitlines():
        if heading := re.fullmatch(r"\[([a-z_.]+)\]", line):
            section = heading[1].split(".")[-1]
        elif key := re.match(r"([a-z_0-9]+) = ", line):
            fixed = section in ("nav", "roles", "steps", "givens", "sides") or (
                section in said and key[1] in ("title", "says")
            )
            drawn = section == "health" and f'"{key[1]}"' in said
            assert fixed or drawn or re.search(rf"\b{section}\.{key[1]}\b|\bsays\.{key[1]}\b", said), (section, key[1])


def test_people_are_searched_renamed_dated_and_grouped(hall: Hall, ada: Browser, bench: Bench) -> None:
    mae, _ = person(bench, "Mae Jemison"), person(bench, "Grace Hopper", 2)
    assert "Grace" not in text_of(ada.get("/people?find=jemi")) and "Mae" in text_of(ada.get("/people?find=jemi"))
    ada.get(f"/people/{mae}")
    mark = bench.ask("people/show", {"who": mae})["data"]["mark"]
    said = ada.follow(ada.send(f"/people/{mae}/name", name="Dr. Jemison", mark=mark))
    assert "The name is changed." in text_of(said) and "Dr. Jemison" in text_of(said)
    assert "The name is changed." not in text_of(ada.get(f"/people/{mae}")), "said once"
    ada.send(f"/people/{mae}/days", **{"from": "2026-12-01", "until": "2027-12-31"})
    ada.send(f"/people/{mae}/groups", join="staff")
    ada.send(f"/people/{mae}/secret", pin="4711")
    card = bench.ask("people/show", {"who": mae})["data"]
    assert (card["name"], card["valid_until"], card["groups"], card["pin"]) == (
        "Dr. Jemison", "2027-12-31", ["staff"], True,
    )  # fmt: skip
    ada.send(f"/people/{mae}/groups", leave="staff")
    assert bench.ask("people/show", {"who": mae})["data"]["groups"] == []
    assert ada.send(f"/people/{mae}/secret", pin="12").status_code == 409


def test_two_operators_who_change_one_person_are_told(hall: Hall, ada: Browser, bench: Bench) -> None:
    mae = person(bench, "Mae")
    eve = hall.account("eve", Role.ENROL)
    for browser in (ada, eve):
        browser.get(f"/people/{mae}")
    mark = bench.ask("people/show", {"who": mae})["data"]["mark"]
    assert ada.send(f"/people/{mae}/name", name="Mae One", mark=mark).status_code == 303
    for path, fields in ((f"/people/{mae}/name", {"name": "Mae Two"}), (f"/people/{mae}/forget", {})):
        late = eve.send(path, mark=mark, **fields)
        assert (late.status_code, "somebody else has changed this person" in text_of(late)) == (409, True)
    assert bench.ask("people/show", {"who": mae})["data"]["name"] == "Mae One"


def test_a_person_is_forgotten_with_a_receipt(hall: Hall, ada: Browser, bench: Bench) -> None:
    mae = person(bench, "Mae")
    mark = bench.ask("people/show", {"who": mae})["data"]["mark"]
    assert "destroyed" in text_of(ada.get(f"/people/{mae}/forget"))
    receipt = text_of(ada.send(f"/people/{mae}/forget", mark=mark))
    assert "Forgotten" in receipt and "Files searched" in receipt and "nothing" in receipt
    gone = ada.get(f"/people/{mae}")
    assert (gone.status_code, "nobody" in text_of(gone)) == (409, True)


def test_one_enrolled_twice_is_merged_and_data_is_handed_out(hall: Hall, ada: Browser, bench: Bench) -> None:
    mae, twice, other = person(bench, "Mae"), person(bench, "Mae J."), person(bench, "Grace", 2)
    ada.get("/people")
    unlike = ada.send(f"/people/{other}/merge", into=mae)
    assert (unlike.status_code, "do not look like one person" in text_of(unlike)) == (409, True)
    assert ada.send(f"/people/{twice}/merge", into=mae).headers["location"] == f"/people/{mae}"
    ada.get("/people")
    data = ada.send(f"/people/{mae}/data")
    assert data.headers["content-disposition"] == f'attachment; filename="{mae}.json"'
    assert len(json.loads(data.text)["templates"]) == 2


def test_scripts_in_names_are_words(hall: Hall, ada: Browser, bench: Bench) -> None:
    name = "<script>alert(1)<script> \"'&{{7*7}}"
    mae = person(bench, name)
    decided(bench, 1, "deny", "<b>no</b>", mae)
    bench.ask("access/join", {"group": "staff", "who": [mae]})
    for path in ("/people", f"/people/{mae}", "/doors/main?at=2026-11-26T12:00", "/decisions", "/audit"):
        answer = ada.get(path)
        scripts = [attributes for tag, attributes in tags_of(answer) if tag == "script"]
        assert [one["src"].partition("?")[0] for one in scripts if one["src"]] == ["/static/console.js"]
        assert name in text_of(answer) and "<b>" not in answer.text, path


def test_rights_hours_and_lockdown(hall: Hall, ada: Browser, bench: Bench) -> None:
    person(bench, "Mae")
    ada.get("/doors")
    hours = "mon-fri 08:00-18:00\r\nsat 09:00-12:00"
    assert ada.send("/doors/hours", schedule="office", hours=hours).status_code == 303
    given = ada.send("/doors/right", kind="grant", who="Mae", doors="all", schedule="office", name="mae")
    assert given.status_code == 303
    rules = bench.ask("access/show")["data"]
    assert rules["weekly"][0]["hours"] == ["mon-fri 08:00-18:00", "sat 09:00-12:00"]
    assert "mae" in {right["name"] for right in rules["grants"]}
    wrong = ada.send("/doors/right", kind="grant", who="Nobody")
    assert (wrong.status_code, "Nobody" in text_of(wrong)) == (409, True)
    assert ada.send("/doors/revoke", rule="mae").status_code == 303
    assert ada.send("/doors/hours", schedule="office", hours="").status_code == 303
    assert ada.send("/doors/lockdown", door="all").status_code == 303
    assert bench.rows("command")[-1]["what"] in ("lockdown", "door/lockdown")
    week = ada.get("/doors/main?first=2026-11-23&at=2026-11-26T12:00")
    assert "1 could open it on 2026-11-26 12:00" in text_of(week)
    assert ada.get("/doors/attic").status_code == 409


def test_who_may_only_look_sees_no_button_and_is_refused_by_the_reader(hall: Hall, ada: Browser, bench: Bench) -> None:
    mae = person(bench, "Mae")
    vera = hall.account("vera", Role.VIEW)
    page = vera.get(f"/people/{mae}")
    assert [a["action"] for tag, a in tags_of(page) if tag == "form" and a.get("method") == "post"] == ["/sign-out"]
    assert "Accounts" not in text_of(page)
    for path, fields in (
        (f"/people/{mae}/name", {"name": "X"}),
        (f"/people/{mae}/forget", {}),
        ("/doors/lockdown", {}),
        ("/doors/right", {"who": "everyone"}),
    ):
        answer = vera.send(path, **fields)
        assert answer.status_code in (403, 409) and "this takes the role" in text_of(answer), path
    assert vera.get("/accounts").status_code == 403
    assert vera.send("/accounts", name="evil", role="admin").status_code == 403
    assert GalleryStore(bench.database).find(mae).name == "Mae"


def test_decisions_are_filtered_by_the_page(hall: Hall, ada: Browser, bench: Bench) -> None:
    mae = person(bench, "Mae")
    for number in range(60):
        decided(bench, number, "grant" if number % 2 else "unknown", f"reason {number}.", mae if number % 2 else None)
    first = ada.get("/decisions")
    older = re.search(r'rel="next" href="([^"]+)"', first.text)
    assert older is not None and "reason 59." in text_of(first) and "reason 9." not in text_of(first)
    assert "reason 9." in text_of(ada.get(older[1].replace("&amp;", "&")))
    granted = text_of(ada.get("/decisions?outcome=grant&who=mae"))
    assert "reason 59." in granted and "reason 58." not in granted
    assert ada.get("/decisions?since=soon").status_code == 409
    assert ada.get("/decisions?before=" + "9" * 40).status_code == 200


def test_the_log_is_checked_and_exported(hall: Hall, ada: Browser, bench: Bench, tmp_path: Path) -> None:
    for number in range(120):
        decided(bench, number, "unknown", "nobody " * 40)
    ada.get("/audit")
    assert "hold." in text_of(ada.send("/audit/verify"))
    ada.get("/audit")
    file = ada.send("/audit/export")
    lines = [line + b"\n" for line in file.content.splitlines()]
    begun = transcript.begin(lines[0])
    report = transcript.check(begun, lines[1:], ())
    assert report.broken is None and report.last.seq >= 120
    assert hall.reader.asked.count("audit/export") > 2


def test_accounts_are_made_reset_and_removed_with_their_keys(hall: Hall, ada: Browser, bench: Bench) -> None:
    ada.get("/accounts")
    new = {"new": PASSWORD, "again": PASSWORD}
    assert ada.send("/accounts", name="eve", role="enrol", **new).status_code == 303
    for wrong in (
        {"name": "eve", "role": "enrol", **new},
        {"name": "E!", "role": "enrol", **new},
        {"name": "mae", "role": "king", **new},
        {"name": "mae", "role": "view", "new": "short", "again": "short"},
    ):
        assert ada.send("/accounts", **wrong).status_code in (400, 409), wrong
    eve = hall.browser()
    eve.sign_in("eve")
    assert eve.get("/people").status_code == 200
    before = hall.console.accounts.find("eve")
    ada.get("/accounts")
    changed = {"new": PASSWORD + "!", "again": PASSWORD + "!"}
    assert ada.send("/accounts/eve/password", **changed).status_code == 303
    after = hall.console.accounts.find("eve")
    assert before is not None and after is not None and before.key_id != after.key_id
    keys = {row["id"]: row for row in bench.ask("keys/list")["data"]["keys"]}
    assert (keys[before.key_id]["revoked"], keys[after.key_id]["revoked"]) == (True, False)
    assert eve.get("/people").status_code == 303, "signed out everywhere"
    assert eve.sign_in("eve").status_code == 401 and eve.sign_in("eve", PASSWORD + "!").status_code == 303
    ada.get("/accounts")
    assert ada.send("/accounts/eve/remove").status_code == 303
    assert {row["id"]: row["revoked"] for row in bench.ask("keys/list")["data"]["keys"]}[after.key_id]
    ada.get("/accounts")
    assert ada.send("/accounts/ada/remove").status_code == 409, "the last administrator stays"


def test_a_key_whose_account_cannot_be_kept_commands_nothing(hall: Hall, ada: Browser, bench: Bench) -> None:
    ada.get("/accounts")
    (hall.folder / "accounts.json.new").mkdir()  # where the file is to be written
    answer = ada.send("/accounts", name="eve", role="enrol", new=PASSWORD, again=PASSWORD)
    assert (answer.status_code, "cannot be written" in text_of(answer)) == (503, True)
    keys = {row["name"]: row["revoked"] for row in bench.ask("keys/list")["data"]["keys"]}
    assert keys["console eve"] is True and hall.console.accounts.find("eve") is None


def test_a_password_is_changed_and_other_browsers_are_signed_out(hall: Hall, ada: Browser) -> None:
    other = hall.browser()
    other.sign_in("ada")
    ada.get("/account")
    new = {"new": "another battery", "again": "another battery"}
    assert ada.send("/account/password", old="wrong", **new).status_code == 403
    ada.get("/account")
    assert ada.send("/account/password", old=PASSWORD, **new).headers["location"] == "/account"
    assert (ada.get("/people").status_code, other.get("/people").status_code) == (200, 303)
    assert other.sign_in("ada", "another battery").status_code == 303


def test_graphs_are_drawn_of_what_was_heard(hall: Hall, ada: Browser) -> None:
    for minute in range(3):
        hall.console.pulse.heard(
            Report(
                at=moment(f"2026-11-26T12:0{minute}:00.000Z"), state="ok", troubles=(), up_s=1.0, fps=10.0 + minute,
                took_ms_p50=None, took_ms_p95=None, frames=1, stale_frames=0, faces=0, decisions=(), model_ms=(),
                waiting=0, temperature_c=None, disk_free_mb=None, memory_mb=None, cpu_s=1.0,
            )
        )  # fmt: skip
    page = ada.get("/health")
    drawn = [attributes for tag, attributes in tags_of(page) if tag == "svg" and attributes.get("role") == "img"]
    assert any("12:00 to 12:02: 10 to 12" in str(one["aria-label"]) for one in drawn)
    assert "12.0 1/s" in text_of(page)


def test_figures_are_told_as_people_read_them() -> None:
    told = [figure(22.0, ""), figure(55262.9, "MB"), figure(None, "MB"), figure(8.14, "1/s"), figure(None, "ms")]
    assert told == ["22", "55.3 GB", NOTHING, "8.1 1/s", NOTHING]
    assert [lasted(90), lasted(5400), lasted(700_000)] == ["2 min", "1.5 h", "8 d"]


@pytest.mark.parametrize("value", [0.0, 1e-9, 1.0, 7.0])
def test_intervals_stay_in_the_picture(value: float) -> None:
    drawn = chart.interval(value, value / 2, value * 2)
    places = [float(place) for place in re.findall(r'(?:x1|x2|cx)="([-0-9.]+)"', drawn)]
    assert all(0 <= place <= chart.WIDTH for place in places)


def test_a_card_becomes_a_page_and_nothing_of_it_a_script() -> None:
    made = to_html(
        "# A <b>\n\n| a | b |\n|---|---|\n| `x` | **y** |\n\n- one\n  more\n- [two](javascript:alert(1))\n\n"
        "```\n<i>\n```\n<script>"
    )
    assert made == (
        "<h2>A &lt;b&gt;</h2>\n"
        '<div class="scroll" tabindex="0"><table><thead><tr><th>a</th><th>b</th></tr></thead>'
        "<tbody><tr><td><code>x</code></td><td><strong>y</strong></td></tr></tbody></table></div>\n"
        '<ul><li>one more</li><li>two</li></ul>\n<pre tabindex="0">&lt;i&gt;</pre>\n<p>&lt;script&gt;</p>'
    )


def test_the_log_can_be_narrowed_to_every_kind_of_row() -> None:
    assert set(KINDS) == {kind.value for kind in Kind}
