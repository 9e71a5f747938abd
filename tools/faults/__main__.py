"""Try faults on the store, many times, and count what goes wrong.

    python -m tools.faults kill [--n 1000] [--seed 1] [decide enrol forget rotate]
    python -m tools.faults disk [--n 1000] [--seed 1]
    ... --out docs/faults.md            and write the table there

One JSON line a fault: fault, n, failures, bound_95 (the failure rate is below that with 95 % confidence), seed.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

from tools.faults import disk, page
from tools.faults.deeds import DEEDS
from tools.faults.kill import kill
from tools.faults.result import Result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("kill", "disk"))
    parser.add_argument("deeds", nargs="*", metavar="DEED", help=f"what is killed: {', '.join(DEEDS)}; default: all")
    parser.add_argument("--n", type=int, default=1000, help="tries of each fault")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path, help="page whose table gets the results")
    arguments = parser.parse_intermixed_args()
    if odd := set(arguments.deeds) - DEEDS.keys():
        parser.error(f"there is no deed {', '.join(sorted(odd))}")
    results = []
    tried = _kills(arguments) if arguments.what == "kill" else _disks(arguments)
    for result in tried:
        sys.stdout.write(result.as_json() + "\n")
        sys.stdout.flush()
        sys.stderr.writelines(f"{problem}\n" for problem in result.failures[:20])
        results.append(result)
    if arguments.out is not None:
        page.write(arguments.out, results)
    raise SystemExit(any(result.failures for result in results))


def _kills(arguments: argparse.Namespace) -> Iterator[Result]:
    for name in arguments.deeds or DEEDS:
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


if __name__ == "__main__":
    main()
