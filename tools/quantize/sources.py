"""From a file of any kind to a network that can be quantized."""

from __future__ import annotations

import importlib
import importlib.util
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
import torch
from torch import Tensor, nn

from tools.quantize.files import File, Floats
from tools.quantize.resize import inside, plain

KINDS = ".onnx, .xml, .pb, .pt2, .keras, .h5, .tflite or MODULE.py:FACTORY"


class SourceError(ValueError):
    """A network that cannot be loaded; the message says why, and what to install or change."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Source:
    """A network as it came: either a PyTorch module or a float TFLite file."""

    net: nn.Module | None
    """NCHW in and out, float32, in inference mode; None for a TFLite file."""
    float_file: Path | None
    """The TFLite file; None for a module."""
    outputs: tuple[str, ...] = ()
    """Names of the outputs where the file has any."""
    foreign: Any = None
    """What `tools.convert` loaded, for comparison with the file's own runtime."""


def load(name: str, sample: Floats) -> Source:
    """Load a network. `sample`: one input (1, H, W, C) as the reader prepares it.

    Raises SourceError.
    """
    path = Path(name.partition(":")[0])
    if not path.is_file():
        raise SourceError(f"{path} is no file: a network is one of {KINDS}")
    source = _read(path, name)
    if source.net is None:
        return source
    _check_shape(source, sample)
    picture = torch.from_numpy(sample).permute(0, 3, 1, 2)
    return Source(net=inside(source.net, picture), float_file=None, outputs=source.outputs, foreign=source.foreign)


def foreign_parity(source: Source, path: Path, float_file: Path, inputs: Sequence[Floats]) -> dict[str, float]:
    """Per output: largest difference of the float TFLite file to the original in its own runtime, relative.

    Nothing ({}) for networks that came as PyTorch, Keras or TFLite.
    """
    if source.foreign is None:
        return {}
    from tools.convert import reference

    run = reference.as_foreign(File(float_file).run)

    def last(planes: Floats) -> Floats:
        return np.ascontiguousarray(planes.transpose(0, 2, 3, 1))

    planes = [np.ascontiguousarray(one.transpose(0, 3, 1, 2)) for one in inputs]
    runner = reference.runner(path, source.foreign)
    return dict(reference.compare(source.outputs, runner, lambda one: run(last(one)), planes))


def _read(path: Path, name: str) -> Source:
    match path.suffix:
        case ".tflite":
            return Source(net=None, float_file=path)
        case ".onnx" | ".xml" | ".pb":
            return _converted(path)
        case ".pt2":
            return Source(net=_exported(path), float_file=None)
        case ".keras" | ".h5":
            return Source(net=_Keras(_keras_model(path)), float_file=None)
        case ".py":
            return Source(net=_made(path, name), float_file=None)
    raise SourceError(f"{path}: a network is one of {KINDS}")


def _converted(path: Path) -> Source:
    try:
        from tools import convert
    except ImportError as error:
        raise SourceError(f"{path}: reading it needs OpenVINO: pip install -e '.[tools]' ({error})") from error
    try:
        network = convert.load(path)
    except convert.ConversionError as error:
        raise SourceError(str(error)) from error
    net = convert.rewrite(network).module.eval()
    return Source(net=net, float_file=None, outputs=tuple(network.output_names), foreign=network)


def _exported(path: Path) -> nn.Module:
    try:
        return plain(torch.export.load(path).module(check_guards=False))
    except (RuntimeError, ValueError, KeyError, BadZipFile) as error:
        raise SourceError(f"{path} is not a network that torch.export.save wrote: {error}") from error


def _made(path: Path, name: str) -> nn.Module:
    factory = name.partition(":")[2]
    spec = importlib.util.spec_from_file_location(path.stem, path)
    if not factory or spec is None or spec.loader is None:
        raise SourceError(f"{name}: say which function of the file makes the network: {path}:FACTORY")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    made = getattr(module, factory, lambda: None)()
    if not isinstance(made, nn.Module):
        raise SourceError(f"{name} gives {type(made).__name__}, not a torch.nn.Module")
    return made.eval()


def _keras_model(path: Path) -> Any:
    """With PyTorch underneath, a Keras model is a PyTorch module: no TensorFlow is needed."""
    os.environ.setdefault("KERAS_BACKEND", "torch")
    try:
        import keras
    except ImportError as error:
        raise SourceError(f"{path}: reading it needs Keras: pip install keras (TensorFlow is not needed)") from error
    if keras.backend.backend() != "torch":
        raise SourceError(f"{path}: Keras must run on PyTorch: set KERAS_BACKEND=torch")
    try:
        return keras.saving.load_model(path, compile=False)
    except (ValueError, OSError, TypeError) as error:
        raise SourceError(f"{path} cannot be read by Keras {keras.__version__}: {error}") from error


class _Keras(nn.Module):
    """A Keras model, channels last, as the NCHW network that the rest of the way expects."""

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.model = model

    def forward(self, pictures: Tensor) -> tuple[Tensor, ...]:
        made = self.model(pictures.permute(0, 2, 3, 1), training=False)
        outputs = made if isinstance(made, tuple | list) else (made,)
        return tuple(one.permute(0, 3, 1, 2) if one.ndim == 4 else one for one in outputs)


def _check_shape(source: Source, sample: Floats) -> None:
    if source.foreign is None:
        return
    _, channels, height, width = source.foreign.input_shape
    if sample.shape[1:] != (height, width, channels):
        given = "x".join(map(str, sample.shape[1:]))
        raise SourceError(f"the network takes {height}x{width}x{channels}, the inputs are {given}")
