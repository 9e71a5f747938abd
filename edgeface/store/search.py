"""Looks for byte strings in every file below a folder, in a process of its own.

    python -m edgeface.store.search FOLDER < patterns, one a line in hex      -> JSON: how many files, which hold one

A process of its own because closing a second descriptor of the gallery's file would drop the lock that SQLite holds on
it (https://www.sqlite.org/howtocorrupt.html, section 2.2). The patterns come by a pipe because others may read argv.
"""

from __future__ import annotations

import json
import mmap
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path


def search(folder: Path, patterns: Sequence[bytes]) -> tuple[int, tuple[str, ...]]:
    """How many files were searched, and those that hold a pattern, relative to the folder. Raises OSError."""
    words = [sys.executable, "-P", "-m", "edgeface.store.search", str(folder)]
    told = "\n".join(pattern.hex() for pattern in patterns)
    ended = subprocess.run(words, input=told, capture_output=True, text=True, env=_path(), check=False)
    if ended.returncode:
        raise OSError(f"the files in {folder} could not be searched: {ended.stderr.strip()[-200:]}")
    found = json.loads(ended.stdout)
    return int(found["files"]), tuple(found["found"])


def _path() -> dict[str, str]:
    """The package is found where this process found it; nothing else of the environment matters."""
    return {"PYTHONPATH": str(Path(__file__).parents[2])}


def _holds(path: Path, patterns: Sequence[bytes]) -> bool:
    with path.open("rb") as file:
        if path.stat().st_size == 0:
            return False
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
            return any(content.find(pattern) >= 0 for pattern in patterns)


def main() -> None:
    """The child's work."""
    folder = Path(sys.argv[1])
    patterns = [bytes.fromhex(line) for line in sys.stdin]
    files = [path for path in sorted(folder.rglob("*")) if path.is_file() and not path.is_symlink()]
    found = [str(path.relative_to(folder)) for path in files if _holds(path, patterns)]
    sys.stdout.write(json.dumps({"files": len(files), "found": found}))


if __name__ == "__main__":
    main()
