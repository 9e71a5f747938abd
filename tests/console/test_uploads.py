"""Pictures that people and machines send: large ones are taken, all that is none is refused by its name."""

from __future__ import annotations

import asyncio
import base64
import io
import zipfile
import zlib
from pathlib import Path
from typing import Any

import httpx2
import numpy as np
import pytest
from consoles import Browser, Hall, text_of
from starlette.requests import Request
from starlette.responses import Response
from test_rest import sent, told

from commanding import Bench
from edgeface.commands import Role
from edgeface.console import rest
from edgeface.frame import Pixels
from edgeface.image import encode_png, resize
from edgeface.store.gallery import GalleryStore
from edgeface.wire import MOST_BYTES
from odd_pictures import chunk, jpeg, png

ORIGIN = {"origin": "https://localhost:8443"}
WISH = {"name": "Eileen", "consent_by": "Front desk"}


def text(picture: bytes) -> str:
    return base64.b64encode(picture).decode()


def people(bench: Bench) -> list[str]:
    return [person.name for person in GalleryStore(bench.database).people()]


def zipped() -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("../../face.jpg", bytes(1_000_000))
    return made.getvalue()


def odd() -> dict[str, tuple[bytes, str]]:
    """What is no picture that may be read, and how the refusal says so."""
    rows = 20 * (1 + 20 * 3)
    return {
        "zip": (zipped(), "neither a JPEG nor a PNG"),
        "script": (b"<script>alert(1)</script>", "neither a JPEG nor a PNG"),
        "svg": (b'<svg xmlns="http://www.w3.org/2000/svg"/>', "neither a JPEG nor a PNG"),
        "gif": (b"GIF89a" + bytes(40), "GIF is not read here"),
        "nothing": (b"", "it is empty"),
        "20,000 x 20,000 in a few bytes": (png(20_000, 20_000, rows=bytes(10**7)), "is more than 40 million"),
        "rows that swell": (png(20, 20, rows=bytes(50_000_000)), "no face"),
        "a comment that swells": (
            png(20, 20, between=chunk(b"zTXt", b"a\0\0" + zlib.compress(bytes(50_000_000))), rows=bytes(rows)),
            "face",
        ),
        "half a picture": (jpeg()[:400], "stops before its end"),
        "see-through": (png(20, 20, colour=6), "transparen"),
        "no face": (png(320, 320), "face"),
    }


@pytest.fixture
def large(astronaut: Pixels) -> bytes:
    """A picture of half a megabyte, as telephones send them."""
    noise = np.random.default_rng(1).integers(-6, 7, (460, 406, 3))
    made = encode_png(np.clip(resize(astronaut, 406, 460).astype(int) + noise, 0, 255).astype(np.uint8))
    assert len(made) > 5 * MOST_BYTES
    return made


def test_machines_send_pictures_larger_than_mqtt_takes(hall: Hall, ada: Browser, bench: Bench, large: bytes) -> None:
    answer = told(ada, "people/enrol", {**WISH, "pictures": [text(large)]})
    assert (answer.status_code, answer.json().get("templates")) == (200, 1), answer.text
    key = bench.keys[Role.ENROL]
    command = key.make("people/enrol", {"name": "Eileen", "add": True, "pictures": [text(large)]})
    signed = sent(hall.browser(), key.sign(command), "people/enrol")
    assert signed.json()["code"] in ("done", "late"), "its clock is another: what counts is that it was read"
    assert bench.clerk.answer(key.sign(command), "people/enrol").find("longer than 65536") > 0, "over MQTT it is not"
    assert people(bench) == ["Eileen"]


def test_only_pictures_may_be_large_and_they_have_an_end(hall: Hall, ada: Browser, bench: Bench) -> None:
    for verb, size in (("people/list", MOST_BYTES), ("people/enrol", rest.MOST_WITH_PICTURES)):
        for answer in (told(ada, verb, {"odd": "x" * size}), sent(ada, b"x" * (size + 1), verb)):
            assert (answer.status_code, answer.json()["code"]) == (413, "too_large"), verb
    assert people(bench) == []


def test_two_large_ones_are_taken_at_a_time(hall: Hall, ada: Browser, bench: Bench, large: bytes) -> None:
    for _ in range(2):
        assert hall.console.large.acquire(blocking=False)
    told_large = {**WISH, "pictures": [text(large)]}
    for answer in (told(ada, "people/enrol", told_large), sent(ada, b"x" * 10**6, "people/enrol")):
        assert (answer.status_code, answer.json()["code"]) == (503, "busy")
    small = told(ada, "people/enrol", {**WISH, "pictures": [text(jpeg())]})
    assert (small.status_code, "face" in small.json()["error"]) == (409, True), "small ones do not wait for them"
    hall.console.large.release()
    assert told(ada, "people/enrol", told_large).status_code == 200
    assert told(ada, "people/enrol", {**told_large, "name": "Again"}).json()["code"] == "refused", "it was given back"


def test_a_command_that_never_ends_is_given_up(hall: Hall, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rest, "WITHIN_S", 0.01)
    headers = [(b"content-type", b"application/json"), (b"content-length", b"3")]

    async def silent() -> Any:
        await asyncio.sleep(60)

    answer = asyncio.run(rest._read(Request({"type": "http", "headers": headers}, silent), 10))
    assert isinstance(answer, Response) and (answer.status_code, b"too_slow" in answer.body) == (408, True)


@pytest.mark.parametrize("kind", odd())
def test_what_is_no_picture_is_refused_by_its_name(hall: Hall, ada: Browser, bench: Bench, kind: str) -> None:
    picture, says = odd()[kind]
    answer = told(ada, "people/enrol", {**WISH, "pictures": [text(picture)]})
    assert (answer.status_code, answer.json()["code"]) == (409, "refused")
    assert says in answer.json()["error"]
    page = upload(ada, ("../../etc/<b>passwd</b>.jpg", picture))
    if kind == "nothing":
        assert (page.status_code, "Choose 1 to 8" in text_of(page)) == (400, True)
        return
    assert page.status_code == 409
    assert f"../../etc/<b>passwd</b>.jpg: {answer.json()['error'].partition('0: ')[2]}" in text_of(page)
    assert "<b>" not in page.text and people(bench) == []


def test_what_is_no_base64_is_refused_by_its_name(hall: Hall, ada: Browser) -> None:
    answer = told(ada, "people/enrol", {**WISH, "pictures": ["../../etc/passwd", "\u00e9"]})
    assert (answer.status_code, answer.json()["error"].count("no base64")) == (409, 2)


def upload(browser: Browser, *named: tuple[str, bytes]) -> httpx2.Response:
    browser.get("/enrol")
    fields = {"csrf": browser.token(), **WISH, "agrees": "1", "consent_given": "on_screen", "how": "pictures"}
    files = [("pictures", (name, data, "image/jpeg")) for name, data in named]
    answer: httpx2.Response = browser.client.post("/enrol", data=fields, files=files, headers=ORIGIN)
    return answer


def test_names_of_files_lead_nowhere(hall: Hall, ada: Browser, bench: Bench, large: bytes, tmp_path: Path) -> None:
    def everything() -> set[Path]:
        return {path for path in tmp_path.rglob("*") if path.is_file()}

    before = everything()
    names = (
        "../../../tmp/evil.png",
        "/etc/passwd",
        "C:evil.png",
        "%2e%2e%2fevil.png",
        "a" * 3000,
        "<script>x</script>",
    )
    page = upload(ada, ("face.png", large), *[(name, b"no picture") for name in names])
    assert page.status_code == 200 and people(bench) == ["Eileen"]
    assert [name for name in names if name not in text_of(page)] == [], "shown as they were told"
    assert "<script>x" not in page.text
    assert {path.name for path in everything() - before} <= {"gallery.db-wal", "gallery.db-shm"}


def test_pictures_of_whom_may_not_send_them_are_not_even_looked_at(
    hall: Hall, ada: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    vera, stranger = hall.account("vera", Role.VIEW), hall.browser()

    def never(*_: Any, **__: Any) -> Any:
        raise AssertionError("the form was read")

    monkeypatch.setattr("starlette.requests.Request.form", never)
    body = {"content": b"--x\r\n" + b"y" * 3_000_000, "headers": {"content-type": "multipart/form-data; boundary=x"}}
    assert stranger.client.post("/enrol", **body).headers["location"].startswith("/sign-in")
    assert vera.client.post("/enrol", **body).status_code == 403
    assert stranger.client.post("/enrol", **{**body, "content": b"x" * 6_000_000}).status_code == 413
