"""How much memory each chain needs, each in a process of its own so that they do not add up.

    python -m tools.benchmark.memory CHAIN HOME WEIGHTS THREADS PICTURE...

is that process: it loads one chain, works through the pictures a few times, and prints its resident memory. With the
chain "none" it only decodes the pictures: what Python, NumPy and OpenCV need by themselves.
"""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import asdict, dataclass
from pathlib import Path

from edgeface import image
from tools.peers import Sources, build

NOTHING = "none"
ROUNDS = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Resident:
    """Memory of a process that runs one chain."""

    now_mb: float
    """VmRSS after warming up, MB of 2**20 bytes."""
    peak_mb: float
    """VmHWM: the most it ever was, loading included."""


def measure(key: str, sources: Sources, threads: int, pictures: list[Path]) -> Resident:
    """Runs a chain in a fresh process. Raises CalledProcessError if it fails; its last words are on stderr."""
    paths = (str(path) for path in (sources.home, sources.weights))
    command = [sys.executable, "-m", "tools.benchmark.memory", key, *paths, str(threads), *map(str, pictures)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    return Resident(**json.loads(done.stdout))


def resident() -> Resident:
    """Memory of this process, by the kernel's count."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    fields = dict(line.split(":", 1) for line in lines)
    now, peak = (int(fields[name].split()[0]) / 1024 for name in ("VmRSS", "VmHWM"))
    return Resident(now_mb=now, peak_mb=peak)


def main() -> None:
    """The child's side of `measure`."""
    key, home, weights, threads, *pictures = sys.argv[1:]
    chain = None if key == NOTHING else build(key, Sources(home=Path(home), weights=Path(weights)), int(threads))
    for _ in range(ROUNDS):
        for picture in pictures:
            pixels = image.read(Path(picture))
            if chain is None:
                continue
            for face in chain.find(pixels)[:1]:
                chain.embed(chain.cut(pixels, face.landmarks))
    print(json.dumps(asdict(resident())))


if __name__ == "__main__":
    main()
