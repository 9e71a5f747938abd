"""One person who was enrolled twice: the templates of one record move to the other, and the first is forgotten."""

from __future__ import annotations

from edgeface.errors import EnrolmentError
from edgeface.frame import Instant
from edgeface.store import access_state, audit, commands, erasure
from edgeface.store.audit import Kind
from edgeface.store.database import Database
from edgeface.store.erasure import Receipt
from edgeface.store.gallery import count_change, expect
from edgeface.store.keyring import PersonKey
from edgeface.store.tables import Tables


def merge(database: Database, gone_id: str, kept_id: str, now: Instant, *, by: str) -> tuple[int, Receipt]:
    """Move templates and forget who they came from, in one transaction; how many moved, and the receipt.

    A template is sealed anew under the key of the person who stays; what visits taught stays marked so. Name, consent,
    snapshots and questions of the one that goes are destroyed. Raises UnknownPerson, EnrolmentError.
    """
    if gone_id == kept_id:
        raise EnrolmentError("they are one person already: nothing was merged")
    with database.transaction() as tables:
        gone, kept = expect(tables, gone_id), expect(tables, kept_id)
        needles = erasure.needles(tables, gone_id)
        moved = _move(tables, gone, kept)
        tables.table("people").delete(gone_id)
        access_state.forget(tables, gone_id)
        commands.forget_answers(tables)
        count_change(tables)
        audit.note(tables, Kind.ADD, now, {"by": by, "templates": moved, "merged": gone_id}, person=kept)
        facts: audit.Facts = {"by": by, "templates": 0, "device_key": tables.keyring.device_key_id, "into": kept_id}
        audit.note(tables, Kind.FORGET, now, facts, person=gone)
    database.erase_traces()
    return moved, erasure.receipt(database, gone_id, needles, now)


def _move(tables: Tables, gone: PersonKey, kept: PersonKey) -> int:
    rows = list(tables.query("SELECT * FROM templates WHERE person_id = ? ORDER BY id", (gone.person_id,)))
    first = int(tables.execute("SELECT coalesce(max(id), 0) + 1 FROM templates").fetchone()[0])
    for number, row in enumerate(rows, first):
        old, model = row["id"], row["model_sha256"]
        vector = kept.seal_vector(gone.vector(row["vector"], old, model), number, model)
        source = kept.seal_source(gone.source(row["sealed_source"], old), number)
        moved = {"id": number, "person_id": kept.person_id, "vector": vector, "sealed_source": source}
        tables.table("templates").insert({**row, **moved})
        tables.execute("UPDATE lessons SET template_id = ? WHERE template_id = ?", (number, old))
        tables.execute("DELETE FROM templates WHERE id = ?", (old,))
    return len(rows)
