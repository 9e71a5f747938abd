"""Peers beside us: whole chains from a decoded picture to an embedding, in one run, on the same pictures.

    python -m tools.benchmark --data DATA --weights WEIGHTS

DATA is the folder of lfw-dev.tar; WEIGHTS that of the peers' models, which are not part of edgeface:

    edgeface    the models in use, through LiteRT
    yunet       yunet_n_320_320.onnx in OpenCV, embed_mobilefacenet_foamliu.onnx in onnxruntime
    scrfd       scrfd_500m.onnx, embed_mbf_espdl.onnx in onnxruntime
    blazeface   blazeface_short_range.tflite, embed_mobilefacenet_int8_zye.tflite through edgeface's own code

Times are taken on LFW-dev pictures as they are and placed into 1280x720 frames. The chains take turns on every picture,
so that other work on the machine hits all alike: trust the ratios before the milliseconds. Memory is that of a fresh
process for each chain. Accuracy takes a while (2,300 pictures through every chain); --no-accuracy leaves it out.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
from collections.abc import Iterator
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeVar

import click
import numpy as np

from edgeface import image
from edgeface.frame import Pixels
from tools.benchmark import accuracy, memory, timing
from tools.benchmark.report import OURS, Results, plot, table
from tools.benchmark.timing import Speed
from tools.datasets import Archive
from tools.metrics import Figure
from tools.peers import BUILDERS, Chain, Sources, build, missing

T = TypeVar("T")
PACKAGES = ("ai-edge-litert", "onnxruntime", "opencv-python-headless", "numpy")
MEMORY_FRAMES = 3


def main() -> None:
    arguments = _parse()
    archive = Archive(arguments.data / "lfw-dev.tar")
    sources = Sources(home=arguments.home, weights=arguments.weights)
    chains = [build(key, sources, arguments.threads[0]) for key in BUILDERS]
    machine = _machine()
    results = Results(
        machine=machine,
        titles={chain.key: chain.title for chain in chains},
        speeds=_speeds(archive, sources, arguments.threads, arguments.pictures),
        memory=_memory(archive, sources, max(arguments.threads)),
        memory_threads=max(arguments.threads),
        accuracy=_accuracy(archive, chains) if arguments.accuracy else {},
    )
    print("\n".join(table(results)))
    if arguments.json:
        arguments.json.write_text(json.dumps(asdict(results), indent=1) + "\n", encoding="utf-8")
    if arguments.plot:
        plot(results, arguments.plot)


def _speeds(
    archive: Archive, sources: Sources, threads: list[int], count: int
) -> dict[str, dict[int, dict[str, Speed]]]:
    names = _spread(accuracy.names_of(archive.rows("pairs.csv")), count)
    kinds = {"LFW-dev pictures, 250x250": False, "1280x720 frames": True}
    found: dict[str, dict[int, dict[str, Speed]]] = {kind: {} for kind in kinds}
    for number in threads:
        chains = [build(key, sources, number) for key in BUILDERS]
        for kind, framed in kinds.items():
            laps = timing.race(chains, _pictures(archive, names, f"{kind}, {number} thread(s)", framed=framed))
            found[kind][number] = {key: timing.speed(laps[key], laps[OURS]) for key in laps}
    return found


def _pictures(archive: Archive, names: list[str], label: str, *, framed: bool = False) -> Iterator[Pixels]:
    for name in _progress(names, label):
        pixels = archive.picture(f"images/{name}")
        yield timing.framed(pixels) if framed else pixels


def _memory(archive: Archive, sources: Sources, threads: int) -> dict[str, memory.Resident]:
    names = _spread(archive.names("images/"), MEMORY_FRAMES)
    with TemporaryDirectory() as folder:
        paths = [Path(folder) / f"{index}.jpg" for index in range(len(names))]
        for path, name in zip(paths, names, strict=True):
            path.write_bytes(image.encode_jpeg(timing.framed(archive.picture(name))))
        return {
            key: memory.measure(key, sources, threads, paths)
            for key in _progress([*BUILDERS, memory.NOTHING], "memory")
        }


def _accuracy(archive: Archive, chains: list[Chain]) -> dict[str, dict[str, Figure]]:
    rows = list(archive.rows("pairs.csv"))
    names = accuracy.names_of(rows)
    vectors: dict[str, dict[str, np.ndarray | None]] = {chain.key: {} for chain in chains}
    for name, pixels in zip(names, _pictures(archive, names, "accuracy"), strict=True):
        for chain in chains:
            vectors[chain.key][name] = accuracy.vector_of(chain, pixels)
    return {key: accuracy.figures(rows, found) for key, found in vectors.items()}


def _spread(names: list[str], count: int) -> list[str]:
    """`count` of the names at even distances: as many different people as can be."""
    return [names[int(place)] for place in np.linspace(0, len(names) - 1, min(count, len(names)))]


def _machine() -> dict[str, str]:
    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    models = {line.split(":", 1)[1].strip() for line in lines if line.startswith(("model name", "Model"))}
    return {
        "processor": ", ".join(sorted(models)) or platform.machine(),
        "cores": str(os.cpu_count()),
        "load before": f"{os.getloadavg()[0]:.1f} processes",
        "python": platform.python_version(),
        **{package: version(package) for package in PACKAGES},
    }


def _progress(items: list[T], label: str) -> Iterator[T]:
    with click.progressbar(items, label=f"{label:38}") as bar:
        yield from bar


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m tools.benchmark", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True, help="folder of lfw-dev.tar")
    parser.add_argument("--weights", type=Path, required=True, help="folder of the peers' models")
    parser.add_argument("--home", type=Path, default=Path("work/home"), help="edgeface home: which models are in use")
    parser.add_argument("--pictures", type=int, default=100, help="timed pictures of each kind (default 100)")
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2], help="threads a model may use (default 1 2)")
    parser.add_argument("--no-accuracy", dest="accuracy", action="store_false", help="speed and memory only")
    parser.add_argument("--json", type=Path, help="keep every figure in this file")
    parser.add_argument("--plot", type=Path, help="draw accuracy over time into this PNG")
    arguments = parser.parse_args()
    if wrong := _problem(arguments):
        parser.error(wrong)
    return arguments


def _problem(arguments: argparse.Namespace) -> str | None:
    """What is wrong with the command line, as a sentence."""
    problems = (
        (arguments.plot and not arguments.accuracy, "--plot needs the accuracy: leave out --no-accuracy"),
        (arguments.pictures < 5, "--pictures: at least 5, or a median means nothing"),
        (min(arguments.threads) < 1, "--threads: at least 1"),
        (not (arguments.data / "lfw-dev.tar").is_file(), f"{arguments.data} has no lfw-dev.tar"),
        (lacking := missing(arguments.weights), f"{arguments.weights} lacks {', '.join(lacking)}"),
    )
    return next((sentence for wrong, sentence in problems if wrong), None)


if __name__ == "__main__":
    main()
