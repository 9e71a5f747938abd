"""Foreign networks (ONNX, OpenVINO, frozen TensorFlow) as PyTorch modules that our own conversion chain can take."""

from tools.convert.importer import load
from tools.convert.network import ConversionError, Feed, Network
from tools.convert.reference import parity
from tools.convert.rewrite import prepare, rewrite
from tools.convert.slopes import Form

__all__ = ["ConversionError", "Feed", "Form", "Network", "load", "parity", "prepare", "rewrite"]
