"""Does a model give here what it gave where it was measured? Known pictures in, known numbers out, before it is used.

The file's sha256 vouches for the weights; this vouches for what runs them: runtime, kernels, processor and the
manifest's own normalisation. The pictures are made by whole-number arithmetic, so they are the same everywhere.
"""

from __future__ import annotations

import base64
import hashlib
import platform
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np
import numpy.typing as npt

from edgeface.adapters.tflite import TfliteModel
from edgeface.errors import ModelError
from edgeface.frame import Pixels

PROBES = 4
"""Pictures for a model of many outputs. Changing the probes changes every digest."""
PROBES_OF_FEW = 16
"""Pictures for a model of few outputs, as each tells less."""
NOISE_PX = 64
"""Side of the noise, which repeats."""
SAMPLED = 64
"""Numbers kept of each probe's outputs, evenly spread; a model with fewer has few outputs."""
ALIKE_STEPS = 1
"""How far the same kernels may round a number in another build. None seen did: LiteRT 2.1 and 2.3, x86-64 with AVX,
AVX2 and AVX-512, arm64 with and without dot products."""
FOREIGN_STEPS = 4.0
"""Mean distance that is too much from other kernels. The built-in ones of LiteRT 2.3 came to 0.8 at most; an emulated
vector unit (SVE) that computes wrongly to 24."""

Numbers = npt.NDArray[np.int64]
Row = npt.NDArray[np.generic]


class Proof(StrEnum):
    """How a model came out."""

    PROVEN = "proven"
    """Bit for bit what its manifest promises."""
    ALIKE = "alike"
    """Not bit for bit, but no sampled number is more than a step away."""
    UNPROVEN = "unproven"
    """Its manifest promises nothing for these kernels."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What the probes said of a model."""

    proof: Proof
    path: str
    """The kernels that ran: a key of `golden`."""
    detail: str
    """A sentence."""


def probe(number: int, width_px: int, height_px: int) -> Pixels:
    """A head with eyes and a mouth before a striped wall, in noise: uint8, shape (1, h, w, 3), RGB.

    Whole-number arithmetic only. It excites a face network everywhere and leaves its outputs far from their limits.
    """
    x = np.arange(width_px, dtype=np.int32) * 256 // width_px
    y = np.arange(height_px, dtype=np.int32)[:, None] * 256 // height_px - 8 * (number % 4)
    picture = (56 + (x * (number + 1) + 2 * y) % 256 // 4).astype(np.int16)
    picture[(x - 128) ** 2 * 16 // 9 + (y - 128) ** 2 < 100**2] += 100
    for part_x, part_y, radius in ((88, 96, 14), (168, 96, 14), (128, 196, 20)):
        picture[(x - part_x) ** 2 // 2 + (y - part_y) ** 2 * 2 < radius**2] -= 90
    repeats = (-(-height_px // NOISE_PX), -(-width_px // NOISE_PX), 1)
    noise = np.tile(_noise(number), repeats)[:height_px, :width_px]
    pixels: Pixels = np.clip(noise + picture[..., None], 0, 255).astype(np.uint8)
    return pixels[None]


def _noise(number: int) -> npt.NDArray[np.int16]:
    """-52..31, a little darker from red to blue, shape (NOISE_PX, NOISE_PX, 3): an integer hash modulo 2**32."""
    row, column, channel = np.indices((NOISE_PX, NOISE_PX, 3), np.int64)
    mask = 2**32 - 1
    mixed = (column * 374761393 + row * 668265263 + number * 3266489917 + channel * 2246822519) & mask
    mixed = ((mixed ^ (mixed >> 13)) * 1274126177) & mask
    noise: npt.NDArray[np.int16] = ((mixed ^ (mixed >> 16)) % 64 - 32 - 10 * channel).astype(np.int16)
    return noise


def path(model: TfliteModel) -> str:
    """The kernels that a digest holds for.

    XNNPACK's int8 kernels give one result on every processor; the runtime's built-in ones differ by machine.
    """
    return model.kernels if model.pieces == 1 else f"{model.kernels}-{platform.machine()}"


def outputs(model: TfliteModel) -> list[Row]:
    """For each probe, all outputs of the model as its file gives them, in one row."""
    first = _row(model, 0)
    probes = PROBES if first.size >= SAMPLED else PROBES_OF_FEW
    return [first, *(_row(model, number) for number in range(1, probes))]


def _row(model: TfliteModel, number: int) -> Row:
    picture = probe(number, model.spec.width_px, model.spec.height_px)
    return np.concatenate([output.reshape(-1) for output in model.raw(picture)])


def digest(rows: list[Row]) -> str:
    """sha256 of the outputs' bytes, hex."""
    return hashlib.sha256(b"".join(row.tobytes() for row in rows)).hexdigest()


def sample(rows: list[Row]) -> Numbers | None:
    """Some numbers of each row, evenly spread; None unless all are int8, as other kinds have no steps to count."""
    if any(row.dtype != np.int8 for row in rows):
        return None
    spread = [row[np.arange(min(SAMPLED, row.size)) * row.size // min(SAMPLED, row.size)] for row in rows]
    return np.concatenate(spread).astype(np.int64)


def as_text(sampled: Numbers) -> str:
    """A sample as a manifest's `golden_sample`, base64."""
    return base64.b64encode(sampled.astype(np.int8).tobytes()).decode()


def promise(model: TfliteModel) -> dict[str, Any]:
    """What a manifest can promise of a model, as its keys `golden` and `golden_sample`.

    {} unless all outputs are int8: others differ by processor, and would be refused on the next one.
    """
    rows = outputs(model)
    sampled = sample(rows)
    if sampled is None:
        return {}
    return {"golden": {path(model): digest(rows)}, "golden_sample": as_text(sampled)}


def verify(model: TfliteModel) -> Finding:
    """Run the probes and compare with what the manifest promises.

    Raises ModelError if the numbers are other ones: then nothing that this model says can be trusted.
    """
    spec, key = model.spec, path(model)
    if not spec.golden:
        detail = f"{spec.name}: its manifest has no golden outputs, so nothing was compared"
        return Finding(proof=Proof.UNPROVEN, path=key, detail=detail)
    rows = outputs(model)
    if digest(rows) == spec.golden.get(key):
        return Finding(proof=Proof.PROVEN, path=key, detail=f"{spec.name} gives what was measured, bit for bit")
    steps = _steps(rows, spec.golden_sample)
    if key in spec.golden:
        return _rounded(spec.name, key, steps)
    return _foreign(spec.name, key, steps)


def _steps(rows: list[Row], expected: bytes) -> Numbers | None:
    """How far each sampled number is from the expected one, in steps; None if they cannot be compared."""
    found, wanted = sample(rows), np.frombuffer(expected, np.int8).astype(np.int64)
    return None if found is None or found.shape != wanted.shape else np.abs(found - wanted)


def _rounded(name: str, key: str, steps: Numbers | None) -> Finding:
    """The kernels are known and the bits are others."""
    if steps is None or steps.max() > ALIKE_STEPS:
        raise ModelError(_wrong(name, key, steps))
    detail = f"{name} gives nearly what was measured on {key}: {(steps > 0).sum()} of {steps.size} are a step off"
    return Finding(proof=Proof.ALIKE, path=key, detail=detail)


def _foreign(name: str, key: str, steps: Numbers | None) -> Finding:
    """The kernels are none that the manifest promises anything for."""
    if steps is None:
        return Finding(proof=Proof.UNPROVEN, path=key, detail=f"{name} is not proven on {key}")
    if steps.mean() > FOREIGN_STEPS:
        raise ModelError(_wrong(name, key, steps))
    detail = f"{name} is not proven on {key}: {steps.mean():.2f} steps from what was measured, at most {steps.max()}"
    return Finding(proof=Proof.UNPROVEN, path=key, detail=detail)


def _wrong(name: str, key: str, steps: Numbers | None) -> str:
    distance = "" if steps is None else f", up to {steps.max()} steps away"
    return (
        f"{name} does not give the numbers that it was measured with ({key}{distance}): its manifest was altered, the "
        "runtime is damaged, or this processor computes otherwise. Install edgeface and ai-edge-litert again; if that "
        "does not help, another release of ai-edge-litert may"
    )
