"""The console over the reader's real socket, and the reader starting anew under a page."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from consoles import hall_of, text_of

from commanding import Bench
from edgeface.adapters.listener import listen
from edgeface.commands import Role
from edgeface.console.dial import Dial
from edgeface.console.pulse import Pulse
from edgeface.frame import Instant
from edgeface.service.lookout import Lookout
from edgeface.service.reception import Reception
from edgeface.store import commands


@contextmanager
def answering(bench: Bench, path: Path) -> Iterator[None]:
    reception = Reception(listen(path), bench.clerk, Lookout(lambda person_id: person_id))
    reception.start()
    try:
        yield
    finally:
        reception.stop()


def test_it_is_set_up_and_asked_over_the_socket(bench: Bench, tmp_path: Path) -> None:
    wall = datetime.now(UTC).timestamp()
    bench.moment = Instant(monotonic_ns=10**12, wall_ns=int(wall * 1000) * 10**6, wall_trusted=False)
    path, hall = tmp_path / "edgeface.sock", hall_of(bench, tmp_path)
    hall.console.speaker.reader = Dial(path)
    object.__setattr__(hall.console, "reader", Dial(path))
    ada = hall.browser()
    assert ada.set_up("ada").status_code == 503, "nobody answers yet"
    with answering(bench, path):
        assert ada.set_up("ada").status_code == 303
        (account,) = hall.console.accounts.everybody()
        known = commands.find(bench.database, account.key_id)
        assert known is not None and known.role is Role.ADMIN
        assert bench.rows("keys")[-1]["by"].startswith("local:")
        ada.sign_in("ada")
        assert ada.get("/people").status_code == 200
    gone = ada.get("/people")
    assert (gone.status_code, "does not answer" in text_of(gone)) == (503, True)
    with answering(bench, path):
        assert ada.get("/people").status_code == 200
        pulse = Pulse(Dial(path))
        pulse.look()
        assert pulse.points("fps") == [], "it has said nothing about itself yet"
