"""Train the embedder by distillation: the student's direction follows two openly licensed teachers'.

Keeps a running mean of the weights, which is what gets exported; see `tools.train.student` for the schedule and how a
run is resumed.

    python -m tools.train embedder --pictures PEOPLE MORE --weights WEIGHTS --apart lfw-dev.tar --out work/embedder
    python -m tools.train embedder --faces train-faces.npz --out work/embedder --images 2000000
"""

from __future__ import annotations

import argparse

import numpy as np
import torch
from torch import Tensor, nn

from edgeface.model import ModelSpec
from tools.samples.faces import Faces, Pixels, load, resize, spoil
from tools.samples.probe_faults import spoil_as_probe
from tools.train import pictures
from tools.train.feed import batches, turn
from tools.train.nets import Embedder, EmbedderShape
from tools.train.student import shipped_spec, to_tensor
from tools.train.training import add_options, begin, make_student

NAME = "edgeface-embed-80"
"""Entry of the manifest that says how the reader feeds this network."""


def main() -> None:
    arguments = _parse()
    begin(arguments)
    archive = pictures.faces(arguments)
    training, validation = load(archive)
    train(arguments, training, validation)
    pictures.finish("embedder", arguments, "faces", archive)


def train(arguments: argparse.Namespace, training: Faces, validation: Faces) -> None:
    """One run, from the checkpoint if there is one, to the end of its schedule."""
    shape = EmbedderShape(side_px=arguments.side_px, blocks=tuple(arguments.blocks))
    student = make_student(arguments, Embedder(shape), shape, average=0.999)
    spec, side_px, batch = shipped_spec(NAME), student.shape.side_px, arguments.batch

    def make(number: int, random: np.random.Generator) -> tuple[Tensor, Tensor]:
        chosen = turn(number, batch, len(training), arguments.seed)
        strength = min(1.0, number * batch / arguments.gentle_images)
        chips = np.stack([spoilt(training.crops[i], arguments.faults, spec, side_px, random, strength) for i in chosen])
        return to_tensor(chips, spec), torch.from_numpy(training.targets[chosen])

    fed = batches(make, seed=arguments.seed, first=student.seen // batch, workers=arguments.workers)
    cosines, next_report = [], student.seen + arguments.report
    while not student.done:
        chips, targets = next(fed)
        with torch.autocast(arguments.device, dtype=torch.bfloat16, enabled=arguments.bf16):
            embeddings = student.net(chips)
        loss = cosine_loss(embeddings.float(), targets)
        student.learn(loss, batch)
        cosines.append(1 - float(loss.detach()))
        if student.seen >= next_report or student.done:
            next_report += arguments.report
            judged = mean_cosine(student.average.module, validation, side_px, spec)
            student.report({"train_cos": float(np.mean(cosines)), "val_cos": judged})
            cosines = []


def spoilt(
    crop: Pixels, faults: str, spec: ModelSpec, side_px: int, random: np.random.Generator, strength: float
) -> Pixels:
    """One crop (104, 104, 3), BGR, with faults of the kind asked for, at the network's size."""
    return spoil_as_probe(crop, spec, random) if faults == "probes" else spoil(crop, side_px, random, strength)


def cosine_loss(embeddings: Tensor, targets: Tensor) -> Tensor:
    """(n, dimensions) twice -> one number: 1 minus the mean cosine."""
    return (1 - nn.functional.cosine_similarity(embeddings, targets)).mean()


@torch.no_grad()
def mean_cosine(net: nn.Module, faces: Faces, side_px: int, spec: ModelSpec) -> float:
    """Cosine of the network's embedding to the target in the mean over faces as they are, not spoilt."""
    losses = [
        cosine_loss(
            net(to_tensor(resize(faces.crops[i : i + 100], side_px), spec)),
            torch.from_numpy(faces.targets[i : i + 100]),
        )
        for i in range(0, len(faces), 100)
    ]
    return 1 - float(torch.stack(losses).mean())


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    pictures.add_pictures(parser, "faces")
    parser.add_argument("--side-px", type=int, default=EmbedderShape().side_px, help="input side, a multiple of 16")
    parser.add_argument(
        "--blocks",
        type=int,
        nargs=4,
        metavar="N",
        default=EmbedderShape().blocks,
        help="residual blocks after each width",
    )
    parser.add_argument(
        "--gentle-images", type=int, default=800_000, help="heavy faults grow to full strength over this"
    )
    parser.add_argument(
        "--faults", choices=("mixed", "probes"), default="mixed", help="many small ones, or one of those measured"
    )
    add_options(
        parser, out="work/embedder", images=2_000_000, decay_images=600_000, batch=64, report=50_000, warm_steps=300
    )
    return parser.parse_args()
