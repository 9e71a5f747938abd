"""Turn a network into the full int8 file that the reader runs, and say what that cost.

PyTorch -> float TFLite -> int8 weights, activations, input and output. Refuses a file with float tensors left, one that
XNNPACK does not run in one piece, and one whose outputs are no longer those of the float file. `python -m
tools.quantize --help` says what there is to do.
"""

from tools.quantize.files import File
from tools.quantize.fitness import PARITY, Report, Unfit, check
from tools.quantize.ours import restore
from tools.quantize.ptq import COVERAGE, convert, quantize

__all__ = ["COVERAGE", "PARITY", "File", "Report", "Unfit", "check", "convert", "quantize", "restore"]
