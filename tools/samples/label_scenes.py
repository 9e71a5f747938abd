"""Label pictures for the detector: boxes and landmarks from YuNet, head pose from FSA-Net, packed into one file.

Every source is a folder of pictures, given as `kind:folder[:n]` (n: keep every n-th). Kinds:

    scene   searched at two scales; pictures without a sure face are dropped
    mixed   likewise, but pictures without any face are kept as backgrounds
    crop    one aligned face each
    side    likewise, kept only if the head is turned, raised or lowered by more than 22 degrees
    empty   no people; what the teacher fires on is only marked as unclear
    boxes   holds images/ and boxes.csv; odd picture numbers only, the even ones are for measuring

What was done is kept beside the output file, part by part: called again, the command goes on where it was. `--turned`
adds redrawn faces at large angles (`tools.samples.turn_faces`), labelled by geometry and kept if the teacher
finds them.

    python -m tools.samples.label_scenes --yunet yunet_n_320_320.onnx --pose fsanet-1x1.onnx fsanet-var.onnx \
        --out scenes.npz --turned 9000 scene:masks crop:utkface:4 side:utkface empty:negatives boxes:boxes-dev
"""

from __future__ import annotations

import argparse
import csv
import re
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from zlib import crc32

import cv2
import numpy as np
from numpy.typing import NDArray

from tools.datasets import Archive
from tools.samples.find import BOX_ONLY, CERTAIN, FACE, UNCLEAR, Finder, fingerprint, merge, overlap, read
from tools.samples.parts import Arrays, in_parts, joined, names, paths_below, split
from tools.samples.scenes import DRAWN
from tools.samples.teach_pose import PoseTeacher, settle
from tools.samples.turn_faces import is_suited, turn_at_random

Pixels = NDArray[np.uint8]
Rows = NDArray[np.float32]

MISTAKEN = 0.6
"""Teacher score from where on a find in a picture without people is kept out of the loss."""
FOUND_AGAIN = 0.45
"""Teacher score that a redrawn face must reach; of those tried four in five did."""
STORED_SIDE_PX = 384
LARGEST_READ_PX = 1600
TURNED_DEG = 22


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Labelled:
    """One picture with its faces."""

    source: str
    """Which source it came from."""
    jpeg: Pixels
    """At most STORED_SIDE_PX on the long side, quality 93."""
    faces: Rows
    """(n, 19): kind, x, y, w, h, five landmarks (x, y) in pixels, yaw, pitch, roll in degrees, teacher's score."""

    @property
    def image(self) -> Pixels:
        """BGR."""
        return np.asarray(cv2.imdecode(self.jpeg, cv2.IMREAD_COLOR), np.uint8)


def labelled(source: str, image: Pixels, faces: Rows) -> Labelled:
    """A picture that was just labelled."""
    return Labelled(
        source=source, jpeg=cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, 93])[1].ravel(), faces=faces
    )


class Teachers:
    """The detector and the head-pose pair that produce the labels."""

    def __init__(self, yunet: Path, pose: Sequence[Path]) -> None:
        self.detect = Finder(yunet)
        self.pose = PoseTeacher(list(pose))

    def shape(self, image: Pixels, face: Rows) -> Rows:
        """Landmarks (10) and yaw, pitch, roll in degrees of a found face (box, landmarks, score)."""
        landmarks = face[4:14].reshape(5, 2)
        angles = self.pose.angles(image, face[:4], landmarks)
        return np.concatenate([settle(landmarks, angles).ravel(), angles])


def rows(teachers: Teachers, image: Pixels, found: Rows, kinds: Rows) -> Rows:
    """What the teachers found (n, 15) as labels (n, 19), each of its kind."""
    if not len(found):
        return np.zeros((0, 19), np.float32)
    shapes = np.stack([teachers.shape(image, face) for face in found])
    return np.concatenate([kinds[:, None], found[:, :4], shapes, found[:, 14:]], axis=1).astype(np.float32)


def label_scene(teachers: Teachers, image: Pixels) -> Rows:
    """Faces of a photograph with surroundings, near ones and far ones."""
    found = merge(np.concatenate([teachers.detect(image, 640, 0), teachers.detect(image, 208, 320)]))
    return rows(teachers, image, found, np.where(found[:, 14] >= CERTAIN, FACE, UNCLEAR))


def label_crop(teachers: Teachers, image: Pixels) -> Rows:
    """The face of a tight crop, which the teacher needs to see smaller and with grey around it."""
    found = merge(teachers.detect(image, 160, 256))
    return rows(teachers, image, found, np.where(found[:, 14] >= CERTAIN, FACE, UNCLEAR))


def label_empty(teachers: Teachers, image: Pixels) -> Rows:
    """What the teacher takes for faces in a picture without people: unclear, all of it."""
    found = teachers.detect(image, 480, 0)
    found = found[found[:, 14] >= MISTAKEN]
    return rows(teachers, image, found, np.full(len(found), UNCLEAR))


def label_boxes(teachers: Teachers, image: Pixels, truth: Rows) -> Rows:
    """Given boxes, with the teacher's landmarks where it agrees; its other finds are unclear."""
    found = merge(np.concatenate([teachers.detect(image, side, 0) for side in (640, 1120)]))
    matches = overlap(truth, found) if len(found) else np.zeros((len(truth), 1))
    taken = matches.max(1) >= 0.4
    result = [rows(teachers, image, found[matches.argmax(1)[taken]], np.full(int(taken.sum()), FACE))]
    alone = np.zeros((int((~taken).sum()), 19), np.float32)
    alone[:, 0], alone[:, 1:5] = BOX_ONLY, truth[~taken]
    rest = np.setdiff1d(np.arange(len(found)), matches.argmax(1)[taken])
    return np.concatenate([*result, alone, rows(teachers, image, found[rest], np.full(len(rest), UNCLEAR))])


def read_boxes(folder: Path) -> dict[str, Rows]:
    """Labelled boxes (n, 4), x, y, w, h, by the picture's name."""
    truth: dict[str, list[list[float]]] = {}
    with (folder / "boxes.csv").open() as lines:
        for line in csv.DictReader(lines):
            x1, y1, x2, y2 = (float(line[key]) for key in ("x1", "y1", "x2", "y2"))
            truth.setdefault(line["file"], []).append([x1, y1, x2 - x1, y2 - y1])
    return {name: np.array(boxes, np.float32) for name, boxes in truth.items()}


def is_odd(path: Path) -> bool:
    """Whether a picture of `boxes` is to train on; even numbers are for measuring."""
    return int(re.findall(r"\d+", path.stem)[-1]) % 2 == 1


def label(teachers: Teachers, source: str, seen: set[int], reserved: set[str], out: Path) -> Iterator[Labelled]:
    """The labelled pictures of one source, without copies of what was seen before; parts are kept beside `out`."""
    kind, name, every = [*source.split(":"), "1"][:3]
    folder = Path(name)
    truth = read_boxes(folder) if kind == "boxes" else {}
    paths = paths_below(folder, int(every), reserved)
    if kind == "boxes":
        # A picture of `boxes` may be kept out by its even number only: the folder is also one of the measured ones.
        paths = [path for path in paths if is_odd(path)]

    def make(some: Sequence[Path]) -> Arrays:
        return part(teachers, kind, some, truth, set() if kind == "boxes" else seen)

    for kept in in_parts(paths, out.with_suffix(".parts"), f"{kind} {folder.name}", make):
        seen.update(int(mark) for mark in kept["marks"])
        yield from unpacked(kept, "crop" if kind == "side" else kind)


def packed(found: Sequence[Labelled]) -> Arrays:
    """Pictures with their faces, to be kept."""
    return {**joined([one.jpeg for one in found]), "faces": numbered(found)}


def unpacked(kept: Arrays, source: str) -> Iterator[Labelled]:
    """The pictures that `packed` put together."""
    for place, jpeg in enumerate(split(kept)):
        yield Labelled(source=source, jpeg=jpeg, faces=kept["faces"][kept["faces"][:, 0] == place, 1:])


def part(teachers: Teachers, kind: str, paths: Sequence[Path], truth: dict[str, Rows], seen: set[int]) -> Arrays:
    """Some pictures of a source, with the marks by which copies are known."""
    found: list[Labelled] = []
    marks: list[int] = []
    for path in paths:
        if (image := read(path)) is None or (mark := fingerprint(image)) in seen or mark in marks:
            continue
        marks.append(mark)
        image, scale = limit(image, LARGEST_READ_PX)
        faces = label_one(teachers, kind, image, truth.get(path.name, np.zeros((0, 4), np.float32)) * scale)
        if worth_keeping(kind, faces):
            image, scale = limit(image, STORED_SIDE_PX)
            faces[:, 1:15] *= scale
            found.append(labelled(kind, image, faces))
    return {**packed(found), "marks": np.array(marks, np.uint64)}


def numbered(found: Sequence[Labelled]) -> Rows:
    """Faces (n, 20) of all pictures: in front the picture's number."""
    rows = [np.insert(one.faces, 0, index, axis=1) for index, one in enumerate(found)]
    return np.concatenate([np.zeros((0, 20)), *rows]).astype(np.float32)


def label_one(teachers: Teachers, kind: str, image: Pixels, truth: Rows) -> Rows:
    """The faces (n, 19) of a picture of this kind of source."""
    if kind == "boxes":
        return label_boxes(teachers, image, truth)
    by_kind = {"crop": label_crop, "side": label_crop, "empty": label_empty}
    return by_kind.get(kind, label_scene)(teachers, image)


def worth_keeping(kind: str, faces: Rows) -> bool:
    """Whether a picture with these faces has something to teach; see the kinds above."""
    sure = faces[faces[:, 0] == FACE]
    if kind == "side":
        return bool((np.abs(sure[:, 15:17]) > TURNED_DEG).any())
    return kind in ("empty", "boxes") or len(sure) > 0 or (kind == "mixed" and not len(faces))


def limit(image: Pixels, side_px: int) -> tuple[Pixels, float]:
    """The picture with its long side at most `side_px`, and the factor."""
    scale = min(1.0, side_px / max(image.shape[:2]))
    if scale == 1:
        return image, scale
    return np.asarray(cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA), np.uint8), scale


def redraw(teachers: Teachers, real: Sequence[Labelled], number: int, out: Path) -> Iterator[Labelled]:
    """Up to `number` faces redrawn at large angles; parts are kept beside `out`, for these pictures only."""
    suited = [one for one in real if len(one.faces) == 1 and one.faces[0, 0] == FACE and is_suited(one.faces[0])]
    mark = crc32(b"".join(one.jpeg.tobytes() for one in suited))

    def make(places: Sequence[Path]) -> Arrays:
        random = np.random.default_rng((3, int(places[0].name)))
        tried = [turn(teachers, suited[random.integers(len(suited))], random) for _ in places]
        return packed([one for one in tried if one is not None])

    places = [Path(str(place)) for place in range(number if suited else 0)]
    for kept in in_parts(places, out.with_suffix(".parts"), f"turned {mark:08x}", make):
        yield from unpacked(kept, DRAWN)


def turn(teachers: Teachers, one: Labelled, random: np.random.Generator) -> Labelled | None:
    """The face of a picture redrawn at a large angle, if the teacher still finds it."""
    drawn, angles = turn_at_random(one.image, one.faces[0], random)
    found = merge(teachers.detect(drawn.image, 200, 256))
    if not len(found) or not agrees(found[0], drawn.landmarks):
        return None
    row = np.array([[FACE, *found[0, :4], *drawn.landmarks.ravel(), *angles, found[0, 14]]], np.float32)
    return labelled(DRAWN, drawn.image, row)


def agrees(found: Rows, landmarks: Rows) -> bool:
    """The teacher sees a face there, with landmarks within a quarter of its side."""
    error = np.linalg.norm(found[4:14].reshape(5, 2) - landmarks, axis=1).mean() / np.sqrt(found[2] * found[3])
    return bool(found[14] >= FOUND_AGAIN and error <= 0.25)


def save(found: Sequence[Labelled], out: Path) -> None:
    """What `tools.samples.scenes` reads: JPEGs end to end, faces with their picture's number."""
    kept, part = joined([one.jpeg for one in found]), out.with_suffix(".part.npz")
    sources = np.array([one.source for one in found])
    np.savez(part, jpeg=kept["stream"], offsets=kept["offsets"], source=sources, faces=numbered(found))
    part.replace(out)


def make(
    sources: Sequence[str],
    out: Path,
    teachers: Teachers,
    *,
    turned: int = 0,
    reserved: Path | None = None,
    measured: Sequence[Path] = (),
) -> None:
    """Write the archive `out`, from where a former call got."""
    cv2.setNumThreads(1)
    out.parent.mkdir(parents=True, exist_ok=True)
    skipped = names(reserved)
    seen = {fingerprint(image) for place in measured for image in _pictures(place)}
    found: list[Labelled] = []
    for source in sources:
        report(source, found, label(teachers, source, seen, skipped, out))
    if turned:
        report("turned", found, redraw(teachers, list(found), turned, out))
    save(found, out)


def _pictures(place: Path) -> Iterator[Pixels]:
    """Those of an archive or a folder, BGR."""
    if place.is_dir():
        yield from (image for path in paths_below(place) if (image := read(path)) is not None)
        return
    archive = Archive(place)
    yield from (archive.picture(name)[..., ::-1] for name in archive.pictures())


def report(name: str, found: list[Labelled], more: Iterator[Labelled]) -> None:
    """Adds what comes of a source to the list, and says how much it was."""
    before = len(found)
    found.extend(more)
    faces = sum(int((one.faces[:, 0] != UNCLEAR).sum()) for one in found[before:])
    print(f"{name}: {len(found) - before} pictures, {faces} faces", file=sys.stderr, flush=True)


def main() -> None:
    arguments = parse()
    make(
        arguments.sources,
        arguments.out,
        Teachers(arguments.yunet, arguments.pose),
        turned=arguments.turned,
        reserved=arguments.reserved,
        measured=arguments.measured,
    )


def parse() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--yunet", type=Path, required=True, help="YuNet (ONNX), of a fixed input size")
    parser.add_argument("--pose", type=Path, nargs=2, required=True, help="the two FSA-Net files (ONNX)")
    parser.add_argument("--reserved", type=Path, help="names of folders to skip, one a line")
    parser.add_argument(
        "--measured", type=Path, nargs="*", default=[], help="archives and folders to take no copies of"
    )
    parser.add_argument("--turned", type=int, default=0, help="faces to try to redraw at large angles")
    parser.add_argument("--out", type=Path, required=True, help="file to write (.npz)")
    parser.add_argument("sources", nargs="+", help="kind:folder[:n]")
    return parser.parse_args()


if __name__ == "__main__":
    main()
