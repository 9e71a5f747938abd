"""The maker's file in the runtime that it was made for, behind the reader's own interface: what "before" means."""

from __future__ import annotations

from pathlib import Path

from edgeface.adapters.catalog import Offer
from edgeface.frame import Pixels
from edgeface.model import Infer, Layout, Tensor
from tools.convert import load
from tools.convert.reference import planes, runner


def as_infer(offer: Offer, folder: Path) -> Infer:
    """Pixels -> the original's outputs, laid out as the converted file gives them. Fixed to the original's size."""
    path, original = folder / offer.sources[0].name, offer.original
    network = load(path)
    run = runner(path, network)

    def infer(pixels: Pixels) -> tuple[Tensor, ...]:
        outputs = run(planes(pixels[0], original.mean, original.std, original.order))
        if offer.spec().layout is Layout.YUNET:
            return tuple(_as_map(one, pixels.shape[1], pixels.shape[2]) for one in outputs)
        return tuple(outputs)

    return infer


def _as_map(output: Tensor, height_px: int, width_px: int) -> Tensor:
    """YuNet's rows (1, cells, values) -> (1, rows, columns, values); cells go row by row."""
    stride = round((height_px * width_px / output.shape[1]) ** 0.5)
    return output.reshape(1, height_px // stride, width_px // stride, output.shape[2])
