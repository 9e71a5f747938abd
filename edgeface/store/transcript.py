"""The audit log as a file, for an auditor who has not got the gallery: one JSON object a line, in canonical form.

    {"base": {"hash": "...", "seq": 0}, "gallery": "...", "head": "edgeface/...\n1342\n...", "key": "edgeface/..."}
    {"at_monotonic_ns": "...", ..., "hash": "...", "seq": 1}
    ...

The first line has the newest row, signed (see heads.py), so that a file that was cut is known; the others have the rows
as they are hashed (see chain.py), each with its hash. What is sealed stays sealed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import IO, Any

from edgeface.canonical import Json, canonical
from edgeface.errors import AuditError
from edgeface.frame import Instant
from edgeface.store import chain
from edgeface.store.chain import Link, Row, Value
from edgeface.store.database import Database
from edgeface.store.heads import Head, Verifier, read_heads, signed_head, signer_of, verifier_of
from edgeface.store.tables import Tables
from edgeface.store.verify import Report, verify
from edgeface.wire import MessageError, loads


@dataclass(frozen=True, slots=True, kw_only=True)
class Beginning:
    """The first line."""

    gallery_id: str
    base: Link
    verifier: Verifier
    """Whose signature the head bears, as the file says; an auditor who knows the device's key compares."""
    head: Head
    """The newest row."""


def write(database: Database, out: IO[bytes], now: Instant, tick: Callable[[], None] = lambda: None) -> Link:
    """Write the whole log of an open gallery; its newest row."""
    with database.transaction() as tables:
        out.write(first_line(tables, now))
        for row in chain.rows(tables):
            out.write(line(row))
            tick()
        return chain.last(tables)


def first_line(tables: Tables, now: Instant) -> bytes:
    """Whose log it is, what its first row follows, and its newest row, signed."""
    signer, base = signer_of(tables.keyring), chain.base(tables)
    first: Json = {
        "gallery": tables.keyring.gallery_id,
        "base": {"seq": base.seq, "hash": base.hash.hex()},
        "key": str(signer.verifier),
        "head": signed_head(signer, chain.last(tables), now),
    }
    return canonical(first) + b"\n"


def begin(told: bytes) -> Beginning:
    """The first line of a transcript. Raises AuditError."""
    try:
        first = loads(told)
        verifier = verifier_of(first["key"])
        base = Link(seq=first["base"]["seq"], hash=bytes.fromhex(first["base"]["hash"]))
        (head,) = read_heads(first["head"], verifier)
        if verifier.name != f"edgeface/{first['gallery']}":
            raise AuditError("this audit log bears the key of another gallery")
        return Beginning(gallery_id=first["gallery"], base=base, verifier=verifier, head=head)
    except (MessageError, KeyError, TypeError, AttributeError, ValueError) as error:
        raise AuditError("this is no audit log as `edgeface audit export` writes it") from error


def check(
    begun: Beginning, lines: Iterable[bytes], heads: tuple[Head, ...], tick: Callable[[], None] = lambda: None
) -> Report:
    """Check the lines after the first as `verify` does a gallery, its own head and those of a witness included."""
    known = tuple(sorted((begun.head, *heads), key=lambda head: head.link.seq))
    return verify(begun.gallery_id, begun.base, _rows(begun.base, lines), known, tick)


def _rows(base: Link, lines: Iterable[bytes]) -> Iterator[Row]:
    for seq, told in enumerate(lines, base.seq + 1):
        yield _row(told, seq)


def _row(told: bytes, seq: int) -> Row:
    """The row of a line; of one that this program could not have written, a row that holds nothing."""
    try:
        fields = loads(told)
        row = {column: _value(column, fields[column]) for column in (*chain.COLUMNS, "hash")}
        if line(row) == told:
            return row
    except (MessageError, KeyError, TypeError, ValueError):
        pass
    return {**dict.fromkeys(chain.COLUMNS), "seq": seq, "hash": None}


def line(row: Row) -> bytes:
    """A row as it stands in the file."""
    digest = row["hash"]
    told = digest.hex() if isinstance(digest, bytes) else None
    return canonical({**chain.plain(row), "hash": told}) + b"\n"


def _value(column: str, told: Any) -> Value:
    if told is None:
        return None
    if column in ("sealed", "hash"):
        return bytes.fromhex(told)
    value: Value = int(told) if column.endswith("_ns") else told
    return value
