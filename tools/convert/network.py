"""What every importer gives and every rewrite takes: a network as a graph of PyTorch calls, with its names."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from torch import fx

Levels = float | Sequence[float]
"""Grey levels, 0..255: one for all channels, or one for each in the network's own colour order."""

READER_MEAN = 127.5
READER_STD = 127.5
"""What the reader feeds to networks whose own normalisation was folded into their first convolution: -1..1."""


class ConversionError(ValueError):
    """A network that cannot be converted, with the operator and node that stand in the way."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Feed:
    """How the reader has to make a network's input from pixels: input = (pixel - mean) / std."""

    mean: float = 0.0
    """Grey levels, 0..255."""
    std: float = 1.0
    """Grey levels, > 0."""
    order: str = "RGB"
    """"RGB" or "BGR"."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Network:
    """A foreign network that PyTorch can run, in inference mode."""

    module: fx.GraphModule
    """float32 (1, C, H, W) -> tuple of outputs, in the order of `output_names`."""
    input_name: str
    """In the file."""
    input_shape: tuple[int, int, int, int]
    """(1, C, H, W)."""
    output_names: tuple[str, ...]
    """In the file."""
    channels_last: bool = False
    """Whether the file itself wants (1, H, W, C)."""
    feed: Feed = Feed()
    """What `prepare` leaves for the reader to do; as loaded: nothing is known, the input goes in as it is."""
