"""One report of all measures: Markdown with its plots beside it, HTML with everything inside, JSON for programs."""

from __future__ import annotations

import argparse
import base64
import html
import platform
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import edgeface
from tools.evaluate.acquire import Measure
from tools.evaluate.record import Missing, Record, Taken, to_json
from tools.metrics import Figure

PACKAGES = ("ai-edge-litert", "onnxruntime", "opencv-python-headless", "numpy")


@dataclass(frozen=True, slots=True, kw_only=True)
class Heading:
    """Of a section."""

    text: str
    level: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Paragraph:
    """Running text."""

    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """What to type."""

    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """Cells of text, a head and rows of the same length."""

    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Image:
    """A plot beside the report."""

    file: str
    says: str


Block = Heading | Paragraph | Command | Table | Image


def show(taken: Taken) -> None:
    """Figures on the terminal."""
    for name, record in taken.records.items():
        print(f"\n{name}")
        for key, value in record["figures"].items():
            print(f"  {key:46} {cell(value)}")
        for peer, figures in record["by_peer"].items():
            for key, value in figures.items():
                print(f"  {f'{key}, {peer}':46} {cell(value)}")
        for peer, figures in record["ahead"].items():
            for key, value in figures.items():
                print(f"  {f'{key}, ours minus {peer}':46} {cell(value)}")
        for remark in record["remarks"]:
            print(f"  {remark}")
    for one in taken.missing:
        print(f"not measured: {one.why}")


def write(
    out: Path,
    records: Mapping[str, Record],
    measures: Mapping[str, Measure],
    missing: Sequence[Missing],
    arguments: argparse.Namespace,
) -> None:
    """report.md, report.html and report.json of everything that stands in the folder."""
    machine = _machine()
    blocks = [*_front(records, missing, machine, arguments)]
    for name, record in records.items():
        blocks += _section(name, measures[name], record, arguments)
    (out / "report.md").write_text(markdown(blocks), encoding="utf-8")
    (out / "report.html").write_text(webpage(blocks, out), encoding="utf-8")
    everything = {"machine": machine, "missing": [asdict(one) for one in missing], "measures": records}
    (out / "report.json").write_text(to_json(everything), encoding="utf-8")


def _front(
    records: Mapping[str, Record], missing: Sequence[Missing], machine: Mapping[str, str], arguments: argparse.Namespace
) -> Iterator[Block]:
    yield Heading(text="What edgeface was measured to do", level=1)
    yield Paragraph(
        text="Every rate has its 95 % interval in brackets and the number of trials in parentheses. "
        "*Ours minus theirs* is paired on the same pictures: an interval that holds 0 cannot tell the two apart."
    )
    if any(record["quick"] for record in records.values()):
        yield Paragraph(text="**Some of this is of a quick run, on one in eight of everything: it measures little.**")
    yield Heading(text="Models", level=2)
    # By name and digest: a folder may hold measurements of a model before and after it was trained again.
    ours = dict.fromkeys(pair for record in records.values() for pair in record["models"].items())
    theirs = dict.fromkeys(pair for record in records.values() for pair in record["peers"].items())
    rows = [("ours", name, f"`{digest}`") for name, digest in ours]
    rows += [("other people's", name, f"`{digest}`") for name, digest in theirs]
    yield Table(head=("whose", "model", "sha256"), rows=tuple(rows))
    yield Heading(text="How to repeat it", level=2)
    yield Command(text=command("all", arguments))
    yield Paragraph(text="; ".join(f"{name} {value}" for name, value in machine.items()) + ".")
    if missing:
        yield Heading(text="Not measured", level=2)
        yield Table(head=("what, and why",), rows=tuple((one.why,) for one in missing))


def _section(name: str, measure: Measure, record: Record, arguments: argparse.Namespace) -> Iterator[Block]:
    yield Heading(text=measure.title, level=2)
    yield Paragraph(text=measure.method)
    for remark in record["remarks"]:
        yield Paragraph(text=remark)
    for file, says in record["plots"].items():
        yield Image(file=file, says=says)
    if record["figures"]:
        yield _figures(record)
    if record["ahead"]:
        yield _ahead(record)
    yield Command(text=command(name, arguments))


def _figures(record: Record) -> Table:
    """Ours, and peers in columns beside where they have a figure of the same name."""
    columns = [record["figures"], *record["by_peer"].values()]
    rows = tuple((words(key), *(cell(column.get(key)) for column in columns)) for key in record["figures"])
    return Table(head=("figure", "ours", *record["by_peer"]), rows=rows)


def _ahead(record: Record) -> Table:
    peers = record["ahead"]
    keys = list(dict.fromkeys(key for figures in peers.values() for key in figures))
    rows = tuple((words(key), *(cell(figures.get(key)) for figures in peers.values())) for key in keys)
    return Table(head=("ours minus theirs", *peers), rows=rows)


def words(key: str) -> str:
    """Name of a figure, to be read."""
    return key.replace("_", " ")


def cell(value: Any) -> str:
    """A figure of a record as text: value [interval] (n)."""
    match value:
        case None:
            return ""
        case str():
            return value
        case dict():
            value = Figure(**value)
            return f"{value.value:.4g} [{value.low:.4g}, {value.high:.4g}] ({value.n:,})"
        case Figure():
            return cell(asdict(value))
        case _:
            return f"{value:,.4g}" if abs(value) < 1e4 else f"{value:,.0f}"


def command(what: str, arguments: argparse.Namespace) -> str:
    """The command line that measures this; what stands for each folder is explained in the help."""
    given = {"--data DATA": arguments.data, "--out DIR": arguments.out, "--peers WEIGHTS": arguments.peers}
    given |= {"--utkface UTKFACE": arguments.utkface, "--quick": arguments.quick}
    return " ".join(["python -m tools.evaluate", what, *(option for option, value in given.items() if value)])


def _machine() -> dict[str, str]:
    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    names = {line.split(":", 1)[1].strip() for line in lines if line.startswith(("model name", "Model"))}
    return {
        "processor": ", ".join(sorted(names)) or platform.machine(),
        "python": platform.python_version(),
        "edgeface": edgeface.__version__,
        **{package: _version(package) for package in PACKAGES},
    }


def _version(package: str) -> str:
    """Only peers need onnxruntime, and a reader's workstation does without."""
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"


def markdown(blocks: Sequence[Block]) -> str:
    """The report with its plots beside it."""
    return "\n\n".join(_markdown(block) for block in blocks) + "\n"


def _markdown(block: Block) -> str:
    match block:
        case Heading():
            return f"{'#' * block.level} {block.text}"
        case Paragraph():
            return block.text
        case Command():
            return f"```sh\n{block.text}\n```"
        case Table():
            lines = [block.head, ("---",) * len(block.head), *block.rows]
            return "\n".join(f"| {' | '.join(line)} |" for line in lines)
        case Image():
            return f"![{block.says}]({block.file})\n\n*{block.says}*"


PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><title>edgeface: measured</title>
<style>body {{ font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem }}
table {{ border-collapse: collapse; font-size: .85rem; display: block; overflow-x: auto }}
td, th {{ border-bottom: 1px solid #ccc; padding: .2rem .6rem; text-align: left }}
img {{ width: 800px; max-width: 100% }}
pre {{ background: #f2f2f2; padding: .6rem; overflow-x: auto }}</style>
{body}
</html>
"""


def webpage(blocks: Sequence[Block], folder: Path) -> str:
    """The report as one HTML file, plots inside; they are read from `folder`."""
    return PAGE.format(body="\n".join(_html(block, folder) for block in blocks))


def _html(block: Block, folder: Path) -> str:
    match block:
        case Heading():
            return f"<h{block.level}>{_text(block.text)}</h{block.level}>"
        case Paragraph():
            return f"<p>{_text(block.text)}</p>"
        case Command():
            return f"<pre>{html.escape(block.text)}</pre>"
        case Table():
            return f"<table>{_row(block.head, 'th')}{''.join(_row(row, 'td') for row in block.rows)}</table>"
        case Image():
            content = base64.b64encode((folder / block.file).read_bytes()).decode("ascii")
            picture = f'<img alt="{html.escape(block.says)}" src="data:image/png;base64,{content}">'
            return f"<figure>{picture}<figcaption>{_text(block.says)}</figcaption></figure>"


def _row(cells: Sequence[str], tag: str) -> str:
    return "<tr>" + "".join(f"<{tag}>{_text(one)}</{tag}>" for one in cells) + "</tr>"


def _text(text: str) -> str:
    """Escaped, with the few marks of Markdown that the report uses."""
    escaped = html.escape(text)
    for mark, tag in (("**", "strong"), ("*", "em"), ("`", "code")):
        parts = escaped.split(mark)
        if len(parts) % 2:
            escaped = "".join(part if place % 2 == 0 else f"<{tag}>{part}</{tag}>" for place, part in enumerate(parts))
    return escaped
