"""Two people walk up to a camera, as PNG files: the portraits that the demo films.

python -m tools.arm64.portraits FOLDER
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from edgeface import image
from tools.demo.film import Actor, render
from tools.demo.story import portraits

SHOTS = 12
"""Of each. The stranger is looked at for a second before he is told so."""


def main() -> None:
    for name, portrait in zip(("Collins", "Hopper"), portraits(), strict=True):
        folder = Path(sys.argv[1]) / name
        folder.mkdir(parents=True, exist_ok=True)
        walk = (Actor(portrait=portrait, height=(0.55, 0.95)),)
        dice = np.random.default_rng(7)
        for number in range(SHOTS):
            pixels = render(walk, number / (SHOTS - 1), dice)
            (folder / f"{number:02}.png").write_bytes(image.encode_png(pixels))


if __name__ == "__main__":
    main()
