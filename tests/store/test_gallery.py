"""People come, are renamed and are forgotten, to the last byte."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import unicodedata
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgeface.errors import EnrolmentError, GalleryCorrupt, UnknownPerson
from edgeface.pose import Pose
from edgeface.store.consent import Duplicate, Given, consent_of, duplicates_of, read_text, taken
from edgeface.store.database import Database, open_database
from edgeface.store.gallery import GalleryStore, NewTemplate
from edgeface.store.journal import Journal
from edgeface.store.names import valid_name
from residue import plant
from samples import decision, instant

MODEL, OTHER = "a" * 64, "b" * 64


def template(seed: int, model: str = MODEL, source: str = "front.jpg") -> NewTemplate:
    return NewTemplate(
        model_sha256=model,
        vector=np.random.default_rng(seed).integers(-128, 128, 128).astype(np.int8),
        quality=80.0,
        pose=Pose(yaw_deg=1.0, pitch_deg=2.0, roll_deg=3.0),
        source=source,
    )


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    with closing(open_database(tmp_path / "gallery.db")) as opened:
        yield opened


@pytest.fixture
def store(database: Database) -> GalleryStore:
    return GalleryStore(database)


def test_enrolled_people_are_listed_by_name(store: GalleryStore) -> None:
    store.enrol("grace", [template(1)], instant())
    ada = store.enrol("  Ada  ", [template(2), template(3), template(4, OTHER)], instant())
    assert [person.name for person in store.people()] == ["Ada", "grace"]
    assert ada.id.startswith("p_")
    assert ada.templates == {MODEL: 2, OTHER: 1}


def test_templates_come_back_as_they_went_in(store: GalleryStore) -> None:
    ada = store.enrol("Ada", [template(1), template(2)], instant())
    grace = store.enrol("Grace", [template(3), template(4, OTHER)], instant())
    enrolled = store.load(MODEL, 128)
    assert enrolled.person_ids == (ada.id, ada.id, grace.id)
    assert enrolled.vectors.dtype == np.int8
    np.testing.assert_array_equal(enrolled.vectors, [template(seed).vector for seed in (1, 2, 3)])
    assert not enrolled.vectors.flags.writeable
    assert enrolled.revision == store.revision() == 2


def test_an_empty_gallery_has_a_shape(store: GalleryStore) -> None:
    assert store.load(MODEL, 128).vectors.shape == (0, 128)


def test_a_template_of_another_length_is_not_compared(store: GalleryStore) -> None:
    store.enrol("Ada", [template(1)], instant())
    with pytest.raises(GalleryCorrupt):
        store.load(MODEL, 64)


def test_only_int8_vectors_are_stored_and_the_rest_is_undone(store: GalleryStore) -> None:
    odd = NewTemplate(model_sha256=MODEL, vector=np.zeros((2, 2), np.int8), quality=1.0, pose=None, source="")
    with pytest.raises(ValueError, match="int8"):
        store.enrol("Ada", [template(1), odd], instant())
    assert store.people() == ()


def test_who_lacks_the_model_in_use(store: GalleryStore) -> None:
    ada = store.enrol("Ada", [template(1)], instant())
    grace = store.enrol("Grace", [template(2, OTHER)], instant())
    assert store.lacking(MODEL) == (grace,)
    store.add(grace.id, [template(3)], instant())
    assert store.lacking(MODEL) == ()
    assert store.lacking(OTHER) == (store.find(ada.id),)


def test_names_are_taken_in_any_case_and_form(store: GalleryStore) -> None:
    store.enrol("Zoë Straße", [template(1)], instant())
    for same in ("zoë straße", unicodedata.normalize("NFD", "ZOË STRASSE")):
        with pytest.raises(EnrolmentError, match="is enrolled already"):
            store.enrol(same, [template(2)], instant())
        assert store.find(same).name == "Zoë Straße"


def test_nobody_is_enrolled_without_a_picture(store: GalleryStore) -> None:
    with pytest.raises(EnrolmentError):
        store.enrol("Ada", [], instant())
    assert store.people() == ()


def test_renaming(store: GalleryStore) -> None:
    ada = store.enrol("Ada", [template(1)], instant())
    store.enrol("Grace", [template(2)], instant())
    assert store.rename(ada.id, "ADA", instant()).name == "ADA"
    with pytest.raises(EnrolmentError):
        store.rename(ada.id, "grace", instant())
    assert store.find("ada").name == "ADA"


def test_strangers(store: GalleryStore) -> None:
    for attempt in (
        lambda: store.find("Eve"),
        lambda: store.add("p_0", [template(1)], instant()),
        lambda: store.rename("p_0", "Eve", instant()),
        lambda: store.forget("p_0", instant()),
    ):
        with pytest.raises(UnknownPerson):
            attempt()
    assert store.name_of("p_0") is None
    assert store.revision() == 0


def stored(database: Database, person_id: str) -> list[bytes]:
    """Every sealed blob about a person: the wrapped key first."""
    (person,) = database.read("SELECT wrapped_key, sealed_name FROM people WHERE id = ?", (person_id,))
    rows = database.read("SELECT vector, sealed_source FROM templates WHERE person_id = ?", (person_id,))
    return [*person.values(), *(blob for row in rows for blob in row.values())]


def traces(folder: Path, needle: bytes) -> list[str]:
    return [file.name for file in folder.iterdir() if needle in file.read_bytes()]


def test_forgetting_leaves_no_byte(store: GalleryStore, database: Database, tmp_path: Path) -> None:
    """Neither what was sealed, nor the key that opens it, in any file."""
    grace = store.enrol("Grace Hopper", [template(9)], instant())
    ada = store.enrol("Ada Lovelace", [template(seed, source="lovelace.jpg") for seed in range(5)], instant())
    Journal(database, "b").record(decision(person_id=ada.id))
    sealed = stored(database, ada.id)
    assert len(sealed) == 2 + 2 * 5
    assert all(traces(tmp_path, secret) for secret in sealed), "the test looks in the right place"
    receipt = store.forget(ada.id, instant())
    assert {secret: traces(tmp_path, secret) for secret in sealed} == {secret: [] for secret in sealed}
    assert (receipt.templates, receipt.remains, receipt.files) == (5, (), 4)
    assert [person.name for person in store.people()] == ["Grace Hopper"]
    assert store.load(MODEL, 128).person_ids == (grace.id,)
    assert database.read("SELECT person_id FROM audit WHERE kind = 'decision'") == [{"person_id": ada.id}]


def test_forgetting_reaches_what_sqlite_left_between_the_rows(tmp_path: Path) -> None:
    path = tmp_path / "gallery.db"
    with closing(open_database(path)) as database:
        store = GalleryStore(database)
        ada, bob = (store.enrol(name, [template(seed)], instant()) for seed, name in enumerate(("Ada", "Bob")))
        (needle,) = (
            bytes(row["vector"]) for row in database.read("SELECT vector FROM templates WHERE person_id = ?", (ada.id,))
        )
    plant(path, "templates", needle)
    with closing(open_database(path)) as database:
        store = GalleryStore(database)
        store.forget(ada.id, instant())
        assert traces(tmp_path, needle) == []
        assert [person.name for person in store.people()] == ["Bob"]
        assert store.load(MODEL, 128).person_ids == (bob.id,)
        assert database.read("PRAGMA foreign_keys") == [{"foreign_keys": 1}]
        assert database.read("PRAGMA foreign_key_check") == []


def test_forgetting_finds_the_copies_it_cannot_reach(store: GalleryStore, database: Database, tmp_path: Path) -> None:
    ada = store.enrol("Ada Lovelace", [template(1)], instant())
    database.erase_traces()
    with closing(sqlite3.connect(tmp_path / "backup.db")) as copy:
        copy.execute("CREATE TABLE kept (key BLOB)")
        copy.execute("INSERT INTO kept VALUES (?)", (stored(database, ada.id)[0],))
        copy.commit()
    assert store.forget(ada.id, instant()).remains == ("backup.db",)


def test_the_lock_outlives_forgetting(store: GalleryStore, tmp_path: Path) -> None:
    """Searching the gallery's file within this process would give the lock away."""
    ada = store.enrol("Ada", [template(1)], instant())
    store.forget(ada.id, instant())
    child = "import sys; from pathlib import Path; from edgeface.store.database import open_database\n"
    child += "open_database(Path(sys.argv[1]))"
    words = [sys.executable, "-c", child, str(tmp_path / "gallery.db")]
    assert "GalleryInUse" in subprocess.run(words, capture_output=True, text=True).stderr


def test_nothing_personal_is_on_the_disk_in_plain(store: GalleryStore, tmp_path: Path) -> None:
    ada = store.enrol("Ada Byron", [template(1, source="byron.jpg")], instant())
    store.rename(ada.id, "Ada Lovelace", instant())
    plain = [b"Ada Byron", b"ada byron", b"Lovelace", b"lovelace", b"byron.jpg", template(1).vector.tobytes()]
    assert {secret: traces(tmp_path, secret) for secret in plain} == {secret: [] for secret in plain}
    assert traces(tmp_path, ada.id.encode()), "the test looks in the right place"


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ("UPDATE templates SET vector = (SELECT vector FROM templates WHERE id = 2) WHERE id = 1", "template 1"),
        ("UPDATE templates SET person_id = (SELECT person_id FROM templates WHERE id = 3) WHERE id = 1", "template 1"),
        ("UPDATE templates SET vector = zeroblob(156) WHERE id = 1", "template 1"),
        ("UPDATE templates SET vector = x'00' WHERE id = 1", "template 1"),
        ("UPDATE people SET wrapped_key = (SELECT max(wrapped_key) FROM people)", "the key of"),
    ],
)
def test_what_is_moved_or_altered_does_not_open(
    store: GalleryStore, database: Database, change: str, says: str
) -> None:
    store.enrol("Ada", [template(1), template(2)], instant())
    store.enrol("Eve", [template(3)], instant())
    with database.transaction() as tables:
        tables.execute(change)
    with pytest.raises(GalleryCorrupt, match=says):
        store.load(MODEL, 128)


def test_a_template_is_bound_to_its_model(store: GalleryStore, database: Database) -> None:
    store.enrol("Ada", [template(1)], instant())
    with database.transaction() as tables:
        tables.execute("UPDATE templates SET model_sha256 = ?", (OTHER,))
    with pytest.raises(GalleryCorrupt, match="template 1"):
        store.load(OTHER, 128)


@pytest.mark.parametrize(
    "good", ["Ada", "Zoë", "李小龍", "محمد", "O'Neil-Smith, Jr.", "x" * 80, "R2", "'); DROP TABLE people;--"]
)
def test_names_that_are_fine(good: str, store: GalleryStore) -> None:
    assert store.enrol(good, [template(1)], instant()).name == good


@pytest.mark.parametrize(
    ("bad", "says"),
    [
        ("", "0 characters"),
        ("   ", "0 characters"),
        ("x" * 81, "81 characters"),
        ("x" * 300, "300 characters"),
        ("a/b", "'/'"),
        ("a#b", "'#'"),
        ("a+b", "'\\+'"),
        ("a\x00b", r"U\+0000"),
        ("a\x1b[2Jb", r"U\+001B"),
        ("a\x85b", r"U\+0085"),
        ("a\nb", r"U\+000A"),
        ("a\u2028b", r"U\+2028"),
        ("a\u202eb", r"U\+202E"),
        ("a\u2067b", r"U\+2067"),
        ("a\udc80b", "UTF-8"),
        ("...", "no letter"),
        ("\u200d", "no letter"),
    ],
)
def test_names_that_are_not(bad: str, says: str) -> None:
    with pytest.raises(EnrolmentError, match=says):
        valid_name(bad)


@settings(max_examples=200, deadline=None)
@given(st.text(st.characters(), max_size=90))
def test_a_name_is_refused_or_stays_as_it_is(text: str) -> None:
    try:
        name = valid_name(text)
    except EnrolmentError:
        return
    assert valid_name(name) == name
    assert name.isprintable() or not set(name) & set("/#+\x00\u202e")
    name.encode()


def test_consent_comes_with_the_person_and_goes_with_the_person(store: GalleryStore, database: Database) -> None:
    consent = taken(read_text(), "The Warden", Given.SPOKEN, instant())
    grace = store.enrol("Grace", [template(1)], instant())
    twin = Duplicate(of_person_id=grace.id, allowed_by="The Warden", score=0.7)
    ada = store.enrol("Ada", [template(2)], instant(), consent=consent, duplicates=[twin])
    assert consent_of(database, ada.id) == consent
    assert duplicates_of(database, ada.id) == (twin,)
    assert consent_of(database, grace.id) is None
    store.forget(ada.id, instant())
    assert consent_of(database, ada.id) is None
    assert database.read("SELECT count(*) AS n FROM duplicates") == [{"n": 0}]


def test_consent_without_its_person_is_not_kept(store: GalleryStore, database: Database) -> None:
    """One transaction: a template that cannot be stored takes the consent with it."""
    consent = taken(read_text(), "The Warden", Given.WRITTEN, instant())
    odd = NewTemplate(model_sha256=MODEL, vector=np.zeros((2, 2), np.int8), quality=1.0, pose=None, source="x")
    with pytest.raises(ValueError, match="a template is int8"):
        store.enrol("Ada", [template(1), odd], instant(), consent=consent)
    assert database.read("SELECT count(*) AS n FROM consents") == [{"n": 0}]
    assert store.people() == ()
