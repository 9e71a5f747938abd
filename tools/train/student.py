"""A network in training: its weights, their running mean, both optimisers, and how far it has come.

Warm-up, a long constant stretch, then a linear decay to zero, so that a run can be stopped, resumed and finished at any
time.
"""

from __future__ import annotations

import json
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from edgeface.adapters import manifest
from edgeface.frame import Pixels
from edgeface.model import ModelSpec, normalise
from tools.train.optimise import Average, Muon


def shipped_spec(name: str) -> ModelSpec:
    """How the reader will feed a network of ours: its entry in the shipped manifest."""
    return manifest.read(manifest.shipped())[name].spec


def to_tensor(pictures: Pixels, spec: ModelSpec) -> Tensor:
    """BGR uint8 (n, h, w, 3) -> float (n, 3, h, w), by the reader's own `normalise`."""
    values = np.ascontiguousarray(normalise(pictures[..., ::-1], spec))
    return torch.from_numpy(values).permute(0, 3, 1, 2)  # NHWC in memory is what channels_last means


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """How fast to learn, and for how long."""

    images: int
    """Samples to see in all."""
    decay_images: int
    """Length of the final decay."""
    warm_images: int
    """Length of the warm-up."""
    muon_rate: float
    adam_rate: float

    def rate(self, seen: int) -> float:
        """Part of the full learning rate after `seen` samples, 0..1."""
        return max(0.0, min(1.0, seen / self.warm_images, (self.images - seen) / self.decay_images))


class Student:
    """Learns step by step; keeps itself in `<folder>/checkpoint.pt` and its progress in `<folder>/curve.jsonl`."""

    def __init__(
        self,
        net: nn.Module,
        shape: Any,
        folder: Path,
        schedule: Schedule,
        *,
        matrices: list[nn.Parameter],
        rest: list[nn.Parameter],
        average: float,
        clip: float = float("inf"),
    ) -> None:
        """`shape` is the network's size, a dataclass. Muon takes `matrices`, AdamW the `rest`; gradients longer than
        `clip` are shortened. Goes on from the folder's checkpoint if there is one."""
        self.net, self.shape, self.schedule = net, shape, schedule
        self.average = Average(net, decay=average)
        self.seen = 0
        self._muon = Muon(matrices, weight_decay=0.01)
        self._adam = torch.optim.AdamW(rest, betas=(0.9, 0.99), weight_decay=0.0)
        self._clip = clip
        self._folder = folder
        self._since = time.monotonic(), 0
        folder.mkdir(parents=True, exist_ok=True)
        if self._checkpoint.exists():
            self._resume()

    @property
    def done(self) -> bool:
        """Whether it has seen all that the schedule gives it."""
        return self.seen >= self.schedule.images

    def learn(self, loss: Tensor, batch: int) -> None:
        """One step against `loss`, which `batch` samples gave."""
        rate = self.schedule.rate(self.seen)
        for optimiser, full in ((self._muon, self.schedule.muon_rate), (self._adam, self.schedule.adam_rate)):
            for group in optimiser.param_groups:
                group["lr"] = rate * full
        self.net.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(self.net.parameters(), self._clip)
        self._muon.step()
        self._adam.step()
        self.average.update(self.net, self.seen / batch)
        self.seen += batch

    def report(self, figures: dict[str, float]) -> None:
        """Print and keep a line of the learning curve, and save everything."""
        started, first = self._since
        line = {
            "images": self.seen,
            **{name: round(value, 4) for name, value in figures.items()},
            "rate": round(self.schedule.rate(self.seen), 3),
            "images_per_s": round((self.seen - first) / (time.monotonic() - started)),
        }
        print(json.dumps(line), flush=True)
        with (self._folder / "curve.jsonl").open("a") as curve:
            curve.write(json.dumps(line) + "\n")
        self._save()

    @property
    def _checkpoint(self) -> Path:
        return self._folder / "checkpoint.pt"

    def _save(self) -> None:
        part = self._checkpoint.with_suffix(".part")
        state = {
            "shape": asdict(self.shape),
            "net": self.net.state_dict(),
            "average": self.average.module.state_dict(),
            "muon": self._muon.state_dict(),
            "adam": self._adam.state_dict(),
            "seen": self.seen,
        }
        torch.save(state, part)
        part.replace(self._checkpoint)

    def _resume(self) -> None:
        state = torch.load(self._checkpoint, weights_only=False)
        self.net.load_state_dict(state["net"])
        self.average.module.load_state_dict(state["average"])
        self._muon.load_state_dict(state["muon"])
        self._adam.load_state_dict(state["adam"])
        self.seen = state["seen"]
        self._since = time.monotonic(), self.seen
