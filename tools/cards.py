"""Write the model cards out of measured figures, so that no figure is copied by hand.

    python -m tools.evaluate all --data DATA --peers WEIGHTS --utkface UTKFACE --out work/figures
    python -m tools.benchmark --data DATA --weights WEIGHTS --json work/figures/benchmark.json
    python -m tools.cards --figures work/figures

These commands make every figure in the cards and in README's tables, from a clean clone and the data. What only training and quantization
can know (learning curves, noise by layer, what the float network scored) was kept when a model was made, in
`models/records/MODEL/`: curve.jsonl of `tools.train`, quantize.json of `tools.quantize ... --report`, float.json of
LFW-dev with the float file that quantization left beside the int8 one. That last is made again by

    python -m tools.evaluate lfw --data DATA --home FLOAT --json models/records/edgeface-embed-80/float.json

where FLOAT is an edgeface home that uses the float file: `EDGEFACE_HOME=FLOAT edgeface models use edgeface-embed-80
--manifest FILE`, with FILE a copy of the manifest beside the float file that names its sha256.

A card is a text with blanks, `models/cards/MODEL.md`; filled, it is `models/MODEL.md`. To add a card, write its text:
there is nothing to do here. A text whose model is not in the manifest is skipped. Blanks:

    {{ spec KEY }}                  of the manifest, for example sha256 or thresholds.grant
    {{ size }}                      of the file, in KiB; {{ network }}: parameters and multiply-adds, counted in it
    {{ value MEASURE FIGURE }}      value [interval] (n); {{ number MEASURE FIGURE }} is the value alone
    {{ table MEASURE PATTERN... }}  figures whose names fit, like tar_*, !*_says; with the peers that have them beside
    {{ ahead MEASURE PATTERN... }}  ours minus theirs
    {{ less MEASURE FIGURE FILE }}  the figure minus the same one of models/records/MODEL/FILE.json
    {{ record FILE KEY }}           of models/records/MODEL/FILE.json; {{ worst }} is quantize.json's three worst layers
    {{ curve [FILE] KEY... }}       a table of the learning curve; {{ last KEY }} is the end of it
    {{ command MEASURE }}           how to measure it again
    {{ folders NAME... }}           what the recipe's capitals stand for, of models/cards/folders.toml
    {{ if MEASURE }} ... {{ end }}  lines that are left out where the measure has not been taken

`models/cards/readme.md` and `readme-installs.md` go between the markers of README.md, `installs.md` is a page about other
people's models; a benchmark.json of `tools.benchmark --json` in the
figures' folder makes the table of peers there.
"""

from __future__ import annotations

import argparse
import json
import re
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from edgeface.adapters import manifest
from edgeface.adapters.spec import Entry
from tools.evaluate.report import cell, words
from tools.install_model import MODELS
from tools.sizes import measure

README = MODELS.parent / "README.md"
FIGURES = "<!-- figures: written by tools/cards.py -->", "<!-- end of figures -->"
INSTALLS = "<!-- installs: written by tools/cards.py -->", "<!-- end of installs -->"
PEERS = "<!-- peers: written by tools/cards.py -->", "<!-- end of peers -->"
BLANK = re.compile(r"\{\{ (\w+)([^{}]*) \}\}")
OPTIONAL = re.compile(r"\{\{ if (\w+) \}\}\n(.*?)\{\{ end \}\}\n", re.DOTALL)
CURVE_ROWS = 12
PAGES = ("installs",)
"""Texts about other models than ours."""


class CardError(Exception):
    """A blank that cannot be filled; the message says which, and what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """Where the figures of one text come from."""

    figures: Path
    """Folder of `tools.evaluate all --out`."""
    records: Path
    """Folder of what was kept when the model was made."""
    entry: Entry | None
    """The model, or None for a text about several."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--figures", type=Path, default=Path("work/figures"), help="folder of tools.evaluate all --out")
    parser.add_argument("--models", type=Path, default=MODELS, help="folder of the models, their cards and records")
    arguments = parser.parse_args()
    try:
        written = write_cards(arguments.models, arguments.figures)
        if arguments.models == MODELS:
            written += fill_readme(arguments.models, arguments.figures)
    except CardError as problem:
        parser.exit(1, f"{problem}\n")
    print("\n".join(written))


def write_cards(models: Path, figures: Path) -> list[str]:
    """Fills every text whose model is in the manifest; says what it did. Raises CardError."""
    entries = manifest.read(models / "manifest.toml")
    said = []
    for text in sorted((models / "cards").glob("*.md")):
        name = text.stem
        if name.startswith("readme"):
            continue
        if name not in entries and name not in PAGES:
            said.append(f"skipped {name}: it is not in the manifest")
            continue
        sources = Sources(figures=figures, records=models / "records" / name, entry=entries.get(name))
        card = fill(text.read_text(encoding="utf-8"), sources)
        if not card.strip():
            said.append(f"left {text.name} as it was: nothing of it was measured")
            continue
        (models / text.name).write_text(card, encoding="utf-8")
        said.append(f"wrote {text.name}")
    return said


def fill(text: str, sources: Sources) -> str:
    """The text with every blank filled. Raises CardError."""

    def filled(blank: re.Match[str]) -> str:
        verb, words_after = blank[1], blank[2].split()
        if verb not in VERBS:
            raise CardError(f"{blank[0]}: there is no {verb}; there are {', '.join(VERBS)}")
        try:
            return VERBS[verb](sources, *words_after)
        except (KeyError, TypeError, AttributeError) as error:
            raise CardError(f"{blank[0]} cannot be filled: {error}") from error

    def kept(part: re.Match[str]) -> str:
        return part[2] if (sources.figures / f"{part[1]}.json").is_file() else ""

    return BLANK.sub(filled, OPTIONAL.sub(kept, text))


def _spec(sources: Sources, key: str) -> str:
    name, _, part = key.partition(".")
    value = getattr(_entry(sources).spec, name)
    return _plain(value[part] if part else value)


def _size(sources: Sources) -> str:
    entry = _entry(sources)
    return f"{(entry.folder / entry.spec.file).stat().st_size / 1024:.0f}"


def _network(sources: Sources) -> str:
    entry = _entry(sources)
    return str(measure(entry.folder / entry.spec.file))


def _entry(sources: Sources) -> Entry:
    if sources.entry is None:
        raise CardError("a text about several models cannot ask for one model's facts")
    return sources.entry


def _value(sources: Sources, measure: str, figure: str) -> str:
    return cell(_measured(sources, measure)["figures"][figure])


def _number(sources: Sources, measure: str, figure: str) -> str:
    value = _measured(sources, measure)["figures"][figure]
    return _plain(value["value"] if isinstance(value, dict) else value)


def _table(sources: Sources, measure: str, *patterns: str) -> str:
    record = _measured(sources, measure)
    keys = fitting(record["figures"], patterns)
    peers = {name: figures for name, figures in record["by_peer"].items() if set(keys) & set(figures)}
    columns = {"value [95 % interval] (n)": record["figures"], **peers}
    return markdown_table(
        ("figure", *columns), [(words(key), *(cell(one.get(key)) for one in columns.values())) for key in keys]
    )


def _ahead(sources: Sources, measure: str, *patterns: str) -> str:
    peers = _measured(sources, measure)["ahead"]
    names = dict.fromkeys(name for figures in peers.values() for name in figures)
    keys = fitting(names, patterns)
    kept = {peer: figures for peer, figures in peers.items() if set(keys) & set(figures)}
    return markdown_table(
        ("ours minus theirs", *kept), [(words(key), *(cell(one.get(key)) for one in kept.values())) for key in keys]
    )


def fitting(names: Mapping[str, Any], patterns: Sequence[str]) -> list[str]:
    """The names that fit one of the patterns, and none of those that begin with "!". Raises CardError if none does."""
    wanted = [pattern for pattern in patterns if not pattern.startswith("!")] or ["*"]
    unwanted = [pattern[1:] for pattern in patterns if pattern.startswith("!")]
    found = [
        name
        for name in names
        if any(fnmatchcase(name, one) for one in wanted) and not any(fnmatchcase(name, one) for one in unwanted)
    ]
    if not found:
        raise CardError(f"no figure fits {' '.join(patterns)}; there are {', '.join(names) or 'none'}")
    return found


def _command(_: Sources, measure: str) -> str:
    return f"`python -m tools.evaluate {measure} --data DATA --peers WEIGHTS`"


def _folders(_: Sources, *names: str) -> str:
    known = tomllib.loads((MODELS / "cards" / "folders.toml").read_text(encoding="utf-8"))
    return "\n".join(f"- `{name}`: {known[name]}" for name in names)


def _record(sources: Sources, file: str, key: str) -> str:
    value = _read(sources.records / f"{file}.json")[key]
    return " / ".join(_plain(one) for one in value) if isinstance(value, list) else cell(value)


def _less(sources: Sources, measure: str, figure: str, file: str) -> str:
    kept = _read(sources.records / f"{file}.json")[figure]
    return f"{_measured(sources, measure)['figures'][figure]['value'] - kept['value']:.2g}"


def _worst(sources: Sources) -> str:
    """The three inner tensors with the least signal to noise; names as the converter gives them, shortened."""
    layers = list(_read(sources.records / "quantize.json")["worst_layers"].items())[:3]
    return ", ".join(f"`{name.split(';')[0].rsplit('/', 2)[-1][-48:]}` {decibels:.0f} dB" for name, decibels in layers)


def curve(sources: Sources, *keys: str) -> str:
    """A table of these keys; in front of them the name of another file than curve.jsonl may stand."""
    file, keys = (keys[0], keys[1:]) if keys[0].endswith(".jsonl") else ("curve.jsonl", keys)
    lines = _lines(sources, file)
    kept = lines[:: max(1, len(lines) // CURVE_ROWS)]
    kept += lines[-1:] if kept[-1] is not lines[-1] else []
    return markdown_table(tuple(map(words, keys)), [tuple(_plain(line[key]) for key in keys) for line in kept])


def _last(sources: Sources, key: str) -> str:
    return _plain(_lines(sources)[-1][key])


VERBS: dict[str, Callable[..., str]] = {
    "spec": _spec,
    "size": _size,
    "network": _network,
    "value": _value,
    "number": _number,
    "table": _table,
    "ahead": _ahead,
    "less": _less,
    "record": _record,
    "worst": _worst,
    "curve": curve,
    "last": _last,
    "command": _command,
    "folders": _folders,
}


def markdown_table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Lines of a Markdown table."""
    return "\n".join(f"| {' | '.join(line)} |" for line in (head, ["---"] * len(head), *rows))


def _plain(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:,.4g}" if abs(value) < 1e4 else f"{value:,.0f}"
    return f"{value:,}" if isinstance(value, int) else str(value)


def _measured(sources: Sources, measure: str) -> dict[str, Any]:
    record = _read(sources.figures / f"{measure}.json")
    if record.get("quick"):
        raise CardError(f"{measure}.json is of a quick run: that is no measurement")
    wanted = {name: entry.spec.sha256 for name, entry in manifest.read(manifest.shipped()).items()}
    if sources.entry:
        wanted[sources.entry.spec.name] = sources.entry.spec.sha256
        record["models"].setdefault(sources.entry.spec.name, "")
    for name, digest in record["models"].items():  # another detector moves every figure of the embedder
        if name in wanted and digest != wanted[name]:
            raise CardError(f"{measure}.json was measured on another {name}: run tools.evaluate again")
    return record


def _lines(sources: Sources, file: str = "curve.jsonl") -> list[dict[str, Any]]:
    text = _text(sources.records / file)
    return [json.loads(line) for line in text.splitlines()]


def _read(path: Path) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(_text(path))
    return loaded


def _text(path: Path) -> str:
    if not path.is_file():
        raise CardError(f"there is no {path.parent.name}/{path.name}: `python -m tools.cards --help` says who makes it")
    return path.read_text(encoding="utf-8")


def fill_readme(models: Path, figures: Path) -> list[str]:
    """Puts the text of the README's figures, and the table of peers if it was measured, between their markers."""
    said = []
    sources = Sources(figures=figures, records=models / "records", entry=None)
    for markers, name in ((FIGURES, "readme.md"), (INSTALLS, "readme-installs.md")):
        text = models / "cards" / name
        filled = fill(text.read_text(encoding="utf-8"), sources).strip() if text.is_file() else ""
        if filled:
            said.append(_between(markers, filled))
    if (figures / "benchmark.json").is_file():
        said.append(_between(PEERS, peer_table(_read(figures / "benchmark.json"))))
    return said


def peer_table(report: Mapping[str, Any]) -> str:
    """Time of each chain as a multiple of ours, memory and accuracy, from one run of tools.benchmark."""
    small, large = report["speeds"].values()
    rows = []
    for chain, title in report["titles"].items():
        times = [kind[threads][chain]["to_us"]["value"] for threads in ("1", "2") for kind in (small, large)]
        rate = {key: 100 * value for key, value in report["accuracy"][chain]["accuracy"].items()}
        rows.append((
            title, *(f"{one:.2f}x" for one in times[:2]), " / ".join(f"{one:.2f}x" for one in times[2:]),
            f"{report['memory'][chain]['now_mb']:.0f} MB",
            f"{rate['value']:.2f} % [{rate['low']:.1f}, {rate['high']:.1f}]",
        ))  # fmt: skip
    head = (
        "chain, picture to embedding", "time, 250x250", "time, 1280x720", "the same, 2 threads", "memory", "LFW-dev",
    )  # fmt: skip
    return markdown_table(head, rows)


def _between(markers: tuple[str, str], text: str) -> str:
    """Put a text between two markers of README.md."""
    begin, end = markers
    before = README.read_text(encoding="utf-8")
    if before.find(begin) > before.find(end) or begin not in before:
        raise CardError(f"README.md has no {begin} before {end}: nothing was written to it")
    head, _, rest = before.partition(begin)
    tail = rest.partition(end)[2]
    README.write_text(f"{head}{begin}\n{text}\n{end}{tail}", encoding="utf-8")
    return f"filled README.md: {begin.split()[1].rstrip(':')}"


if __name__ == "__main__":
    main()
