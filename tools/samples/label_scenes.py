"""Label pictures for the detector: boxes and landmarks from YuNet, head pose from FSA-Net, packed into one file.

Every source is a folder of pictures, given as `kind:folder[:n]` (n: keep every n-th). Kinds:

    scene   searched at two scales; pictures without a sure face are dropped
    mixed   likewise, but pictures without any face are kept as backgrounds
    crop    one aligned face each
    side    likewise, kept only if the head is turned, raised or lowered by more than 22 degrees
    empty   no people; what the teacher fires on is only marked as unclear
    boxes   holds images/ and boxes.csv; odd picture numbers only, the even ones are for measuring

`--turned` adds redrawn faces at large angles (`tools.samples.turn_faces`), labelled by geometry and kept if the teacher
finds them.

    python -m tools.samples.label_scenes --yunet yunet_n_320_320.onnx --pose fsanet-1x1.onnx fsanet-var.onnx \
        --out scenes.npz --turned 9000 scene:masks crop:utkface:4 side:utkface empty:negatives boxes:boxes-dev
"""

from __future__ import annotations

import argparse
import csv
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from edgeface import detect
from tools.samples.teach_pose import PoseTeacher, settle
from tools.samples.turn_faces import is_suited, turn_at_random
from tools.train.detector_net import BOX_ONLY, FACE, UNCLEAR

Pixels = NDArray[np.uint8]
Rows = NDArray[np.float32]

CERTAIN, DOUBTFUL = 0.7, 0.4
"""Teacher scores: at or above the first a face is a label, between the two the region is left out of the loss."""
MISTAKEN = 0.6
"""Teacher score from where on a find in a picture without people is kept out of the loss."""
FOUND_AGAIN = 0.45
"""Teacher score that a redrawn face must reach; of those tried four in five did."""
STORED_SIDE_PX = 384
LARGEST_READ_PX = 1600
TURNED_DEG = 22
GREY = (127, 127, 127)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Labelled:
    """One picture with its faces."""

    source: str
    """Which source it came from."""
    image: Pixels
    """BGR, at most STORED_SIDE_PX on the long side."""
    faces: Rows
    """(n, 19): kind, x, y, w, h, five landmarks (x, y) in pixels, yaw, pitch, roll in degrees, teacher's score."""


class Teachers:
    """The detector and the head-pose pair that produce the labels."""

    def __init__(self, yunet: Path, pose: list[Path]) -> None:
        self.yunet = cv2.FaceDetectorYN.create(str(yunet), "", (320, 320), DOUBTFUL, 0.3, 500)
        self.pose = PoseTeacher(pose)

    def detect(self, image: Pixels, long_side_px: int, canvas_px: int) -> Rows:
        """(n, 15) boxes, landmarks, score; the picture is scaled to `long_side_px` and centred on a grey canvas."""
        scale = long_side_px / max(image.shape[:2])
        method = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
        small = cv2.resize(image, None, fx=scale, fy=scale, interpolation=method)
        height, width = small.shape[:2]
        below, right = max(0, canvas_px - height), max(0, canvas_px - width)
        top, left = below // 2, right // 2
        padded = cv2.copyMakeBorder(small, top, below - top, left, right - left, cv2.BORDER_CONSTANT, value=GREY)
        self.yunet.setInputSize((padded.shape[1], padded.shape[0]))
        _, found = self.yunet.detect(padded)
        if found is None:
            return np.zeros((0, 15), np.float32)
        found[:, [0, 4, 6, 8, 10, 12]] -= left
        found[:, [1, 5, 7, 9, 11, 13]] -= top
        found[:, :14] /= scale
        return found

    def shape(self, image: Pixels, face: Rows) -> Rows:
        """Landmarks (10) and yaw, pitch, roll in degrees of a found face (box, landmarks, score)."""
        landmarks = face[4:14].reshape(5, 2)
        angles = self.pose.angles(image, face[:4], landmarks)
        return np.concatenate([settle(landmarks, angles).ravel(), angles])


def overlap(boxes: Rows, others: Rows) -> Rows:
    """Intersection over union of rows that begin with x, y, w, h: (n, m)."""
    shares = [detect.overlap(box[:4], others[:, :4]) for box in boxes]
    return np.array(shares, np.float32).reshape(len(boxes), len(others))


def merge(found: Rows) -> Rows:
    """Best-scored first, each face once."""
    found = found[np.argsort(-found[:, 14])]
    kept: list[int] = []
    for index in range(len(found)):
        if not kept or overlap(found[index : index + 1], found[kept]).max() < 0.35:
            kept.append(index)
    return found[kept]


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


def fingerprint(image: Pixels) -> int:
    """64-bit difference hash, to drop copies of pictures."""
    tiny = cv2.resize(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY), (9, 8), interpolation=cv2.INTER_AREA).astype(int)
    return int("".join("1" if bit else "0" for bit in (tiny[:, 1:] > tiny[:, :-1]).ravel()), 2)


def pictures(folder: Path, every: int) -> Iterator[tuple[Path, Pixels]]:
    """Every so many of a folder's pictures, BGR, without tiny and broken ones."""
    suffixes = {".jpg", ".jpeg", ".png", ".bmp"}
    for path in sorted(path for path in folder.rglob("*") if path.suffix.lower() in suffixes)[::every]:
        image = cv2.imread(str(path))
        if image is not None and min(image.shape[:2]) >= 48:
            yield path, image


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


def label(teachers: Teachers, source: str, seen: set[int], reserved: set[str]) -> Iterator[Labelled]:
    """The labelled pictures of one source, without copies of what was seen before."""
    kind, name, every = [*source.split(":"), "1"][:3]
    folder = Path(name)
    truth = read_boxes(folder) if kind == "boxes" else {}
    for path, image in pictures(folder, int(every)):
        mark = fingerprint(image)
        # A picture of `boxes` may be kept out by its even number only: the folder is also one of the measured ones.
        unwanted = not is_odd(path) if kind == "boxes" else mark in seen
        if unwanted or reserved & set(path.parts):
            continue
        seen.add(mark)
        image, scale = limit(image, LARGEST_READ_PX)
        faces = label_one(teachers, kind, image, truth.get(path.name, np.zeros((0, 4), np.float32)) * scale)
        if worth_keeping(kind, faces):
            image, scale = limit(image, STORED_SIDE_PX)
            faces[:, 1:15] *= scale
            yield Labelled(source="crop" if kind == "side" else kind, image=image, faces=faces)


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


def redraw(teachers: Teachers, labelled: list[Labelled], number: int) -> Iterator[Labelled]:
    """Up to `number` faces redrawn at large angles."""
    random = np.random.default_rng(3)
    suited = [one for one in labelled if len(one.faces) == 1 and one.faces[0, 0] == FACE and is_suited(one.faces[0])]
    for _ in range(number):
        one = suited[random.integers(len(suited))]
        drawn, angles = turn_at_random(one.image, one.faces[0], random)
        found = merge(teachers.detect(drawn.image, 200, 256))
        if len(found) and agrees(found[0], drawn.landmarks):
            row = np.array([[FACE, *found[0, :4], *drawn.landmarks.ravel(), *angles, found[0, 14]]], np.float32)
            yield Labelled(source="drawn", image=drawn.image, faces=row)


def agrees(found: Rows, landmarks: Rows) -> bool:
    """The teacher sees a face there, with landmarks within a quarter of its side."""
    error = np.linalg.norm(found[4:14].reshape(5, 2) - landmarks, axis=1).mean() / np.sqrt(found[2] * found[3])
    return bool(found[14] >= FOUND_AGAIN and error <= 0.25)


def save(labelled: list[Labelled], out: Path) -> None:
    """What `tools.samples.scenes` reads: JPEGs of quality 93 end to end, faces with their picture's number."""
    blobs = [cv2.imencode(".jpg", one.image, [cv2.IMWRITE_JPEG_QUALITY, 93])[1].ravel() for one in labelled]
    faces = [np.insert(one.faces, 0, index, axis=1) for index, one in enumerate(labelled)]
    np.savez(
        out,
        jpeg=np.concatenate(blobs),
        offsets=np.cumsum([0, *(len(blob) for blob in blobs)]),
        source=np.array([one.source for one in labelled]),
        faces=np.concatenate(faces).astype(np.float32),
    )


def main() -> None:
    arguments = parse()
    cv2.setNumThreads(1)
    teachers = Teachers(arguments.yunet, arguments.pose)
    reserved = set(arguments.reserved.read_text().split()) if arguments.reserved else set()
    seen = {fingerprint(image) for folder in arguments.measured for _, image in pictures(folder, 1)}
    labelled: list[Labelled] = []
    for source in arguments.sources:
        report(source, labelled, label(teachers, source, seen, reserved))
    if arguments.turned:
        report("turned", labelled, redraw(teachers, list(labelled), arguments.turned))
    save(labelled, arguments.out)


def report(name: str, labelled: list[Labelled], more: Iterator[Labelled]) -> None:
    """Adds what comes of a source to the list, and says how much it was."""
    before = len(labelled)
    labelled.extend(more)
    faces = sum(int((one.faces[:, 0] != UNCLEAR).sum()) for one in labelled[before:])
    print(f"{name}: {len(labelled) - before} pictures, {faces} faces", file=sys.stderr, flush=True)


def parse() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--yunet", type=Path, required=True, help="YuNet (ONNX), of a fixed input size")
    parser.add_argument("--pose", type=Path, nargs=2, required=True, help="the two FSA-Net files (ONNX)")
    parser.add_argument("--reserved", type=Path, help="names of folders to skip, one a line")
    parser.add_argument("--measured", type=Path, nargs="*", default=[], help="folders whose pictures to keep out")
    parser.add_argument("--turned", type=int, default=0, help="faces to try to redraw at large angles")
    parser.add_argument("--out", type=Path, required=True, help="file to write (.npz)")
    parser.add_argument("sources", nargs="+", help="kind:folder[:n]")
    return parser.parse_args()


if __name__ == "__main__":
    main()
