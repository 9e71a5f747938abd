"""What cannot be undone is asked about first: by a script, or without one on a page of its own."""

from __future__ import annotations

import pytest
from consoles import PASSWORD, Browser, Hall, tags_of, text_of
from test_pages import person

from commanding import Bench
from edgeface.commands import Role, words
from edgeface.console.look import HERE
from edgeface.console.pages import WAYS
from edgeface.console.pages import person as person_page
from edgeface.service.desk import perform

ASKED = ("/doors/revoke", "/doors/lockdown", "/people/{who}/merge", "/models/rollback", "/accounts/{name}/remove")


def test_every_form_that_a_script_asks_about_is_asked_about_without_one() -> None:
    asked = {way.path for way in WAYS if way.sure is not None}
    assert asked == {*ASKED, "/models/update"}
    forms = [form for page in (HERE / "templates").glob("*.html") for form in page.read_text().split("<form ")[1:]]
    by_script = [form for form in forms if "data-sure" in form.partition(">\n")[0].partition("</form>")[0]]
    assert len(by_script) == len(ASKED)


def refused_then_done(browser: Browser, path: str, says: str, **fields: str) -> str:
    """Send a form as a browser without a script does, read what is asked, and say yes by the form that is shown."""
    asked = browser.send(path, sure="", **fields)
    assert (asked.status_code, "Are you sure?" in text_of(asked)) == (200, True), text_of(asked)
    assert says in text_of(asked), text_of(asked)
    tags = tags_of(asked)
    (form,) = [found for tag, found in tags if tag == "form" and found.get("action") != "/sign-out"]
    assert form["action"] == path
    held = {str(found["name"]): str(found["value"]) for tag, found in tags if found.get("type") == "hidden"}
    assert held.pop("csrf")
    done = browser.send(path, **held)
    return text_of(browser.follow(done)) if done.status_code == 303 else text_of(done)


def test_a_lockdown_holds_only_after_a_yes(hall: Hall, ada: Browser, bench: Bench) -> None:
    ada.get("/doors")
    says = "Lockdown of main: nobody is let in any more"
    ada.send("/doors/lockdown", door="main", sure="")
    assert bench.rows("command") == [], "nothing was asked of the reader"
    assert "Done." in refused_then_done(ada, "/doors/lockdown", says, door="main")
    assert bench.rows("command")[-1]["what"] == "door/lockdown"
    says = "The lockdown of all doors ends"
    assert "Done." in refused_then_done(ada, "/doors/lockdown", says, door="all", lift="1")


def test_a_merge_names_both(hall: Hall, ada: Browser, bench: Bench) -> None:
    first, second = person(bench, "Ada <b>", 1), person(bench, "Ada King", 1)
    mark = bench.ask("people/show", {"who": first})["data"]["mark"]
    says = f"All templates of Ada <b> ({first}) move to Ada King ({second})."
    assert "Merged: 1 templates" in refused_then_done(ada, f"/people/{first}/merge", says, into=second, mark=mark)
    assert set(bench.desk.names()) == {second}


def test_where_there_are_too_many_to_choose_from_the_other_is_named(
    hall: Hall, ada: Browser, bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = person(bench, "Ada", 1), person(bench, "Ada King", 1)
    assert '<select id="into"' in ada.get(f"/people/{first}").text
    monkeypatch.setattr(person_page, "MOST_CHOICES", 1)
    assert '<select id="into"' not in ada.get(f"/people/{first}").text
    says = f"All templates of Ada ({first}) move to Ada King ({second})."
    assert "Merged" in refused_then_done(ada, f"/people/{first}/merge", says, into="ada king")


def test_a_merge_into_nobody_is_no_question(hall: Hall, ada: Browser, bench: Bench) -> None:
    first = person(bench, "Ada", 1)
    for into in ("", "p_ffffffffffffffff", "../x"):
        answer = ada.send(f"/people/{first}/merge", into=into, sure="")
        assert (answer.status_code, "The reader said no" in text_of(answer)) == (409, True)
    assert set(bench.desk.names()) == {first}


def test_a_right_is_taken_away_only_after_a_yes(hall: Hall, ada: Browser, bench: Bench) -> None:
    bench.ask("access/grant", {"who": ["everyone"], "doors": ["all"], "name": "all day"})
    ada.get("/doors")
    before = perform(bench.desk, "access/show", words.Nothing()).grants
    assert any(right.name == "all day" for right in before)
    assert "Done." in refused_then_done(ada, "/doors/revoke", "The rule all day is taken out", rule="all day")
    assert not any(right.name == "all day" for right in perform(bench.desk, "access/show", words.Nothing()).grants)


def test_an_account_is_removed_only_after_a_yes(hall: Hall, ada: Browser) -> None:
    hall.account("vera", Role.VIEW)
    ada.get("/accounts")
    assert "vera is removed" in refused_then_done(ada, "/accounts/vera/remove", "may command no more, for good")
    assert hall.console.accounts.find("vera") is None


def test_another_password_takes_a_tick_and_no_page_holds_passwords(hall: Hall, ada: Browser) -> None:
    hall.account("vera", Role.VIEW)
    ada.get("/accounts")
    new = "another good password"
    answer = ada.send("/accounts/vera/password", new=new, again=new, sure="")
    assert (answer.status_code, "revoked for good" in text_of(answer)) == (400, True)
    assert new not in answer.text and PASSWORD not in answer.text
    assert "vera has the new password" in text_of(ada.follow(ada.send("/accounts/vera/password", new=new, again=new)))


def test_models_go_back_or_strand_people_only_after_a_yes(hall: Hall, ada: Browser) -> None:
    ada.get("/models")
    assert "there are no former models" in refused_then_done(ada, "/models/rollback", "Go back to the former models?")
    says = "The bundle gone.bundle is tried, and taken even if it knows nobody"
    assert "gone.bundle" in refused_then_done(ada, "/models/update", says, file="gone.bundle", strand="1")
    without = ada.send("/models/update", file="gone.bundle", sure="")
    assert without.status_code == 409, "a bundle that strands nobody is no danger"


@pytest.mark.parametrize("path", ["/doors/lockdown", "/models/rollback", "/accounts/ada/remove"])
def test_what_one_may_not_do_is_not_asked_about(hall: Hall, ada: Browser, path: str) -> None:
    vera = hall.account("vera", Role.VIEW)
    vera.get("/doors")
    answer = vera.send(path, sure="")
    assert answer.status_code in (403, 409), text_of(answer)
    assert "role" in text_of(answer)
    forged = vera.send(path, sure="1", csrf="0" * 43)
    assert forged.status_code == 403


def test_what_a_form_holds_is_shown_as_text_and_sent_as_it_was(hall: Hall, ada: Browser, bench: Bench) -> None:
    ada.get("/doors")
    rule = '"><script>alert(1)</script>'
    asked = ada.send("/doors/revoke", rule=rule, sure="")
    assert "<script>alert" not in asked.text
    held = [found["value"] for _, found in tags_of(asked) if found.get("name") == "rule"]
    assert held == [rule]
