"""People come, are renamed and are forgotten, to the last byte."""

from __future__ import annotations

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
from edgeface.store.gallery import GalleryStore, NewTemplate, valid_name
from edgeface.store.journal import Journal
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
    assert store.rename(ada.id, "ADA").name == "ADA"
    with pytest.raises(EnrolmentError):
        store.rename(ada.id, "grace")
    assert store.find("ada").name == "ADA"


def test_strangers(store: GalleryStore) -> None:
    for attempt in (
        lambda: store.find("Eve"),
        lambda: store.add("p_0", [template(1)], instant()),
        lambda: store.rename("p_0", "Eve"),
        lambda: store.forget("p_0"),
    ):
        with pytest.raises(UnknownPerson):
            attempt()
    assert store.name_of("p_0") is None
    assert store.revision() == 0


def traces(folder: Path, needle: bytes) -> list[str]:
    return [file.name for file in folder.iterdir() if needle in file.read_bytes()]


def test_forgetting_leaves_no_byte(store: GalleryStore, database: Database, tmp_path: Path) -> None:
    store.enrol("Grace Hopper", [template(9)], instant())
    ada = store.enrol("Ada Lovelace", [template(seed, source="lovelace.jpg") for seed in range(5)], instant())
    Journal(database, "b").record(decision(person_id=ada.id))
    secrets = [b"Ada Lovelace", b"ada lovelace", b"lovelace.jpg", *(template(n).vector.tobytes() for n in range(5))]
    assert all(traces(tmp_path, secret) for secret in secrets), "the test looks in the right place"
    store.forget(ada.id)
    assert {secret: traces(tmp_path, secret) for secret in secrets} == {secret: [] for secret in secrets}
    assert [person.name for person in store.people()] == ["Grace Hopper"]
    assert store.load(MODEL, 128).vectors.shape == (1, 128)
    assert database.read("SELECT person_id FROM audit") == [{"person_id": ada.id}]


def test_a_former_name_leaves_no_byte(store: GalleryStore, tmp_path: Path) -> None:
    ada = store.enrol("Ada Byron", [template(1)], instant())
    assert traces(tmp_path, b"Ada Byron")
    store.rename(ada.id, "Ada Lovelace")
    assert traces(tmp_path, b"Ada Byron") == traces(tmp_path, b"ada byron") == []


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
    store.forget(ada.id)
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
