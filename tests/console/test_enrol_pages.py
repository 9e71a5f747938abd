"""Enrolling in the browser: the same rules as everywhere, from pictures and before the camera."""

from __future__ import annotations

from typing import Any

import httpx2
import pytest
from consoles import Browser, Hall, text_of

from commanding import Bench
from edgeface.commands import Role
from edgeface.frame import Frame, Pixels
from edgeface.image import encode_jpeg
from edgeface.service.loop import Step
from edgeface.store.gallery import GalleryStore
from heads import head
from portraits import shot
from tools.attacks.motion import Moment

WISH = {"name": "Eileen", "agrees": "1", "consent_by": "Front desk", "consent_given": "on_screen"}


def send(browser: Browser, *pictures: bytes, **more: str) -> httpx2.Response:
    """The form with files."""
    browser.get("/enrol")
    fields = {"csrf": browser.token(), **WISH, "how": "pictures", **more}
    files = [("pictures", (f"face {number}.jpg", data, "image/jpeg")) for number, data in enumerate(pictures)]
    headers = {"origin": "https://localhost:8443"}
    browser.last = browser.client.post("/enrol", data=fields, files=files, headers=headers)
    return browser.last


def people(bench: Bench) -> list[str]:
    return [person.name for person in GalleryStore(bench.database).people()]


@pytest.fixture
def portrait(astronaut: Pixels) -> bytes:
    return encode_jpeg(astronaut)


def test_pictures_enrol_a_person_and_each_that_does_not_is_named(
    hall: Hall, ada: Browser, bench: Bench, portrait: bytes
) -> None:
    text = text_of(send(ada, portrait, b"no picture"))
    assert "Eileen is enrolled with 1 templates" in text and "face 1.jpg" in text
    assert people(bench) == ["Eileen"]


def test_a_face_that_is_known_is_refused_until_it_is_allowed(
    hall: Hall, ada: Browser, bench: Bench, portrait: bytes
) -> None:
    send(ada, portrait)
    again = send(ada, portrait, name="Another")
    assert again.status_code == 409 and "already enrolled as Eileen" in text_of(again)
    assert 'name="allow_duplicate"' in again.text and 'value="Another"' in again.text
    allowed = send(ada, portrait, name="Another", allow_duplicate="1")
    assert "looks like Eileen" in text_of(allowed) and people(bench) == ["Another", "Eileen"]


def test_a_name_that_is_taken_is_told_in_the_words_of_the_page(hall: Hall, ada: Browser, portrait: bytes) -> None:
    send(ada, portrait)
    again = send(ada, portrait)
    assert again.status_code == 409 and "--add" not in text_of(again)
    assert 'tick "More pictures of somebody who is enrolled already"' in text_of(again)
    assert "More pictures of somebody who is enrolled already" in text_of(ada.get("/enrol")), "there is such a box"


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"name": " "}, "name is needed"),
        ({"agrees": ""}, "without consent"),
        ({"consent_by": ""}, "without consent"),
    ],
)
def test_nobody_is_enrolled_without_name_and_consent(
    hall: Hall, ada: Browser, bench: Bench, portrait: bytes, changed: dict[str, str], says: str
) -> None:
    answer = send(ada, portrait, **changed)
    assert (answer.status_code, says in text_of(answer)) == (400, True)
    assert people(bench) == []


def test_no_pictures_or_too_large_ones(hall: Hall, ada: Browser, bench: Bench) -> None:
    assert "Choose 1 to 8" in text_of(send(ada))
    assert send(ada, b"x" * 6_000_000).status_code == 413
    assert people(bench) == []


def turning(hall: Hall, bench: Bench, face: Pixels) -> None:
    """Somebody before the camera looks ahead, to the left and to the right."""

    def at_second(seconds: float) -> Moment:
        yaw = (0, -40, 40)[min(int(2 * seconds), 2)]
        return Moment(head_deg=(yaw + 10 * (seconds % 0.5), 0), shift=(0.02 * seconds, 0.0))

    for frame in head(face, at_second, 1.5):
        show(bench, frame)


def show(bench: Bench, frame: Frame) -> None:
    assert bench.desk.guide is not None
    bench.desk.guide.take(Step(frame=frame, sightings=(), decisions=(), stale=False, took_ms=1.0))


def test_before_the_camera_a_ring_fills_and_then_it_is_stored(
    hall: Hall, ada: Browser, bench: Bench, astronaut: Pixels
) -> None:
    ada.get("/enrol")
    began = ada.send("/enrol", **WISH, how="camera")
    where = began.headers["location"]
    page = ada.follow(began)
    assert "waiting for the camera" in text_of(page) and "0 % seen" in text_of(page)
    turning(hall, bench, astronaut)
    state: Any = ada.get(f"{where}/state").json()
    assert (state["stage"], state["says"]) == ("done", "thank you, that is all")
    assert "100 % seen" in state["ring"] and "/finish" in state["acts"]
    ada.get(where)
    done = ada.send(f"{where}/finish")
    assert "Eileen is enrolled with 3 templates" in text_of(done)
    assert people(bench) == ["Eileen"]
    assert ada.get(f"{where}/state").json()["stage"] == "gone"


def test_what_was_seen_is_forgotten_when_it_is_given_up(
    hall: Hall, ada: Browser, bench: Bench, astronaut: Pixels
) -> None:
    ada.get("/enrol")
    where = ada.send("/enrol", **WISH, how="camera").headers["location"]
    ada.get("/enrol")
    busy = ada.send("/enrol", **WISH, how="camera")
    assert busy.status_code == 409 and 'name="instead"' in busy.text
    ada.get(where)
    ada.send(f"{where}/abandon")
    assert "forgotten" in text_of(ada.get("/enrol"))
    assert ada.get(where).status_code == 409 and people(bench) == []


def test_whoever_only_looks_enrols_nobody(hall: Hall, ada: Browser, bench: Bench, portrait: bytes) -> None:
    grace = hall.account("grace", Role.OPERATE)
    assert grace.get("/enrol").status_code == 403
    assert "/enrol" not in grace.get("/people").text and 'href="/enrol"' in ada.get("/people").text


def test_the_reader_gone_while_somebody_sits(hall: Hall, ada: Browser, bench: Bench, astronaut: Pixels) -> None:
    ada.get("/enrol")
    where = ada.send("/enrol", **WISH, how="camera").headers["location"]
    hall.reader.gone = True
    assert ada.get(f"{where}/state").json()["stage"] == "lost"
    hall.reader.gone = False
    show(bench, next(iter(head(shot(astronaut, 0), lambda _: Moment(), 0.1))))
    assert ada.get(f"{where}/state").json()["stage"] != "lost"
