"""A PIN that comes over MQTT counts for the visit that is going on: the face first, then the PIN, then the door."""

from __future__ import annotations

import base64
import time
from pathlib import Path

import pytest

from asking import at_work
from broker import running
from edgeface.decide import Decision, Outcome
from edgeface.frame import Pixels
from edgeface.image import encode_jpeg
from edgeface.service.bootstrap import Loaded
from portraits import film

RULES = """
[doors.main]
second_factor = "pin"
second_factor_within_s = 60.0
[[grants]]
who = ["everyone"]
doors = ["main"]
"""


@pytest.mark.parametrize(("pin", "duress"), [("24681357", False), ("86427531", True)])
def test_the_face_then_the_pin_then_the_door(
    home: Path, tmp_path: Path, loaded: Loaded, astronaut: Pixels, pin: str, duress: bool
) -> None:
    """The film began a little ago, so that a PIN of now falls into it. The keypad is told the same of either PIN."""
    home.mkdir()
    (home / "access.toml").write_text(RULES)
    picture = base64.b64encode(encode_jpeg(astronaut)).decode()
    with running(tmp_path) as broker, at_work(home, loaded, broker) as (station, asker):
        body = {"name": "Ada", "pictures": [picture], "consent_by": "The Warden"}
        assert asker.ask("people/enrol", body)["code"] == "done"
        assert asker.ask("access/pin", {"who": "Ada", "pin": "24681357"})["code"] == "done"
        assert asker.ask("access/pin", {"who": "Ada", "pin": "86427531", "duress": True})["code"] == "done"
        typed = {"door": "main", "kind": "pin", "secret": pin}
        assert asker.ask("door/present", typed)["data"]["reply"] == "nobody", "a PIN before the face is nobody's"
        decided: list[Decision] = []
        answer = None
        for frame in film(astronaut, 90, start_s=(time.clock_gettime_ns(time.CLOCK_BOOTTIME) - 5e9) / 1e9 - 8):
            decided += [recorded.decision for recorded in station.reader.step(frame).decisions]
            if decided and answer is None:
                wrong = asker.ask("door/present", {**typed, "secret": "00000000"})["data"]
                answer = asker.ask("door/present", typed)["data"]
            if decided and decided[-1].outcome is Outcome.GRANT:
                break
        assert wrong["reply"] == "wrong"
        assert answer == {"reply": "accepted", "reason": "thank you: look at the camera"}
        assert (decided[0].outcome, decided[0].rule) == (Outcome.DENY, "doors.main.second_factor")
        assert (decided[-1].outcome, decided[-1].duress) == (Outcome.GRANT, duress)
        assert len({decision.track for decision in decided}) == 1, "one visit"
