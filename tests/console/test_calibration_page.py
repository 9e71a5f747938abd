"""The bar on a page: its curves as pictures that can be read, and the dial that is set there."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import pytest
from consoles import Browser, Hall, tags_of, text_of
from test_pages import person

from commanding import Bench
from edgeface.commands import Role
from edgeface.commands.words_device import CurvePoint, Share
from edgeface.console import curves


def saved(browser: Browser, typed: str, **fields: str) -> str:
    """What the page says after the dial was sent."""
    mark = re.search(r'name="mark" value="(\w+)"', browser.get("/calibration").text)
    assert mark is not None
    answer = browser.send("/calibration", **{"false_accepts": typed, "mark": mark[1], **fields})
    return text_of(browser.follow(answer) if answer.status_code == 303 else answer)


def test_the_dial_is_set_where_its_cost_is_shown(hall: Hall, ada: Browser, bench: Bench) -> None:
    page = saved(ada, "1,000")
    assert "One stranger's visit in: 1 in 1,000. It counts from the next start." in page
    assert (bench.desk.home / "edgeface.toml").read_text() == '[decide]\nfalse_accepts = "1 in 1,000"\n'
    assert 'edgeface.toml says false_accepts = "1 in 1,000": that counts from the next start' in page
    assert "not set" in saved(ada, " ")
    assert (bench.desk.home / "edgeface.toml").read_text() == "[decide]\n"


@pytest.mark.parametrize(
    ("typed", "status", "says"),
    [
        ("1000000", 409, "1 in 1000000 cannot be promised"),
        ("5", 409, "must lie between 1 in 10"),
        ("often", 400, "must be written as in"),
        ("<b>1</b>", 400, "must be written as in"),
        ("1" * 9, 409, "must lie between"),
        ("1" * 5000, 400, "must be written as in"),
    ],
)
def test_what_is_no_dial_is_refused_and_stays_to_be_corrected(
    hall: Hall, ada: Browser, bench: Bench, typed: str, status: int, says: str
) -> None:
    ada.get("/calibration")
    answer = ada.send("/calibration", false_accepts=typed)
    assert (answer.status_code, says in text_of(answer)) == (status, True), text_of(answer)[:400]
    assert "<b>1" not in answer.text
    (shown,) = [found.get("value") for tag, found in tags_of(answer) if found.get("name") == "false_accepts"]
    assert shown == typed
    assert not (bench.desk.home / "edgeface.toml").exists()


def test_two_who_set_it_at_once_are_told(hall: Hall, ada: Browser, bench: Bench) -> None:
    page = ada.get("/calibration").text
    mark = re.search(r'name="mark" value="(\w+)"', page)
    assert mark is not None
    bench.ask("calibration/set", {"false_accepts": "1 in 100"})
    assert "somebody else has set the dial" in saved(ada, "1000", mark=mark[1])
    assert "1 in 100" in (bench.desk.home / "edgeface.toml").read_text()


def test_only_an_administrator_may(hall: Hall, ada: Browser) -> None:
    for role in (Role.VIEW, Role.OPERATE, Role.ENROL):
        browser = hall.account(role.value, role)
        assert 'name="false_accepts"' not in browser.get("/calibration").text
        assert browser.send("/calibration", false_accepts="1000").status_code == 403


def test_each_curve_is_a_picture_with_a_name_and_the_same_stands_in_a_table(
    hall: Hall, ada: Browser, bench: Bench
) -> None:
    person(bench, "Ada")
    person(bench, "Ada again")
    answer = ada.get("/calibration")
    drawn = [ElementTree.fromstring(svg) for svg in re.findall(r'<svg class="curve.*?</svg>', answer.text, re.S)]
    assert len(drawn) == 2
    for svg in drawn:
        title = svg[0]
        assert (svg.get("role"), svg.get("aria-labelledby")) == ("img", title.get("id"))
        assert "which is needed now" in str(title.text)
        kinds = [part.get("class") for part in svg]
        assert {"spread", "line", "needed", "grid"} <= set(kinds)
    assert sum(part.get("class") == "pair" for part in drawn[0]) == 1, "Ada and Ada again are too alike"
    assert "style=" not in answer.text, "the policy forbids it"
    rows = re.findall(r'<th scope="row" class="figure">(0\.\d\d)</th>', answer.text)
    assert (rows[0], rows[-1], len(rows)) == ("0.25", "0.85", 13)


def test_a_curve_lies_within_its_picture_and_its_band_around_it() -> None:
    points = tuple(
        CurvePoint(
            threshold=0.25 + 0.05 * step,
            expected=Share(value=10.0**-step, low=10.0 ** -(step + 1), high=min(1.0, 10.0 ** (1 - step))),
            missed=None,
        )
        for step in range(9)
    )
    svg = ElementTree.fromstring(str(curves.strangers(points, 0.4, (), "A <b> & so on", "one", "{:g}".format)))
    assert svg[0].text == "A <b> & so on"
    line = next(part for part in svg if part.get("class") == "line")
    places = [tuple(map(float, place.split(","))) for place in str(line.get("points")).split()]
    assert [x for x, _ in places] == sorted(x for x, _ in places)
    assert [y for _, y in places] == sorted(y for _, y in places), "rarer is lower, and never below the foot"
    assert all(curves.TOP <= y <= curves.TOP + curves.HIGH for _, y in places)
    assert places[0][1] == curves.TOP
    assert str(curves.turned_away(points, 0.4, "", "two")) == "", "what was never measured is not drawn"
