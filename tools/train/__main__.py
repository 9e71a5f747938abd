"""Train one of the five networks.

    python -m tools.train embedder --help

Every trainer resumes from its checkpoint, is seeded, and shows its progress; each model's card has the command that
made it. Beside them lie fits of a few numbers: `tools.train.combination` and `tools.train.occlusion` for the quality
score, `tools.train.yaw` for head pose.
"""

from __future__ import annotations

import importlib
import sys

from edgeface.errors import EdgefaceError
from tools.peers import PeerMissing

KINDS = ("detector", "embedder", "pose", "quality", "liveness")


def main() -> None:
    kind = sys.argv[1] if len(sys.argv) > 1 else "--help"
    if kind in ("-h", "--help"):
        print(f"{__doc__.strip()}\n\nNetworks: {', '.join(KINDS)}.")
        return
    if kind not in KINDS:
        sys.exit(f"tools.train: there is no {kind}; there are {', '.join(KINDS)}")
    sys.argv[:2] = [f"python -m tools.train {kind}"]
    try:
        importlib.import_module(f"tools.train.{kind}").main()
    except (EdgefaceError, PeerMissing, OSError, ValueError) as error:
        sys.exit(f"tools.train: {error}")


if __name__ == "__main__":
    main()
