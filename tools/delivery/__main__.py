"""Measure how decisions reach a door over a real Mosquitto, and write the page of it.

python -m tools.delivery                    1,000 outages, 10,000 waiting decisions; about 15 minutes
python -m tools.delivery --speed            only how fast, 25 visits each, outages as last measured; five minutes
python -m tools.delivery --quick            few of each: shows that it runs, and writes nothing unless --page is given
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import logging
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from edgeface.service.bootstrap import load_models
from tools.broker import BrokerMissing
from tools.delivery import outages, speed
from tools.delivery.outages import Outages
from tools.delivery.page import page
from tools.delivery.speed import Speed

PAGE = Path(__file__).with_name("delivery.md")
LAST = Path(__file__).with_name("outages.json")
"""The outages as last measured in full."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--outages", type=int, default=1000)
    parser.add_argument("--lanes", type=int, default=16, help="brokers that die at the same time")
    parser.add_argument("--waiting", type=int, default=10_000, help="undelivered decisions for the second run")
    parser.add_argument("--visits", type=int, default=60, help="visits of each run")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--speed", action="store_true", help="measure no outages")
    parser.add_argument("--page", type=Path, help=f"where to write the page; default: {PAGE.name} beside this file")
    parser.add_argument("--json", type=Path, help="the figures as well")
    parser.add_argument("--figures", type=Path, help="measure nothing: write the page from what --json wrote")
    arguments = parser.parse_args()
    if arguments.speed:
        arguments.visits = min(arguments.visits, 25)
    if arguments.quick:
        arguments.outages, arguments.lanes, arguments.waiting, arguments.visits = 6, 3, 200, 3
    logging.basicConfig(level=logging.ERROR)
    try:
        show(arguments, *(measured(arguments) if arguments.figures is None else read(arguments.figures)))
    except BrokerMissing as error:
        sys.exit(f"delivery: {error}")


def measured(arguments: argparse.Namespace) -> tuple[Outages, Speed, Speed]:
    """All of it, in a folder that is gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="edgeface-delivery-") as folder:
        home = Path(folder)
        loaded = load_models(home / "models")
        visits, waiting = arguments.visits, arguments.waiting
        alone = speed.run(home / "alone", loaded, visits, 0, _progress("visits", visits))
        behind = speed.run(home / "behind", loaded, visits, waiting, _progress("visits before a queue", visits))
        died = _outages(arguments, home)
    if arguments.json:
        figures = {
            name: dataclasses.asdict(it) for name, it in (("outages", died), ("alone", alone), ("behind", behind))
        }
        arguments.json.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
    return died, alone, behind


def _outages(arguments: argparse.Namespace, home: Path) -> Outages:
    """Measured, or as last measured."""
    if arguments.speed:
        return Outages(**json.loads(LAST.read_text(encoding="utf-8")))
    count = arguments.outages
    died = outages.run(home / "outages", count, arguments.lanes, arguments.seed, _progress("outages", count))
    if not arguments.quick:
        LAST.write_text(json.dumps(dataclasses.asdict(died), indent=1) + "\n", encoding="utf-8")
    return died


def read(path: Path) -> tuple[Outages, Speed, Speed]:
    """What --json wrote."""
    figures = json.loads(path.read_text(encoding="utf-8"))
    lists = ("to_message", "to_disk", "memory_mb")
    alone, behind = (
        Speed(**{key: tuple(value) if key in lists else value for key, value in figures[name].items()})
        for name in ("alone", "behind")
    )
    return Outages(**figures["outages"]), alone, behind


def show(arguments: argparse.Namespace, died: Outages, alone: Speed, behind: Speed) -> None:
    """Write the page, or print it."""
    text = page(died, alone, behind, "python -m tools.delivery")
    where = arguments.page or (None if arguments.quick else PAGE)
    if where is None:
        print(text)
        return
    where.write_text(text, encoding="utf-8")
    print(f"wrote {where}")


def _progress(what: str, total: int) -> Callable[[int], None]:
    """A counter that rewrites its line; below zero: rows prepared."""

    def tell(count: int) -> None:
        said = f"{what}: {count} of {total}" if count >= 0 else f"{what}: {-count} rows prepared"
        print(f"\r{said}   ", end="\n" if count == total else "", file=sys.stderr, flush=True)

    return tell


if __name__ == "__main__":
    main()
