"""Train the face detector on composed pictures, teacher-labelled.

Keeps a running mean of the weights, which is what gets exported; see `tools.student` for the schedule and how a run is
resumed.

    python -m tools.train_detector --scenes scenes.npz --out work/detector --images 200000
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import Tensor, nn

from tools.detector_net import Detector, DetectorShape, losses
from tools.optimise import split_parameters
from tools.scenes import COLUMNS, Floats, Scenes, compose, load
from tools.student import Schedule, Student, shipped_spec, to_tensor

SIDES_PX = (224, 256, 320)
"""Each batch is drawn at one of these."""
WEIGHTS = {"score": 1.0, "box": 2.0, "landmark": 2.0, "pose": 1.0, "range": 0.1}


def main() -> None:
    arguments = _parse()
    torch.set_num_threads(arguments.threads)
    cv2.setNumThreads(0)
    torch.manual_seed(arguments.seed)
    cv2.setRNGSeed(arguments.seed)
    train(arguments, load(arguments.scenes))


def train(arguments: argparse.Namespace, scenes: Scenes) -> None:
    """One run, from the checkpoint if there is one, to the end of its schedule."""
    student, spec = make_student(arguments), shipped_spec("edgeface-detect-320")
    random = np.random.default_rng((arguments.seed, student.seen))
    sums: dict[str, list[float]] = defaultdict(list)
    next_report = student.seen + arguments.report
    while not student.done:
        side_px = int(random.choice(SIDES_PX))
        samples = [compose(scenes, side_px, random) for _ in range(arguments.batch)]
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=arguments.bf16):
            maps = student.net(to_tensor(np.stack([picture for picture, _ in samples]), spec))
        parts = losses(maps, pad([faces for _, faces in samples]))
        student.learn(torch.stack([WEIGHTS[name] * value for name, value in parts.items()]).sum(), arguments.batch)
        for name, value in parts.items():
            sums[name].append(float(value.detach()))
        if student.seen >= next_report or student.done:
            next_report += arguments.report
            student.report({name: float(np.mean(values)) for name, values in sums.items()})
            sums.clear()


def make_student(arguments: argparse.Namespace) -> Student:
    """The network with its schedule, as the arguments want it."""
    shape = DetectorShape()
    net = Detector(shape).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    matrices, rest = split_optimisers(net)
    schedule = Schedule(
        images=arguments.images,
        decay_images=arguments.decay_images,
        warm_images=200 * arguments.batch,
        muon_rate=arguments.muon_rate,
        adam_rate=arguments.adam_rate,
    )
    average = arguments.average
    return Student(net, shape, arguments.out, schedule, matrices=matrices, rest=rest, average=average, clip=10.0)


def split_optimisers(net: Detector) -> tuple[list[nn.Parameter], list[nn.Parameter]]:
    """(convolutions for Muon; the rest for AdamW, among it the output layers, whose scales differ by meaning)."""
    outputs = {id(parameter) for parameter in net.outputs.parameters()}
    matrices, rest = split_parameters(net)
    return [one for one in matrices if id(one) not in outputs], rest + [one for one in matrices if id(one) in outputs]


def pad(faces: list[Floats]) -> Tensor:
    """Labels of a batch as one tensor (batch, most faces, COLUMNS), filled up with faces of size 0."""
    most = max(1, *(len(one) for one in faces))
    padded = np.zeros((len(faces), most, COLUMNS), np.float32)
    for row, one in zip(padded, faces, strict=True):
        row[: len(one)] = one
    return torch.from_numpy(padded)


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scenes", type=Path, required=True, help="labelled pictures (.npz) from tools.label_scenes")
    parser.add_argument("--out", type=Path, default=Path("work/detector"), help="checkpoint and learning curve")
    parser.add_argument("--images", type=int, default=200_000, help="samples to see in all")
    parser.add_argument("--decay-images", type=int, default=70_000, help="length of the final decay")
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--muon-rate", type=float, default=0.02)
    parser.add_argument("--adam-rate", type=float, default=2e-3)
    parser.add_argument("--average", type=float, default=0.998, help="decay of the running mean of the weights")
    parser.add_argument("--bf16", action=argparse.BooleanOptionalAction, default=True)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--report", type=int, default=10_000, help="report and save every so many samples")
    parser.add_argument("--seed", type=int, default=1)
    return parser.parse_args()


if __name__ == "__main__":
    main()
