"""Train the unified quality score: how much of a person our embedder still sees in an aligned face.

The samples and their labels are made first if they are not there yet (see `tools.samples.quality`, some ten minutes for
120,000); after that the command only reads them. `tools.train.student` says how a run is resumed.

    python -m tools.train quality --faces work/embedder/faces.npz --embedder work/embedder/checkpoint.pt \
        --pictures PEOPLE empty:ROOMS --weights WEIGHTS --out work/quality
    python -m tools.train quality --faces train-faces.npz --scenes scenes.npz --embedder work/embedder/checkpoint.pt \
        --out work/quality
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from tools.samples import quality as quality_samples
from tools.samples.quality import EMBEDDER, Samples
from tools.samples.quality_faults import Pixels, Random
from tools.train import pictures
from tools.train.feed import batches, turn
from tools.train.quality_net import QualityNet, QualityShape
from tools.train.student import shipped_spec, to_tensor
from tools.train.training import add_options, begin, make_student

JUDGED = 2000
"""Held-out samples that each report is made of."""


def main() -> None:
    arguments = _parse()
    begin(arguments)
    archive = arguments.samples or arguments.out / "samples.npz"
    if not archive.exists():
        sources = quality_samples.Sources(
            faces=pictures.faces(arguments), scenes=pictures.scenes(arguments), embedder=arguments.embedder
        )
        quality_samples.make(sources, archive, arguments.count, arguments.seed)
    train(arguments, quality_samples.load(archive))
    pictures.finish("quality", arguments, "samples", archive)


def train(arguments: argparse.Namespace, samples: Samples) -> None:
    """One run, from the checkpoint if there is one, to the end of its schedule."""
    shape = QualityShape()
    student = make_student(arguments, QualityNet(shape), shape, average=0.999)
    spec, batch = shipped_spec(EMBEDDER), arguments.batch
    learnt, held_out = np.flatnonzero(~samples.held_out), np.flatnonzero(samples.held_out)
    held_out = held_out[:: max(1, len(held_out) // JUDGED)]

    def make(number: int, random: Random) -> tuple[Tensor, Tensor]:
        chosen = np.sort(learnt[turn(number, batch, len(learnt), arguments.seed)])
        return to_tensor(vary(samples.chips[chosen], random), spec), torch.from_numpy(samples.labels[chosen])

    fed = batches(make, seed=arguments.seed, first=student.seen // batch, workers=arguments.workers)
    losses, next_report = [], student.seen + arguments.report
    while not student.done:
        chips, labels = next(fed)
        with torch.autocast(arguments.device, dtype=torch.bfloat16, enabled=arguments.bf16):
            logits = student.net.logit(chips.to(arguments.device)).cpu()  # type: ignore[operator]
        loss = soft_loss(logits.float()[:, 0], labels)
        student.learn(loss, batch)
        losses.append(float(loss.detach()))
        if student.seen >= next_report or student.done:
            next_report += arguments.report
            student.report({"loss": float(np.mean(losses)), **judge(student.average.module, samples, held_out)})
            losses = []


def vary(chips: Pixels, random: Random) -> Pixels:
    """What changes a chip but not its label: its mirror image, and a little more or less light."""
    mirrored = random.random(len(chips)) < 0.5
    chips = np.where(mirrored[:, None, None, None], chips[:, :, ::-1], chips)
    gains = np.exp(random.normal(0, 0.05, (len(chips), 1, 1, 3))).astype(np.float32)
    return np.asarray(np.clip(chips * gains, 0, 255), np.uint8)


def soft_loss(logits: Tensor, labels: Tensor) -> Tensor:
    """Cross entropy less the labels' own: 0 where every label is met, so that it can be read."""
    own = nn.functional.binary_cross_entropy(labels, labels)
    return nn.functional.binary_cross_entropy_with_logits(logits, labels) - own


@torch.no_grad()
def judge(net: nn.Module, samples: Samples, held_out: np.ndarray) -> dict[str, float]:
    """Mean error and rank correlation on held-out chips, and the error on those that show something of a face."""
    spec = shipped_spec(EMBEDDER)
    parts = [net(to_tensor(samples.chips[held_out[i : i + 200]], spec)) for i in range(0, len(held_out), 200)]
    scores, labels = torch.cat(parts)[:, 0].numpy(), samples.labels[held_out]
    return {
        "val_error": float(np.abs(scores - labels).mean()),
        "val_rank": float(np.corrcoef(_ranks(scores), _ranks(labels))[0, 1]),
        "val_faces_error": float(np.abs(scores - labels)[labels > 0].mean()),
    }


def _ranks(values: np.ndarray) -> np.ndarray:
    """Places in rising order; equal ones, such as the labels of what is no face, in the order they come."""
    return np.argsort(np.argsort(values))


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    pictures.add_pictures(parser, "faces", "scenes")
    parser.add_argument("--embedder", type=Path, help="checkpoint of the embedder it is for; default: the shipped one")
    parser.add_argument("--count", type=int, default=120_000, help="samples to make")
    parser.add_argument("--samples", type=Path, help="archive of samples; default: samples.npz in --out")
    add_options(
        parser, out="work/quality", images=300_000, decay_images=180_000, batch=128, report=50_000, warm_steps=200
    )
    return parser.parse_args()
