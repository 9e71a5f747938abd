"""Zip files of pictures that somebody brings: names that lead out, links, bombs, lies about sizes, damage."""

from __future__ import annotations

import io
import random
import stat
import struct
import time
import tracemalloc
import warnings
import zipfile
import zlib
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from pathlib import Path

from edgeface.adapters import album
from edgeface.errors import EnrolmentError, PictureError
from edgeface.service.batch import sort_out
from tools.faults.result import Result
from tools.faults.rows.bits import turned_over
from tools.faults.rows.disk import folder_in_memory

MOST_BYTES = album.MAX_DIRECTORY_BYTES + 3 * album._LIMITS.max_bytes
"""Of memory that reading one file may take: for the list of what is in it, and for a picture as it grows."""
LONGEST_S = 2.0
"""Of the processor's time."""
BOMB_BYTES = 2**28
"""Of a bomb: more than MOST_BYTES."""

Whole = tuple[bytes, bool]
"""A zip file; and whether the honest pictures in it must be read all the same."""
Unpack = Callable[[Path], dict[str, bytes]]
"""What is read out of a zip file, by name."""


def odd_zips(n: int, seed: int, unpack: Unpack | None = None) -> Result:
    """Nothing is written, whatever is read is an honest picture, and memory and time are bounded."""
    dice, wrong, read = random.Random(seed), list[str](), 0
    with folder_in_memory() as folder:
        path = folder / "in" / "people.zip"
        path.parent.mkdir()
        for trial in range(n):
            kind = dice.choice(sorted(KINDS))
            honest = {f"{who}/{number}.jpg": dice.randbytes(dice.randrange(1, 3000))
                      for who in ("Ada", "Zoë") for number in range(dice.randrange(1, 4))}  # fmt: skip
            data, others = KINDS[kind](honest, dice)
            path.write_bytes(data)
            found, problems = _read(path, unpack or _by_us)
            read += sum(map(bool, found.values()))
            if sorted(file.name for file in folder.rglob("*")) != ["in", "people.zip"]:
                written = [file for file in folder.rglob("*") if file not in (path, path.parent)]
                problems.append(f"{len(written)} files were written")
                _clear(written)
            problems += [f"{name!r} was read" for name, content in found.items() if content not in honest.values()]
            if others and any(found.get(name) != content for name, content in honest.items()):
                problems.append("an honest picture beside it was not read")
            wrong += [f"try {trial}, {kind}: {problem}" for problem in problems[:2]]
    return Result(fault="zip files that lead out, lie, are bombs or damaged", n=n, failures=wrong, seed=seed,
                  acknowledged=n, note=f"{read} pictures read")  # fmt: skip


def unpacked(n: int, seed: int) -> Result:
    """The control: all of it is unpacked beside the file, and read from there."""

    def unpack(path: Path) -> dict[str, bytes]:
        with zipfile.ZipFile(path) as archive:
            archive.extractall(path.parent)
        return {file.name: file.read_bytes() for file in path.parent.rglob("*.jpg")}

    return odd_zips(n, seed, unpack)


def _clear(files: list[Path]) -> None:
    for file in sorted(files, reverse=True):
        file.rmdir() if file.is_dir() else file.unlink()


def _read(path: Path, unpack: Unpack) -> tuple[dict[str, bytes], list[str]]:
    """What was read, and what was wrong with how."""
    began_s = time.process_time()
    tracemalloc.start()
    try:
        found, wrong = unpack(path), []
    except Exception as error:
        found, wrong = {}, [f"stumbled: {type(error).__name__}: {error}"]
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    if peak > MOST_BYTES:
        wrong.append(f"{peak >> 20} MiB of memory")
    if (took_s := time.process_time() - began_s) > LONGEST_S:
        wrong.append(f"{took_s:.1f} s")
    return found, wrong


def _by_us(path: Path) -> dict[str, bytes]:
    found = {}
    with suppress(EnrolmentError), album.open_album(path) as opened:
        sort_out(opened.items, None)
        for item in opened.items:
            if item.problem is None:
                with suppress(PictureError):
                    found[item.path] = opened.read(item)
    return found


class _Packed:
    """A zip file as it is made."""

    def __init__(self, honest: dict[str, bytes]) -> None:
        self.out = io.BytesIO()
        self.archive = zipfile.ZipFile(self.out, "w", zipfile.ZIP_DEFLATED)
        for name, content in honest.items():
            self.add(name, content)

    def add(self, name: str | zipfile.ZipInfo, content: bytes, **more: int) -> zipfile.ZipInfo:
        """One more; what is changed of its entry now stands in the table of contents alone."""
        with warnings.catch_warnings(action="ignore"):
            self.archive.writestr(name, content, **more)
        return self.archive.filelist[-1]

    def end(self, others: bool = True) -> Whole:
        self.archive.close()
        return self.out.getvalue(), others


def _leads_out(honest: dict[str, bytes], dice: random.Random) -> Whole:
    packed = _Packed(honest)
    start = dice.choice(("../", "/", "Ada/../../", "C:/", "C:\\", "..\\", "\\\\host\\share\\", "Ada/../", "~/../../"))
    packed.add(start * dice.choice((1, 1, 40)) + dice.choice(("etc/cron.d/x", "x.jpg", "Ada/1.jpg")), b"out")
    return packed.end()


def _links(honest: dict[str, bytes], dice: random.Random) -> Whole:
    packed = _Packed(honest)
    entry = zipfile.ZipInfo("Ada/link.jpg")
    kind = dice.choice((stat.S_IFLNK, stat.S_IFIFO, stat.S_IFCHR, stat.S_IFBLK, stat.S_IFSOCK, stat.S_IFDIR))
    entry.external_attr = (kind | 0o777) << 16
    packed.add(entry, dice.choice((b"/etc/passwd", b"../../x.jpg")))
    return packed.end()


def _encrypted(honest: dict[str, bytes], dice: random.Random) -> Whole:
    packed = _Packed(honest)
    packed.add("Ada/secret.jpg", dice.randbytes(100)).flag_bits |= dice.choice((0x1, 0x41))
    return packed.end()


def _bomb(honest: dict[str, bytes], dice: random.Random) -> Whole:
    """Which says how large it is, or that it is small."""
    packed = _Packed(honest)
    content, check = _deflated()
    entry = packed.add("Ada/bomb.jpg", content, compress_type=zipfile.ZIP_STORED)
    entry.compress_type, entry.CRC = zipfile.ZIP_DEFLATED, check
    entry.file_size = dice.choice((BOMB_BYTES, 0, 1000, album._LIMITS.max_bytes))
    return packed.end()


@cache
def _deflated() -> tuple[bytes, int]:
    """So many zeros packed, and their sum."""
    packer, piece, check = zlib.compressobj(wbits=-15), bytes(2**20), 0
    content = b""
    for _ in range(BOMB_BYTES // len(piece)):
        content, check = content + packer.compress(piece), zlib.crc32(piece, check)
    return content + packer.flush(), check


def _nested(honest: dict[str, bytes], dice: random.Random) -> Whole:
    """A bomb that is one only for those who unpack what they have unpacked."""
    content = _bomb({}, dice)[0]
    for _ in range(dice.randrange(1, 4)):
        inner = _Packed({})
        for number in range(10):
            inner.add(f"{number}.zip", content)
        content = inner.end()[0]
    packed = _Packed(honest)
    packed.add("Ada/inner.zip", content)
    honest["Ada/inner.zip"] = content  # as it is, no picture
    return packed.end()


def _shared(honest: dict[str, bytes], dice: random.Random) -> Whole:
    """Each entry holds all those behind it: what comes out grows by the square (Fifield, WOOT 2019)."""
    data, entries = dice.randbytes(50), []
    for number in range(dice.choice((2, 20, 300))):
        name = f"Ada/{number:03}.jpg".encode()
        told = struct.pack("<5H3L2H", 20, 0, 0, 0, 0x21, zlib.crc32(data), len(data), len(data), len(name), 0)
        data = b"PK\x03\x04" + told + name + data
        entries.append((told, name, len(data)))
    listed = b"".join(
        b"PK\x01\x02\x14\0" + told + struct.pack("<3H2L", 0, 0, 0, 0, len(data) - behind) + name
        for told, name, behind in entries
    )
    return data + listed + _tail(len(entries), len(listed), len(data)), False


def _long_list(honest: dict[str, bytes], dice: random.Random) -> Whole:
    """More entries than a list may have, or fewer, all of the same place."""
    data = _Packed({"Ada/1.jpg": dice.randbytes(100)}).end()[0]
    start, end = data.index(b"PK\x01\x02"), data.index(b"PK\x05\x06")
    count = dice.choice((20_000, 400_000))
    return data[:start] + count * data[start:end] + _tail(count, count * (end - start), start), False


def _tail(entries: int, length: int, start: int) -> bytes:
    """A zip file's last record."""
    return struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, entries & 0xFFFF, entries & 0xFFFF, length, start, 0)


def _many(honest: dict[str, bytes], dice: random.Random) -> Whole:
    packed = _Packed(honest)
    for number in range(dice.randrange(200, 3000)):
        packed.add(f"{number}/{number}.txt", b"")
    honest[""] = b""
    return packed.end(others=False)


def _twice(honest: dict[str, bytes], dice: random.Random) -> Whole:
    packed, name = _Packed(honest), dice.choice(sorted(honest))
    packed.add(name, b"another")
    twice = honest.pop(name)
    return packed.end() if twice not in honest.values() else packed.end(others=False)


def _lies(honest: dict[str, bytes], dice: random.Random) -> Whole:
    """About the size of an entry, packed or not, its sum, its place or its kind."""
    packed = _Packed(honest)
    entry = dice.choice(packed.archive.filelist)
    what = dice.choice(("file_size", "compress_size", "CRC", "header_offset", "compress_type"))
    value = 0xFFFE if what == "compress_type" else 0xFFFFFFFE
    setattr(entry, what, dice.choice((0, 8, getattr(entry, what) // 2, dice.randrange(value), value)))
    return packed.end(others=False)


def _lying_list(honest: dict[str, bytes], dice: random.Random) -> Whole:
    """About the list itself: how many, how long, where; in the record of a large file too."""
    data = bytearray(_Packed(honest).end()[0])
    at, value = data.rindex(b"PK\x05\x06"), dice.choice((0, 1, dice.getrandbits(32), 0xFFFFFFFF))
    if dice.random() < 0.5:
        struct.pack_into("<L", data, at + dice.choice((8, 12, 16)), value)
        return bytes(data), False
    claim = [dice.choice((1, len(data), 2**20, 2**40, 2**63 + 1)) for _ in range(4)]
    record = struct.pack("<4sQHHLLQQQQ", b"PK\x06\x06", 44, 45, 45, 0, 0, *claim)
    locator = struct.pack("<4sLQL", b"PK\x06\x07", 0, dice.choice((at, dice.getrandbits(40))), 1)
    return bytes(data[:at]) + record + locator + bytes(data[at:]), False


def _named(honest: dict[str, bytes], dice: random.Random) -> Whole:
    """In letters that are none, far too many, or another encoding than it says."""
    packed = _Packed(honest)
    name = dice.choice(("é" * 3000, "\u202egpj.adA", "\x1b[2J", "a\nb", "日本", "n" * 60_000, " ", ".", "a//b", "CON"))
    entry = packed.add(f"Ada/{name}", content := dice.randbytes(50))
    entry.flag_bits ^= dice.choice((0, 0x800))
    honest["odd"] = content  # it may be read
    return packed.end(others=False)


def _elsewise(honest: dict[str, bytes], dice: random.Random) -> Whole:
    packed = _Packed(honest)
    packed.add("Ada/9.jpg", dice.randbytes(50), compress_type=dice.choice((zipfile.ZIP_LZMA, zipfile.ZIP_BZIP2)))
    return packed.end()


def _cut(honest: dict[str, bytes], dice: random.Random) -> Whole:
    data = _Packed(honest).end()[0]
    return data[: dice.randrange(len(data))], False


def _bits(honest: dict[str, bytes], dice: random.Random) -> Whole:
    return turned_over(_Packed(honest).end()[0], dice.choice((1, 8, 64)), dice), False


KINDS: dict[str, Callable[[dict[str, bytes], random.Random], Whole]] = {
    "a name leads out": _leads_out,
    "a link or device": _links,
    "encrypted": _encrypted,
    "a bomb": _bomb,
    "a bomb in a zip file": _nested,
    "shared bytes": _shared,
    "a long list": _long_list,
    "many entries": _many,
    "a name twice": _twice,
    "lies of an entry": _lies,
    "lies of the list": _lying_list,
    "odd names": _named,
    "packed otherwise": _elsewise,
    "cut short": _cut,
    "bits": _bits,
}
"""Each takes the honest pictures, and may say by changing them what else may be read."""
