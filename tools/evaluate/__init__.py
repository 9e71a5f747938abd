"""Measure the reader on development sets, through its own code: detector, alignment, int8 embedder, template.

`python -m tools.evaluate --help` says what there is to measure. What other tools share of it is named here.
"""

from tools.evaluate.acquire import central, central_face
from tools.evaluate.verification import lfw_pairs

__all__ = ["central", "central_face", "lfw_pairs"]
