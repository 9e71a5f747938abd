"""Train the head pose network on the detector's archive of labelled and redrawn faces.

Keeps a running mean of the weights, which is what gets exported; see `tools.student` for the schedule and how a run is
resumed. Some of the faces are kept back, and the error on them reported.

    python -m tools.train_pose --scenes scenes.npz --out work/pose --images 1000000
"""

from __future__ import annotations

import argparse
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import Tensor

from edgeface.model import ModelSpec
from tools.nets import PoseNet, PoseShape
from tools.optimise import split_parameters
from tools.pose_faces import Faces, Floats, load, spoil
from tools.student import Schedule, Student, shipped_spec, to_tensor

MODEL = "edgeface-pose-64"


def main() -> None:
    arguments = _parse()
    torch.set_num_threads(arguments.threads)
    cv2.setNumThreads(0)
    torch.manual_seed(arguments.seed)
    cv2.setRNGSeed(arguments.seed)
    train(arguments, load(arguments.scenes))


def train(arguments: argparse.Namespace, faces: Faces) -> None:
    """One run, from the checkpoint if there is one, to the end of its schedule."""
    student, spec = make_student(arguments), shipped_spec(MODEL)
    random = np.random.default_rng((arguments.seed, student.seen))
    held_out, kept = faces.split(arguments.held_out)
    exam = draw(held_out, arguments.held_out, spec, np.random.default_rng(0))
    losses: list[float] = []
    next_report = student.seen + arguments.report
    while not student.done:
        chips, rows = draw(kept, arguments.batch, spec, random)
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=arguments.bf16):
            answers = student.net(chips)
        loss = apart(answers.float(), rows).mean()
        student.learn(loss, arguments.batch)
        losses.append(float(loss.detach()))
        if student.seen >= next_report or student.done:
            next_report += arguments.report
            with torch.no_grad():
                error = float(apart(student.average.module(exam[0]), exam[1]).mean())
            student.report({"loss": float(np.mean(losses)), "held_out": error})
            losses.clear()


def draw(faces: Faces, count: int, spec: ModelSpec, random: np.random.Generator) -> tuple[Tensor, Tensor]:
    """A batch: inputs (count, 3, side, side), and the first two rows of each rotation (count, 6)."""
    made = [
        spoil(faces.crops[i], faces.rotations[i], spec.width_px, spec.crop, random) for i in faces.draw(random, count)
    ]
    rows: Floats = np.stack([turned[:2].ravel() for _, turned in made]).astype(np.float32)
    return to_tensor(np.stack([chip for chip, _ in made]), spec), torch.from_numpy(rows)


def apart(answers: Tensor, rows: Tensor) -> Tensor:
    """(n, 6) and (n, 6) -> (n,): distance of the two rows, about radians. Not squared: some labels are far off."""
    return ((answers - rows).square().sum(-1) + 1e-6).sqrt()


def make_student(arguments: argparse.Namespace) -> Student:
    """The network with its schedule, as the arguments want it."""
    shape = PoseShape()
    net = PoseNet(shape).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    matrices, rest = split_parameters(net)
    head = id(net.rows.weight)
    schedule = Schedule(
        images=arguments.images,
        decay_images=arguments.decay_images,
        warm_images=200 * arguments.batch,
        muon_rate=arguments.muon_rate,
        adam_rate=arguments.adam_rate,
    )
    return Student(
        net,
        shape,
        arguments.out,
        schedule,
        matrices=[one for one in matrices if id(one) != head],
        rest=[*rest, net.rows.weight],
        average=arguments.average,
    )


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scenes", type=Path, required=True, help="labelled pictures (.npz) from tools.label_scenes")
    parser.add_argument("--out", type=Path, default=Path("work/pose"), help="checkpoint and learning curve")
    parser.add_argument("--images", type=int, default=1_000_000, help="samples to see in all")
    parser.add_argument("--decay-images", type=int, default=400_000, help="length of the final decay")
    parser.add_argument("--held-out", type=int, default=600, help="faces kept back to watch the error on")
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--muon-rate", type=float, default=0.02)
    parser.add_argument("--adam-rate", type=float, default=2e-3)
    parser.add_argument("--average", type=float, default=0.998, help="decay of the running mean of the weights")
    parser.add_argument("--bf16", action=argparse.BooleanOptionalAction, default=True)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--report", type=int, default=20_000, help="report and save every so many samples")
    parser.add_argument("--seed", type=int, default=1)
    return parser.parse_args()


if __name__ == "__main__":
    main()
