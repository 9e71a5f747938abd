"""The maker's file in the runtime that it was made for, behind the reader's own interface: what "before" means."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from edgeface.adapters.catalog import Offer, Original
from edgeface.frame import Pixels
from edgeface.model import Infer, Layout, Tensor
from tools.convert import load
from tools.convert.reference import runner


def as_infer(offer: Offer, folder: Path) -> Infer:
    """Pixels -> the original's outputs, laid out as the converted file gives them. Fixed to the original's size."""
    path = folder / offer.sources[0].name
    network = load(path)
    run = runner(path, network)

    def infer(pixels: Pixels) -> tuple[Tensor, ...]:
        outputs = run(planes(pixels, offer.original))
        if offer.spec().layout is Layout.YUNET:
            return tuple(_as_map(one, pixels.shape[1], pixels.shape[2]) for one in outputs)
        return tuple(outputs)

    return infer


def planes(pixels: Pixels, original: Original) -> Tensor:
    """RGB (1, h, w, 3) uint8 -> float32 (1, 3, h, w), as the maker's own code prepares it."""
    ordered = pixels if original.order == "RGB" else pixels[..., ::-1]
    scaled = (ordered - np.array(original.mean, np.float32)) / np.array(original.std, np.float32)
    return np.ascontiguousarray(scaled.transpose(0, 3, 1, 2), np.float32)


def _as_map(output: Tensor, height_px: int, width_px: int) -> Tensor:
    """YuNet's rows (1, cells, values) -> (1, rows, columns, values); cells go row by row."""
    stride = round((height_px * width_px / output.shape[1]) ** 0.5)
    return output.reshape(1, height_px // stride, width_px // stride, output.shape[2])
