"""Train the embedder by distillation: the student's direction follows two openly licensed teachers'.

Warm-up, a long constant stretch, then a linear decay to zero (`--decay-images`), so that a run can be stopped, resumed
and finished at any time. Keeps a running mean of the weights, which is what gets exported.

    python -m tools.train_embedder --faces train-faces.npz --out work/embedder --images 2000000
"""

from __future__ import annotations

import argparse
import json
import time
from dataclasses import asdict
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import Tensor, nn

from tools.faces import Faces, Pixels, load, resize, spoil
from tools.nets import Embedder, EmbedderShape
from tools.optimise import Average, Muon, split_parameters


def main() -> None:
    arguments = _parse()
    torch.set_num_threads(arguments.threads)
    cv2.setNumThreads(0)
    torch.manual_seed(arguments.seed)
    arguments.out.mkdir(parents=True, exist_ok=True)
    training, validation = load(arguments.faces)
    Run(arguments, training, validation).train()


class Run:
    """One training run and its checkpoint file."""

    def __init__(self, arguments: argparse.Namespace, training: Faces, validation: Faces) -> None:
        self.arguments = arguments
        self.training, self.validation = training, validation
        self.shape = EmbedderShape()
        self.net = Embedder(self.shape).to(memory_format=torch.channels_last)
        self.average = Average(self.net, decay=0.999)
        matrices, rest = split_parameters(self.net)
        self.muon = Muon(matrices, weight_decay=0.01)
        self.adam = torch.optim.AdamW(rest, betas=(0.9, 0.99), weight_decay=0.0)
        self.seen = 0
        self.random = np.random.default_rng(arguments.seed)
        self.checkpoint = arguments.out / "checkpoint.pt"
        if self.checkpoint.exists():
            self._resume()

    def train(self) -> None:
        total, batch = self.arguments.images, self.arguments.batch
        started, first, losses = time.monotonic(), self.seen, []
        order = self.random.permutation(len(self.training))
        place, next_report = 0, self.seen + self.arguments.report
        while self.seen < total:
            if place + batch > len(order):
                order, place = self.random.permutation(len(self.training)), 0
            losses.append(self._step(order[place : place + batch]))
            place, self.seen = place + batch, self.seen + batch
            if self.seen >= next_report or self.seen >= total:
                next_report += self.arguments.report
                self._report(losses, (self.seen - first) / (time.monotonic() - started))
                losses = []

    def _step(self, chosen: np.ndarray) -> float:
        strength = min(1.0, self.seen / self.arguments.gentle_images)
        side = self.shape.side_px
        chips = np.stack([spoil(self.training.crops[i], side, self.random, strength) for i in chosen])
        rate = self._rate()
        for group in self.muon.param_groups:
            group["lr"] = rate * self.arguments.muon_rate
        for group in self.adam.param_groups:
            group["lr"] = rate * self.arguments.adam_rate
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=self.arguments.bf16):
            embeddings = self.net(to_tensor(chips))
        loss = cosine_loss(embeddings.float(), torch.from_numpy(self.training.targets[chosen]))
        self.net.zero_grad(set_to_none=True)
        loss.backward()
        self.muon.step()
        self.adam.step()
        self.average.update(self.net, self.seen / self.arguments.batch)
        return float(loss)

    def _rate(self) -> float:
        warm = min(1.0, self.seen / (300 * self.arguments.batch))
        left = (self.arguments.images - self.seen) / self.arguments.decay_images
        return max(0.0, min(warm, left, 1.0))

    def _report(self, losses: list[float], speed: float) -> None:
        net = self.average.module
        net.eval()
        line = {
            "images": self.seen,
            "train_cos": round(1 - float(np.mean(losses)), 4),
            "val_cos": round(mean_cosine(net, self.validation, self.shape.side_px), 4),
            "rate": round(self._rate(), 3),
            "images_per_s": round(speed),
        }
        print(json.dumps(line), flush=True)
        with (self.arguments.out / "curve.jsonl").open("a") as curve:
            curve.write(json.dumps(line) + "\n")
        self._save()

    def _save(self) -> None:
        part = self.checkpoint.with_suffix(".part")
        state = {
            "shape": asdict(self.shape),
            "net": self.net.state_dict(),
            "average": self.average.module.state_dict(),
            "muon": self.muon.state_dict(),
            "adam": self.adam.state_dict(),
            "seen": self.seen,
        }
        torch.save(state, part)
        part.replace(self.checkpoint)

    def _resume(self) -> None:
        state = torch.load(self.checkpoint, weights_only=False)
        self.net.load_state_dict(state["net"])
        self.average.module.load_state_dict(state["average"])
        self.muon.load_state_dict(state["muon"])
        self.adam.load_state_dict(state["adam"])
        self.seen = state["seen"]
        self.random = np.random.default_rng((self.arguments.seed, self.seen))


def to_tensor(chips: Pixels) -> Tensor:
    """BGR uint8 (n, side, side, 3) -> RGB float (n, 3, side, side) in -1..1, as `edgeface.embed.prepare` scales it."""
    rgb = torch.from_numpy(chips).flip(-1).permute(0, 3, 1, 2)
    return rgb.float().sub(127.5).div(127.5).contiguous(memory_format=torch.channels_last)


def cosine_loss(embeddings: Tensor, targets: Tensor) -> Tensor:
    return (1 - nn.functional.cosine_similarity(embeddings, targets)).mean()


@torch.no_grad()
def mean_cosine(net: nn.Module, faces: Faces, side_px: int) -> float:
    losses = [
        cosine_loss(
            net(to_tensor(resize(faces.crops[i : i + 100], side_px))), torch.from_numpy(faces.targets[i : i + 100])
        )
        for i in range(0, len(faces), 100)
    ]
    return 1 - float(torch.stack(losses).mean())


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--faces", type=Path, required=True, help="train-faces.npz")
    parser.add_argument("--out", type=Path, default=Path("work/embedder"), help="checkpoint and learning curve")
    parser.add_argument("--images", type=int, default=2_000_000, help="images to see in all")
    parser.add_argument("--decay-images", type=int, default=600_000, help="length of the final decay")
    parser.add_argument(
        "--gentle-images", type=int, default=800_000, help="heavy faults grow to full strength over this"
    )
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--muon-rate", type=float, default=0.02)
    parser.add_argument("--adam-rate", type=float, default=2e-3)
    parser.add_argument("--bf16", action=argparse.BooleanOptionalAction, default=True)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--report", type=int, default=50_000, help="validate and save every so many images")
    parser.add_argument("--seed", type=int, default=1)
    return parser.parse_args()


if __name__ == "__main__":
    main()
