"""Somebody is enrolled: before the reader's camera, by a session that the reader runs, or from pictures.

What may be enrolled is judged by the reader, by the same code as on its command line: here are forms and a ring.
"""

from __future__ import annotations

import base64
import re
from typing import Any

from starlette.responses import JSONResponse, Response

from edgeface.commands import Role, words, words_enrol
from edgeface.commands.words_enrol import GuidedEnd, GuidedId, GuidedState
from edgeface.console.look import CONSENT
from edgeface.console.ring import ring
from edgeface.console.speaker import No
from edgeface.console.visit import Visit, Way

MOST_PICTURES = 8
MOST_BYTES = 5_500_000
"""Of all pictures: in base64 they must fit into one message to the reader. A script makes large ones smaller."""
OVER = ("timed_out", "other_person")


def show(visit: Visit) -> Response:
    """Who, with whose consent, and how."""
    return _form(visit, {"name": visit.query.get("name", "")[:80], "add": visit.query.get("add", "")})


def act(visit: Visit) -> Response:
    """From pictures at once; before the camera on a page of its own."""
    form, says = visit.form, visit.words.enrol
    add, consent = bool(form.get("add")), form.get("consent_by", "").strip()[:80]
    if not form.get("name", "").strip():
        return _form(visit, form, error=says.need_name)
    if not add and not (form.get("agrees") and consent):
        return _form(visit, form, error=says.need_consent)
    told: dict[str, Any] = {"name": form["name"].strip()[:200], "add": add}
    if form.get("agrees") and consent:
        given = form.get("consent_given", "")
        known = given in {one.value for one in words.ConsentGiven}
        told |= {"consent_by": consent, "consent_given": words.ConsentGiven(given if known else "written")}
    return _from_pictures(visit, told) if form.get("how") == "pictures" else _before_camera(visit, told)


def sit(visit: Visit) -> Response:
    """The ring."""
    state = visit.expect("enrol/look", GuidedId(id=visit.path["id"]))
    return _ring(visit, state)


def following(visit: Visit) -> Response:
    """The ring as it is now."""
    state = _state(visit)
    if isinstance(state, No):
        lost = state.code is None
        return JSONResponse({"stage": "lost" if lost else "gone", "says": visit.words.enrol.ring.lost if lost else ""})
    facts = _facts(visit, state)
    return JSONResponse(
        {
            "stage": state.stage,
            "says": state.hint,
            "ring": visit.console.look.part("ring.html", facts),
            "acts": visit.console.look.part("ring_acts.html", facts),
        }
    )


def changed(visit: Visit) -> Response:
    """The glasses are off, or on."""
    visit.expect("enrol/changed", GuidedId(id=visit.path["id"]))
    return visit.go(f"/enrol/camera/{visit.path['id']}")


def abandon(visit: Visit) -> Response:
    """Give up; an enrolment that is over is given up already."""
    answer = visit.ask("enrol/abandon", GuidedId(id=visit.path["id"]))
    return visit.go("/enrol", None if isinstance(answer, No) else visit.words.enrol.ring.gave_up)


def finish(visit: Visit) -> Response:
    """Store it, or say why not and how to go on."""
    ask = GuidedEnd(id=visit.path["id"], allow_duplicate=bool(visit.form.get("allow_duplicate")))
    answer = visit.ask("enrol/finish", ask)
    if not isinstance(answer, No):
        return _done(visit, answer, [])
    state = visit.expect("enrol/look", GuidedId(id=visit.path["id"]))
    return _ring(visit, state, refused=answer.says, status=409)


def _from_pictures(visit: Visit, told: dict[str, Any]) -> Response:
    says, files = visit.words.enrol, [file for file in visit.files if file.field == "pictures" and file.data]
    if not 1 <= len(files) <= MOST_PICTURES:
        return _form(visit, visit.form, error=says.need_pictures.format(most=MOST_PICTURES))
    told["pictures"] = tuple(base64.b64encode(file.data).decode() for file in files)
    told["allow_duplicate"] = bool(visit.form.get("allow_duplicate"))
    answer = visit.ask("people/enrol", words.Enrol(**told))
    if isinstance(answer, No):
        error = _named(_here(visit, answer.says), [file.filename for file in files])
        return _form(visit, visit.form, error=error, refused=True, status=409)
    return _done(visit, answer, [file.filename for file in files])


def _before_camera(visit: Visit, told: dict[str, Any]) -> Response:
    glasses, instead = (bool(visit.form.get(key)) for key in ("glasses", "instead"))
    answer = visit.ask("enrol/begin", words_enrol.GuidedWish(**told, glasses=glasses, instead=instead))
    if isinstance(answer, No):
        return _form(visit, visit.form, error=_here(visit, answer.says), busy=True, status=409)
    return visit.go(f"/enrol/camera/{answer.id}")


def _state(visit: Visit) -> GuidedState | No:
    found: GuidedState | No = visit.ask("enrol/look", GuidedId(id=visit.path["id"]))
    return found


def _form(visit: Visit, form: Any, *, error: str | None = None, status: int = 400, **more: bool) -> Response:
    facts = {"refused": False, "busy": False, **more}
    return visit.page(
        "enrol.html",
        status=200 if error is None else status,
        form=dict(form),
        error=error,
        consent=_flowing(CONSENT.read_text(encoding="utf-8")),
        most=MOST_PICTURES,
        givens=[one.value for one in words.ConsentGiven],
        **facts,
    )


def _flowing(text: str) -> str:
    """Without the ends of lines that were only made to fit a terminal."""
    return re.sub(r"(?<=\S)\n(?=[^\n-])", " ", text.strip())


def _ring(visit: Visit, state: GuidedState, *, refused: str | None = None, status: int = 200) -> Response:
    return visit.page("sit.html", status=status, error=refused, **_facts(visit, state, refused=refused is not None))


def _facts(visit: Visit, state: GuidedState, *, refused: bool = False) -> dict[str, Any]:
    says = visit.words.enrol
    sides = ", ".join(f"{getattr(says.sides, side.name)} {100 * side.share:.0f} %" for side in state.sides)
    drawn = ring(state, says.ring.see.format(sides=sides))
    return {"state": state, "ring": drawn, "over": state.stage in OVER, "refused": refused, "csrf": visit.session.csrf}


def _here(visit: Visit, says: str) -> str:
    """A refusal that tells what to do on a command line, as it is done on this page."""
    return says.replace("use --add", visit.words.enrol.use_add)


def _named(says: str, names: list[str]) -> str:
    """A refusal with the names of the pictures where the reader has their places: "...: 0: it is empty; 1: ..."."""

    def named(found: re.Match[str]) -> str:
        place = int(found[2])
        return f"{found[1]}{names[place] if place < len(names) else place}: "

    return re.sub(r"(: |; )([0-7]): ", named, says)


def _done(visit: Visit, answer: words.Enrolled, names: list[str]) -> Response:
    card = visit.ask("people/show", words.Who(who=answer.id))
    name = answer.id if isinstance(card, No) else card.name
    refused = []
    for told in answer.refused:
        place, _, why = told.partition(": ")
        known = place.isdecimal() and int(place) < len(names)
        refused.append((names[int(place)] if known else place, why))
    return visit.page("enrolled.html", answer=answer, name=name, refused=refused)


_ID = "/enrol/camera/{id:str}"
WAYS = (
    Way("GET", "/enrol", show, role=Role.ENROL),
    Way("POST", "/enrol", act, role=Role.ENROL, most_bytes=MOST_BYTES, most_files=MOST_PICTURES),
    Way("GET", _ID, sit, role=Role.ENROL),
    Way("GET", _ID + "/state", following, role=Role.ENROL, touches=False),
    Way("POST", _ID + "/changed", changed, role=Role.ENROL),
    Way("POST", _ID + "/abandon", abandon, role=Role.ENROL),
    Way("POST", _ID + "/finish", finish, role=Role.ENROL),
)
