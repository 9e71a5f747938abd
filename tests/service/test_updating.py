"""From a bundle to models in use, with a power cut at every step, and back when they do not prove themselves."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bundles import EMBEDDER, LIVENESS, SEED, packed, shipped, trusting
from edgeface import align, detect, match
from edgeface.adapters import golden, manifest, proving, slots, tflite
from edgeface.adapters.clock import SystemClock
from edgeface.adapters.proving import Proven
from edgeface.adapters.slots import FOLDER, STATE, Trial
from edgeface.bridge import Bridge
from edgeface.embed import embed, to_template
from edgeface.errors import CameraLost, ModelError, ModelMismatch, UpdateProblem, UpdateRefused
from edgeface.frame import Pixels
from edgeface.service import updating
from edgeface.service.bootstrap import Loaded, derive_bar, freeze_gallery, load_models
from edgeface.service.settings import Config
from edgeface.service.updating import attempt, reconcile, take
from edgeface.signature import key_id, public_of
from edgeface.store import audit, commands, releases
from edgeface.store.database import Database
from edgeface.store.gallery import GalleryStore, NewTemplate
from edgeface.store.releases import Standing
from edgeface.trial import Options

NOW = SystemClock().now


def enrol(database: Database, name: str, model: str) -> None:
    made = NewTemplate(model_sha256=model, vector=np.ones(128, np.int8), quality=1.0, pose=None, source="x.jpg")
    GalleryStore(database).enrol(name, [made], NOW())


@pytest.fixture
def database(home: Path) -> Iterator[Database]:
    with closing(trusting(home)) as opened:
        yield opened


@pytest.fixture
def proven(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the other process, which has tests of its own."""
    monkeypatch.setattr(proving, "prove", lambda content, runtime="": Proven(embedder=None, models=()))


def update(home: Path, database: Database, version: int, **changes: Any) -> updating.Taken:
    return take(home, database, changes.pop("content", packed(version)), NOW, by="tests", **changes)


def refused(home: Path, database: Database, version: int, **changes: Any) -> UpdateProblem:
    before = slots.read(home)
    with pytest.raises(UpdateRefused) as caught:
        update(home, database, version, **changes)
    assert slots.read(home) == before
    return caught.value.problem


def told(database: Database) -> list[tuple[str, int]]:
    entries = audit.newest_entries(database, 100, audit.Kind.UPDATE, None)
    return [(str(entry.facts["what"]), int(str(entry.facts["version"]))) for entry in entries]


def standing(database: Database) -> dict[int, Standing]:
    return {past.version: past.standing for past in releases.everyone(database)}


def test_a_bundle_is_proven_and_in_use_on_trial(home: Path, database: Database) -> None:
    taken = update(home, database, 4)
    assert (taken.version, taken.slot, taken.models) == (4, "a", (f"{LIVENESS}: proven on litert-xnnpack",))
    assert slots.read(home).trial == Trial()
    assert told(database) == [("begin", 4), ("trial", 4)]
    (first, _) = audit.newest_entries(database, 2, audit.Kind.UPDATE, None)
    assert (first.facts["by"], first.facts["publisher"]) == ("tests", key_id(public_of(SEED)))


def test_versions_never_go_back(home: Path, database: Database, proven: None) -> None:
    update(home, database, 4)
    slots.confirm(home)
    reconcile(home, database, NOW())
    for version in (1, 3, 4):
        assert refused(home, database, version) is UpdateProblem.OLD_VERSION
    update(home, database, 5)
    updating.roll_back(home, database, NOW(), by="tests")
    assert slots.read(home).version == 4
    for version in (4, 5):
        assert refused(home, database, version) is UpdateProblem.OLD_VERSION
    assert standing(database) == {4: Standing.CONFIRMED, 5: Standing.RETURNED}
    assert told(database)[-3:] == [("begin", 5), ("trial", 5), ("returned", 5)]
    update(home, database, 6)
    assert slots.read(home).version == 6


def test_an_older_gallery_brings_no_older_models(home: Path, database: Database, proven: None) -> None:
    """A backup that was restored knows nothing of the newest version; the switch does."""
    update(home, database, 4)
    slots.confirm(home)
    database.close()
    for file in home.glob("gallery.db*"):
        file.unlink()
    with closing(trusting(home)) as restored:
        assert refused(home, restored, 4) is UpdateProblem.OLD_VERSION
        assert refused(home, restored, 3) is UpdateProblem.OLD_VERSION


def test_the_gallery_itself_keeps_the_order(database: Database) -> None:
    with database.transaction() as tables:
        releases.begin(tables, 4, "a" * 64, "key", NOW(), by="tests")
        releases.stand(tables, 4, Standing.RETURNED, NOW(), by="tests")
    for statement in (
        "INSERT INTO releases VALUES (3, hex(randomblob(32)), 'begun', 1)",
        "UPDATE releases SET standing = 'confirmed'",
        "UPDATE releases SET version = 5",
        "DELETE FROM releases",
    ):
        with pytest.raises(Exception, match=r"never go back|no more|remembered"), database.transaction() as tables:
            tables.execute(statement)


def test_whoever_may_not_publish_is_refused(home: Path, database: Database, proven: None) -> None:
    assert refused(home, database, 1, content=packed(1, seed=b"\x09" * 32)) is UpdateProblem.UNKNOWN_PUBLISHER
    with database.transaction() as tables:
        commands.add(tables, public_of(b"\x09" * 32), "boss", commands.Role.ADMIN, NOW(), by="tests")
    assert refused(home, database, 1, content=packed(1, seed=b"\x09" * 32)) is UpdateProblem.UNKNOWN_PUBLISHER
    with database.transaction() as tables:
        commands.revoke(tables, key_id(public_of(SEED)), NOW(), by="tests")
    assert refused(home, database, 1) is UpdateProblem.UNKNOWN_PUBLISHER


def test_one_trial_at_a_time(home: Path, database: Database, proven: None) -> None:
    update(home, database, 1)
    assert refused(home, database, 2) is UpdateProblem.ON_TRIAL


def test_what_fails_in_the_other_process_is_not_taken(home: Path, database: Database) -> None:
    spoilt = packed(1, shipped(golden={"litert-xnnpack": "0" * 64}, golden_sample=None))
    assert refused(home, database, 1, content=spoilt) is UpdateProblem.GOLDEN_MISMATCH
    assert told(database) == []
    update(home, database, 1)  # it never was here


def test_nobody_is_stranded_by_accident(home: Path, database: Database, loaded: Loaded) -> None:
    enrol(database, "Ada", "f" * 64)
    content = packed(1, shipped(EMBEDDER))
    assert refused(home, database, 1, content=content) is UpdateProblem.STRANDS_PEOPLE
    enrol(database, "Grace", loaded.embedder.identity)
    with pytest.raises(UpdateRefused, match="1 of 2 people"):
        update(home, database, 1, content=content)
    update(home, database, 1, content=content, strand=True)


def test_with_a_map_everybody_stays_known_and_strangers_stay_strangers(
    home: Path, database: Database, loaded: Loaded, astronaut: Pixels, hopper: Pixels
) -> None:
    """Another embedder, as its settings are others, to which the shipped one's templates are carried over."""
    ada, stranger = (
        align.chip(pixels, detect.detect(pixels, loaded.models.detector, detect.Options())[0].landmarks, spec)
        for pixels, spec in ((astronaut, loaded.embedder.spec), (hopper, loaded.embedder.spec))
    )
    vector = to_template(embed(ada, loaded.models.embedder).vector)
    made = NewTemplate(model_sha256=loaded.embedder.identity, vector=vector, quality=1.0, pose=None, source="x.jpg")
    store = GalleryStore(database)
    store.enrol("Ada", [made], NOW())
    bridge = Bridge(
        former=loaded.embedder.identity, matrix=np.eye(128, dtype=np.float32), offset=np.zeros(128, np.float32),
        scale=0.95, shift=0.0, measured="",
    )  # fmt: skip
    other = packed(1, shipped(EMBEDDER, mirror=None), [bridge])
    update(home, database, 1, content=other)
    after = load_models(home)
    embedder = after.models.embedder
    assert embedder.identity != loaded.embedder.identity
    assert embedder.understood == (embedder.identity, loaded.embedder.identity)
    gallery = freeze_gallery(store, embedder)
    bar = derive_bar(gallery, after, Config().decide)
    scores = [match.match(embed(found, embedder), gallery).scores[0] for found in (ada, stranger)]
    assert scores[0] > bar.needed(gallery.people[0]) > scores[1]
    with pytest.raises(ModelMismatch):
        match.match(embed(ada, loaded.models.embedder), gallery)


def test_a_model_that_somebody_chose_stays(home: Path, database: Database, proven: None) -> None:
    manifest.choose(home, manifest.read(manifest.shipped())[LIVENESS])
    assert update(home, database, 1).set_aside == ("liveness",)


# --- power cuts


STEPS = ("open", "write", "fsync", "replace", "mkdir", "unlink")


def cut_at(step: int, deed: Callable[[], None]) -> bool:
    """Do it in another process, killed before its `step`-th call of the system; whether it was killed."""
    child = os.fork()
    if child == 0:
        code, left = 1, step
        try:
            for name in STEPS:
                original = getattr(os, name)

                def counted(*words: Any, original: Any = original, **more: Any) -> Any:
                    nonlocal left
                    left -= 1
                    if left < 0:
                        os.kill(os.getpid(), signal.SIGKILL)
                    return original(*words, **more)

                setattr(os, name, counted)
            deed()
            code = 0
        finally:
            os._exit(code)
    ended = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert ended in (0, -signal.SIGKILL)
    return ended != 0


def in_use(home: Path) -> int | None:
    """The version in use; all its models are whole."""
    assert manifest.chosen(home).liveness is not None
    return slots.read(home).version


def before(home: Path, former: int) -> Path:
    """A home folder with so many bundles, each confirmed."""
    with closing(trusting(home)) as database:
        for version in range(1, former + 1):
            update(home, database, version)
            slots.confirm(home)
    return home


@pytest.mark.parametrize("former", [0, 2])
def test_a_power_cut_at_any_step_leaves_whole_models(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, proven: None, former: int
) -> None:
    """With no bundle before, and with both slots full."""
    new, step, found = former + 1, 0, set[int | None]()
    first = before(tmp_path / "home", former)
    while True:
        home = shutil.copytree(first, tmp_path / f"home{step}")

        def deed(home: Path = home) -> None:
            with closing(trusting(home)) as database:
                update(home, database, new)

        killed = cut_at(step, deed)
        version = in_use(home)
        assert version in (new - 1 or None, new)
        found.add(version)
        with closing(trusting(home)) as database:
            reconcile(home, database, NOW())
            if version != new:
                update(home, database, new)  # the very same may come again
            assert standing(database)[new] is Standing.TRIAL
            assert told(database).count(("begin", new)) == 1
        assert in_use(home) == new
        if not killed:
            break
        step += 1
    assert step > 10
    assert found == {new - 1 or None, new}


def test_a_power_cut_while_going_back(tmp_path: Path, proven: None) -> None:
    step, found = 0, set[int | None]()
    with closing(trusting(tmp_path / "home")) as database:
        update(tmp_path / "home", database, 1)
    while True:
        home = shutil.copytree(tmp_path / "home", tmp_path / f"home{step}")

        def deed(home: Path = home) -> None:
            with closing(trusting(home)) as database:
                updating.roll_back(home, database, NOW(), by="tests")

        killed = cut_at(step, deed)
        found.add(in_use(home))
        with closing(trusting(home)) as database:
            reconcile(home, database, NOW())
            wanted = Standing.TRIAL if in_use(home) else Standing.RETURNED
            assert standing(database) == {1: wanted}
        if not killed:
            break
        step += 1
    assert found == {None, 1}


# --- starts


OPTIONS = Options(most_starts=3)


def tried(home: Path) -> Any:
    """The one model that tests update, loaded as a reader does."""
    entry = manifest.chosen(home).liveness
    assert entry is not None
    return golden.verify(tflite.load(entry.spec, entry.folder, content=entry.content))


def start(home: Path, dies: bool = False) -> int | None:
    """A reader's life; the version that it ran."""
    version = None
    try:
        with attempt(home, OPTIONS, lambda: tried(home)):
            version = slots.read(home).version
            if dies:
                raise MemoryError
    except MemoryError:
        pass
    return version


def test_a_reader_that_keeps_dying_gets_its_former_models_back(home: Path, database: Database, proven: None) -> None:
    update(home, database, 1)
    assert [start(home, dies=True) for _ in range(4)] == [1, 1, 1, None]
    returned = slots.read(home).returned
    assert returned is not None
    assert (returned.version, returned.why) == (1, "3 starts in a row did not end well")
    reconcile(home, database, NOW())
    assert standing(database) == {1: Standing.RETURNED}
    assert told(database)[-1] == ("returned", 1)
    assert refused(home, database, 1) is UpdateProblem.OLD_VERSION
    reconcile(home, database, NOW())
    assert told(database).count(("returned", 1)) == 1


def test_an_orderly_end_counts_for_nothing(home: Path, database: Database, proven: None) -> None:
    update(home, database, 1)
    assert [start(home, dies=number % 3 > 0) for number in range(8)] == [1] * 8


def test_a_camera_that_is_missing_is_no_fault_of_the_models(home: Path, database: Database, proven: None) -> None:
    update(home, database, 1)
    for _ in range(5):
        with pytest.raises(CameraLost), attempt(home, OPTIONS, lambda: tried(home)):
            raise CameraLost("gone")
    assert slots.read(home).version == 1


def test_models_that_do_not_load_are_given_up_at_once(home: Path, database: Database, proven: None) -> None:
    wrong = packed(1, shipped(golden={"litert-xnnpack": "0" * 64}, golden_sample=None))
    update(home, database, 1, content=wrong)
    assert start(home) is None
    returned = slots.read(home).returned
    assert returned is not None
    assert "does not give the numbers" in returned.why


def test_a_bundle_that_rots_is_given_up_even_after_its_trial(home: Path, database: Database, proven: None) -> None:
    update(home, database, 1)
    slots.confirm(home)
    (home / FOLDER / "a").write_bytes(b"rot")
    assert start(home) is None
    assert slots.read(home).version is None


def test_other_troubles_do_not_throw_out_models_that_were_confirmed(home: Path, database: Database) -> None:
    update(home, database, 1)
    slots.confirm(home)

    def broken() -> Loaded:
        raise ModelError("an installed model is gone")

    with pytest.raises(ModelError), attempt(home, OPTIONS, broken):
        pass
    assert slots.read(home).version == 1


def test_a_full_disk_costs_the_count_and_not_the_start(
    home: Path, database: Database, proven: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    update(home, database, 1)

    def full(home: Path, trial: Trial) -> None:
        raise UpdateRefused(UpdateProblem.NOT_STORED, "full")

    monkeypatch.setattr(slots, "on_trial", full)
    assert start(home) == 1


def test_what_the_switch_says_is_audited_afterwards(home: Path, database: Database, proven: None) -> None:
    update(home, database, 1)
    slots.confirm(home)
    reconcile(home, database, NOW())
    reconcile(home, database, NOW())
    assert told(database) == [("begin", 1), ("trial", 1), ("confirmed", 1)]
    assert replace(slots.read(home), slots=()).returned is None
    assert (home / FOLDER / STATE).stat().st_mode & 0o077 == 0
