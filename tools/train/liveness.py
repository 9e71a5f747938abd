"""Train the liveness network on a bank of simulated attacks and bona fide presentations.

New shards of the bank are taken up at every report. One shard is kept to validate on: its people are trained on, so
it tells how learning goes, not how good the network is; `tools.evaluate liveness` tells that. See `tools.train.student`
for the schedule and how a run is resumed.

    python -m tools.train liveness --pictures PEOPLE --rooms ROOMS --data DATA --out work/liveness
    python -m tools.train liveness --bank work/liveness/bank --out work/liveness --images 300000
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from edgeface.frame import Pixels
from edgeface.service.bootstrap import load_models
from tools import degrade, metrics
from tools.attacks.bank import SPEC, make, rooms
from tools.attacks.collect import collect
from tools.samples.parts import names
from tools.train import pictures
from tools.train.feed import batches
from tools.train.liveness_net import LivenessNet, LivenessShape
from tools.train.student import to_tensor
from tools.train.training import add_options, begin, make_student

Labels = npt.NDArray[np.int8]
SMOOTHING = 0.03
"""Labels are this far from 0 and 1: no simulated picture is certain."""


class Bank:
    """The samples of all shards that are there, without the one to validate on."""

    def __init__(self, folder: Path, validation: str) -> None:
        self._folder, self._validation = folder, validation
        self._shards: dict[str, tuple[Pixels, Labels]] = {}
        self.refresh()

    def refresh(self) -> bool:
        """Read the shards that are new; whether there were any."""
        known = len(self._shards)
        for file in sorted(self._folder.glob("shard-???.npz")):
            if file.name not in self._shards and file.name != self._validation:
                self._shards[file.name] = read(file)
        if not self._shards:
            raise SystemExit(f"{self._folder} holds no shards: make them with tools.attacks.bank")
        self._parts = list(self._shards.values())
        self._ends = np.cumsum([len(kinds) for _, kinds in self._parts])
        return len(self._shards) > known

    def __len__(self) -> int:
        return int(self._ends[-1])

    def draw(self, number: int, random: np.random.Generator) -> tuple[Pixels, Labels]:
        """Samples, RGB and as the network takes them, with their kinds."""
        chosen = random.integers(0, len(self), number)
        samples, kinds = [], []
        for index in chosen:
            part = int(np.searchsorted(self._ends, index, side="right"))
            pictures, labels = self._parts[part]
            place = index - self._ends[part]
            samples.append(vary(pictures[place], SPEC.height_px, random))
            kinds.append(labels[place])
        return np.stack(samples), np.array(kinds)


def read(file: Path) -> tuple[Pixels, Labels]:
    """One shard: pictures (n, h, 2 h, 3) and kinds (n,), 0 for bona fide."""
    with np.load(file) as data:
        return data["samples"], data["kinds"]


def vary(sample: Pixels, side_px: int, random: np.random.Generator) -> Pixels:
    """Both looks shifted, mirrored, and in another light; what the camera did to them stays."""
    wide = sample.shape[0]
    looks = []
    mirrored = random.random() < 0.5
    for start in (0, wide):
        left, top = random.integers(0, wide - side_px + 1, 2)
        look = sample[top : top + side_px, start + left : start + left + side_px]
        looks.append(look[:, ::-1] if mirrored else look)
    joined = np.concatenate(looks, axis=1)
    levels = np.linspace(0, 1, 256)[:, None]
    gain = np.exp(random.normal(0, 0.1) + random.normal(0, 0.04, 3))
    curve = levels ** np.exp(random.normal(0, 0.12)) * gain + random.normal(0, 0.02)
    joined = np.asarray(cv2.LUT(joined, (np.clip(curve, 0, 1) * 255).astype(np.uint8).reshape(256, 1, 3)), np.uint8)
    return degrade.add_noise(joined, random.uniform(0.5, 4), random) if random.random() < 0.15 else joined


def middle(samples: Pixels, side_px: int) -> Pixels:
    """Both looks without their margin."""
    wide = samples.shape[1]
    inset = (wide - side_px) // 2
    looks = [samples[:, inset : inset + side_px, start + inset : start + inset + side_px] for start in (0, wide)]
    return np.concatenate(looks, axis=2)


def main() -> None:
    arguments = _parse()
    begin(arguments)
    if arguments.bank is None:
        arguments.bank = make_bank(arguments)
    train(arguments)
    pictures.finish("liveness", arguments, "samples", arguments.bank / arguments.validation)


def make_bank(arguments: argparse.Namespace) -> Path:
    """Shards of simulated presentations in OUT/bank, made of the pictures; those that are there stay."""
    if not arguments.pictures or not arguments.rooms:
        raise SystemExit("tools.train: give --bank, or --pictures and --rooms to make one of")
    photos = arguments.out / "photos-train.npz"
    if not photos.exists():
        named = [one if ":" in one else f"{Path(one).name}:{one}" for one in arguments.pictures]
        models = load_models(arguments.out / "home").models  # there is no such home: the shipped ones
        collect(named, arguments.out, models, reserved=names(arguments.reserved), data=arguments.data)
    make(photos, rooms(arguments.rooms), arguments.out / "bank", range(arguments.shards), arguments.samples)
    return Path(arguments.out / "bank")


def train(arguments: argparse.Namespace) -> None:
    """One run, from the checkpoint if there is one, to the end of its schedule."""
    shape = LivenessShape()
    net = LivenessNet(shape)
    student = make_student(arguments, net, shape, average=0.998, outputs=[net.judge], clip=10.0)
    bank = Bank(arguments.bank, arguments.validation)
    validation = read(arguments.bank / arguments.validation)

    def drawn(_: int, random: np.random.Generator) -> tuple[Tensor, Tensor]:
        samples, kinds = bank.draw(arguments.batch, random)
        wanted = np.where(kinds == 0, 1 - SMOOTHING, SMOOTHING).astype(np.float32)
        return to_tensor(samples[..., ::-1], SPEC), torch.from_numpy(wanted)

    def feed() -> Iterator[tuple[Tensor, Tensor]]:
        first = student.seen // arguments.batch
        return batches(drawn, seed=arguments.seed, first=first, workers=arguments.workers)

    fed = feed()
    losses, next_report = [], student.seen + arguments.report
    while not student.done:
        samples, wanted = next(fed)
        with torch.autocast(arguments.device, dtype=torch.bfloat16, enabled=arguments.bf16):
            logits = student.net(samples)
        loss = nn.functional.binary_cross_entropy_with_logits(logits.float()[:, 0], wanted)
        student.learn(loss, arguments.batch)
        losses.append(float(loss.detach()))
        if student.seen >= next_report or student.done:
            next_report += arguments.report
            student.report({"loss": float(np.mean(losses)), **judge(student.average.module, *validation)})
            losses = []
            if bank.refresh():
                fed = feed()


@torch.no_grad()
def judge(net: nn.Module, samples: Pixels, kinds: Labels) -> dict[str, float]:
    """Equal error rate over all attacks, and the attacks that pass where 5 % of the bona fide are refused."""
    parts = [middle(samples[i : i + 100], SPEC.height_px) for i in range(0, len(samples), 100)]
    logits = torch.cat([net(to_tensor(part[..., ::-1], SPEC))[:, 0] for part in parts]).numpy()
    live, attacks = logits[kinds == 0], logits[kinds != 0]
    curve = metrics.det(live, attacks)
    place = int(np.argmin(np.abs(curve.false_non_match - curve.false_match)))
    equal = float(curve.false_non_match[place] + curve.false_match[place]) / 2
    strict = np.sort(live)[int(0.05 * len(live))]
    return {"eer": equal, "apcer_at_bpcer_5": float((attacks >= strict).mean())}


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    group = parser.add_argument_group("what to learn from")
    group.add_argument("--bank", type=Path, help="in place of pictures: folder of shards from tools.attacks.bank")
    group.add_argument("--pictures", nargs="+", metavar="FOLDER", help="photographs of people; also name:folder[:n]")
    group.add_argument("--rooms", type=Path, help="folder of pictures to stand behind the attacks")
    group.add_argument("--data", type=Path, help="folder of lfw-dev.tar and london-cc-by.tar, whose people stay out")
    group.add_argument("--reserved", type=Path, metavar="FILE", help="names of folders to skip, one a line")
    group.add_argument("--shards", type=int, default=16, help="to make; the first is to validate on")
    group.add_argument("--samples", type=int, default=2000, help="a shard")
    group.add_argument("--int8", type=Path, metavar="FILE", help="when training is done, write the int8 file too")
    parser.add_argument("--validation", default="shard-000.npz", help="shard that is not trained on")
    add_options(
        parser, out="work/liveness", images=300_000, decay_images=120_000, batch=64, report=10_000, warm_steps=100
    )
    return parser.parse_args()
