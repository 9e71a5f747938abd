"""Face readers made of other people's models, and ours, all cut to one pattern so that they can be timed side by side.

    picture -> find -> cut -> embed

Detectors get the same letterbox (long side 320 px; BlazeFace 128 px, for which it was made) and embedders the same
alignment code, each with its own template; what differs is the model and the runtime. Runtimes are imported when a
chain is built, so that a process that runs one chain does not pay for the others.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from edgeface import align, detect, embed, image
from edgeface.adapters import manifest, tflite
from edgeface.adapters.manifest import Choice
from edgeface.align import Matrix
from edgeface.detect import Candidates, Detection, PixelBox, Points
from edgeface.detect import Detector as OurDetector
from edgeface.embed import Embedder as OurEmbedder
from edgeface.frame import Pixels
from edgeface.image import Letterbox
from edgeface.model import Tensor

WORKING_SIDE_PX = 320
YUNET_FILE = "yunet_n_320_320.onnx"
FOAMLIU_FILE = "embed_mobilefacenet_foamliu.onnx"
SCRFD_FILE = "scrfd_500m.onnx"
ESPDL_FILE = "embed_mbf_espdl.onnx"
PEER_MANIFEST = Path(__file__).parents[1] / "models" / "examples" / "peers.toml"

ARCFACE_PX = ((38.2946, 51.6963), (73.5318, 51.5014), (56.0252, 71.7366), (41.5493, 92.3655), (70.7299, 92.2041))
"""Where five landmarks belong on a 112x112 chip (Deng et al., CVPR 2019; the values are insightface's)."""
IMAGENET_MEAN = (0.485 * 255, 0.456 * 255, 0.406 * 255)
IMAGENET_STD = (0.229 * 255, 0.224 * 255, 0.225 * 255)

YUNET_MIN_SCORE = 0.6
"""Of OpenCV Zoo's own wrapper."""
SCRFD_MIN_SCORE = 0.5
"""Of insightface's own wrapper, like the next."""
SCRFD_MAX_OVERLAP = 0.4
SCRFD_STRIDES = (8, 16, 32)
SCRFD_ANCHORS = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Chain:
    """One face reader, from decoded pixels to an embedding. Not for use by two threads at once."""

    key: str
    """Short name, as on the command line."""
    title: str
    """What it is made of."""
    find: Callable[[Pixels], tuple[Detection, ...]]
    """Picture (h, w, 3) RGB -> its faces, strongest first."""
    cut: Callable[[Pixels, Points], Pixels]
    """Picture and landmarks (5, 2) -> the aligned face as the embedder takes it, uint8."""
    embed: Callable[[Pixels], Tensor]
    """Aligned face -> float32 (dimensions,), length 1."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """Where the models of all chains lie."""

    home: Path
    """edgeface home: which of our models are in use."""
    weights: Path
    """Folder of the peers' weights."""


def build(key: str, sources: Sources, threads: int) -> Chain:
    """A chain with its models loaded. Raises ModelError, or what the peers' runtimes raise if a file is missing."""
    return BUILDERS[key](sources, threads)


def missing(weights: Path) -> list[str]:
    """Files of the peers that are not in the folder."""
    declared = [entry.spec.file for entry in manifest.read(PEER_MANIFEST).values()]
    wanted = [YUNET_FILE, FOAMLIU_FILE, SCRFD_FILE, ESPDL_FILE, *declared]
    return [name for name in wanted if not (weights / name).is_file()]


def _edgeface(sources: Sources, threads: int) -> Chain:
    return _reader("edgeface", "edgeface, int8, LiteRT", manifest.chosen(sources.home), threads)


def _blazeface(sources: Sources, threads: int) -> Chain:
    """Other people's models through edgeface's own code: all that it takes is their manifest."""
    entries = manifest.read(PEER_MANIFEST)
    detector, embedder = (
        replace(entries[name], folder=sources.weights) for name in ("blazeface-short-range", "mobilefacenet-int8")
    )
    choice = Choice(detector=detector, embedder=embedder)
    return _reader("blazeface", "BlazeFace + MobileFaceNet int8, LiteRT", choice, threads)


def _reader(key: str, title: str, choice: Choice, threads: int) -> Chain:
    detector_spec, embedder_spec = choice.detector.spec, choice.embedder.spec
    model = tflite.load(embedder_spec, choice.embedder.folder, threads=threads)
    embedder = OurEmbedder(spec=embedder_spec, infer=model, identity=model.identity)
    detector = OurDetector(
        spec=detector_spec, infer=tflite.load(detector_spec, choice.detector.folder, threads=threads)
    )
    options = detect.Options(max_side_px=WORKING_SIDE_PX)
    return Chain(
        key=key,
        title=title,
        find=lambda pixels: detect.detect(pixels, detector, options),
        cut=lambda pixels, landmarks: align.chip(pixels, landmarks, embedder_spec),
        embed=lambda chip: embed.embed(chip, embedder).vector,
    )


def _yunet(sources: Sources, threads: int) -> Chain:
    return Chain(
        key="yunet",
        title="YuNet, OpenCV + MobileFaceNet, onnxruntime",
        find=_Yunet(sources.weights / YUNET_FILE, threads),
        cut=_arcface_chip,
        embed=_OnnxEmbedder(sources.weights / FOAMLIU_FILE, threads, mean=IMAGENET_MEAN, std=IMAGENET_STD),
    )


def _scrfd(sources: Sources, threads: int) -> Chain:
    return Chain(
        key="scrfd",
        title="SCRFD-500M + MobileFaceNet-large, onnxruntime",
        find=_Scrfd(sources.weights / SCRFD_FILE, threads),
        cut=_arcface_chip,
        embed=_OnnxEmbedder(
            sources.weights / ESPDL_FILE, threads, mean=(127.5, 127.5, 127.5), std=(127.5, 127.5, 127.5)
        ),
    )


BUILDERS: Mapping[str, Callable[[Sources, int], Chain]] = {
    "edgeface": _edgeface,
    "yunet": _yunet,
    "scrfd": _scrfd,
    "blazeface": _blazeface,
}
"""Ours first: everything else is compared to it."""


def _arcface_chip(pixels: Pixels, landmarks: Points) -> Pixels:
    matrix: Matrix = align.similarity(landmarks.astype(np.float64), np.array(ARCFACE_PX))
    return image.warp(pixels, matrix, 112, 112)


class _Yunet:
    """YuNet (Wu et al., 2023) as OpenCV runs it, with OpenCV's decoding and suppression."""

    def __init__(self, path: Path, threads: int) -> None:
        self._size = WORKING_SIDE_PX, WORKING_SIDE_PX
        self._detector = cv2.FaceDetectorYN.create(str(path), "", self._size, YUNET_MIN_SCORE)
        self._threads = threads

    def __call__(self, pixels: Pixels) -> tuple[Detection, ...]:
        canvas, placed = image.letterbox(pixels, WORKING_SIDE_PX)
        found = self._infer(canvas[0, :, :, ::-1])
        return tuple(_detection(row[:4], row[4:14], float(row[14]), placed) for row in found)

    def _infer(self, bgr: Pixels) -> Tensor:
        """Rows of 15: box, landmarks, score. Everywhere else OpenCV keeps to the one thread that edgeface allows it."""
        size = bgr.shape[1], bgr.shape[0]
        if size != self._size:
            self._detector.setInputSize(size)
            self._size = size
        before = cv2.getNumThreads()
        cv2.setNumThreads(self._threads)
        found = self._detector.detect(np.ascontiguousarray(bgr))[1]
        cv2.setNumThreads(before)
        return np.zeros((0, 15), np.float32) if found is None else np.asarray(found, np.float32)


class _Scrfd:
    """SCRFD (Guo et al., ICLR 2022): at each stride two anchors a cell with a score, four distances, five points."""

    def __init__(self, path: Path, threads: int) -> None:
        self._session = _onnx_session(path, threads)

    def __call__(self, pixels: Pixels) -> tuple[Detection, ...]:
        canvas, placed = image.letterbox(pixels, WORKING_SIDE_PX)
        outputs = _run(self._session, _planes(canvas[0], (127.5, 127.5, 127.5), (128.0, 128.0, 128.0)))
        found = decode_scrfd(outputs, canvas.shape[1], canvas.shape[2])
        kept = detect.suppress(found.boxes, found.scores, SCRFD_MAX_OVERLAP)
        return tuple(_detection(found.boxes[i], found.landmarks[i], float(found.scores[i]), placed) for i in kept)


def decode_scrfd(outputs: Sequence[Tensor], height_px: int, width_px: int) -> Candidates:
    """SCRFD's nine outputs -> faces on the canvas: scores, boxes, points, each at strides 8, 16 and 32.

    A cell's anchors sit on its top left corner; distances are in strides.
    """
    parts = []
    for level, stride in enumerate(SCRFD_STRIDES):
        score, sides, points = (outputs[level + 3 * kind] for kind in range(3))
        strong = score[:, 0] >= SCRFD_MIN_SCORE
        rows, columns = np.mgrid[: height_px // stride, : width_px // stride].astype(np.float32)
        anchors = np.repeat(np.stack([columns, rows], axis=-1).reshape(-1, 2), SCRFD_ANCHORS, axis=0)[strong]
        sides = sides[strong]
        boxes = np.concatenate([anchors - sides[:, :2], sides[:, :2] + sides[:, 2:]], axis=1)
        landmarks = anchors[:, None] + points[strong].reshape(-1, 5, 2)
        parts.append((boxes * stride, landmarks * stride, score[strong, 0]))
    boxes, landmarks, scores = (np.concatenate(values) for values in zip(*parts, strict=True))
    return Candidates(boxes=boxes, landmarks=landmarks, scores=scores, angles_deg=None)


class _OnnxEmbedder:
    """An embedder in onnxruntime: 112x112 RGB planes in, one vector out."""

    def __init__(self, path: Path, threads: int, *, mean: Sequence[float], std: Sequence[float]) -> None:
        self._session = _onnx_session(path, threads)
        self._mean, self._std = mean, std

    def __call__(self, chip: Pixels) -> Tensor:
        return embed.unit(_run(self._session, _planes(chip, self._mean, self._std))[0].reshape(-1))


def _onnx_session(path: Path, threads: int) -> Any:
    onnxruntime = importlib.import_module("onnxruntime")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    # SCRFD's file promises the output sizes of a 640 px input; at any other it warns, nine lines a picture.
    options.log_severity_level = 3
    # Workers that spin on after a run would take the processor from the chain that is timed next.
    options.add_session_config_entry("session.force_spinning_stop", "1")
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def _run(session: Any, planes: Tensor) -> list[Tensor]:
    return list(session.run(None, {session.get_inputs()[0].name: planes}))


def _planes(pixels: Pixels, mean: Sequence[float], std: Sequence[float]) -> Tensor:
    """RGB picture (h, w, 3) -> float32 (1, 3, h, w), normalised."""
    scaled = (pixels - np.array(mean, np.float32)) / np.array(std, np.float32)
    return np.ascontiguousarray(scaled.transpose(2, 0, 1)[None])


def _detection(box: Tensor, landmarks: npt.NDArray[np.float32], score: float, placed: Letterbox) -> Detection:
    """A face on the canvas -> a face in the picture."""
    x, y = (float(value) for value in placed.to_picture(box[:2]))
    w, h = (float(value) for value in placed.to_picture(box[2:4]))
    points = placed.to_picture(landmarks.reshape(5, 2))
    return Detection(box=PixelBox(x=x, y=y, w=w, h=h), landmarks=points, score=score, angles_deg=None)
