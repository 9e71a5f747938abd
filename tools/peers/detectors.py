"""Other people's face detectors: picture -> faces, on the same letterbox as ours.

Landmarks are passed on as each network gives them; whether they count from the corner or from the centre of the first
pixel, a difference of half a pixel, is not stated by any of them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from edgeface import detect, image
from edgeface.detect import Candidates, Detection, PixelBox, yunet
from edgeface.frame import Pixels
from edgeface.image import Letterbox
from edgeface.model import Tensor
from tools.peers.onnx import Network, planes

Find = Callable[[Pixels], tuple[Detection, ...]]
"""Picture (h, w, 3) RGB -> its faces, strongest first."""

WORKING_SIDE_PX = 320
YUNET_FILES = {320: "yunet_n_320_320.onnx", 640: "yunet_n_640_640.onnx"}
"""By working side: OpenCV 4 refuses the file that takes any size, but lets these take other shapes."""
YUNET_ANY_SIZE_FILE = "yunet_n_dynamic.onnx"
SCRFD_FILE = "scrfd_500m.onnx"

YUNET_MIN_SCORE = 0.6
"""Of OpenCV Zoo's own wrapper, like the next."""
YUNET_MAX_OVERLAP = 0.3
SCRFD_MIN_SCORE = 0.5
"""Of insightface's own wrapper, like the next."""
SCRFD_MAX_OVERLAP = 0.4
SCRFD_STRIDES = (8, 16, 32)
SCRFD_ANCHORS = 2


class Yunet:
    """YuNet (Wu et al., 2023) as OpenCV runs it, with OpenCV's decoding and suppression."""

    def __init__(
        self, path: Path, threads: int, *, side_px: int = WORKING_SIDE_PX, min_score: float = YUNET_MIN_SCORE
    ) -> None:
        self._side_px, self._size = side_px, (side_px, side_px)
        self._detector = cv2.FaceDetectorYN.create(str(path), "", self._size, min_score, YUNET_MAX_OVERLAP)
        self._threads = threads

    def __call__(self, pixels: Pixels) -> tuple[Detection, ...]:
        canvas, placed = image.letterbox(pixels, self._side_px)
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


class YunetOnnx:
    """YuNet in onnxruntime, decoded as the reader decodes it; the file must take any input size."""

    def __init__(
        self, path: Path, threads: int, *, side_px: int = WORKING_SIDE_PX, min_score: float = YUNET_MIN_SCORE
    ) -> None:
        self._network, self._side_px, self._min_score = Network(path, threads), side_px, min_score

    def __call__(self, pixels: Pixels) -> tuple[Detection, ...]:
        canvas, placed = image.letterbox(pixels, self._side_px)
        outputs = self._network(planes(canvas[0, :, :, ::-1], (0, 0, 0), (1, 1, 1)))
        found = yunet.decode(yunet_maps(outputs, canvas.shape[1], canvas.shape[2]), self._min_score)
        kept = detect.suppress(found.boxes, found.scores, YUNET_MAX_OVERLAP)
        return tuple(_detection(found.boxes[i], found.landmarks[i], float(found.scores[i]), placed) for i in kept)


def yunet_maps(outputs: Sequence[Tensor], height_px: int, width_px: int) -> tuple[Tensor, ...]:
    """YuNet's outputs as its file gives them, rows of cells (1, n, channels), as maps (1, rows, columns, channels).

    They come by kind, each at strides 8, 16 and 32.
    """
    strides = yunet.STRIDES * (len(outputs) // len(yunet.STRIDES))
    return tuple(
        output.reshape(1, height_px // stride, width_px // stride, -1)
        for output, stride in zip(outputs, strides, strict=True)
    )


class Scrfd:
    """SCRFD (Guo et al., ICLR 2022): at each stride two anchors a cell with a score, four distances, five points."""

    def __init__(self, path: Path, threads: int) -> None:
        self._network = Network(path, threads)

    def __call__(self, pixels: Pixels) -> tuple[Detection, ...]:
        canvas, placed = image.letterbox(pixels, WORKING_SIDE_PX)
        outputs = self._network(planes(canvas[0], (127.5, 127.5, 127.5), (128.0, 128.0, 128.0)))
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


def _detection(box: Tensor, landmarks: npt.NDArray[np.float32], score: float, placed: Letterbox) -> Detection:
    """A face on the canvas -> a face in the picture."""
    corners = placed.to_picture(np.stack([box[:2], box[:2] + box[2:4]]))
    x, y, right, bottom = (float(value) for value in corners.reshape(-1))
    points = placed.to_picture(landmarks.reshape(5, 2))
    return Detection(box=PixelBox(x=x, y=y, w=right - x, h=bottom - y), landmarks=points, score=score, angles_deg=None)
