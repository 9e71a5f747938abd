"""How long a large batch takes, how much memory, and what becomes of its pictures.

    python -m tools.studies.batch --data DATA [--pictures 10000]

Makes a folder a person of LFW-dev, each picture as it is, dimmed, mirrored and out of focus, with street pictures, odd
files and noise among them; enrols it into a gallery of its own, and says how long that took beside what looking at the
pictures takes alone (every tenth is looked at once more).
"""

from __future__ import annotations

import argparse
import resource
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory

import cv2
import numpy as np

from edgeface import image
from edgeface.adapters.album import open_album
from edgeface.adapters.clock import SystemClock
from edgeface.enrol import portrait
from edgeface.errors import PictureError
from edgeface.image import encode_jpeg, encode_png
from edgeface.pipeline import Options
from edgeface.service.batch import Desk, PersonReport, enrol_group, sort_out
from edgeface.service.bootstrap import Loaded, load_models
from edgeface.service.enrolment import Registrar
from edgeface.store.database import open_database
from tools.datasets import Archive
from tools.evaluate.acquire import person_of, progress
from tools.page import write_section

AGAIN = 10
"""Every so many pictures are looked at once more, alone."""


def main() -> None:
    """Make the folder, enrol it, say what came of it."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--data", type=Path, required=True, help="folder of the archives")
    arguments.add_argument("--pictures", type=int, default=10_000, help="files in the batch")
    arguments.add_argument("--page", type=Path, default=Path("models/enrolment.md"))
    chosen = arguments.parse_args()
    with TemporaryDirectory() as nowhere:
        root, loaded = Path(nowhere), load_models(Path(nowhere) / "home")
        files = make(chosen.data, root / "people", chosen.pictures)
        reports, took_s = enrol(root, loaded)
        alone_s = AGAIN * look(sorted((root / "people").rglob("*.*"))[::AGAIN], loaded)
    lines = tell(files, reports)
    print("\n".join(lines), f"\n\n{took_s / alone_s:.2f} times the time that looking at the pictures takes alone")
    write_section(chosen.page, "A batch", lines)


def make(data: Path, root: Path, most: int) -> int:
    """Write at most so many files; how many there are."""
    lfw = Archive(data / "lfw-dev.tar")
    people = sorted({person_of(name) for name in lfw.names("images/")})
    random, count = np.random.default_rng(0), 0
    for person, name, content in progress(list(_rubbish(data, random, most // 15)), "rubbish"):
        _write(root / (person or people[int(random.integers(len(people)))]) / name, content)
        count += 1
    for name in progress(lfw.names("images/"), "LFW-dev"):
        for kind, content in _variants(lfw.read(name)):
            if count < most:
                _write(root / person_of(name) / f"{kind}-{Path(name).name}", content)
                count += 1
    return count


def _variants(jpeg: bytes) -> Iterator[tuple[str, bytes]]:
    pixels = image.decode(jpeg)
    yield "plain", jpeg
    yield "dim", encode_jpeg((pixels * 0.7).astype(np.uint8))
    yield "mirror", encode_png(np.ascontiguousarray(pixels[:, ::-1]))
    yield "soft", encode_jpeg(np.asarray(cv2.GaussianBlur(pixels, (0, 0), 4), np.uint8))


def _rubbish(data: Path, random: np.random.Generator, most: int) -> Iterator[tuple[str, str, bytes]]:
    """Person (empty: anybody), name and content of what is no portrait."""
    odd, street = Archive(data / "odd-images.tar"), Archive(data / "boxes-dev.tar")
    found = [(odd, name) for name in odd.names()] + [(street, name) for name in street.names("images/")]
    for archive, name in found[:most]:
        yield "", f"odd-{Path(name).name}", archive.read(name)
    for number in range(most - len(found)):
        yield "", f"noise-{number}.jpg", random.bytes(int(random.integers(5000)))


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def enrol(root: Path, loaded: Loaded) -> tuple[list[PersonReport], float]:
    """Every person's report, and how many seconds it took."""
    clock, models = SystemClock(), loaded.models
    started_s = time.perf_counter()
    with open_album(root / "people") as album, closing(open_database(root / "gallery.db")) as database:
        desk = Desk(
            album=album,
            registrar=Registrar(database, models.embedder),
            models=models,
            options=Options(),
            most=8,
            strict=False,
            consent=None,
        )
        groups = sort_out(album.items, None).groups
        reports = [enrol_group(group, desk, clock.now()) for group in progress(groups, "people")]
    return reports, time.perf_counter() - started_s


def look(paths: list[Path], loaded: Loaded) -> float:
    """Seconds that the models and the gate need for some pictures, decoding left out."""
    spent_s = 0.0
    for path in progress(paths, "once more"):
        try:
            pixels = image.read(path)
        except PictureError:
            continue
        started_s = time.perf_counter()
        portrait(pixels, loaded.models, Options())
        spent_s += time.perf_counter() - started_s
    return spent_s


def tell(files: int, reports: list[PersonReport]) -> list[str]:
    """The memory, and every outcome."""
    pictures = [one for report in reports for one in report.pictures]
    people = Counter(report.kind or report.outcome.value for report in reports)
    fates = Counter(one.kind or one.fate.value for one in pictures)
    mebibytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    return [
        f"`edgeface enrol --folder` with {files:,} files, {len(pictures):,} of them somebody's: each picture of "
        f"LFW-dev as it is, dimmed, mirrored and out of focus, with street pictures, odd files and noise in between "
        f"(`python -m tools.studies.batch --data DATA`). It takes {mebibytes} MB of memory at the most.",
        "",
        "| people | |",
        "|---|---|",
        *(f"| {what.replace('_', ' ')} | {count:,} |" for what, count in people.most_common()),
        "",
        "| pictures | |",
        "|---|---|",
        *(f"| {what.replace('_', ' ')} | {count:,} |" for what, count in fates.most_common()),
    ]


if __name__ == "__main__":
    main()
