"""Turn a foreign network (ONNX, OpenVINO, frozen TensorFlow) into a float TFLite file that agrees with it.

    python -m tools.convert yunet.onnx --order BGR --out yunet.tflite
    python -m tools.convert mobilefacenet.onnx --mean 123.675 116.28 103.53 --std 58.395 57.12 57.375 --out m.tflite
    python -m tools.convert study mobilefacenet.onnx --mean ... --std ... --pixels chips.npy

The file takes and gives pictures with channels last. Every output is compared with the file's own runtime. `study`
measures the forms in which PReLUs can be written, in float and int8, against that runtime. On to int8:
`python -m tools.quantize`.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from edgeface.frame import Pixels
from tools.convert import study
from tools.convert.importer import DEFAULT_SIDE_PX
from tools.convert.network import ConversionError, Levels, Network
from tools.convert.reference import as_foreign, as_maker_and_reader_feed, compare, runner
from tools.convert.rewrite import prepare
from tools.convert.slopes import Form
from tools.quantize import PARITY, File, convert

PICTURES = 4
"""To compare on: noise shows a wrong axis or weight at once."""
LEAST = 12
"""Pictures to make channels alike by, or to calibrate and test on. A choice."""


def main(words: Sequence[str]) -> None:
    studying = words[:1] == ["study"]
    parser = argparse.ArgumentParser(
        prog="python -m tools.convert", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    _describe(parser, studying)
    arguments = parser.parse_args(words[1:] if studying else words)
    mean, std = _levels(arguments.mean), _levels(arguments.std)
    try:
        if studying:
            forms = tuple(arguments.forms)
            options = study.Options(mean=mean, std=std, order=arguments.order, forms=forms, rounds=arguments.rounds)
            print(study.table(study.study(arguments.file, _pixels(arguments.pixels), options)))
        else:
            network = prepare(
                arguments.file,
                mean=mean,
                std=std,
                order=arguments.order,
                form=Form(arguments.form),
                side_px=arguments.side,
                samples=[] if arguments.pixels is None else list(_pixels(arguments.pixels)),
            )
            print(write(arguments.file, network, mean, std, arguments.out))
    except (ConversionError, OSError) as error:
        raise SystemExit(f"tools.convert: {error}") from error


def _describe(parser: argparse.ArgumentParser, studying: bool) -> None:
    parser.add_argument("file", type=Path, help="the network: .onnx, .xml with its .bin beside it, or .pb")
    parser.add_argument("--mean", type=float, nargs="+", default=[0.0], help="it was trained on (pixel - mean) / std")
    parser.add_argument("--std", type=float, nargs="+", default=[1.0], help="one number, or one a channel")
    parser.add_argument("--order", choices=("RGB", "BGR"), default="RGB", help="of the colours it was trained on")
    parser.add_argument(
        "--pixels",
        type=Path,
        required=studying,
        help="pictures as it will see them: .npy, uint8, (n, H, W, 3), RGB; channels are made alike by them for int8",
    )
    if studying:
        parser.add_argument("--forms", type=Form, nargs="+", default=[*Form], help=f"to try: {', '.join(Form)}")
        parser.add_argument("--rounds", type=int, default=100, help="to time, all candidates in turns")
    else:
        parser.add_argument("--out", type=Path, required=True, help="float TFLite file to write")
        parser.add_argument("--form", choices=[*Form], default=Form.AFTER, help="how to write PReLUs; see `study`")
        parser.add_argument(
            "--side", type=int, default=DEFAULT_SIDE_PX, help="of the input, where the file leaves it open"
        )


def write(path: Path, network: Network, mean: Levels, std: Levels, out: Path) -> str:
    """Write the float file and say how far each output is from the original's. Raises ConversionError if too far."""
    random = np.random.default_rng(0)
    pixels: list[Pixels] = [
        random.integers(0, 256, (*network.input_shape[2:], network.input_shape[1]), np.uint8) for _ in range(PICTURES)
    ]
    made, read = as_maker_and_reader_feed(pixels, network, mean, std)
    convert(network.module, read[0], out)
    feeds = {id(one): other for one, other in zip(made, read, strict=True)}
    file = as_foreign(File(out).run)
    found = compare(network.output_names, runner(path, network), lambda one: file(feeds[id(one)]), made)
    lines = [f"{name}: {difference:.1e} of its largest value" for name, difference in found.items()]
    if max(found.values()) > PARITY:
        out.unlink()
        raise ConversionError("\n".join([*lines, f"{out} was not kept: it differs by more than {PARITY:.0e}"]))
    feed = network.feed
    lines.append(f"{out}: feed it (pixel - {feed.mean:g}) / {feed.std:g}, {feed.order}, channels last")
    return "\n".join(lines)


def _pixels(path: Path) -> Pixels:
    """Raises ConversionError unless they are pictures as `--pixels` says."""
    try:
        found = np.load(path)
    except ValueError as error:
        raise ConversionError(f"{path} is no .npy file: {error}") from error
    if getattr(found, "dtype", None) != np.uint8 or found.ndim != 4 or found.shape[3] != 3 or len(found) < LEAST:
        raise ConversionError(f"{path}: at least {LEAST} pictures are needed, uint8, (n, H, W, 3)")
    return np.asarray(found)


def _levels(values: list[float]) -> Levels:
    return values[0] if len(values) == 1 else values


if __name__ == "__main__":
    main(sys.argv[1:])
