"""Looks for byte strings in every file below a folder, in a process of its own.

    python -m edgeface.store.search FOLDER < {"whole": [hex], "pieces": [hex], "names": [...]}
                                                                          -> JSON: how many files, which hold one

What is sealed looks like chance, so that eight bytes of it are found wherever they are: SQLite keeps a long value in
parts, and overwrites what it deleted in parts.

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

import numpy as np
import numpy.typing as npt

PIECE_BYTES = 8
_AT_ONCE = 1 << 17
"""Pieces of a file that are looked at together: 1 MiB."""


def search(
    folder: Path, whole: Sequence[bytes], sealed: Sequence[bytes] = (), names: Sequence[str] = ()
) -> tuple[int, tuple[str, ...]]:
    """How many files were searched, and those that hold one of `whole` or a piece of one that is `sealed`.

    `names`: only these files, relative to the folder as the answer is. Raises OSError.
    """
    words = [sys.executable, "-P", "-m", "edgeface.store.search", str(folder)]
    told = {"whole": [one.hex() for one in whole], "pieces": [one.hex() for one in sealed], "names": [*names]}
    ended = subprocess.run(words, input=json.dumps(told), capture_output=True, text=True, env=_path(), check=False)
    if ended.returncode:
        raise OSError(f"the files in {folder} could not be searched: {ended.stderr.strip()[-200:]}")
    found = json.loads(ended.stdout)
    return int(found["files"]), tuple(found["found"])


def _path() -> dict[str, str]:
    """The package is found where this process found it; nothing else of the environment matters."""
    return {"PYTHONPATH": str(Path(__file__).parents[2])}


def pieces_of(sealed: Sequence[bytes]) -> npt.NDArray[np.uint64]:
    """All pieces, side by side from the beginning of each; sorted."""
    whole = [one[: len(one) // PIECE_BYTES * PIECE_BYTES] for one in sealed]
    return np.unique(np.frombuffer(b"".join(whole), np.uint64))


def holds_piece(content: bytes | mmap.mmap, pieces: npt.NDArray[np.uint64]) -> bool:
    """Whether a piece stands anywhere in it."""
    begins = np.zeros(1 << 16, bool)
    begins[pieces.astype(np.uint16)] = True  # most of a file is told apart by two bytes
    for shift in range(min(PIECE_BYTES, len(content) + 1 - PIECE_BYTES)):
        all_there = np.frombuffer(content, np.uint64, (len(content) - shift) // PIECE_BYTES, shift)
        for start in range(0, len(all_there), _AT_ONCE):
            there = all_there[start : start + _AT_ONCE]
            if np.isin(there[begins[there.astype(np.uint16)]], pieces).any():
                return True
    return False


def _holds(path: Path, whole: Sequence[bytes], pieces: npt.NDArray[np.uint64]) -> bool:
    with path.open("rb") as file:
        if path.stat().st_size == 0:
            return False
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
            return any(content.find(one) >= 0 for one in whole) or holds_piece(content, pieces)


def main() -> None:
    """The child's work."""
    folder, asked = Path(sys.argv[1]), json.load(sys.stdin)
    whole = [bytes.fromhex(one) for one in asked["whole"]]
    pieces = pieces_of([bytes.fromhex(one) for one in asked["pieces"]])
    named = [folder / name for name in asked["names"]] or sorted(folder.rglob("*"))
    files = [path for path in named if path.is_file() and not path.is_symlink()]
    found = [str(path.relative_to(folder)) for path in files if _holds(path, whole, pieces)]
    sys.stdout.write(json.dumps({"files": len(files), "found": found}))


if __name__ == "__main__":
    main()
