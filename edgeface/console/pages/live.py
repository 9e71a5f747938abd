"""What the camera sees now: boxes, landmarks, and the gate at which each face stands. Pictures are shown, never kept.

The page asks for the next frame again and again, with the number of the last: one that is slow misses frames and is
never behind. What is drawn comes from here as HTML; the script puts it in its place.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any

from starlette.responses import JSONResponse, Response

from edgeface.commands import Role
from edgeface.commands.words import Watch
from edgeface.console.viewer import Seen
from edgeface.console.visit import Visit, Way

MOST_FPS = 5
FIRST_WAIT_S, NEXT_WAIT_S = 2.0, 4.0
STEPS = ("found", "judged", "good", "compared", "decided")
"""How far a face comes; names under [live.steps]."""


def show(visit: Visit) -> Response:
    """The page, with what is seen now: whoever has no script asks anew."""
    images = visit.query.get("images") != "0"
    seen = _newest(visit, images, than=0, wait_s=FIRST_WAIT_S)
    return visit.page("live.html", images=images, **_facts(seen))


def following(visit: Visit) -> Response:
    """The next frame, or the same number if none comes in time."""
    images, text = visit.query.get("images") == "1", visit.query.get("after", "")
    than = int(text) if text.isascii() and text.isdecimal() and len(text) < 12 else 0
    seen = _newest(visit, images, than=than, wait_s=NEXT_WAIT_S)
    if seen is None:
        return JSONResponse({"number": than, "same": True})
    facts, look = _facts(seen), visit.console.look
    return JSONResponse(
        {
            "number": seen.number,
            "away": seen.frame is None,
            "parts": {name: look.part(f"live_{name}.html", facts) for name in ("shapes", "list", "latest")},
            "says": look.part("live_says.html", facts).strip(),
            "jpeg": None if seen.frame is None else seen.frame.get("jpeg"),
        }
    )


def picture(visit: Visit) -> Response:
    """The newest picture alone, for whoever has no script."""
    seen = _newest(visit, True, than=0, wait_s=FIRST_WAIT_S)
    data = None if seen is None or seen.frame is None else seen.frame.get("jpeg")
    if data is None:
        return Response(status_code=404)
    return Response(base64.b64decode(data), media_type="image/jpeg")


def far(face: Mapping[str, Any]) -> int:
    """The last of STEPS that a face has reached."""
    if face.get("outcome") is not None:
        return 4
    return {"followed": 0, "refused": 1, "compared": 3}.get(str(face.get("stage")), 0)


def kind(face: Mapping[str, Any]) -> str:
    """How it is coloured."""
    outcome = face.get("outcome")
    return str(outcome) if outcome is not None else str(face.get("stage"))


def _newest(visit: Visit, images: bool, *, than: int, wait_s: float) -> Seen | None:
    seed, speaker = visit.session.seed, visit.console.speaker
    who = f"{visit.cookie} {images:d}"
    ask = Watch(images=images, most_fps=MOST_FPS)
    return visit.console.viewer.newest(who, lambda: speaker.watch(seed, ask), than=than, wait_s=wait_s)


def _facts(seen: Seen | None) -> dict[str, Any]:
    frame = None if seen is None else seen.frame
    return {
        "number": 0 if seen is None else seen.number,
        "frame": frame,
        "size": (frame or {}).get("size") or (640, 480),
        "blind": frame is not None and frame.get("size") is None,
        "away": frame is None,
        "why": "" if seen is None else seen.says,
        "steps": STEPS,
        "far": far,
        "kind": kind,
    }


WAYS = (
    Way("GET", "/live", show, role=Role.OPERATE),
    Way("GET", "/live/next", following, role=Role.OPERATE, touches=False),
    Way("GET", "/live/picture", picture, role=Role.OPERATE, touches=False),
)
