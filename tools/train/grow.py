"""Make a trained embedder deeper, or let it look at larger pictures, without training it anew.

New residual blocks come last in their stage and add nothing yet, as the scale of their last batch norm is 0: the
network answers as before, until it learns to use them. For another input side the global depthwise kernels are resized;
the trunk then sees faces of another size than it learnt, so that the answers do change: of the shipped file, held-out
faces have a cosine of 0.84 to the teachers, of the same at 96 px 0.62 and at 112 px 0.42, before any training.

    python -m tools.train.grow --start work/embedder/start.pt --blocks 4 2 3 1 --out work/grown/start.pt
    python -m tools.train embedder --faces train-faces.npz --start work/grown/start.pt --blocks 4 2 3 1 --out work/grown
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import asdict, replace
from pathlib import Path

import torch
from torch import Tensor

from tools.train.nets import Embedder, EmbedderShape


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--start", type=Path, required=True, help="of tools.train.warm_start embedder, or a checkpoint")
    parser.add_argument(
        "--blocks", type=int, nargs=4, metavar="N", help="residual blocks after each of the four widths"
    )
    parser.add_argument("--side-px", type=int, help="input side, a multiple of 16")
    parser.add_argument("--out", type=Path, required=True, help="start of a training (.pt)")
    arguments = parser.parse_args()
    state = torch.load(arguments.start, map_location="cpu", weights_only=False)
    old = EmbedderShape(**state["shape"])
    new = replace(old, blocks=tuple(arguments.blocks or old.blocks), side_px=arguments.side_px or old.side_px)
    try:
        net = grow(state["average"], old, new)
    except ValueError as error:
        sys.exit(f"tools.train.grow: {error}")
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    torch.save({"shape": asdict(new), "average": net.state_dict()}, arguments.out)
    print(f"wrote {arguments.out}: {sum(one.numel() for one in net.parameters()):,} parameters")


def grow(weights: dict[str, Tensor], old: EmbedderShape, new: EmbedderShape) -> Embedder:
    """The network of the size `new` that begins as the one of the size `old` with these weights.

    Raises ValueError if `new` has fewer blocks, or other widths.
    """
    if replace(new, blocks=old.blocks, side_px=old.side_px) != old:
        raise ValueError("only blocks and the input side can grow")
    if any(after < before for before, after in zip(old.blocks, new.blocks, strict=True)):
        raise ValueError(f"there are {old.blocks} blocks, which cannot become {new.blocks}")
    places, net = _places(old, new), Embedder(new)
    grown = net.state_dict()
    for name, value in weights.items():
        part, _, rest = name.partition(".")
        if part == "trunk":
            index, _, rest = rest.partition(".")
            name = f"trunk.{places[int(index)]}.{rest}"
        grown[name] = _resized(value, new) if name == "pool.0.weight" else value
    net.load_state_dict(grown)
    return net


def _places(old: EmbedderShape, new: EmbedderShape) -> list[int]:
    """For each layer of the old trunk, the neck being the last, its place in the new one."""
    places, start = [], 0
    for before, after in zip(old.blocks, new.blocks, strict=True):
        places += range(start, start + 1 + before)
        start += 1 + after
    return [*places, start]


def _resized(kernels: Tensor, new: EmbedderShape) -> Tensor:
    """Global depthwise kernels (channels, 1, n, n) for another grid: each weight goes where it lay."""
    old_grid, grid = kernels.shape[-1], new.side_px // 16
    edges, others = torch.arange(grid + 1) * (old_grid / grid), torch.arange(old_grid + 1)
    shared = torch.minimum(edges[1:, None], others[1:]) - torch.maximum(edges[:-1, None], others[:-1])
    shares = shared.clamp(min=0)
    return shares @ kernels @ shares.T


if __name__ == "__main__":
    main()
