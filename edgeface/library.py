"""The whole reader in a program of your own, without a camera, a broker or a command line.

    with edgeface.open("home") as faces:
        ada = faces.enrol("Ada", ["ada1.jpg", "ada2.jpg"], consent_by="Front desk")
        for face in faces.recognise("group.jpg"):
            print(face.name, face.score, face.advice)
        for decision in faces.decide("visit.mp4"):
            print(decision.outcome, decision.reason)

A home folder is that of the command `edgeface`: the same gallery, models, settings and access rules, and one process at
a time may have it open.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType

import numpy as np

from edgeface import detect, embed, image, liveness, match, pipeline
from edgeface.adapters.camera.files import Replay
from edgeface.adapters.clock import SystemClock
from edgeface.bar import Bar
from edgeface.config import load
from edgeface.decide import Decision
from edgeface.detect import Detection, PixelBox
from edgeface.enrol import Portrait, bars, gather, portrait
from edgeface.errors import EnrolmentError, GalleryError, PictureError
from edgeface.frame import Frame, Pixels
from edgeface.match import Gallery
from edgeface.model import Tensor
from edgeface.pose import Pose
from edgeface.quality import Quality
from edgeface.service.bootstrap import GALLERY, gallery_and_bar, load_models, open_station
from edgeface.service.enrolment import Registrar, Shot, Wish
from edgeface.service.settings import Config
from edgeface.service.source import open_source
from edgeface.store.consent import Given, read_text, taken
from edgeface.store.database import open_database
from edgeface.store.erasure import Receipt
from edgeface.store.gallery import GalleryStore, Person
from edgeface.store.names import valid_name

Picture = Path | str | Pixels
"""A JPEG or PNG file, or pixels: uint8 (height, width, 3), RGB."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Face:
    """One face of a picture."""

    box: PixelBox
    landmarks: Tensor
    """float32, shape (5, 2), pixels: eyes, nose, corners of the mouth; those at the picture's left come first."""
    pose: Pose
    quality: Quality
    """With its measures; `accepted` says whether the face is good enough to be compared at the door."""
    advice: tuple[str, ...]
    """What to do about it if it is not good enough; empty if it is."""
    embedding: Tensor | None
    """float32, shape (dimensions,), length 1; None if the face is not good enough."""
    liveness: float | None
    """0 attack .. 1 bona fide presentation; None if it could not be judged."""
    person_id: str | None
    """Whom the door would take the face for if every other frame said the same; opaque. None: for nobody."""
    name: str | None
    """That person's name."""
    score: float | None
    """Cosine to the person most alike, -1..1; None if nobody could be compared."""
    needed: float
    """Score that lets somebody in at this door, as whoever is most alike."""


class Faces:
    """An open home folder. A context manager; `close` gives it back to other processes."""

    def __init__(self, home: Path, config: Config | None = None) -> None:
        """A gallery is made in a folder that has never had one. `config` counts instead of its edgeface.toml.

        Raises ConfigError, ModelError, GalleryError.
        """
        file = home / "edgeface.toml"
        self._config = config or (load(file, Config) if file.exists() else Config())
        self._loaded = load_models(home, self._config.run)
        try:
            home.mkdir(parents=True, exist_ok=True, mode=0o700)
        except OSError as error:
            raise GalleryError(f"the folder {home} cannot be made: {error.strerror}") from error
        self._database = open_database(home / GALLERY)
        self._store = GalleryStore(self._database)
        self._compared: tuple[Gallery, Bar] | None = None

    def __enter__(self) -> Faces:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Give the gallery back. All that was enrolled or decided is on the disk."""
        self._database.close()

    @property
    def people(self) -> tuple[Person, ...]:
        """Everybody enrolled, by name."""
        return self._store.people()

    def enrol(
        self,
        name: str,
        pictures: Sequence[Picture],
        *,
        consent_by: str,
        add: bool = False,
        allow_duplicate: bool = False,
    ) -> Person:
        """Enrol a person from pictures of that person alone, or `add` to one; `consent_by` says who took the consent.

        What is not good enough, or adds nothing, is left out, as by `edgeface enrol`. Raises EnrolmentError that says
        why nobody was enrolled, PictureError for what is no picture.
        """
        wish = Wish(name=valid_name(name), add=add, allow_duplicate=allow_duplicate)
        now, embedder = SystemClock().now(), self._loaded.models.embedder
        registrar = Registrar(self._database, embedder)
        registrar.expect(wish)
        consent = None if add else taken(read_text(), consent_by, Given.WRITTEN, now)
        seen = [portrait(_pixels(picture), self._loaded.models, self._config.pipeline()) for picture in pictures]
        usable = [(place, one) for place, one in enumerate(seen) if isinstance(one, Portrait)]
        if not usable:
            why = "; ".join(one.advice for one in seen if not isinstance(one, Portrait)) or "no picture was given"
            raise EnrolmentError(f"{name} was not enrolled: {why}")
        most = self._config.enrol.max_templates
        gathered = gather([one for _, one in usable], bars(embedder.spec).apart, most)
        if gathered.problem is not None:
            raise EnrolmentError(f"{name} was not enrolled: {gathered.problem}")
        shots = [Shot(source=_called(pictures[usable[place][0]]), portrait=usable[place][1]) for place in gathered.kept]
        admitted = registrar.admit(wish, shots, consent, now)
        self._compared = None
        return self._store.find(str(admitted.person_id))

    def forget(self, who: str) -> Receipt:
        """Delete a person (a name or an id) for good; the receipt says what was searched. Raises UnknownPerson."""
        receipt = self._store.forget(self._store.find(who).id, SystemClock().now())
        self._compared = None
        return receipt

    def recognise(self, picture: Picture) -> tuple[Face, ...]:
        """Every face of a picture, the largest first, with whom it shows. No single picture opens a door: see `decide`.

        Raises PictureError.
        """
        pixels, options = _pixels(picture), self._config.pipeline()
        found = detect.detect(pixels, self._loaded.models.detector, options.detect)
        return tuple(self._look(pixels, face, options) for face in sorted(found, key=lambda face: -face.box.w))

    def decide(self, source: Path | str | Iterable[Frame], *, film_time: bool = False) -> Iterator[Decision]:
        """What the door does about a clip, a folder of pictures, a camera ("0", "rtsp://...") or frames of your own.

        Decisions come as they are made, after they are in the journal. The access rules of the home folder hold, and
        what they remember is remembered; a broker that is configured is told. Files are played as fast as they can be
        read. Of your own frames only those of this moment decide, unless `film_time` says that they tell a film's time.
        Raises CameraError, GalleryError, BrokerError.
        """
        config = replace(self._config, camera=replace(self._config.camera, real_time=False))
        if not isinstance(source, Path | str):
            yield from self._watch(source, config, film_time=film_time)
            return
        with closing(open_source(str(source), SystemClock(), config.camera, on_bad_picture=_refuse)) as camera:
            yield from self._watch(camera.frames(), config, film_time=isinstance(camera, Replay))

    def _watch(self, frames: Iterable[Frame], config: Config, *, film_time: bool) -> Iterator[Decision]:
        with open_station(config, self._loaded, self._database, film_time=film_time) as station:
            for step in station.reader.watch(frames):
                yield from (recorded.decision for recorded in step.decisions)

    def _look(self, pixels: Pixels, found: Detection, options: pipeline.Options) -> Face:
        models = self._loaded.models
        view = pipeline.examine(pixels, found, models, options)
        gallery, bar = self._gallery()
        face = Face(
            box=found.box,
            landmarks=found.landmarks,
            pose=view.pose,
            quality=view.quality,
            advice=tuple(refused.advice for refused in view.quality.refusals),
            embedding=None,
            liveness=None,
            person_id=None,
            name=None,
            score=None,
            needed=bar.threshold,
        )
        if not view.quality.accepted:
            return face
        if models.liveness is not None:
            said = liveness.assess(pixels, found, models.liveness, options.liveness)
            face = replace(face, liveness=None if said.unjudged is not None else said.score)
        vector = embed.embed(view.chip, models.embedder)
        face = replace(face, embedding=vector.vector)
        return self._name(face, match.match(vector, gallery).scores, gallery, bar) if gallery.people else face

    def _name(self, face: Face, scores: Tensor, gallery: Gallery, bar: Bar) -> Face:
        """Whom a face shows: the best person, if the door's bar and lead are reached."""
        best = int(np.argmax(scores))
        person, score = gallery.people[best], float(scores[best])
        lead = score - float(np.max(np.delete(scores, best))) if scores.size > 1 else np.inf
        face = replace(face, score=score, needed=bar.needed(person))
        if score < face.needed or lead < self._config.decide.min_margin:
            return face
        return replace(face, person_id=person, name=self._store.name_of(person))

    def _gallery(self) -> tuple[Gallery, Bar]:
        """Everybody, and what the door asks for; made afresh when something has changed."""
        if self._compared is None or self._compared[0].revision != self._store.revision():
            dial = self._config.decide.false_accepts
            self._compared = gallery_and_bar(self._store, self._loaded, self._config, dial)
        return self._compared


def _pixels(picture: Picture) -> Pixels:
    return picture if isinstance(picture, np.ndarray) else image.read(Path(picture))


def _called(picture: Picture) -> str:
    return "pixels" if isinstance(picture, np.ndarray) else Path(picture).name


def _refuse(path: Path, error: PictureError) -> None:
    raise error
