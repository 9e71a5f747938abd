"""What happens in the demo, told with two public-domain portraits, a folder of pictures, or a real camera."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Protocol

import matplotlib.cbook
import numpy as np
import skimage.data

from edgeface import image
from edgeface.adapters.camera import CameraOptions, picture_paths
from edgeface.adapters.clock import SystemClock
from edgeface.decide import Decision, Outcome
from edgeface.errors import PictureError
from edgeface.frame import Pixels
from edgeface.service.loop import Step
from edgeface.service.source import open_source
from tools.demo.film import Actor, Film, Scene, render
from tools.demo.held import phone, sheet
from tools.demo.show import Show, measured, say

KNOWN = "Eileen Collins, enrolled, walks up"
STRANGER = "Grace Hopper, a stranger, walks up"
IN_PERSON = "Living faces only: Eileen Collins walks up"
PHONE = "Living faces only: somebody holds up a phone with her picture"
PRINT = "Living faces only: somebody holds up a print of it"


class Account(Protocol):
    """What a show has told so far."""

    @property
    def told(self) -> list[tuple[str, Decision]]:
        """Each decision, with the title of its scene."""

    @property
    def live_floor(self) -> float | None:
        """The liveness score that a door wants which lets in living faces only; None without a model."""


def portrait_story(show: Show) -> None:
    """Eileen Collins is enrolled, Grace Hopper is not; then she is."""
    collins, hopper = portraits()
    say("Faces: Eileen Collins (NASA) and Grace Hopper (US Navy), public domain, out of scikit-image and matplotlib.")
    say("Real: faces, models, gallery, journal, broker. Simulated: the camera, which films the portraits as if they")
    say("stood there, and the phone and the print that somebody holds up.\n")
    show.enrol("Eileen Collins", _posed(collins))
    show.watch(_film(show, _first_act(collins, hopper)))
    explain_hopper(show)

    say('\nNow only a living face opens the door: [liveness] requires "picture".')
    show.watch(_film(show, _liveness_act(collins)), living=True)
    sum_up(show)

    show.begin_scene("The broker is down; Eileen Collins walks up: decided and stored all the same")
    show.broker.stop()
    show.watch(Film((_quiet(Actor(portrait=collins)),), SystemClock().now, lambda scene: None))
    say("  ... and back up: what was decided meanwhile goes out as history, never as an open")
    show.restart_broker()

    say("\nNow Grace Hopper is enrolled as well.")
    show.enrol("Grace Hopper", _posed(hopper))
    show.watch(_film(show, _last_act(collins, hopper)))


def folder_story(show: Show, folder: Path) -> None:
    """Every other person of a folder is enrolled by the first picture; everybody walks up with the others."""
    people = {sub.name: _read(picture_paths(sub)) for sub in sorted(folder.iterdir()) if sub.is_dir()}
    people = {name: pictures for name, pictures in people.items() if len(pictures) >= 2}
    if not people:
        sys.exit(f"demo: {folder} needs one subfolder for each person, with at least two JPEG or PNG pictures in each")
    enrolled = [name for name in list(people)[::2] if show.enrol(name, people[name][:1])]
    scenes = tuple(
        Scene(
            title=f"{name} ({'enrolled' if name in enrolled else 'a stranger'}) walks up",
            actors=(Actor(portrait=shot),),
        )
        for name, pictures in people.items()
        for shot in pictures[1:3]
    )
    show.watch(_film(show, scenes))


def camera_story(show: Show, source: str) -> None:
    """Whoever stands before the camera is enrolled from three good shots, then recognised."""
    options = CameraOptions(real_time=True)
    camera = open_source(
        source, SystemClock(), options, on_bad_picture=lambda path, error: say(f"skipped {path}: {error}")
    )
    say("Look into the camera ...")
    shots: list[Pixels] = []
    started = time.monotonic()
    for frame in camera.frames():
        if show.usable(frame.pixels):
            shots.append(frame.pixels)
        if len(shots) == 3 or time.monotonic() - started > 30:
            break
    camera.close()
    if not shots or not show.enrol("You", shots):
        sys.exit("demo: no good picture of a single face within 30 seconds: more light, nearer, one person only")
    show.begin_scene("Now walk up to the camera (30 seconds, Ctrl-C ends)")
    ends = time.monotonic() + 30

    def enough(step: Step) -> bool:
        granted = any(recorded.decision.outcome is Outcome.GRANT for recorded in step.decisions)
        return granted or time.monotonic() > ends

    show.watch(open_source(source, SystemClock(), options, on_bad_picture=lambda path, error: None), enough)


def _film(show: Show, scenes: tuple[Scene, ...]) -> Film:
    return Film(scenes, SystemClock().now, lambda scene: show.begin_scene(scene.title))


def _quiet(actor: Actor) -> Scene:
    return Scene(title="", actors=(actor,))


def _first_act(collins: Pixels, hopper: Pixels) -> tuple[Scene, ...]:
    return (
        Scene(title=KNOWN, actors=(Actor(portrait=collins, height=(0.55, 0.95)),)),
        Scene(title=STRANGER, actors=(Actor(portrait=hopper, height=(0.35, 0.72)),)),
        Scene(
            title="Eileen Collins passes by, head tilting",
            actors=(Actor(portrait=collins, height=(0.7, 0.7), across=(0.2, 0.8), tilt_deg=(-18.0, 18.0)),),
        ),
        Scene(
            title="Somebody in the dark", actors=(Actor(portrait=collins, height=(0.7, 0.9), light=0.1),), seconds=3.0
        ),
        Scene(
            title="Somebody out of focus",
            actors=(Actor(portrait=hopper, height=(0.55, 0.7), blur_px=7.0),),
            seconds=3.0,
        ),
    )


def _liveness_act(collins: Pixels) -> tuple[Scene, ...]:
    return (
        Scene(title=IN_PERSON, actors=(Actor(portrait=collins),)),
        Scene(title=PHONE, actors=(phone(collins),)),
        Scene(title=PRINT, actors=(sheet(collins),)),
    )


def explain_hopper(show: Account) -> None:
    """Why she is not in the scenes that want a living face, if the model is of that opinion."""
    alive = {title: decision.liveness for title, decision in show.told}
    hers, other = alive.get(STRANGER), alive.get(KNOWN)
    if hers is not None and other is not None and hers < other:
        say(f"\nGrace Hopper's portrait is a scanned photograph, and looks less alive: {hers:.2f} against {other:.2f}.")


def sum_up(show: Account) -> None:
    """What the door made of the three, whichever way it went."""
    if show.live_floor is None:
        say("\nThere is no liveness model, so this door stays shut.")
        return
    say(f"\nAlive is 1 for a living face and 0 for a picture of one; this door wants {show.live_floor:.2f}:")
    for title in (IN_PERSON, PHONE, PRINT):
        made = [decision for scene, decision in show.told if scene == title]
        told = "; ".join(f"{one.outcome.value} {measured(one.quality, one.liveness)}" for one in made)
        say(f"  {title}: {told or 'no decision'}")
    if any(scene in (PHONE, PRINT) and one.outcome is Outcome.GRANT for scene, one in show.told):
        say("  A picture got in: the model is a hurdle, not proof. Its card says how often which attack passes.")


def _last_act(collins: Pixels, hopper: Pixels) -> tuple[Scene, ...]:
    return (
        Scene(title="Grace Hopper, now enrolled, walks up", actors=(Actor(portrait=hopper, height=(0.4, 0.72)),)),
        Scene(
            title="Both at once",
            actors=(
                Actor(portrait=collins, height=(0.55, 0.7), across=(0.25, 0.3)),
                Actor(portrait=hopper, height=(0.55, 0.7), across=(0.75, 0.7)),
            ),
        ),
    )


def portraits() -> tuple[Pixels, Pixels]:
    collins = skimage.data.astronaut()[0:400, 60:400]
    with matplotlib.cbook.get_sample_data("grace_hopper.jpg", asfileobj=True) as file:
        hopper = image.decode(file.read())
    return collins.copy(), hopper[0:560].copy()


def _posed(portrait: Pixels) -> list[Pixels]:
    """Three pictures for enrolment: filmed too, not taken from the file, so that they differ from the visits."""
    views = ((0.8, 0.0), (0.6, 6.0), (0.9, -6.0))
    return [
        render((Actor(portrait=portrait, height=(h, h), tilt_deg=(t, t)),), 0.0, np.random.default_rng(index))
        for index, (h, t) in enumerate(views)
    ]


def _read(paths: list[Path]) -> list[Pixels]:
    pictures = []
    for path in paths:
        try:
            pictures.append(image.read(path))
        except PictureError as error:
            say(f"skipped: {path}: {error}")
    return pictures
