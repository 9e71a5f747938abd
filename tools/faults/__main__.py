"""Try faults many times, and count what goes wrong.

    python -m tools.faults kill [--n 1000] [--seed 1] [decide enrol forget rotate]
    python -m tools.faults disk [--n 1000] [--seed 1]
    python -m tools.faults rows [--n 1000] [--seed 1] [power killed failing flipped ...]
    python -m tools.faults month [--seed 1]
    python -m tools.faults soak [--minutes 60] [--seed 1]
    ... --out docs/faults.md            and write the table there, of a soak the figure beside it too

One JSON line a fault: fault, n, failures, bound_95 (the failure rate is below that with 95 % confidence), seed.
"""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Iterator
from pathlib import Path

from edgeface.store.retention import Options
from tools.faults import disk, page, soak_page
from tools.faults.deeds import DEEDS
from tools.faults.kill import kill
from tools.faults.result import Result
from tools.faults.rows import ROWS, away
from tools.faults.soak import soak

README = Path(__file__).parents[2] / "README.md"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=tuple(TRIES))
    parser.add_argument(
        "names", nargs="*", help=f"what is killed ({', '.join(DEEDS)}), or which rows ({', '.join(ROWS)}); default: all"
    )
    parser.add_argument("--n", type=int, default=1000, help="tries of each fault")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--minutes", type=float, default=60.0, help="of a soak")
    parser.add_argument("--out", type=Path, help="page whose table gets the results")
    arguments = parser.parse_intermixed_args()
    if odd := set(arguments.names) - {"kill": DEEDS.keys(), "rows": ROWS.keys()}.get(arguments.what, set()):
        parser.error(f"there is no {', '.join(sorted(odd))}")
    logging.basicConfig(level=logging.CRITICAL)  # what goes wrong is meant to
    results = []
    for result in TRIES[arguments.what](arguments):
        sys.stdout.write(result.as_json() + "\n")
        sys.stdout.flush()
        sys.stderr.writelines(f"{problem}\n" for problem in result.failures[:20])
        results.append(result)
    if arguments.out is not None:
        page.write(arguments.out, results)
    raise SystemExit(any(result.failures for result in results))


def _kills(arguments: argparse.Namespace) -> Iterator[Result]:
    for name in arguments.names or DEEDS:
        done = 0

        def tick(name: str = name) -> None:
            nonlocal done
            done += 1
            if done % 50 == 0 or done == arguments.n:
                sys.stderr.write(f"\rkill -9 during {name}: {done} of {arguments.n}")

        yield kill(name, DEEDS[name], arguments.n, arguments.seed, tick)
        sys.stderr.write("\n")


def _disks(arguments: argparse.Namespace) -> Iterator[Result]:
    yield disk.failing(arguments.n, arguments.seed)
    for fault in ("full", "read-only"):
        try:
            yield disk.namespaced(fault, arguments.n, arguments.seed)
        except OSError as error:
            sys.stderr.write(f"{fault}: not tried: {error}\n")


def _rows(arguments: argparse.Namespace) -> Iterator[Result]:
    for name in arguments.names or ROWS:
        sys.stderr.write(f"{name}: {arguments.n} tries, and its control\n")
        yield ROWS[name].run(arguments.n, arguments.seed)
        few = ROWS[name].few
        control = ROWS[name].control(few, arguments.seed)
        sys.stderr.write(f"control: {control.failed} of {few} caught\n")
        if not control.failures:
            raise SystemExit(f"{name}: the careless way was not caught: this campaign shows nothing")


def _months(arguments: argparse.Namespace) -> Iterator[Result]:
    for rows in (Options().audit_rows, away.WHOLE // 3):
        yield away.whole(arguments.seed, rows)


def _soak(arguments: argparse.Namespace) -> Iterator[Result]:
    if arguments.out is not None:
        _expect_places(arguments.out, README)
    found = soak(arguments.minutes, arguments.seed)
    if arguments.out is not None:
        soak_page.write(arguments.out, found)
        soak_page.tell(README, found)
    yield found.result()


def _expect_places(*pages: Path) -> None:
    for one in pages:
        try:
            soak_page.place(one)
        except ValueError as error:
            raise SystemExit(str(error)) from error


TRIES = {"kill": _kills, "disk": _disks, "rows": _rows, "month": _months, "soak": _soak}

if __name__ == "__main__":
    main()
