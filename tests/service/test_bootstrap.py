"""What is put together is what was chosen and set: the floors of the cards, or stricter ones."""

from __future__ import annotations

import threading
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from broker import free_port, wait_until
from edgeface import decide, liveness
from edgeface.adapters import gpio
from edgeface.bar import AIM, tail_of
from edgeface.calibration import threshold_for
from edgeface.decide import Decision, Outcome
from edgeface.embed import to_template
from edgeface.enrol import Portrait, portrait
from edgeface.errors import ConfigError
from edgeface.frame import Pixels
from edgeface.liveness import Check
from edgeface.pipeline import Options
from edgeface.service.bootstrap import Loaded, open_station
from edgeface.service.settings import Config, MqttSettings
from edgeface.store.database import open_database
from edgeface.store.gallery import GalleryStore, NewTemplate
from portraits import at, film


def told(loaded: Loaded, folder: Path, enrolled: Pixels, visitor: Pixels, config: Config) -> list[Decision]:
    """What a reader with these settings decides about a film of a visitor."""
    found = portrait(enrolled, loaded.models, Options())
    assert isinstance(found, Portrait)
    template = NewTemplate(
        model_sha256=loaded.embedder.identity,
        vector=to_template(found.embedding.vector),
        quality=found.quality.score,
        pose=found.pose,
        source="test",
    )
    with closing(open_database(folder / "gallery.db")) as database:
        GalleryStore(database).enrol("Ada", [template], at(0))
        with open_station(config, loaded, database, film_time=True) as station:
            steps = list(station.reader.watch(film(visitor)))
    return [recorded.decision for step in steps for recorded in step.decisions]


def config(min_score: float | None = None, require: tuple[Check, ...] = (), **changes: Any) -> Config:
    return Config(decide=decide.Options(**changes), liveness=liveness.Options(min_score=min_score, require=require))


def test_the_floors_are_the_cards_unless_another_liveness_is_wanted(loaded: Loaded) -> None:
    assert loaded.floor == loaded.models.embedder.spec.thresholds["grant"] > 0.3
    assert loaded.models.liveness is not None
    assert loaded.live_floor(None) == loaded.models.liveness.spec.thresholds["live"] > 0.1
    assert loaded.live_floor(0.7) == 0.7
    without = replace(loaded, choice=replace(loaded.choice, liveness=None))
    assert without.live_floor(None) is without.live_floor(0.7) is None


def test_every_model_runs_where_it_belongs_and_has_been_tried(loaded: Loaded) -> None:
    models = loaded.models
    ready = (models.detector, models.embedder, models.quality, models.liveness, models.pose)
    specs = [model.spec for model in ready if model is not None]
    assert specs == [entry.spec for entry in loaded.choice.entries()] == [model.spec for model in loaded.used]
    assert all(model.infer is used for model, used in zip(ready, loaded.used, strict=True) if model is not None)
    assert [finding.detail.split()[0] for finding in loaded.findings] == [spec.name for spec in specs]


def test_a_stranger_is_denied_by_the_threshold_of_one_person(
    loaded: Loaded, tmp_path: Path, astronaut: Pixels, hopper: Pixels
) -> None:
    decisions = told(loaded, tmp_path, astronaut, hopper, config())
    assert [decision.outcome for decision in decisions] == [Outcome.UNKNOWN]
    tail = tail_of(loaded.models.embedder.spec)
    assert tail is not None
    assert decisions[0].threshold == max(loaded.floor, threshold_for(1 / AIM, tail))


def test_a_door_that_asks_for_a_living_face_gets_the_liveness_that_is_set(
    loaded: Loaded, tmp_path: Path, astronaut: Pixels
) -> None:
    """The film is a still picture pasted on a wall; how alive it looks is the model's to say."""
    for name, settings, outcome in (
        ("off", config(0.9999), Outcome.GRANT),
        ("strict", config(0.9999, require=(Check.PICTURE,)), Outcome.SPOOF),
        ("lax", config(0.0001, require=(Check.PICTURE,)), Outcome.GRANT),
    ):
        (tmp_path / name).mkdir()
        decisions = told(loaded, tmp_path / name, astronaut, astronaut, settings)
        assert [decision.outcome for decision in decisions] == [outcome], name
        assert decisions[0].liveness is not None


def test_a_door_that_asks_for_a_living_face_stays_shut_without_a_model(
    loaded: Loaded, tmp_path: Path, astronaut: Pixels
) -> None:
    bare = replace(loaded, choice=replace(loaded.choice, liveness=None), models=replace(loaded.models, liveness=None))
    decisions = told(bare, tmp_path, astronaut, astronaut, config(require=(Check.PICTURE,)))
    assert [(decision.outcome, decision.rule) for decision in decisions] == [(Outcome.SPOOF, "no_liveness_model")]


@pytest.mark.parametrize("threshold", [0.1, 0.4])
def test_a_lower_threshold_is_refused_with_what_it_would_cost(
    loaded: Loaded, tmp_path: Path, astronaut: Pixels, threshold: float
) -> None:
    with pytest.raises(ConfigError, match="false match rate of up to") as caught:
        told(loaded, tmp_path, astronaut, astronaut, config(threshold=threshold))
    assert f"decide.threshold is {threshold}, below {loaded.floor}" in str(caught.value)


def test_every_part_beside_the_loop_answers_for_itself(loaded: Loaded, tmp_path: Path) -> None:
    """What is not asked could hang for years: whoever adds a part adds it here."""
    for name in ("contact", "button"):
        (tmp_path / name).write_text("0\n")
    wires = gpio.Options(contact=f"sim:{tmp_path / 'contact'}", button=f"sim:{tmp_path / 'button'}")
    everything = Config(mqtt=MqttSettings(broker=f"mqtt://127.0.0.1:{free_port()}"), gpio=wires)
    with (
        closing(open_database(tmp_path / "gallery.db")) as database,
        open_station(everything, loaded, database, film_time=False) as station,
    ):
        assert station.requests is not None
        beside = {"rules", "door", "delivery", "link", "requests", "contact", "button", "witness", "idle"}
        assert station.parts.keys() == {"gallery", *beside}
        assert station.queues.keys() == {"delivery", "requests", "idle"}
        for name, ticks in station.parts.items():
            wait_until(ticks, name)
        names = {thread.name for thread in threading.enumerate()}
    assert {"rules", "door", "deliver", "mqtt", "contact", "button", "witness", "idle"} <= names
