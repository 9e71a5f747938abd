"""Turn a trained network into the full int8 file that the reader runs, and check it.

PyTorch -> float TFLite -> int8 weights, activations, input and output. Refuses a file with float tensors left, one that
XNNPACK does not run in one piece, and one whose outputs are no longer those of the float file.

Networks of ours (detector, embedder, quality, liveness, pose), from their training's checkpoint:

    python -m tools.quantize detector --checkpoint work/detector/checkpoint.pt --inputs calibration.npy \\
        --out work/detector/detector.tflite

Any other network (.onnx, .xml, .pt2, .keras, .h5, a float .tflite, or net.py:make for a function that gives an
nn.Module), calibrated with pictures as the reader prepares them for the model NAME of a manifest:

    python -m tools.quantize model yunet.onnx --inputs pictures/ --manifest my.toml --spec NAME \\
        --out yunet.tflite --report yunet-report --aware --task detector --data DATA
"""

from __future__ import annotations

import argparse
import json
import sys
import warnings
from dataclasses import asdict, replace
from pathlib import Path
from tempfile import TemporaryDirectory

from edgeface.errors import EdgefaceError
from edgeface.model import ModelSpec
from tools.quantize import aware, inputs, job, report, sources, tasks
from tools.quantize.fitness import DOUBTFUL, SOUND, check, loss_lines
from tools.quantize.ours import restore
from tools.quantize.ptq import convert, quantize

OURS = ("detector", "embedder", "quality", "pose", "liveness")


def main() -> None:
    arguments = _parse()
    # The libraries under this tool announce their own deprecations, dozens of lines a run.
    warnings.filterwarnings("ignore", category=UserWarning)
    warnings.filterwarnings("ignore", category=FutureWarning)
    try:
        _ours(arguments) if arguments.kind in OURS else _model(arguments)
    except (EdgefaceError, ValueError, OSError) as error:
        sys.exit(f"tools.quantize: {error}")


def _ours(arguments: argparse.Namespace) -> None:
    """A checkpoint of our own trainings. All inputs calibrate, and 32 or so of them test."""
    samples = list(inputs.load(arguments.inputs, None, Path()))
    net, float_file = restore(arguments.kind, arguments.checkpoint), arguments.out.with_suffix(".float.tflite")
    convert(net, samples[0], float_file)
    with TemporaryDirectory(prefix=".quantize-", dir=arguments.out.parent) as folder:
        int8_file = Path(folder) / arguments.out.name
        noise, tests = quantize(float_file, samples, int8_file), samples[:: max(1, len(samples) // 32)]
        found = check(net, float_file, int8_file, noise, tests, allow_loss=arguments.allow_loss)
        int8_file.replace(arguments.out)
    text = json.dumps(asdict(found), indent=1)
    print(text)
    for line in loss_lines(found, DOUBTFUL):
        print(f"warning: {line}", file=sys.stderr)
    if arguments.report:
        arguments.report.write_text(text + "\n", encoding="utf-8")


def _model(arguments: argparse.Namespace) -> None:
    """Any network."""
    spec = inputs.spec_of(arguments.manifest, arguments.spec) if arguments.spec else None
    samples = inputs.load(arguments.inputs, spec, arguments.home)
    source = sources.load(arguments.file, samples[0])
    tune = aware.Options(images=arguments.aware) if arguments.aware else None
    options = job.Options(
        tune=tune,
        allow_islands=arguments.allow_islands,
        allow_loss=arguments.allow_loss,
        coverage=arguments.coverage,
    )
    study = job.run(arguments.file, source, samples, arguments.out, options)
    if arguments.task:
        study = replace(study, tasks=_tasks(arguments, spec))
    print(report.summary(study))
    if arguments.report:
        report.write(study, arguments.report)


def _tasks(arguments: argparse.Namespace, spec: ModelSpec | None) -> tasks.Measured:
    assert spec is not None
    plain = arguments.out.with_suffix(".float.tflite")
    float_file = plain if plain.is_file() else Path(arguments.file)
    return tasks.compare(arguments.task, arguments.data, spec, float_file, arguments.out, arguments.home)


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m tools.quantize", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    kinds = parser.add_subparsers(dest="kind", required=True, metavar="|".join((*OURS, "model")))
    for kind in OURS:
        ours = kinds.add_parser(kind, help=f"our own {kind} network")
        ours.add_argument("--checkpoint", type=Path, required=True, help=f"from tools.train {kind}")
        ours.add_argument("--inputs", type=Path, required=True, help="as the reader prepares them (.npy, n H W 3)")
        ours.add_argument("--out", type=Path, required=True, help="int8 file to write; the float file goes beside it")
        ours.add_argument("--report", type=Path, help="keep the report in this file, as JSON")
    model = kinds.add_parser("model", help="any network")
    _add_model(model)
    for one in kinds.choices.values():
        text = f"accept outputs with a cosine to float below {SOUND}, with a warning"
        one.add_argument("--allow-loss", action="store_true", help=text)
    arguments = parser.parse_args()
    if arguments.kind == "model" and arguments.task and not (arguments.data and arguments.spec):
        model.error("--task needs --data, and --spec for how the reader feeds the network")
    return arguments


def _add_model(model: argparse.ArgumentParser) -> None:
    model.add_argument("file", help=sources.KINDS)
    model.add_argument("--inputs", type=Path, required=True, help=".npy (n H W 3) ready to feed, or pictures' folder")
    model.add_argument("--spec", help="a model of the manifest: how the reader prepares a picture for it")
    model.add_argument("--manifest", type=Path, help="where --spec stands; the shipped one if not given")
    model.add_argument("--out", type=Path, required=True, help="int8 file to write; the float file goes beside it")
    model.add_argument("--report", type=Path, help="folder for report.md, report.json and sqnr.png")
    model.add_argument("--allow-islands", action="store_true", help="accept operators outside XNNPACK, with a warning")
    model.add_argument("--coverage", type=float, default=1.0, help="share of inputs whose extremes must fit, 0..1")
    tuned = aware.Options().images
    model.add_argument(
        "--aware", type=int, nargs="?", const=tuned, metavar="INPUTS", help=f"tune for int8 on so many inputs ({tuned})"
    )
    model.add_argument("--task", choices=tasks.TASKS, help="measure both files at this task; needs --data and --spec")
    model.add_argument("--data", type=Path, help="folder of the development sets' archives")
    model.add_argument("--home", type=Path, default=Path("work/home"), help="edgeface home: which other models to use")


if __name__ == "__main__":
    main()
