"""Inputs to calibrate and test with: an array that is ready, or pictures through the reader's own preprocessing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any, overload

import numpy as np
import numpy.typing as npt

from edgeface import align, image
from edgeface.adapters import manifest
from edgeface.errors import ModelError
from edgeface.frame import Pixels
from edgeface.image import fit_to
from edgeface.model import ModelSpec, Task, normalise
from edgeface.pipeline import Models
from edgeface.service.bootstrap import load_models
from tools.evaluate import central_face
from tools.quantize.files import Floats

SUFFIXES = (".jpg", ".jpeg", ".png")
LEAST = 16
"""Fewer inputs than this leave ranges to chance; a choice."""


class InputError(ValueError):
    """Inputs that cannot be used; the message says why."""


class Inputs(Sequence[Floats]):
    """Inputs (1, H, W, 3), float32, made from their pixels one at a time: a thousand of them would fill the memory."""

    def __init__(self, values: Sequence[npt.NDArray[Any]], spec: ModelSpec | None) -> None:
        """`values`: (H, W, 3) each; pixels RGB if there is a `spec` to prepare them by, else ready to feed."""
        self._values, self._spec = values, spec

    def __len__(self) -> int:
        return len(self._values)

    @overload
    def __getitem__(self, index: int) -> Floats: ...
    @overload
    def __getitem__(self, index: slice) -> Inputs: ...
    def __getitem__(self, index: int | slice) -> Floats | Inputs:
        if isinstance(index, slice):
            return Inputs(self._values[index], self._spec)
        one = np.asarray(self._values[index])[None]
        return one.astype(np.float32) if self._spec is None else normalise(np.asarray(one, np.uint8), self._spec)

    def split(self, every: int = 8) -> tuple[Inputs, Inputs]:
        """(to calibrate and tune with, to test with): each `every`th is held out."""
        held = range(0, len(self), every)
        kept = [index for index in range(len(self)) if index % every]
        first, second = ([self._values[index] for index in chosen] for chosen in (kept, held))
        return Inputs(first, self._spec), Inputs(second, self._spec)


def load(path: Path, spec: ModelSpec | None, home: Path) -> Inputs:
    """A .npy of inputs as the reader prepares them, or a folder of pictures, which `spec` says how to prepare.

    `home`: whose detector finds the faces for a model that sees aligned ones. Raises InputError.
    """
    if path.is_dir():
        return _from_folder(path, spec, home)
    if path.suffix != ".npy":
        raise InputError(f"{path}: inputs are a .npy file (n, H, W, 3), or a folder of pictures")
    values = np.load(path, mmap_mode="r")
    if values.ndim != 4 or len(values) < LEAST:
        raise InputError(f"{path} has the shape {values.shape}: at least {LEAST} inputs (n, H, W, 3) are needed")
    if values.dtype == np.uint8 and spec is None:
        raise InputError(f"{path} holds pixels: --spec NAME says how the reader prepares them")
    return Inputs(values, spec if values.dtype == np.uint8 else None)


def spec_of(file: Path | None, name: str) -> ModelSpec:
    """A model's entry in a manifest, the shipped one if none is given. Raises ModelError if there is no such."""
    entries = manifest.read(file or manifest.shipped())
    if name not in entries:
        raise ModelError(f"{file or 'the shipped manifest'} has no model {name}; it has {', '.join(entries)}")
    return entries[name].spec


def _from_folder(folder: Path, spec: ModelSpec | None, home: Path) -> Inputs:
    files = sorted(file for file in folder.rglob("*") if file.suffix.lower() in SUFFIXES)
    if spec is None:
        raise InputError(f"{folder} holds pictures: --spec NAME says how the reader prepares them")
    models = cache(lambda: load_models(home).models)
    found = [canvas for file in files if (canvas := _canvas(image.read(file), spec, models)) is not None]
    if len(found) < LEAST:
        raise InputError(f"{folder}: {len(found)} of {len(files)} pictures can be used, at least {LEAST} are needed")
    return Inputs(found, spec)


def _canvas(pixels: Pixels, spec: ModelSpec, models: Callable[[], Models]) -> Pixels | None:
    """What the model sees of a picture; None if it needs a face and there is none.

    A picture of the very size that an embedder takes is an aligned face already.
    """
    if pixels.shape[:2] == (spec.height_px, spec.width_px):
        return pixels
    if spec.task is Task.DETECTOR:
        canvas, _ = fit_to(pixels, spec.width_px, spec.height_px)
        return np.asarray(canvas[0], np.uint8)
    if not spec.template:
        raise InputError(f"{spec.name} does not see aligned faces: prepare its inputs as a .npy")
    face = central_face(pixels, models())
    return None if face is None else align.chip(pixels, face.landmarks, spec)
