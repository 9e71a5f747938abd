"""Train the face detector on composed pictures, teacher-labelled.

Keeps a running mean of the weights, which is what gets exported; see `tools.train.student` for the schedule and how a
run is resumed.

    python -m tools.train detector --pictures STREETS crop:FACES empty:ROOMS --weights WEIGHTS --out work/detector
    python -m tools.train detector --scenes scenes.npz --out work/detector --images 200000
"""

from __future__ import annotations

import argparse
from collections import defaultdict

import numpy as np
import torch
from torch import Tensor

from tools.samples.scenes import COLUMNS, Floats, Scenes, compose, load
from tools.train import pictures
from tools.train.detector_net import Detector, DetectorShape, losses
from tools.train.feed import batches
from tools.train.student import shipped_spec, to_tensor
from tools.train.training import add_options, begin, make_student

SIDES_PX = (224, 256, 320)
"""Each batch is drawn at one of these."""
WEIGHTS = {"score": 1.0, "box": 2.0, "landmark": 2.0, "pose": 1.0, "range": 0.1}


def main() -> None:
    arguments = _parse()
    begin(arguments)
    archive = pictures.scenes(arguments)
    train(arguments, load(archive))
    pictures.finish("detector", arguments, "scenes", archive)


def train(arguments: argparse.Namespace, scenes: Scenes) -> None:
    """One run, from the checkpoint if there is one, to the end of its schedule."""
    shape, spec = DetectorShape(), shipped_spec("edgeface-detect-320")
    net = Detector(shape)
    student = make_student(arguments, net, shape, average=arguments.average, outputs=[net.outputs], clip=10.0)

    def make(_: int, random: np.random.Generator) -> tuple[Tensor, Tensor]:
        side_px = int(random.choice(SIDES_PX))
        samples = [compose(scenes, side_px, random) for _ in range(arguments.batch)]
        return to_tensor(np.stack([picture for picture, _ in samples]), spec), pad([faces for _, faces in samples])

    first = student.seen // arguments.batch
    fed = batches(make, seed=arguments.seed, first=first, workers=arguments.workers)
    sums: dict[str, list[float]] = defaultdict(list)
    next_report = student.seen + arguments.report
    while not student.done:
        composed, labels = next(fed)
        with torch.autocast(arguments.device, dtype=torch.bfloat16, enabled=arguments.bf16):
            maps = student.net(composed)
        parts = losses(maps, labels)
        student.learn(torch.stack([WEIGHTS[name] * value for name, value in parts.items()]).sum(), arguments.batch)
        for name, value in parts.items():
            sums[name].append(float(value.detach()))
        if student.seen >= next_report or student.done:
            next_report += arguments.report
            student.report({name: float(np.mean(values)) for name, values in sums.items()})
            sums.clear()


def pad(faces: list[Floats]) -> Tensor:
    """Labels of a batch as one tensor (batch, most faces, COLUMNS), filled up with faces of size 0."""
    most = max(1, *(len(one) for one in faces))
    padded = np.zeros((len(faces), most, COLUMNS), np.float32)
    for row, one in zip(padded, faces, strict=True):
        row[: len(one)] = one
    return torch.from_numpy(padded)


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    pictures.add_pictures(parser, "scenes")
    parser.add_argument("--turned", type=int, default=0, help="faces to try to redraw at large angles")
    parser.add_argument("--average", type=float, default=0.998, help="decay of the running mean of the weights")
    add_options(
        parser, out="work/detector", images=200_000, decay_images=70_000, batch=32, report=10_000, warm_steps=200
    )
    return parser.parse_args()
