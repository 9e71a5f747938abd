"""Where the noise comes in: signal to quantization noise of every operator, in the order in which they run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from tools.quantize import files

MOVERS = frozenset({"RESHAPE", "TRANSPOSE", "PAD", "PADV2", "CONCATENATION", "SLICE", "STRIDED_SLICE", "SQUEEZE"})
"""Operators that only move numbers: they have no noise of their own and are left out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Noise:
    """One operator of the float file and what int8 does to its result."""

    position: int
    """Counted from 0 along the network."""
    operator: str
    """As TFLite calls it."""
    label: str
    """Short name for people: where in the network's source it stands, as far as the file tells."""
    noise_db: float
    """Signal to quantization noise over the test inputs, decibels; higher is better, 6 dB are one bit."""


def along(float_file: Path, noise_db: Mapping[str, float]) -> list[Noise]:
    """The operators of a file with the noise that the quantizer measured on their results, by tensor name."""
    steps = [one for one in files.layers(float_file) if one.operator not in MOVERS and one.tensor in noise_db]
    return [
        Noise(
            position=place,
            operator=one.operator,
            label=label(one.tensor) or f"{one.operator} {place}",
            noise_db=noise_db[one.tensor],
        )
        for place, one in enumerate(steps)
    ]


def named_as(noise: Sequence[Noise], others: Sequence[Noise]) -> list[Noise]:
    """The same operators under the names of another file of the network; exporting a tuned network loses them."""
    if [one.operator for one in noise] != [one.operator for one in others]:
        return list(noise)
    return [replace(one, label=other.label) for one, other in zip(noise, others, strict=True)]


def label(tensor: str) -> str:
    """A module's path out of a converter's tensor name, or that name's end; at most 36 characters, "" if it has none.

    A converter joins the names of everything that it fused, the last operator first, and puts a class before each part
    of a path: `.../torch.nn.modules.container.Sequential_first/torch.nn.modules.activation.ReLU_2;;...`.
    """
    first = tensor.split(";")[0]
    names = [part.rsplit(".", 1)[-1].partition("_")[2] for part in first.split("/")]
    path = ".".join(name for name in names if name not in ("", "wrapped"))
    if not path and first.rpartition(".")[2].startswith("ChannelLastIOWrapper"):
        return ""
    return (path if "/" in first and path else first.removeprefix("serving_default_").removesuffix("_output"))[-36:]


def worst(noise: list[Noise], count: int = 5) -> list[Noise]:
    """The noisiest operators, worst first."""
    return sorted(noise, key=lambda one: one.noise_db)[:count]
