"""Write `models/targets.md`: what was aimed at, and what the cards say was reached.

    python -m tools.targets

The text is `tools/targets.md`. Its figures come out of the model cards, which `tools.cards` fills from measurements, so
this needs no data; whether a target is met is told by the figure and its interval. Blanks:

    {{ MODEL, HEAD, ROW, COLUMN }}            a cell of a table of the card models/MODEL.md with this first head
    {{ MODEL, HEAD, ROW, COLUMN >= NUMBER }}  two cells: it, and whether it is met; <= likewise
    {{ curve MODEL [FILE] KEY... }}           the learning curve, as the cards have it
    {{ attempts MODEL FIGURE... }}            former versions, as tools.studies.attempts measured them
"""

from __future__ import annotations

import argparse
import json
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from tools.cards import CardError, Sources, curve, markdown_table
from tools.evaluate import report
from tools.install_model import MODELS

TEXT = Path(__file__).with_suffix(".md")
BLANK = re.compile(r"\{\{ (?P<place>[^{}]+?)(?: (?P<sign>[<>]=) (?P<number>[-\d.]+))? \}\}")
FIGURE = re.compile(r"(?P<value>-?[\d.e-]+)(?: \[(?P<low>-?[\d.e-]+), (?P<high>-?[\d.e-]+)\])?")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=MODELS / "targets.md")
    arguments = parser.parse_args()
    try:
        arguments.out.write_text(fill(TEXT.read_text(encoding="utf-8"), MODELS), encoding="utf-8")
    except CardError as problem:
        parser.exit(1, f"{problem}\n")
    print(f"wrote {arguments.out}")


def fill(text: str, models: Path) -> str:
    """The text with every blank filled from the cards and records below `models`. Raises CardError."""

    def filled(blank: re.Match[str]) -> str:
        place, sign = blank["place"], blank["sign"]
        if place.startswith("curve "):
            _, model, *keys = place.split()
            return curve(Sources(figures=models, records=models / "records" / model, entry=None), *keys)
        if place.startswith("attempts "):
            _, model, *keys = place.split()
            return attempts(models / "records" / model / "attempts.json", keys)
        found = find(models, *place.split(", ", 3))
        return found if sign is None else f"{found} | {verdict(found, sign, float(blank['number']))}"

    return BLANK.sub(filled, text)


def attempts(record: Path, names: Sequence[str]) -> str:
    """A table: what each former version was, and its figures of these names. Raises CardError."""
    if not record.is_file():
        raise CardError(f"there is no {record.parent.name}/{record.name}: tools.studies.attempts makes it")
    rows = json.loads(record.read_text(encoding="utf-8"))
    return markdown_table(
        ("design", *map(report.words, names)),
        [(row["says"], *(report.cell(row["figures"].get(name)) for name in names)) for row in rows],
    )


def find(models: Path, model: str, head: str, row: str, column: str) -> str:
    """The cell of a card's first table that has this head, row and column. Raises CardError."""
    path = models / f"{model}.md"
    for table in tables(path.read_text(encoding="utf-8") if path.is_file() else ""):
        heads, *lines = table
        names = [name.partition(" [")[0] for name in heads]
        if names[0] == head and column in names:
            for line in lines:
                if line[0] == row and line[names.index(column)]:
                    return line[names.index(column)]
    raise CardError(f"{path.name} has no table of {head} with a row {row} and a column {column}")


def tables(text: str) -> Iterator[list[list[str]]]:
    """The Markdown tables of a text: rows of cells, the head first, without the line under it."""
    for block in re.findall(r"(?:^\|.*\n?)+", text, re.MULTILINE):
        rows = [[cell.strip() for cell in line.strip().strip("|").split(" | ")] for line in block.strip().split("\n")]
        yield [row for row in rows if not set("".join(row)) <= set("-| ")]


def verdict(cell: str, sign: str, target: float) -> str:
    """ "met" or "missed"; "within chance" is added where the 95 % interval holds values of both kinds."""
    found = FIGURE.match(cell)
    if not found:
        raise CardError(f"{cell} is no figure")
    value = float(found["value"])
    low, high = (float(found[end]) if found["low"] else value for end in ("low", "high"))
    met, *ends = (one >= target if sign == ">=" else one <= target for one in (value, low, high))
    word = "met" if met else "**missed**"
    return word if len(set(ends)) == 1 else f"{word}, within chance"


if __name__ == "__main__":
    main()
