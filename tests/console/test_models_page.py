"""Bundles of models on the page: what is in use, what is refused by its name, and who may take one."""

from __future__ import annotations

from consoles import Browser, Hall, text_of

from commanding import Bench
from edgeface.commands import Role


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
