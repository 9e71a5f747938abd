"""What every trainer shares: its options, its seeds, and the student that it makes of a network.

Convolutions learn by Muon, the rest by AdamW; see `tools.train.student` for the schedule and how a run is resumed.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import torch
from torch import Tensor, nn

from tools.train.feed import cores_to_spare
from tools.train.optimise import split_parameters
from tools.train.student import Schedule, Student


def add_options(
    parser: argparse.ArgumentParser,
    *,
    out: str,
    images: int,
    decay_images: int,
    batch: int,
    report: int,
    warm_steps: int,
) -> None:
    """The options that all trainers have, with this one's defaults."""
    parser.add_argument("--out", type=Path, default=Path(out), help="checkpoint and learning curve")
    parser.add_argument("--start", type=Path, help="weights to begin with: of tools.train.warm_start, or a checkpoint")
    parser.add_argument("--images", type=int, default=images, help="samples to see in all")
    parser.add_argument("--decay-images", type=int, default=decay_images, help="length of the final decay")
    parser.add_argument("--warm-steps", type=int, default=warm_steps, help="steps until the rate has its full height")
    parser.add_argument("--batch", type=int, default=batch)
    parser.add_argument("--muon-rate", type=float, default=0.02)
    parser.add_argument("--adam-rate", type=float, default=2e-3)
    parser.add_argument("--bf16", action=argparse.BooleanOptionalAction, default=True)
    parser.add_argument("--threads", type=int, default=1)
    there = "cuda" if torch.cuda.is_available() else "cpu"
    parser.add_argument("--device", default=there, help=f"where the network runs, as PyTorch calls it; here: {there}")
    parser.add_argument("--workers", type=int, help="processes that make samples; default: all cores but one for a GPU")
    parser.add_argument("--report", type=int, default=report, help="report and save every so many samples")
    parser.add_argument("--seed", type=int, default=1)


def begin(arguments: argparse.Namespace) -> None:
    """Threads and seeds, as the options want them."""
    torch.set_num_threads(arguments.threads)
    cv2.setNumThreads(0)
    torch.manual_seed(arguments.seed)
    cv2.setRNGSeed(arguments.seed)
    if arguments.workers is None:
        arguments.workers = cores_to_spare(arguments.device)


def make_student(
    arguments: argparse.Namespace,
    net: nn.Module,
    shape: Any,
    *,
    average: float,
    outputs: Sequence[nn.Module] = (),
    clip: float = float("inf"),
) -> Student:
    """`net` of the size `shape` with its schedule; `outputs` are layers that AdamW takes though they are dense, because
    their scales differ by meaning. Begins with the weights of `--start` unless there is a checkpoint to go on from."""
    if arguments.start and not (arguments.out / "checkpoint.pt").exists():
        net.load_state_dict(torch.load(arguments.start, map_location="cpu", weights_only=False)["average"])
    net = settle(net.to(memory_format=torch.channels_last), arguments.device)  # type: ignore[call-overload]
    matrices, rest = split_parameters(net)
    kept = {id(parameter) for layer in outputs for parameter in layer.parameters()}
    schedule = Schedule(
        images=arguments.images,
        decay_images=arguments.decay_images,
        warm_images=arguments.warm_steps * arguments.batch,
        muon_rate=arguments.muon_rate,
        adam_rate=arguments.adam_rate,
    )
    return Student(
        net,
        shape,
        arguments.out,
        schedule,
        matrices=[one for one in matrices if id(one) not in kept],
        rest=rest + [one for one in matrices if id(one) in kept],
        average=average,
        clip=clip,
    )


def settle(net: nn.Module, device: str) -> nn.Module:
    """The network on a device; what goes in and what comes out stays where the trainer works, which is the CPU."""
    net.register_forward_pre_hook(lambda _, inputs: tuple(moved(one, device) for one in inputs))
    net.register_forward_hook(lambda _, inputs, outputs: moved(outputs, "cpu"))
    return net.to(device)


def moved(value: Any, device: str) -> Any:
    """Tensors, or lists of them, on the device."""
    return value.to(device) if isinstance(value, Tensor) else type(value)(moved(one, device) for one in value)
