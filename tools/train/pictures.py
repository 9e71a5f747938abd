"""From a folder of pictures to a network in one command: what is learnt from is made first, where it is not there yet.

Every step goes on where a former call was cut off: labels are kept in parts, training in its checkpoint.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from tools.peers.detectors import YUNET_FILES
from tools.peers.heads import FSANET_FILES
from tools.samples import label_faces, label_scenes

KINDS = ("scene", "mixed", "crop", "side", "empty", "boxes")
"""Of sources that the detector learns from; see `tools.samples.label_scenes`. A folder without one is mixed."""


def add_pictures(parser: argparse.ArgumentParser, *archives: str) -> None:
    """Options to train from pictures, or from the archives that were made of them before."""
    group = parser.add_argument_group("what to learn from")
    for name in archives:
        group.add_argument(f"--{name}", type=Path, help=f"in place of pictures: {name}.npz, made of them before")
    group.add_argument("--pictures", nargs="+", metavar="FOLDER", help="pictures to make it of; also name:folder[:n]")
    group.add_argument("--weights", type=Path, help="folder of the teachers' files, which label the pictures")
    group.add_argument("--apart", type=Path, nargs="*", default=[], help="archives for measuring: nobody of theirs")
    group.add_argument("--reserved", type=Path, metavar="FILE", help="names of folders to skip, one a line")
    group.add_argument("--int8", type=Path, metavar="FILE", help="when training is done, write the int8 file too")


def faces(arguments: argparse.Namespace) -> Path:
    """The archive of aligned faces: the one that was named, or OUT/faces.npz."""
    if (archive := _there(arguments, "faces")) is not None:
        return archive
    out: Path = arguments.out / "faces.npz"
    label_faces.make(
        _plain(arguments.pictures),
        arguments.weights,
        arguments.apart,
        out,
        teachers=label_faces.TEACHERS,
        reserved=arguments.reserved,
    )
    return out


def scenes(arguments: argparse.Namespace) -> Path:
    """The archive of labelled pictures: the one that was named, or OUT/scenes.npz."""
    if (archive := _there(arguments, "scenes")) is not None:
        return archive
    out: Path = arguments.out / "scenes.npz"
    pose = [arguments.weights / file for file in FSANET_FILES]
    teachers = label_scenes.Teachers(arguments.weights / YUNET_FILES[320], pose)
    sources = [_of_a_kind(one) for one in arguments.pictures]
    label_scenes.make(
        sources,
        out,
        teachers,
        turned=getattr(arguments, "turned", 0),
        reserved=arguments.reserved,
        measured=arguments.apart,
    )
    return out


def _there(arguments: argparse.Namespace, name: str) -> Path | None:
    """The archive, if it was named or stands in OUT from a former call. Ends the program if it cannot be made."""
    if (named := getattr(arguments, name, None)) is not None:
        return Path(named)
    made: Path = arguments.out / f"{name}.npz"
    if made.is_file():
        return made
    if not arguments.pictures or not arguments.weights:
        sys.exit(f"tools.train: give --{name}, or --pictures and --weights to make it of")
    return None


def _plain(sources: Sequence[str]) -> list[str]:
    """Folders with faces to know again, named after themselves where the detector's kind stood: not `empty:` ones, and
    not `boxes:`, half of which is for measuring."""
    return [_named(one) for one in sources if one.split(":")[0] not in ("empty", "boxes")]


def _named(text: str) -> str:
    kind, _, rest = text.partition(":")
    return f"{Path(rest.split(':')[0]).name}:{rest}" if kind in KINDS else text


def _of_a_kind(text: str) -> str:
    """For the detector, which asks for the kind of a folder and not for its name: of several kinds, if none is told."""
    if text.split(":")[0] in KINDS:
        return text
    one = label_faces.source(text)
    return f"mixed:{one.folder}:{one.every}"


def finish(kind: str, arguments: argparse.Namespace, option: str, archive: Path) -> None:
    """With `--int8`: inputs for calibration out of the archive, then quantization, as the two commands do it."""
    if arguments.int8 is None:
        return
    inputs = arguments.out / "calibration.npy"
    _run("tools.calibrate", kind, f"--{option}", str(archive), "--out", str(inputs))
    _run("tools.quantize", kind, "--checkpoint", str(arguments.out / "checkpoint.pt"), "--inputs", str(inputs),
         "--out", str(arguments.int8), "--report", str(arguments.out / "quantize.json"))  # fmt: skip


def _run(*words: str) -> None:
    if subprocess.run([sys.executable, "-m", *words], check=False).returncode:
        sys.exit(f"tools.train: {words[0]} did not succeed; call again to go on from there")
