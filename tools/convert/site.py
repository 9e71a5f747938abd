"""One operator at its place in a foreign graph: what a translation gets to see."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from tools.convert.builder import Builder, Value
from tools.convert.network import ConversionError

Shape = tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """One operator at its place in the foreign graph."""

    kind: str
    """Name of the operator."""
    name: str
    """Name of the node, for error messages."""
    inputs: Sequence[Value]
    attributes: dict[str, Any]
    shapes: Sequence[Shape]
    """Of the inputs."""
    results: Sequence[Shape]
    """Of the outputs."""
    builder: Builder

    def constant(self, index: int) -> Tensor:
        """An input that has to be known while converting. Raises ConversionError if it is not."""
        value = self.inputs[index]
        if not isinstance(value, Tensor):
            raise self.refused(f"its input {index} is computed from the picture")
        return value

    def numbers(self, index: int) -> tuple[int, ...]:
        """A constant input as whole numbers."""
        return tuple(int(one) for one in self.constant(index).reshape(-1))

    def refused(self, why: str) -> ConversionError:
        return ConversionError(f"operator {self.kind}, node {self.name!r}: {why}")


Meaning = Callable[[Site], Sequence[Value]]
