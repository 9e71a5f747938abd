"""The language: what it says, and what it refuses to say."""

from __future__ import annotations

import pytest
from rulebook import ADA, BOB, TEXT

from edgeface.access import Rules, default_text, findings, hash_pin
from edgeface.config import parse
from edgeface.errors import ConfigError


def test_the_whole_language_is_read() -> None:
    rules = parse(TEXT, Rules)
    assert rules.groups["staff"].members == (ADA, BOB)
    assert [right.name for right in rules.grants] == ["staff-hours", "", "always-lab"]
    assert rules.schedules["office"].hours == ("mon-fri 08:00-18:00", "sat 09:00-13:00")


def test_without_a_file_everybody_may_pass_this_door() -> None:
    rules = parse(default_text("front"), Rules)
    assert list(rules.doors) == ["front"]
    assert rules.includes(rules.grants[0].who, ADA)
    assert findings(rules, [ADA], None) == ()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[[grants]]\nwhoo = ['everyone']", "grants[0].whoo: unknown; did you mean grants[0].who?"),
        ("[doors.main]\ndirecton = 'in'", "doors.main.directon: unknown; did you mean doors.main.direction?"),
        ("[[grants]]\nwho = ['everyone']\ndoors = ['x']", "grants[0].doors: there is no [doors.x]"),
        ("[doors.a]\n[[grants]]\nwho = ['x']\ndoors = ['a']", "grants[0].who: 'x' is no group"),
        ("[doors.a]\n[[denies]]\nwho = ['everyone']\ndoors = ['a']\nschedule = 's'", "no [schedules.s]"),
        ("[[grants]]\ndoors = ['all']", "grants[0].who must name"),
        ("[[grants]]\nwho = ['everyone']", "grants[0].doors must name"),
        ("[[grants]]\nwho = ['everyone']\ndoors = ['all']\nvalid_from = '2026-01-01'", "valid_from: must be a day"),
        ("[schedules.s]\nhours = ['mon 8-18']", "schedules.s.hours 'mon 8-18' are not of the form"),
        ("[schedules.s]\nhours = ['foo 08:00-18:00']", "is no day"),
        ("[schedules.s]\nhours = ['mon 08:00-24:01']", "there is no time 24:01"),
        ("[schedules.s]\nhours = ['mon 08:00-08:00']", "begin and end at once"),
        ("[site]\ntime_zone = 'Europe/Wien'", "site.time_zone 'Europe/Wien' is unknown"),
        ("[site]\ntime_zone = '../etc/passwd'", "is unknown"),
        ("[holidays]\nyearly = ['02-30']", "no day of the year"),
        ("[doors.all]", "a name is 1 to 64"),
        ("[people.ada]", "people stand under their ids"),
        (f"[people.{ADA}]\npin = '8642'", "pin is no verifier"),
        (f"[people.{ADA}]\nvalid_from = 2026-02-01\nvalid_until = 2026-01-01", "must not be after"),
        (f"[people.{ADA}]\ncards = ['{'0' * 64}']", "card_salt is missing"),
        ("[groups.g]\nmembers = ['Ada']", "no person's id"),
        ("[doors.a]\ndirection = 'in'", "only there"),
        ("[doors.a]\narea = 'x'\ndirection = 'in'", "there is no [areas.x]"),
        ("[doors.a]\nface_alone = 'x'", "has no effect"),
        ("[doors]\na = 1", "doors.a: must be a table"),
        ("doors = 1", "doors: must be tables"),
        ("[lockdown]\nmay_pass = ['everyone']", "lockdown.may_pass"),
        ("[rate_limit]\npause_s = 0.0", "rate_limit."),
    ],
)
def test_a_mistake_is_named_with_its_place(text: str, said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse(text, Rules)
    assert said in str(caught.value)
    assert "8642" not in str(caught.value)


def test_two_rules_of_one_name() -> None:
    right = "[[grants]]\nname = 'x'\nwho = ['everyone']\ndoors = ['all']\n"
    with pytest.raises(ConfigError, match="two rules have the name 'x'"):
        parse(right * 2, Rules)


def test_what_is_hardly_meant_is_found() -> None:
    text = f"""
    [people.{ADA}]
    pin = "{hash_pin("1234", bytes(16))}"
    [groups.none]
    [doors.main]
    interlock = "lock"
    [doors.shut]
    [areas.lab]
    [schedules.never]
    [[grants]]
    who = ["none"]
    doors = ["main"]
    valid_until = 2020-01-01
    [[grants]]
    who = ["{ADA}"]
    doors = ["main"]
    [[denies]]
    who = ["everyone"]
    doors = ["main"]
    """
    from datetime import date

    found = {finding.path: [] for finding in findings(parse(text, Rules), [], date(2026, 1, 1))}
    for finding in findings(parse(text, Rules), [], date(2026, 1, 1)):
        found[finding.path].append(finding.said)
    assert any("expired" in said for said in found["grants[0]"])
    assert any("nobody" in said for said in found["grants[0]"])
    assert found["grants[1]"] == ["never applies: denies[0] denies all of it"]
    assert "no other door" in found["doors.main.interlock"][0]
    assert "opens for no one" in found["doors.shut"][0]
    assert len(found["schedules.never"]) == 2
    assert "in and out" in found["areas.lab"][0]
    assert "no door asks for a PIN" in found[f"people.{ADA}.pin"][0]
    assert "is not enrolled" in found[f"people.{ADA}"][0]
    assert "is not enrolled" in found["grants[1].who"][0]
