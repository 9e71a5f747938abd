"""Who passes a challenge? Simulated visitors and attacks that see the prompts, and real films played as they are.

ISO/IEC 30107-3: BPCER is the share of people who do not pass, APCER that of attack presentations of one species that
do. Photographs of LFW-dev and the London Set are put before a simulated camera, ten frames a second
(tools/attacks/scene.py); the head that turns is a generic one. The pose is the reader's own.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

import cv2
import numpy as np

from edgeface import detect, liveness, pipeline
from edgeface.frame import Instant, Pixels
from edgeface.liveness import Check, Options, Record
from edgeface.liveness import challenge as challenges
from edgeface.liveness.challenge import Ask, Challenge, Stand
from tools import metrics
from tools.attacks import Photo
from tools.attacks.camera import Camera, draw_camera
from tools.attacks.motion import Moment
from tools.attacks.scene import Shot, bona_fide, present
from tools.datasets import Archive
from tools.evaluate.acquire import Bench, Report, Value, progress
from tools.evaluate.attacks import found, people
from tools.evaluate.presence import rooms

EACH = 40
"""Visits of a kind."""
FPS = 10.0
LONGEST_S = 20.0
REACH = 1.6
ORDERS = 100
"""Challenges that each real clip is played to."""
ASKING = Options(require=(Check.CHALLENGE,))
SIDES = {Ask.LEFT: -1.0, Ask.RIGHT: 1.0, Ask.MIDDLE: 0.0}
Hear = Callable[[float, Challenge | None], float]
"""Seconds and the challenge -> the side that is headed for: -1 left, 0 middle, 1 right."""
PEOPLE = ("answers",)
ATTACKS = {
    "print_still": "print",
    "print_tilted_to_order": "print",
    "monitor_tilted_to_order": "monitor",
    "phone_film_of_turns": "phone",
    "phone_film_in_step": "phone",
    "monitor_puppet": "monitor",
    "cut_out_worn_by_who_answers": "cut_out",
}
"""By kind: the instrument. A film of turns takes its own course; one in step waits for each prompt and has another
order; a puppet turns as asked, which is what a face animated by a computer does."""


def challenge(bench: Bench) -> Report:
    """BPCER of people who answer, APCER of each attack, and real clips."""
    photos, scenes = people(bench), rooms(bench)
    stands: dict[str, list[Stand]] = {}
    for place, kind in enumerate((*PEOPLE, *ATTACKS)):
        for index in progress(bench.sample(range(EACH)), kind):
            stands.setdefault(kind, []).append(_visit(kind, (23, place, index), photos, scenes, bench))
    return Report(
        figures={**rates(stands), **_clips(bench)},
        remarks=(
            "All visits but the clips are simulated: these figures say nothing about a certification by ISO/IEC "
            "30107-3, and nothing about people who take left for right.",
        ),
    )


def rates(stands: Mapping[str, Sequence[Stand]]) -> dict[str, Value]:
    """BPCER and APCER by kind."""
    figures: dict[str, Value] = {}
    for kind, ends in stands.items():
        through = sum(end is Stand.PASSED for end in ends)
        if kind in PEOPLE:
            figures[f"bpcer_{kind}"] = metrics.wilson(len(ends) - through, len(ends))
        else:
            figures[f"apcer_{kind}"] = metrics.wilson(through, len(ends))
    return figures


def hear(kind: str, random: np.random.Generator) -> Hear:
    """How one visitor or attack answers."""
    if kind == "print_still":
        return lambda seconds, seen: 0.0
    if kind == "phone_film_of_turns":
        sides, each_s = random.choice((-1.0, 1.0), 20), random.uniform(1.0, 2.0)
        return lambda seconds, seen: float(sides[int(seconds / each_s) // 2]) * (int(seconds / each_s) % 2)
    if kind == "phone_film_in_step":
        filmed = tuple(random.choice([Ask.LEFT, Ask.RIGHT], 3))
        return _later(random, lambda seen: SIDES[Ask(filmed[seen.done])] if seen.turning else 0.0)
    return _later(random, lambda seen: SIDES[seen.asks[seen.done]] if seen.turning else 0.0)


def _later(random: np.random.Generator, side: Callable[[Challenge], float]) -> Hear:
    """What the prompts called for some time ago: 0.35 to 0.9 s, another for each."""
    waiting: list[tuple[float, float]] = []
    state = [0.0, 0.0]

    def answer(seconds: float, seen: Challenge | None) -> float:
        aim = 0.0 if seen is None or seen.stand is not Stand.OPEN else side(seen)
        if aim != state[1]:
            state[1] = aim
            waiting.append((seconds + float(random.uniform(0.35, 0.9)), aim))
        while waiting and seconds >= waiting[0][0]:
            state[0] = waiting.pop(0)[1]
        return state[0]

    return answer


def _visit(kind: str, seed: tuple[int, ...], photos: Sequence[Photo], scenes: Sequence[Pixels], bench: Bench) -> Stand:
    """How a challenge ends; what is never over has not been passed."""
    random, noise = np.random.default_rng((*seed, 1)), np.random.default_rng((*seed, 2))
    photo, camera = photos[int(random.integers(len(photos)))], draw_camera(random)
    answer = hear(kind, random)
    reach, speed = float(random.uniform(25, 45)), float(random.uniform(80, 160))
    sense = _sense(kind, photo, photos, scenes, camera, seed, bench)
    record, at_deg = Record(), 0.0
    for number in range(round(LONGEST_S * FPS)):
        aim_deg = reach * answer(number / FPS, record.challenge)
        at_deg += float(np.clip(aim_deg - at_deg, -speed / FPS, speed / FPS))
        moment = _moment(kind, sense * at_deg, number / FPS)
        shot = _shot(kind, photo, photos, scenes, camera, seed, noise, moment)
        record = _sight(record, shot, number, seed, bench)
        if record.challenge is not None and record.challenge.stand is not Stand.OPEN:
            return record.challenge.stand
    return Stand.TOO_LATE


def _sense(
    kind: str,
    photo: Photo,
    others: Sequence[Photo],
    scenes: Sequence[Pixels],
    camera: Camera,
    seed: tuple[int, ...],
    bench: Bench,
) -> float:
    """Which way to turn for a turn to the right: simulated cameras mirror at will, and whoever attacks has tried."""
    yaws = []
    for at_deg in (30.0, -30.0):
        noise = np.random.default_rng((*seed, 4))
        shot = _shot(kind, photo, others, scenes, camera, seed, noise, _moment(kind, at_deg, 0.0))
        face = found(shot, bench)
        yaws.append(0.0 if face is None else pipeline.turned(shot.pixels, face, bench.loaded.models).yaw_deg)
    return 1.0 if yaws[0] >= yaws[1] else -1.0


def _moment(kind: str, at_deg: float, seconds: float) -> Moment:
    """Nobody, and no hand, is quite still."""
    sway = 0.012 * math.sin(4 * seconds), 0.008 * math.cos(3 * seconds)
    if "tilted" in kind or kind == "print_still":
        return Moment(shift=sway, tilt_deg=(at_deg, 0.0))
    return Moment(shift=sway, head_deg=(at_deg, 1.5 * math.sin(2 * seconds)))


def _shot(
    kind: str,
    photo: Photo,
    others: Sequence[Photo],
    scenes: Sequence[Pixels],
    camera: Camera,
    seed: tuple[int, ...],
    noise: np.random.Generator,
    moment: Moment,
) -> Shot:
    random = np.random.default_rng((*seed, 3))
    if kind in PEOPLE:
        return bona_fide(photo, camera, random, REACH, moment, noise)
    return present(ATTACKS[kind], photo, others, scenes, camera, random, REACH, moment, noise)


def _sight(record: Record, shot: Shot, number: int, seed: tuple[int, ...], bench: Bench) -> Record:
    face = found(shot, bench)
    if face is None:
        return record
    pose = pipeline.turned(shot.pixels, face, bench.loaded.models)
    now = Instant(monotonic_ns=round(number * 1e9 / FPS), wall_ns=0, wall_trusted=False)
    return liveness.sight(record, face, 1.0, now, ASKING, yaw_deg=pose.yaw_deg, chance=seed)


def _clips(bench: Bench) -> dict[str, Value]:
    """Real heads, filmed without a challenge and played forth and back: how many of so many orders each passes."""
    archive = Archive(bench.data / "clips-cc-by.tar")
    clips = [_yaws(archive.read(name), bench) for name in archive.names() if name.endswith(".gif")]
    ends = [_played(yaws, order) for yaws in progress(clips, "clips") if yaws for order in range(ORDERS)]
    return {"clips_passed": metrics.wilson(sum(end is Stand.PASSED for end in ends), len(ends))}


def _played(yaws: Sequence[float], order: int) -> Stand:
    now = challenges.begin((29, order), Instant(monotonic_ns=0, wall_ns=0, wall_trusted=False), ASKING.challenge)
    there_and_back = [*yaws, *yaws[::-1]]
    for number in range(round(LONGEST_S / 0.08)):
        yaw = there_and_back[number % len(there_and_back)]
        at = Instant(monotonic_ns=80_000_000 * (number + 1), wall_ns=0, wall_trusted=False)
        now = challenges.step(now, challenges.Glimpse(at=at, yaw_deg=yaw, jumped=False), ASKING.challenge)
    return now.stand


def _yaws(gif: bytes, bench: Bench) -> list[float]:
    """Yaw of the largest face of each frame that has one."""
    _, film = cv2.imdecodeanimation(np.frombuffer(gif, np.uint8))
    models, yaws = bench.loaded.models, list[float]()
    for bgr in film.frames:
        pixels = np.ascontiguousarray(bgr[..., 2::-1])
        faces = detect.detect(pixels, models.detector, detect.Options())
        if faces:
            yaws.append(pipeline.turned(pixels, max(faces, key=lambda one: one.box.w), models).yaw_deg)
    return yaws
