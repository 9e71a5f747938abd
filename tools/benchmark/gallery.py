"""What a large gallery costs: from a cold start to ready, matching, memory, each beside a gallery of ten templates.

    python -m tools.benchmark.gallery [--templates 10000] [--rounds 5] [--out docs/gallery.md]

Made-up people of ten random templates each, in a folder that is deleted afterwards. A round starts a fresh process for
each size, so that other work on the machine hits all alike: trust the ratios before the times. "Ready" is a reader that
could look at its first frame: models loaded and tried, every template unsealed, the bar derived.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path

import numpy as np

from edgeface.embed import Embedding
from edgeface.frame import Instant
from edgeface.match import match
from edgeface.service.bootstrap import GALLERY, load_models, open_station
from edgeface.service.settings import Config
from edgeface.store.database import open_database
from edgeface.store.gallery import GalleryStore, NewTemplate
from tools.benchmark.memory import resident

EACH = 10
"""Templates of a person."""
FEW = 10
PROBES = 300
BEGIN, END = "<!-- gallery: written by tools/benchmark/gallery.py -->", "<!-- end of gallery -->"


def made_up(home: Path, templates: int) -> None:
    """A gallery of so many templates that the embedder in use can compare."""
    embedder, dice = load_models(home).models.embedder, np.random.default_rng(templates)
    now = Instant(monotonic_ns=1, wall_ns=1_780_000_000_000_000_000, wall_trusted=True)
    with closing(open_database(home / GALLERY)) as database:
        for number in range(0, templates, EACH):
            own = dice.integers(-127, 128, (min(EACH, templates - number), embedder.spec.dimensions)).astype(np.int8)
            made = [
                NewTemplate(model_sha256=embedder.identity, vector=row, quality=80.0, pose=None, source="x.jpg")
                for row in own
            ]
            GalleryStore(database).enrol(f"Person {number}", made, now)


def _child(home: Path, began_s: float) -> None:
    """A reader that starts, matches, and tells what that took."""
    loaded = load_models(home)
    with (
        closing(open_database(home / GALLERY)) as database,
        open_station(Config(), loaded, database, film_time=False) as station,
    ):
        ready_s = time.time() - began_s
        took = []
        dice = np.random.default_rng(1)
        for _ in range(PROBES):
            vector = dice.standard_normal(loaded.models.embedder.spec.dimensions).astype(np.float32)
            probe = Embedding(vector=vector / np.linalg.norm(vector), model_sha256=loaded.embedder.identity)
            began = time.perf_counter()
            match(probe, station.gallery)
            took.append(time.perf_counter() - began)
        used = resident()
    told = {"ready_s": ready_s, "match_ms": 1e3 * statistics.median(took)}
    sys.stdout.write(json.dumps(told | {"now_mb": used.now_mb, "peak_mb": used.peak_mb}))


def measure(templates: int, rounds: int) -> dict[int, dict[str, float]]:
    """Medians over the rounds, by number of templates."""
    found: dict[int, list[dict[str, float]]] = {FEW: [], templates: []}
    with tempfile.TemporaryDirectory(prefix="edgeface-gallery-") as folder:
        for size in found:
            (Path(folder) / str(size)).mkdir()
            made_up(Path(folder) / str(size), size)
        for number in range(rounds):
            for size, rows in found.items():
                words = [sys.executable, "-m", "tools.benchmark.gallery", "--child", str(Path(folder) / str(size))]
                ended = subprocess.run([*words, repr(time.time())], check=True, capture_output=True, text=True)
                rows.append(json.loads(ended.stdout))
            sys.stderr.write(f"\rround {number + 1} of {rounds}")
    sys.stderr.write("\n")
    return {size: {key: statistics.median(row[key] for row in rows) for key in rows[0]} for size, rows in found.items()}


def table(figures: dict[int, dict[str, float]], rounds: int) -> str:
    """Markdown."""
    few, many = figures.values()
    titles = {
        "ready_s": ("cold start to ready", "s"),
        "match_ms": ("one probe against everybody", "ms"),
        "now_mb": ("memory, resident", "MB"),
        "peak_mb": ("memory, at most", "MB"),
    }
    lines = [f"| median of {rounds} processes | {' | '.join(f'{size:,} templates' for size in figures)} | ratio |"]
    lines += ["| --- | --- | --- | --- |"]
    for key, (title, unit) in titles.items():
        lines.append(f"| {title} | {few[key]:.3g} {unit} | {many[key]:.3g} {unit} | {many[key] / few[key]:.2f} |")
    return "\n".join(lines) + "\n"


def main() -> None:
    if sys.argv[1:2] == ["--child"]:
        _child(Path(sys.argv[2]), float(sys.argv[3]))
        return
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--templates", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--out", type=Path, help="page whose table gets the figures")
    arguments = parser.parse_args()
    made = table(measure(arguments.templates, arguments.rounds), arguments.rounds)
    sys.stdout.write(made)
    if arguments.out is not None:
        before, _, rest = arguments.out.read_text(encoding="utf-8").partition(BEGIN)
        arguments.out.write_text(f"{before}{BEGIN}\n{made}{END}{rest.partition(END)[2]}", encoding="utf-8")


if __name__ == "__main__":
    main()
