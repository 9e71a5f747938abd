"""One table of a manifest becomes a ModelSpec, or an error that names the key at fault."""

from __future__ import annotations

import base64
import json
import math
import re
from collections.abc import Callable
from dataclasses import MISSING, dataclass, fields
from itertools import pairwise
from pathlib import Path
from typing import Any, TypeVar

from edgeface.errors import ModelError
from edgeface.model import ImpostorTail, Layout, MatedScores, ModelSpec, Scoring, Task


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A model and the folder that its file lies in."""

    spec: ModelSpec
    folder: Path
    manifest: Path
    content: bytes | None = None
    """The model itself, where it came in a signed bundle and is no file of its own."""


def to_spec(name: str, table: Any, manifest: Path) -> ModelSpec:
    """A model's table as TOML gives it. Raises ModelError that names manifest, model and key."""
    where = f"{manifest}: [{name}]"
    if not isinstance(table, dict):
        raise ModelError(f"{where} is not a table")
    required = {f.name for f in fields(ModelSpec) if f.default is MISSING and f.default_factory is MISSING} - {"name"}
    if unknown := sorted(set(table) - set(_KINDS)):
        raise ModelError(f"{where} has the unknown key {unknown[0]}; known are {', '.join(sorted(_KINDS))}")
    if missing := sorted(required - set(table)):
        raise ModelError(f"{where} lacks the key {missing[0]}")
    try:
        values = {key: _converted(key, value) for key, value in table.items()}
        return _checked(ModelSpec(**{**values, "name": name}))
    except ValueError as error:
        raise ModelError(f"{where}: {error}") from error


def _text(value: Any) -> str:
    return _only(str, value)


def _whole(value: Any) -> int:
    return _only(int, value)


def _flag(value: Any) -> bool:
    return _only(bool, value)


def _only(kind: type[_T], value: Any) -> _T:
    if type(value) is not kind:  # a bool is an int to isinstance
        raise TypeError
    return value


def _number(value: Any) -> float:
    if type(value) not in (int, float) or not math.isfinite(value):
        raise TypeError
    return float(value)


def _points(value: Any) -> tuple[tuple[float, float], ...]:
    return tuple(_pair(point) for point in _only(list, value))


def _pair(value: Any) -> tuple[float, float]:
    first, second = _only(list, value)
    return _number(first), _number(second)


def _numbers(value: Any) -> dict[str, float]:
    return {name: _number(number) for name, number in _only(dict, value).items()}


def _digests(value: Any) -> dict[str, str]:
    if not all(_SHA256.fullmatch(_text(digest)) for digest in _only(dict, value).values()):
        raise ValueError
    return dict(value)


def _bytes(value: Any) -> bytes:
    return base64.b64decode(_text(value), validate=True)


def _calibration(value: Any) -> tuple[tuple[float, float], ...]:
    points = _points(value)
    rising = all(low[0] < high[0] and low[1] <= high[1] for low, high in pairwise(points))
    if not (2 <= len(points) <= 9 and rising):
        raise ValueError
    return points


def _tail(value: Any) -> ImpostorTail:
    wholes, pairs = ("exceedances", "pairs"), ("shape_interval", "scale_interval")
    table: dict[str, Any] = {
        key: _whole(part) if key in wholes else _pair(part) if key in pairs else _number(part)
        for key, part in _only(dict, value).items()
    }
    tail = ImpostorTail(**table)  # another set of keys is a TypeError
    sane = -1 <= tail.above < 1 and abs(tail.shape) < 1 and tail.scale > 0
    if not (sane and 0 < tail.lowest_fmr <= tail.rate < 1 and 0 < tail.exceedances <= tail.pairs):
        raise ValueError
    return tail


def _scoring(value: Any) -> Scoring:
    table: dict[str, Any] = {
        key: _bytes(part) if key in _OF_BYTES else _whole(part) if key == "dimensions" else _number(part)
        for key, part in _only(dict, value).items()
    }
    return Scoring(**table)


def _mates(value: Any) -> MatedScores:
    table: dict[str, Any] = {
        key: _whole(part) if key == "visits" else _cosines(part) for key, part in _only(dict, value).items()
    }
    mates = MatedScores(**table)
    rising = all(low <= high for low, high in pairwise(mates.quantiles))
    if not (2 <= len(mates.quantiles) <= 101 and rising and mates.visits > 0):
        raise ValueError
    return mates


def _cosines(value: Any) -> tuple[float, ...]:
    return tuple(_number(part) for part in _only(list, value))


_T = TypeVar("_T")
_KINDS: dict[str, tuple[Callable[[Any], Any], str]] = {
    **dict.fromkeys(("task", "file", "sha256", "licence", "origin", "layout", "order"), (_text, "a text in quotes")),
    **dict.fromkeys(("width_px", "height_px", "dimensions", "output"), (_whole, "a whole number")),
    **dict.fromkeys(("mean", "std", "crop"), (_number, "a number")),
    "template": (_points, "a list of points [x, y]"),
    "mirror": (_flag, "true or false"),
    "thresholds": (_numbers, "a table of numbers"),
    "golden": (_digests, "a table of sha256 digests, by kernel path"),
    "golden_sample": (_bytes, "a text in base64"),
    "calibration": (_calibration, "2 to 9 points [cosine, log10 likelihood ratio] that rise"),
    "impostor_tail": (_tail, "a table as tools.calibrate_scores writes it"),
    "scoring": (_scoring, "a table as tools.train.scoring writes it"),
    "visit_tail": (_tail, "a table as tools.visit_tail writes it"),
    "visit_mates": (_mates, "a table as tools.visit_tail writes it"),
    "visit_calibration": (_calibration, "2 to 9 points [cosine, log10 likelihood ratio] that rise"),
}
"""Every key of a model, what turns TOML's value into ModelSpec's, and how to say what is wanted."""


def _converted(key: str, value: Any) -> Any:
    """A TOML value as ModelSpec takes it. Raises ValueError."""
    convert, wanted = _KINDS[key]
    try:
        converted = convert(value)
    except (TypeError, ValueError, OverflowError):
        raise ValueError(f"{key} must be {wanted}, not {_quoted(value)}") from None
    if key in ("task", "layout"):
        return _choice(key, converted)
    return converted


def _quoted(value: Any) -> str:
    """What stands there, as far as anybody reads: a scoring has 200,000 letters."""
    text = json.dumps(value, default=str)
    return text if len(text) <= MOST_QUOTED else f"{text[:MOST_QUOTED]}..."


def _choice(key: str, value: str) -> Task | Layout:
    choices: type[Task] | type[Layout] = Task if key == "task" else Layout
    if value not in set(choices):
        raise ValueError(f"{key} must be one of {', '.join(choices)}, not {value}")
    return choices(value)


def _checked(spec: ModelSpec) -> ModelSpec:
    """Refuse what would only fail, or fail open, at the door."""
    threshold = _THRESHOLDS.get(spec.task)
    aligned = spec.task in (Task.EMBEDDER, Task.QUALITY)
    around = spec.task in (Task.LIVENESS, Task.POSE)
    problems = (
        (spec.order not in ("RGB", "BGR"), 'order must be "RGB" or "BGR"'),
        (spec.std <= 0, "std must be above 0"),
        (not 16 <= spec.width_px <= 2048 or not 16 <= spec.height_px <= 2048, "width_px and height_px: 16 to 2048"),
        (not _FILE_NAME.fullmatch(spec.file), "file must be a plain file name beside the manifest"),
        (not _SHA256.fullmatch(spec.sha256), "sha256 must be 64 hex digits, in lower case"),
        (not spec.licence.strip(), "licence must say what may be done with the model"),
        (_LAYOUTS.get(spec.layout, Task.DETECTOR) is not spec.task, "layout does not fit the task"),
        (spec.crop != 0 and not around, f"crop is not for the task {spec.task}"),
        (around and not 0.5 <= spec.crop <= 8, "crop must be 0.5 to 8"),
        (around and bool(spec.template), f"template is not for the task {spec.task}"),
        (aligned and len(spec.template) != 5, "template must be five points"),
        (
            spec.task is Task.LIVENESS and spec.width_px != 2 * spec.height_px,
            "width_px must be twice height_px: two looks, side by side",
        ),
        (
            any(not -0.5 <= part <= 1.5 for point in spec.template for part in point),
            "template must be in parts of the side",
        ),
        (spec.task is Task.EMBEDDER and spec.dimensions < 8, "dimensions must be at least 8"),
        (spec.output < 0, "output must not be negative"),
        (
            spec.scoring is not None and spec.scoring.dimensions != spec.dimensions,
            "scoring must be of as many dimensions as the embedder",
        ),
        (
            spec.task is not Task.EMBEDDER and any(getattr(spec, name) for name in _OF_SCORES),
            f"{', '.join(_OF_SCORES)} are not for the task {spec.task}",
        ),
        (
            threshold is not None and not 0 < spec.thresholds.get(threshold, 0) < 1,
            f"thresholds.{threshold} must be above 0 and below 1",
        ),
    )
    for wrong, sentence in problems:
        if wrong:
            raise ValueError(sentence)
    return spec


_LAYOUTS = {
    Layout.EMBEDDING: Task.EMBEDDER,
    Layout.SCORE: Task.QUALITY,
    Layout.LIVENESS: Task.LIVENESS,
    Layout.ANGLES: Task.POSE,
}
"""Which task a layout is for; any other layout is a detector's."""
MOST_QUOTED = 120
"""Letters of a wrong value that an error repeats."""
_OF_BYTES = ("probe", "template", "directions")
"""Of a scoring."""
_OF_SCORES = ("calibration", "impostor_tail", "scoring", "visit_tail", "visit_mates", "visit_calibration")
"""What embedders alone have."""
_THRESHOLDS = {Task.DETECTOR: "min_score", Task.EMBEDDER: "grant", Task.LIVENESS: "live"}
"""The score that a model of a task cannot be without."""
_FILE_NAME = re.compile(r"[^/\\\x00-\x1f]*[^/\\\x00-\x1f.][^/\\\x00-\x1f]*")
_SHA256 = re.compile("[0-9a-f]{64}")
