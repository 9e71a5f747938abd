"""How well each chain tells people apart, on the pairs of LFW-dev."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from edgeface import embed
from edgeface.frame import Pixels
from edgeface.model import Tensor
from tools import evaluate, metrics
from tools.evaluate import central
from tools.metrics import Figure
from tools.peers import Chain


def names_of(rows: Iterable[Mapping[str, str]]) -> list[str]:
    """Files that the pairs need, each once, sorted."""
    return sorted({row[side] for row in rows for side in ("file_a", "file_b")})


def vector_of(chain: Chain, pixels: Pixels) -> Tensor | None:
    """Embedding of the central face, by way of the int8 template that a reader stores; None where there is no face."""
    face = central(chain.find(pixels), pixels)
    if face is None:
        return None
    return embed.from_template(embed.to_template(chain.embed(chain.cut(pixels, face.landmarks))))


def figures(rows: Sequence[Mapping[str, str]], vectors: Mapping[str, Tensor | None]) -> dict[str, Figure]:
    """Accuracy and TAR with intervals by person; a picture without face matches nobody and counts as a failure."""
    pairs = evaluate.lfw_pairs(rows, vectors)
    lost = sum(vector is None for vector in vectors.values())
    return {**metrics.verification(pairs), "failure_to_acquire": metrics.wilson(lost, len(vectors))}
