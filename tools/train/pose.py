"""Train the head pose network on the detector's archive of labelled and redrawn faces.

Keeps a running mean of the weights, which is what gets exported; see `tools.train.student` for the schedule and how a
run is resumed. Some of the faces are kept back, and the error on them reported.

    python -m tools.train pose --pictures STREETS crop:FACES --turned 3000 --weights WEIGHTS --out work/pose
    python -m tools.train pose --scenes scenes.npz --out work/pose --images 1000000
"""

from __future__ import annotations

import argparse

import numpy as np
import torch
from torch import Tensor

from edgeface.model import ModelSpec
from tools.samples.pose_faces import Faces, Floats, load, spoil
from tools.train import pictures
from tools.train.feed import batches
from tools.train.nets import PoseNet, PoseShape
from tools.train.student import shipped_spec, to_tensor
from tools.train.training import add_options, begin, make_student

MODEL = "edgeface-pose-64"


def main() -> None:
    arguments = _parse()
    begin(arguments)
    archive = pictures.scenes(arguments)
    train(arguments, load(archive))
    pictures.finish("pose", arguments, "scenes", archive)


def train(arguments: argparse.Namespace, faces: Faces) -> None:
    """One run, from the checkpoint if there is one, to the end of its schedule."""
    shape, spec = PoseShape(), shipped_spec(MODEL)
    net = PoseNet(shape)
    student = make_student(arguments, net, shape, average=arguments.average, outputs=[net.rows])
    held_out, kept = faces.split(arguments.held_out)
    exam = draw(held_out, arguments.held_out, spec, np.random.default_rng(0))
    fed = batches(
        lambda _, random: draw(kept, arguments.batch, spec, random),
        seed=arguments.seed,
        first=student.seen // arguments.batch,
        workers=arguments.workers,
    )
    losses: list[float] = []
    next_report = student.seen + arguments.report
    while not student.done:
        chips, rows = next(fed)
        with torch.autocast(arguments.device, dtype=torch.bfloat16, enabled=arguments.bf16):
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


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    pictures.add_pictures(parser, "scenes")
    parser.add_argument("--turned", type=int, default=0, help="faces to try to redraw at large angles")
    parser.add_argument("--held-out", type=int, default=600, help="faces kept back to watch the error on")
    parser.add_argument("--average", type=float, default=0.998, help="decay of the running mean of the weights")
    add_options(
        parser, out="work/pose", images=1_000_000, decay_images=400_000, batch=64, report=20_000, warm_steps=200
    )
    return parser.parse_args()
