"""Train the face detector on composed pictures, teacher-labelled.

Warm-up, a long constant stretch, then a linear decay to zero (`--decay-images`), so that a run can be stopped, resumed
and finished at any time. Keeps a running mean of the weights, which is what gets exported.

    python -m tools.train_detector --scenes scenes.npz --out work/detector --images 200000
"""

from __future__ import annotations

import argparse
import json
import time
from collections import defaultdict
from dataclasses import asdict
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import Tensor, nn

from tools.detector_net import Detector, DetectorShape, losses
from tools.optimise import Average, Muon, split_parameters
from tools.scenes import COLUMNS, Floats, Pixels, Scenes, compose, load

SIDES_PX = (224, 256, 320)
"""Each batch is drawn at one of these."""
WEIGHTS = {"score": 1.0, "box": 2.0, "landmark": 2.0, "pose": 1.0, "range": 0.1}


def main() -> None:
    arguments = _parse()
    torch.set_num_threads(arguments.threads)
    cv2.setNumThreads(0)
    torch.manual_seed(arguments.seed)
    cv2.setRNGSeed(arguments.seed)
    arguments.out.mkdir(parents=True, exist_ok=True)
    Run(arguments, load(arguments.scenes)).train()


class Run:
    """One training run and its checkpoint file."""

    def __init__(self, arguments: argparse.Namespace, scenes: Scenes) -> None:
        self.arguments, self.scenes = arguments, scenes
        self.shape = DetectorShape()
        self.net = Detector(self.shape).to(memory_format=torch.channels_last)
        self.average = Average(self.net, decay=arguments.average)
        matrices, rest = split_optimisers(self.net)
        self.muon = Muon(matrices, weight_decay=0.01)
        self.adam = torch.optim.AdamW(rest, betas=(0.9, 0.99), weight_decay=0.0)
        self.seen = 0
        self.random = np.random.default_rng(arguments.seed)
        self.checkpoint = arguments.out / "checkpoint.pt"
        if self.checkpoint.exists():
            self._resume()

    def train(self) -> None:
        started, first, next_report = time.monotonic(), self.seen, self.seen + self.arguments.report
        sums: dict[str, list[float]] = defaultdict(list)
        while self.seen < self.arguments.images:
            for name, value in self._step().items():
                sums[name].append(float(value.detach()))
            self.seen += self.arguments.batch
            if self.seen >= next_report or self.seen >= self.arguments.images:
                next_report += self.arguments.report
                self._report(sums, (self.seen - first) / (time.monotonic() - started))
                sums.clear()

    def _step(self) -> dict[str, Tensor]:
        side_px = int(self.random.choice(SIDES_PX))
        samples = [compose(self.scenes, side_px, self.random) for _ in range(self.arguments.batch)]
        rate = self._rate()
        for group in self.muon.param_groups:
            group["lr"] = rate * self.arguments.muon_rate
        for group in self.adam.param_groups:
            group["lr"] = rate * self.arguments.adam_rate
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=self.arguments.bf16):
            maps = self.net(to_tensor(np.stack([image for image, _ in samples])))
        parts = losses(maps, pad([faces for _, faces in samples]))
        self.net.zero_grad(set_to_none=True)
        sum((WEIGHTS[name] * value for name, value in parts.items()), torch.zeros(())).backward()
        nn.utils.clip_grad_norm_(self.net.parameters(), 10.0)
        self.muon.step()
        self.adam.step()
        self.average.update(self.net, self.seen / self.arguments.batch)
        return parts

    def _rate(self) -> float:
        warm = min(1.0, self.seen / (200 * self.arguments.batch))
        left = (self.arguments.images - self.seen) / self.arguments.decay_images
        return max(0.0, min(warm, left, 1.0))

    def _report(self, sums: dict[str, list[float]], speed: float) -> None:
        line = {"images": self.seen, **{name: round(float(np.mean(values)), 4) for name, values in sums.items()}}
        line |= {"rate": round(self._rate(), 3), "images_per_s": round(speed, 1)}
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


def to_tensor(pictures: Pixels) -> Tensor:
    """BGR uint8 (n, H, W, 3) -> RGB float (n, 3, H, W) in -1..1, as the reader scales it."""
    rgb = torch.from_numpy(pictures).flip(-1).permute(0, 3, 1, 2)
    return rgb.float().sub(127.5).div(127.5).contiguous(memory_format=torch.channels_last)


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
