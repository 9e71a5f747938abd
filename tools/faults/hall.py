"""The hallway that the soak plays in: reader, camera, broker, a door's controller, and somebody who may command.

What must hold is checked here too: whenever nobody has the gallery, and at the end.
"""

from __future__ import annotations

import random
import threading
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

from edgeface.adapters.clock import SystemClock
from edgeface.cli.context import Context
from edgeface.commands import Role
from edgeface.enrol import Portrait, portrait
from edgeface.frame import Pixels
from edgeface.message import Topics
from edgeface.service.bootstrap import GALLERY
from edgeface.service.enrolment import template_of
from edgeface.service.settings import Config
from edgeface.signature import key_id, public_of, public_text
from edgeface.store.database import Database, Row, open_database
from edgeface.store.gallery import GalleryStore
from edgeface.store.outbox import Outbox
from edgeface.store.verify import verify_gallery
from edgeface.wire import loads
from tools.broker import Broker
from tools.delivery.site import LATE_S, Controller, client, finish
from tools.fuzz_commands import Sender
from tools.hallway.camera import FilmCamera, portraits
from tools.hallway.manager import Manager

TOPICS = Topics(base="edgeface", device="reader")
KNOWN, STRANGER = "Ada", "nobody"
RULES = '[doors.main]\n[[grants]]\nname = "all"\nwho = ["everyone"]\ndoors = ["main"]\n'
STALE_S = 0.5
"""No grant on a shot that was older than this when it was made."""


class Hall:
    """Everything, once entered; `wrong` fills with whatever should not have been."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.folder, self.chance = folder, random.Random(seed)
        self.wrong: list[str] = []
        self.answers: dict[str, str] = {}
        """What became of each command: cmd_id -> code."""
        self.shut: list[tuple[int, int]] = []
        """From when to when a lockdown was known to hold; monotonic ns."""
        self.asked: set[str] = set()
        """Ids of the commands that were sent and may have acted."""
        self._looking = threading.Lock()
        self._said: set[str] = set()

    def __enter__(self) -> Hall:
        with ExitStack() as stack:
            home = self.folder / "home"
            home.mkdir(parents=True)
            (home / "access.toml").write_text(RULES, encoding="utf-8")
            ada, hopper = portraits()
            with closing(open_database(home / GALLERY)) as database:
                seed = database.keyring.signing_seed
                device = key_id(public_of(seed))
                self.warden = Sender(database, device, Role.OPERATE)
                self.viewer = Sender(database, device, Role.VIEW)
                self.warden.seq = 1_000_000  # ids are made of it, and answers are told apart by them
                enrol(home, database, ada, KNOWN)
            self.broker = Broker(self.folder)
            self.broker.start()
            stack.callback(self.broker.stop)
            port = self.broker.port
            self.controller = Controller(port, public_text(public_of(seed)))
            stack.callback(self.controller.stop)
            self.line = client(port, self._hear, (TOPICS.response("#"),))
            stack.callback(finish, self.line)
            camera = self.folder / "camera"
            self.camera = stack.enter_context(
                FilmCamera(camera, [(KNOWN, [ada]), (STRANGER, [hopper]), (KNOWN, [ada])])
            )
            words = ("--broker", self.broker.url)
            self.manager = Manager(self.folder, camera, words, before_start=self.look)
            stack.enter_context(self.manager)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def blame(self, problem: str) -> None:
        """Something that should not be; each is told once."""
        if problem not in self._said:
            self._said.add(problem)
            self.wrong.append(problem)

    def look(self) -> None:
        """Hold what is on the disk against what was told. While the reader does not run."""
        with self._looking, closing(open_database(self.manager.home / GALLERY)) as database:
            broken = verify_gallery(database, ()).broken
            if broken is not None:
                self.blame(f"the audit log does not hold: row {broken.seq}: {broken.says}")
            rows = {row["decision_id"]: row for row in database.read("SELECT * FROM audit WHERE kind = 'decision'")}
            kinds = {row["kind"] for row in database.read("SELECT DISTINCT kind FROM audit")}
            acted = [loads(row["payload"]) for row in database.read("SELECT payload FROM audit WHERE kind = 'command'")]
            sent = {row["seq"] for row in database.read("SELECT seq FROM outbox")}
        self._lost(rows, sent)
        for row in rows.values():
            self._grant(row)
        self._openings(rows)
        if odd := {one["cmd_id"] for one in acted if "cmd_id" in one} - self.asked:
            self.blame(f"commands acted that nobody sent: {', '.join(sorted(odd))}")
        if odd := kinds - {"decision", "start", "enrol", "command", "clock", "config", "keys", "alarm"}:
            self.blame(f"rows of kinds that nobody asked for: {', '.join(sorted(odd))}")

    def finish(self) -> None:
        """Have everything sent once more, and see whether a consumer then lacks anything."""
        self.manager.rest()
        self.look()
        with closing(open_database(self.manager.home / GALLERY)) as database:
            seqs = [row["seq"] for row in database.read("SELECT seq FROM outbox")]
            for gap in (*self.controller.ledger.missing(), range(self.controller.ledger.newest + 1, 1 + max(seqs))):
                if len(gap):
                    Outbox(database).again(gap.start, gap.stop - 1)

    def drained(self) -> list[str]:
        """Decisions that the controller never heard of. While the reader does not run."""
        self.look()
        with closing(open_database(self.manager.home / GALLERY)) as database:
            stored = [
                row["decision_id"] for row in database.read("SELECT decision_id FROM audit WHERE kind = 'decision'")
            ]
        return [one for one in stored if one not in self.controller.arrived]

    def ask(self, verb: str, body: dict[str, Any]) -> str:
        """Send a command; its id."""
        text = self.warden.sign(verb, body)
        identity = str(loads(text)["cmd_id"])
        self.asked.add(identity)
        self.line.publish(TOPICS.request(verb), text, qos=1)
        return identity

    def _lost(self, rows: dict[str, Row], sent: set[int]) -> None:
        told = [(one["id"], one["seq"]) for one in list(self.manager.told)]
        for identity, seq in told:
            if identity not in rows or rows[identity]["seq"] != seq:
                self.blame(f"decision {identity} was told and is not in the journal")
        for identity in list(self.controller.arrived):
            if identity not in rows:
                self.blame(f"decision {identity} was published and is not in the journal")
        if {row["seq"] for row in rows.values()} != sent:
            self.blame("decisions are not in audit and outbox alike")

    def _grant(self, row: Row) -> None:
        message = loads(row["payload"])
        if message["outcome"] != "grant":
            return
        shot_ns, made_ns = row["captured_at_monotonic_ns"], row["at_monotonic_ns"]
        if not self.camera.showed(KNOWN, shot_ns):
            self.blame(f"row {row['seq']} let somebody in while {KNOWN} was not there")
        if made_ns - shot_ns > STALE_S * 1e9:
            self.blame(f"row {row['seq']} let somebody in on a shot of {(made_ns - shot_ns) / 1e9:.1f} s before")
        if any(begun <= shot_ns <= ended for begun, ended in self.camera.blind):
            self.blame(f"row {row['seq']} let somebody in while the camera saw nothing")
        if any(begun <= made_ns <= ended for begun, ended in self.shut):
            self.blame(f"row {row['seq']} let somebody in during a lockdown")

    def _openings(self, rows: dict[str, Row]) -> None:
        for identity, opened_s in list(self.controller.opened.items()):
            if (row := rows.get(identity)) is None:
                self.blame(f"the door opened for {identity}, which is not in the journal")
            elif opened_s - row["at_monotonic_ns"] / 1e9 > LATE_S:
                self.blame(f"the door opened {opened_s - row['at_monotonic_ns'] / 1e9:.1f} s after row {row['seq']}")

    def _hear(self, _client: Any, _data: Any, message: Any) -> None:
        answer = loads(message.payload)
        if answer.get("cmd_id"):
            self.answers[answer["cmd_id"]] = answer["code"]


def enrol(home: Path, database: Database, face: Pixels, name: str) -> None:
    """Somebody, by one portrait."""
    found = portrait(face, Context(home=home, config_file=None).models(), Config().pipeline())
    if not isinstance(found, Portrait):
        raise RuntimeError(f"the portrait was refused: {found.advice}")
    GalleryStore(database).enrol(name, [template_of(found, "portrait")], SystemClock().now())
