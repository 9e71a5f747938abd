"""The page with what was measured: a row a fault, kept until the fault is tried again."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from tools.faults.result import Result

BEGIN, END = "<!-- faults: written by tools/faults -->", "<!-- end of faults -->"
HEAD = "| fault | tries | failures | failure rate below (95 %) | acknowledged | seed |\n" + "| --- " * 6 + "|\n"


def write(page: Path, results: Sequence[Result]) -> None:
    """Put results into the page's table; other faults keep their rows. Raises ValueError if it has no table."""
    text = page.read_text(encoding="utf-8")
    match = re.search(re.escape(BEGIN) + r"\n(.*?)" + re.escape(END), text, re.DOTALL)
    if match is None:
        raise ValueError(f"{page} has no line {BEGIN}")
    rows = {line.split("|")[1].strip(): line for line in match[1].splitlines()[2:] if line.startswith("|")}
    rows |= {result.fault: _row(result) for result in results}
    table = HEAD + "".join(f"{row}\n" for row in rows.values())
    page.write_text(f"{text[: match.start()]}{BEGIN}\n{table}{END}{text[match.end() :]}", encoding="utf-8")


def _row(result: Result) -> str:
    note = f" ({result.note})" if result.note else ""
    return (
        f"| {result.fault} | {result.n:,} | {result.failed} | {100 * result.bound:.2f} % "
        f"| {result.acknowledged:,}{note} | {result.seed} |"
    )
