"""The live view: what is seen of whom, by whom, and that nothing of it stays."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator, Mapping
from typing import Any

import httpx2
import pytest
from consoles import Browser, Hall, tags_of, text_of

from edgeface.commands import Role
from edgeface.console import viewer
from edgeface.console.viewer import Viewer
from edgeface.errors import ReaderError

JPEG = b"\xff\xd8 a picture \xff\xd9"
FACE: dict[str, Any] = {
    "box": [100, 80, 90, 110], "landmarks": [[120, 110], [160, 110], [140, 130], [125, 150], [155, 150]],
    "quality": 71.0, "stage": "refused", "passed": None, "liveness": 0.91, "track": 3,
    "refusal": {"why": "too_dark", "measure": "brightness", "value": 31.5, "limit": 40.0, "advice": "more light"},
    "outcome": None, "person_id": None, "name": None, "score": None,
}  # fmt: skip
KNOWN = {
    **FACE, "stage": "compared", "refusal": None, "outcome": "grant", "person_id": "p_0000000000000001",
    "name": "<b>Ada</b>", "score": 0.7134,
}  # fmt: skip


def frame(*faces: Mapping[str, Any]) -> dict[str, Any]:
    at, jpeg = "2026-11-26T12:00:00Z", b64encode(JPEG).decode()
    return {"kind": "frame", "at": at, "size": [640, 480], "faces": faces, "jpeg": jpeg, "decision": None}


def page_that_says(browser: Browser, text: str, path: str = "/live") -> httpx2.Response:
    """The page once it does: frames come when they come."""
    while text not in text_of(page := browser.get(path)):
        assert page.status_code == 200
    return page


def next_frame(browser: Browser, images: int = 1) -> Any:
    """The next one that is shown."""
    after = 0
    while (shown := browser.get(f"/live/next?images={images}&after={after}").json()).get("away", True):
        after = shown["number"]
    return shown


def test_each_face_is_drawn_with_the_gate_at_which_it_stands(hall: Hall, ada: Browser) -> None:
    hall.reader.frames = (frame(FACE, KNOWN),)
    page = page_that_says(ada, "2 faces in view")
    text = text_of(page)
    for said in ("2 faces in view", "too dark", "brightness 31.50, needed 40.00", "more light", "<b>Ada</b>", "0.713"):
        assert said in text
    assert "<b>Ada" not in page.text, "a name is text"
    drawn = [tag for tag, _ in tags_of(page)]
    assert drawn.count("circle") >= 10 and page.headers["cache-control"] == "no-store"
    assert ("li", {"class": "stuck"}) in tags_of(page)


def test_the_next_frame_comes_as_parts_and_a_picture_only_if_it_is_asked_for(hall: Hall, ada: Browser) -> None:
    hall.reader.frames = (frame(FACE),)
    shown = next_frame(ada)
    assert shown["jpeg"] == b64encode(JPEG).decode()
    assert "too dark" in shown["parts"]["list"] and shown["says"] == "One face in view"
    assert next_frame(ada, images=0)["jpeg"] is None
    assert ada.last is not None and ada.last.headers["cache-control"] == "no-store"
    while (alone := ada.get("/live/picture")).status_code == 404:
        pass
    assert (alone.content, alone.headers["cache-control"]) == (JPEG, "no-store")


@pytest.mark.parametrize("role", [Role.VIEW, Role.ENROL])
def test_who_does_not_operate_sees_nothing(hall: Hall, ada: Browser, role: Role) -> None:
    hall.reader.frames = (frame(FACE),)
    grace = hall.account("grace", role)
    for path in ("/live", "/live/next?images=1&after=0", "/live/picture"):
        assert grace.get(path).status_code == 403
    assert hall.browser().get("/live/picture").status_code == 303
    assert "live/watch" not in hall.reader.asked


def test_a_reader_that_is_away_is_said_and_found_again(hall: Hall, ada: Browser) -> None:
    hall.reader.gone = True
    page_that_says(ada, "The reader does not answer")
    while not (away := ada.get("/live/next?images=1&after=0").json()).get("away"):
        pass
    assert (away["away"], away["jpeg"]) == (True, None)
    hall.reader.gone, hall.reader.frames = False, (frame(),)
    assert next_frame(ada)["says"] == "Nobody in view"


def test_a_camera_without_a_picture_is_said(hall: Hall, ada: Browser) -> None:
    hall.reader.frames = ({**frame(), "size": None, "jpeg": None},)
    page_that_says(ada, "The camera gives no picture")


def test_a_page_that_asks_by_itself_keeps_nobody_signed_in(hall: Hall, ada: Browser) -> None:
    hall.reader.frames = (frame(),)
    ada.get("/people")
    for _ in range(3):
        hall.seconds += 400
        last = ada.get("/live/next?images=0&after=0")
    assert last.status_code == 303


def test_only_the_newest_is_shown_and_the_link_ends_once_nobody_looks() -> None:
    clock, closed = [0.0], []

    def link() -> Iterator[Mapping[str, Any]]:
        try:
            for number in range(10_000):
                yield {"number": number}
                if number > 50:
                    clock[0] += viewer.LEFT_S
        finally:
            closed.append(True)

    looking = Viewer(lambda: clock[0])
    first = looking.newest("ada", link, than=0, wait_s=60.0)
    assert first is not None
    while (seen := looking.newest("ada", link, than=first.number, wait_s=60.0)) is not None and seen.frame is not None:
        assert seen.number > first.number
        first = seen
        if closed:
            break
    assert closed != []


def test_a_reader_that_refuses_says_why() -> None:
    def link() -> Iterator[Mapping[str, Any]]:
        raise ReaderError("as many watch as may")
        yield {}

    seen = Viewer(lambda: 0.0).newest("ada", link, than=0, wait_s=60.0)
    assert seen is not None and (seen.frame, seen.says) == (None, "as many watch as may")
