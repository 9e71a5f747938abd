"""The audit log is a chain: whoever alters, cuts or replaces a row is found out; forgetting a person breaks nothing."""

from __future__ import annotations

import base64
import hashlib
import json
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeface.canonical import canonical
from edgeface.errors import AuditError, GalleryCorrupt, GalleryError
from edgeface.frame import Instant
from edgeface.signature import text_holds
from edgeface.store import audit, chain, crypto, keyfile
from edgeface.store.chain import Break, Link, Row
from edgeface.store.consent import Given, read_text, taken
from edgeface.store.database import Database, open_database
from edgeface.store.gallery import GalleryStore, NewTemplate
from edgeface.store.heads import Head, Signer, Verifier, read_heads, signed_head, verifier_of
from edgeface.store.journal import Journal
from edgeface.store.keyring import Keyring
from edgeface.store.migrations import migrations
from edgeface.store.outbox import Outbox
from edgeface.store.tables import Tables
from edgeface.store.verify import Report, verify, verify_gallery
from samples import decision, instant

GALLERY = "ab" * 16
MODEL = "a" * 64


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "gallery.db"


@pytest.fixture
def database(path: Path) -> Iterator[Database]:
    with closing(open_database(path)) as opened:
        yield opened


def template() -> NewTemplate:
    return NewTemplate(model_sha256=MODEL, vector=np.ones(128, np.int8), quality=1.0, pose=None, source="x.jpg")


def lived(database: Database) -> str:
    """A gallery with a row of every kind that people make; the id of somebody in it."""
    store, journal = GalleryStore(database), Journal(database, "b")
    journal.start(instant(), {"version": "1"})
    consent = taken(read_text(), "The Warden", Given.WRITTEN, instant())
    ada = store.enrol("Ada Byron", [template()], instant(), consent=consent, by="uid 1")
    store.add(ada.id, [template()], instant())
    store.rename(ada.id, "Ada Lovelace", instant())
    journal.record(decision(person_id=ada.id))
    return ada.id


def rows_of(database: Database) -> list[Row]:
    with database.transaction() as tables:
        return list(chain.rows(tables))


def head_of(database: Database) -> Head:
    with database.transaction() as tables:
        return Head(origin="x", link=chain.last(tables), time="noon")


def broken(report: Report) -> Break:
    assert report.broken is not None
    return report.broken


def test_whatever_is_done_leaves_a_row(database: Database) -> None:
    person = lived(database)
    GalleryStore(database).forget(person, instant(), by="uid 2")
    found = [(row["kind"], row["person_id"]) for row in rows_of(database)]
    told = [("start", None)] + [(kind, person) for kind in ("enrol", "add", "rename", "decision", "forget")]
    assert found == told
    assert json.loads(str(rows_of(database)[-1]["payload"]))["by"] == "uid 2"
    assert verify_gallery(database, ()).broken is None
    assert verify_gallery(database, ()).last.seq == audit.last_seq(database) == 6


def test_what_is_refused_leaves_none(database: Database) -> None:
    store = GalleryStore(database)
    store.enrol("Ada", [template()], instant())
    with pytest.raises(GalleryError):
        store.forget("p_0", instant())
    assert audit.last_seq(database) == 1


def test_names_are_sealed_and_go_with_the_person(database: Database, path: Path) -> None:
    person = lived(database)
    with database.transaction() as tables:
        (wrapped,) = tables.execute("SELECT wrapped_key FROM people").fetchone()
    key = database.keyring.person(person, wrapped)
    enrolled, renamed = (row for row in rows_of(database) if row["sealed"])
    told = json.loads(key.facts(bytes(enrolled["sealed"]), 2))  # type: ignore[arg-type]
    assert told["name"] == "Ada Byron"
    assert told["consent_by"] == "The Warden"
    with pytest.raises(GalleryCorrupt, match="audit row 2"):
        key.facts(bytes(renamed["sealed"]), 2)  # type: ignore[arg-type]
    assert "Ada" not in str([row["payload"] for row in rows_of(database)])
    GalleryStore(database).forget(person, instant())
    assert verify_gallery(database, ()).broken is None


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Link, list[Row]]:
    """(gallery, base, rows) of a log that holds."""
    with closing(open_database(tmp_path_factory.mktemp("log") / "gallery.db")) as database:
        lived(database)
        with database.transaction() as tables:
            return database.keyring.gallery_id, chain.base(tables), list(chain.rows(tables))


def stored_bytes(value: chain.Value) -> bytes:
    return value if isinstance(value, bytes) else str(value).encode()


def revived(data: bytes, like: chain.Value) -> chain.Value:
    """Bytes as the column that held `like` would give them back."""
    if isinstance(like, bytes):
        return data
    try:
        return int(data) if isinstance(like, int) else data.decode()
    except ValueError:
        return data


@given(st.data())
def test_a_byte_altered_anywhere_names_its_row(log: tuple[str, Link, list[Row]], data: st.DataObject) -> None:
    gallery, base, rows = log
    place = data.draw(st.integers(0, len(rows) - 1))
    column = data.draw(st.sampled_from([name for name, value in rows[place].items() if value is not None]))
    whole = stored_bytes(rows[place][column])
    at = data.draw(st.integers(0, max(len(whole) - 1, 0)))
    bits = data.draw(st.integers(1, 255))
    changed = revived(whole[:at] + bytes([whole[at] ^ bits]) + whole[at + 1 :], rows[place][column])
    altered = [{**row, column: changed} if row is rows[place] else row for row in rows]
    if changed != rows[place][column]:
        assert broken(verify(gallery, base, altered, ())).seq == place + 1


@given(st.data())
def test_a_value_put_in_or_taken_out_names_its_row(log: tuple[str, Link, list[Row]], data: st.DataObject) -> None:
    gallery, base, rows = log
    place = data.draw(st.integers(0, len(rows) - 1))
    column = data.draw(st.sampled_from((*chain.COLUMNS, "hash")))
    value = data.draw(st.none() | st.integers(-(2**63), 2**63 - 1) | st.text() | st.binary())
    if value != rows[place][column]:
        altered = [{**row, column: value} if row is rows[place] else row for row in rows]
        assert broken(verify(gallery, base, altered, ())).seq == place + 1


@given(st.data())
def test_rows_taken_out_or_moved_are_named(log: tuple[str, Link, list[Row]], data: st.DataObject) -> None:
    gallery, base, rows = log
    kept = data.draw(st.permutations(rows).map(lambda mixed: mixed[: data.draw(st.integers(0, len(rows)))]))
    whole = next((n for n, (row, other) in enumerate(zip(rows, kept, strict=False)) if row != other), len(kept))
    report = verify(gallery, base, kept, ())
    assert report.last.seq == whole
    assert (report.broken is None) == (whole == len(kept))


def test_another_gallery_s_rows_are_none_of_this_one(log: tuple[str, Link, list[Row]]) -> None:
    _, base, rows = log
    assert broken(verify(GALLERY, base, rows, ())).seq == 1
    assert broken(verify(GALLERY, chain.genesis(GALLERY), rows, ())).seq == 1


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE audit SET payload = replace(payload, 'uid 1', 'uid 2') WHERE seq = 2",
        "UPDATE audit SET person_id = 'p_0000000000000000' WHERE seq = 2",
        "UPDATE audit SET payload = CAST(x'ff' AS TEXT) WHERE seq = 2",
        "UPDATE audit SET sealed = NULL WHERE seq = 2",
        "UPDATE audit SET hash = zeroblob(32) WHERE seq = 2",
        "DELETE FROM audit WHERE seq = 2",
    ],
)
def test_whoever_has_the_file_is_found_out(path: Path, change: str) -> None:
    with closing(open_database(path)) as database:
        lived(database)
    with closing(sqlite3.connect(path)) as altered:
        for (name,) in altered.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            altered.execute(f"DROP TRIGGER {name}")
        assert altered.execute(change).rowcount == 1
        altered.commit()
    with closing(open_database(path)) as database:
        assert broken(verify_gallery(database, ())).seq == 2


def test_a_cut_or_an_older_copy_needs_a_witness(path: Path, tmp_path: Path) -> None:
    with closing(open_database(path)) as database:
        lived(database)
    shutil.copy(path, tmp_path / "older.db")
    with closing(open_database(path)) as database:
        Journal(database, "b").record(decision())
        seen = head_of(database)
        assert verify_gallery(database, (seen,)).broken is None
    (tmp_path / "older.db").replace(path)
    with closing(open_database(path)) as database:
        assert verify_gallery(database, ()).broken is None, "the chain alone cannot tell"
        found = broken(verify_gallery(database, (seen,)))
        assert found.seq == 6
        assert "a witness saw row 6 at noon, and the log ends with 5" in found.says
        Journal(database, "b").record(decision())
        Journal(database, "b").record(decision())
        assert "the log was made anew" in broken(verify_gallery(database, (seen,))).says


def test_a_log_made_anew_is_narrowed_down_by_the_heads(log: tuple[str, Link, list[Row]]) -> None:
    gallery, base, rows = log
    heads = [Head(origin="x", link=Link(seq=int(str(row["seq"])), hash=bytes.fromhex(row["hash"].hex())), time="t")  # type: ignore[union-attr]
             for row in rows]  # fmt: skip
    forged, before = [], base.hash
    for row in rows:
        changed = {**row, "boot_id": "evil"} if row["seq"] == 4 else dict(row)
        before = changed["hash"] = chain.row_hash(before, changed)
        forged.append(changed)
    assert verify(gallery, base, forged, ()).broken is None
    assert broken(verify(gallery, base, forged, heads)).seq == 4
    assert "rows 3 to 5" in broken(verify(gallery, base, forged, [heads[1], heads[4]])).says


def test_pruning_says_so_and_the_chain_goes_on(database: Database) -> None:
    person, journal = lived(database), Journal(database, "b")
    old = head_of(database)
    journal.record(decision(person_id=person))
    Outbox(database).delivered([5], wall_ns=1)
    with database.transaction() as tables:
        assert audit.prune(tables, 100, instant()) == 5, "row 6 waits for a consumer"
        assert audit.prune(tables, 3, instant()) == 0
    assert [row["kind"] for row in rows_of(database)] == ["decision", "prune"]
    report = verify_gallery(database, (old, head_of(database)))
    assert (report.broken, report.base.seq, report.heads, report.too_old) == (None, 5, 2, 0)
    Outbox(database).delivered([6], wall_ns=1)
    with database.transaction() as tables:
        assert audit.prune(tables, 100, instant()) == 2
    assert [row["seq"] for row in rows_of(database)] == [8]
    assert verify_gallery(database, (old,)).too_old == 1
    assert journal.record(decision()) == 9
    assert verify_gallery(database, ()).broken is None


def test_a_base_that_no_row_names_was_moved_by_somebody_else(database: Database) -> None:
    lived(database)
    Outbox(database).delivered([5], wall_ns=1)
    with database.transaction() as tables:
        tables.execute("UPDATE audit_base SET seq = 2, hash = (SELECT hash FROM audit WHERE seq = 2)")
        tables.execute("DELETE FROM audit WHERE seq <= 2")
    assert "no row says so" in broken(verify_gallery(database, ())).says


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE audit_base SET seq = 3",
        "UPDATE audit_base SET seq = 99",
        "UPDATE audit_base SET seq = 0",
        "DELETE FROM audit_base",
    ],
)
def test_the_base_moves_to_rows_only(database: Database, change: str) -> None:
    lived(database)
    with pytest.raises(GalleryError, match="base of the audit"), database.transaction() as tables:
        tables.execute(change)


def test_what_changed_between_two_starts_is_told(database: Database) -> None:
    journal, later = Journal(database, "b"), instant()
    journal.start(later, {"version": "1", "access": "x"})
    journal.start(instant(ago_s=60), {"version": "2", "access": "x", "config": "y"})
    told = [(row["kind"], json.loads(str(row["payload"]))) for row in rows_of(database)]
    assert [kind for kind, _ in told] == ["start", "clock", "config", "start"]
    assert told[2][1] == {"what": "version", "from": "1", "to": "2"}
    assert told[1][1]["was_ns"] == str(later.wall_ns)


def test_a_clock_that_was_set_is_told(database: Database) -> None:
    before = Instant(monotonic_ns=10**9, wall_ns=5 * 10**9, wall_trusted=False)
    Journal(database, "b").clock(before, Instant(monotonic_ns=2 * 10**9, wall_ns=3605 * 10**9, wall_trusted=True))
    (row,) = rows_of(database)
    assert json.loads(str(row["payload"])) == {"says": "set", "by_ms": 3599000, "was_trusted": False}


def test_a_log_of_before_is_chained(path: Path) -> None:
    path.touch(mode=0o600)
    keyfile.write(keyfile.beside(path), (crypto.new_key(),))
    (device_key,) = keyfile.find(path).keys
    keyring = Keyring(gallery_id=GALLERY, device_key=device_key, names_key=crypto.new_key())
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA application_id = 0x45464741")
        migrations.apply(Tables(connection, keyring), stop_before="m007_chained")
        connection.execute("INSERT INTO meta VALUES (1, ?, 7)", (GALLERY,))
        for seq in range(1, 101):
            connection.execute(
                "INSERT INTO audit VALUES (?, 'decision', 'b', ?, NULL, 1, ?, 2, ?, 1, '{\"name\":\"ä\"}')",
                (seq, f"d{seq}", 1_780_000_000_123_456_789, 1_780_000_000_123_456_789 + seq),
            )
            connection.execute("INSERT INTO outbox VALUES (?, NULL)", (seq,))
    with closing(open_database(path)) as database:
        report = verify_gallery(database, ())
        assert (report.broken, report.last.seq) == (None, 100)
        assert Journal(database, "b").record(decision()) == 101
        assert Outbox(database).count() == 101
        with pytest.raises(GalleryError, match="never changed"), database.transaction() as tables:
            tables.execute("UPDATE audit SET payload = ''")


SIGNER = Signer(name=f"edgeface/{GALLERY}", seed=bytes(range(32)))
HEAD = signed_head(SIGNER, Link(seq=42, hash=bytes(range(32))), instant())


def test_a_head_is_read_back() -> None:
    other = signed_head(SIGNER, Link(seq=7, hash=bytes(32)), instant())
    heads = read_heads(HEAD + "\n" + other.replace("\n", "\r\n"), SIGNER.verifier)
    assert [(head.link.seq, head.link.hash) for head in heads] == [(7, bytes(32)), (42, bytes(range(32)))]
    assert verifier_of(str(SIGNER.verifier)) == SIGNER.verifier


@given(st.integers(0, len(HEAD.encode()) - 1), st.integers(1, 255))
def test_an_altered_head_is_refused(at: int, bits: int) -> None:
    raw = bytearray(HEAD.encode())
    raw[at] ^= bits
    text = raw.decode(errors="replace")
    try:
        (head,) = read_heads(text, SIGNER.verifier)
    except AuditError:
        return
    assert (head.link, text.split()) == (Link(seq=42, hash=bytes(range(32))), HEAD.split()), "only white space moved"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "no signed head"),
        (HEAD[:-30], "another key|not hold|no base64"),
        (HEAD + HEAD[: HEAD.index("—")], "1 of 2 heads in it are incomplete"),
        (signed_head(Signer(name=SIGNER.name, seed=bytes(32)), Link(seq=1, hash=bytes(32)), instant()), "another key"),
        (HEAD.replace("\n42\n", "\n43\n"), "altered"),
    ],
)
def test_what_is_no_head_of_this_device(text: str, says: str) -> None:
    with pytest.raises(AuditError, match=says):
        read_heads(text, SIGNER.verifier)


def test_signed_notes_are_those_of_others() -> None:
    """The example of https://pkg.go.dev/golang.org/x/mod/sumdb/note, made by its authors' own program."""
    theirs = verifier_of("PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW")
    text = b"If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n"
    signature = "x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM="
    raw = base64.b64decode(signature)
    assert raw[:4] == theirs.key_id
    assert text_holds(theirs.public_key, text, raw[4:])
    assert not text_holds(theirs.public_key, text + b"!", raw[4:])
    assert not text_holds(b"", text, raw[4:])


@pytest.mark.parametrize("text", ["", "x+y+z", "PeterNeumann+c74f20a3+ARpc2QcU", "Peter+c74f20a3+" + "A" * 44])
def test_what_is_no_verifier_key(text: str) -> None:
    with pytest.raises(AuditError):
        verifier_of(text)


def test_the_hash_is_what_it_is_said_to_be() -> None:
    """By hand, so that an auditor can do it without this program."""
    row: Row = {**dict.fromkeys(chain.COLUMNS), "seq": 1, "kind": "start", "at_wall_ns": 5, "sealed": b"\1\2"}
    plain = {**dict.fromkeys(chain.COLUMNS), "seq": 1, "kind": "start", "at_wall_ns": "5", "sealed": "0102"}
    assert chain.row_hash(b"p", row) == hashlib.sha256(b"p" + canonical(plain)).digest()
    assert isinstance(SIGNER.verifier, Verifier)
