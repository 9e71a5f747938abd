"""Models on the page: each with its card, the bundle in use and its trial, what is refused by its name, and by whom."""

from __future__ import annotations

from pathlib import Path

from consoles import Browser, Hall, tags_of, text_of

from bundles import SEED, packed, shipped
from commanding import Bench, noon
from edgeface.adapters import slots
from edgeface.commands import Role
from edgeface.service.desk.updates import FOLDER
from edgeface.signature import key_id, public_of
from edgeface.store import commands


def bring(bench: Bench, content: bytes, name: str = "new.bundle") -> Path:
    """A bundle of a publisher who is trusted, where the reader looks for it."""
    key = public_of(SEED)
    if commands.find(bench.database, key_id(key)) is None:
        with bench.database.transaction() as tables:
            commands.add(tables, key, "tests", Role.PUBLISH, noon(), by="test")
    place = bench.desk.home / FOLDER / name
    place.parent.mkdir(exist_ok=True)
    place.write_bytes(content)
    return place


def test_every_model_in_use_has_its_facts_and_its_card(hall: Hall, ada: Browser, bench: Bench) -> None:
    answer = ada.get("/models")
    page, told = text_of(answer), bench.ask("models/list", role=Role.VIEW)["data"]["models"]
    assert len(told) == 5
    for model in told:
        for fact in (model["task"], model["name"], model["licence"], model["kernels"], model["sha256"][:16]):
            assert fact in page, (model["name"], fact)
        card = ada.get(f"/models/{model['name']}")
        assert (card.status_code, "without a card" in text_of(card)) == (200, False), model["name"]
        assert sum(tag in ("p", "table", "li") for tag, _ in tags_of(card)) > 1, model["name"]
    assert ada.get("/models/none").status_code == 409


def test_a_bundle_is_taken_on_trial_and_gone_back_from(hall: Hall, ada: Browser, bench: Bench) -> None:
    bring(bench, packed(2))
    offered = [found.get("value") for _, found in tags_of(ada.get("/models")) if found.get("name") == "file"]
    assert offered == ["new.bundle"]
    page = text_of(ada.follow(ada.send("/models/update", file="new.bundle")))
    assert "Version 2 is being tried" in page
    assert "In use 2 on trial: 0.0 h, 0 frames" in page
    assert "Before those that came with edgeface" in page
    slots.on_trial(bench.desk.home, slots.Trial(ran_s=7200.0, frames=1234))
    assert "on trial: 2.0 h, 1,234 frames" in text_of(ada.get("/models"))
    page = text_of(ada.follow(ada.send("/models/rollback")))
    assert "Version 2 is left" in page and "Version 2 was given up: asked for" in page
    assert "In use those that came with edgeface" in page and "Go back" not in page
    bring(bench, packed(2))
    assert "old_version" in text_of(ada.send("/models/update", file="new.bundle"))


def test_a_trial_that_ended_well_leaves_the_way_back(hall: Hall, ada: Browser, bench: Bench) -> None:
    bring(bench, packed(2))
    ada.get("/models")
    ada.send("/models/update", file="new.bundle")
    slots.confirm(bench.desk.home)
    page = text_of(ada.get("/models"))
    assert "In use 2" in page and "on trial" not in page and "Go back" in page


def test_what_proves_wrong_is_told_by_name_and_nothing_changes(hall: Hall, ada: Browser, bench: Bench) -> None:
    bring(bench, packed(2, shipped(golden={"litert-xnnpack": "0" * 64}, golden_sample=None)))
    ada.get("/models")
    page = text_of(ada.follow(ada.send("/models/update", file="new.bundle")))
    assert "refused 2: golden_mismatch" in page
    assert "In use those that came with edgeface" in page


def test_the_bundle_in_use_is_told_and_refusals_by_name(hall: Hall, ada: Browser, bench: Bench) -> None:
    page = text_of(ada.get("/models"))
    assert "those that came with edgeface" in page and "Go back" not in page
    for file, says in (("../a.bundle", "file must be a name"), ("", "file must be a name"), ("gone.bundle", "gone")):
        answer = ada.send("/models/update", file=file)
        assert (answer.status_code, says in text_of(answer)) == (409, True), (file, text_of(answer))
    assert ada.send("/models/rollback").status_code == 409, "there is nothing to go back to"


def test_who_may_only_look_takes_no_bundle(hall: Hall, ada: Browser) -> None:
    vera = hall.account("vera", Role.VIEW)
    assert "Take a bundle" not in text_of(vera.get("/models"))
    assert "this takes the role" in text_of(vera.send("/models/update", file="new.bundle"))
