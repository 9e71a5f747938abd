"""The page on the service under a real systemd, from what the check inside has said: see prove.sh, which calls this.

python -m tools.booted SAID --out docs/service.md
"""

from __future__ import annotations

import argparse
from pathlib import Path


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("said", type=Path, help="what check.sh printed")
    parser.add_argument("--out", type=Path, default=Path("docs/service.md"), help="page to write")
    arguments = parser.parse_args()
    arguments.out.write_text(page(arguments.said.read_text(encoding="utf-8").splitlines()), encoding="utf-8")
    print(f"written: {arguments.out}")


def page(said: list[str]) -> str:
    """The page, Markdown."""
    lines = [line for line in said if line != "end"]
    figures = [line.partition(" = ")[::2] for line in lines if " = " in line]
    return f"""# The service, under a real systemd

A Debian 12 (x86-64) boots in a container, `systemd/install.sh --broker` runs in it, and the reader watches a network
camera outside: real units, real sandbox, real Mosquitto with TLS. `make booted` (root, on Debian) repeats it and writes
this page. Each line held, in this order:

{chr(10).join(f"- {line}" for line in lines if " = " not in line)}

| measured, once | |
|---|---|
{chr(10).join(f"| {name} | {value} |" for name, value in figures)}
"""


if __name__ == "__main__":
    main()
