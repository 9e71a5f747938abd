"""Where verbs are carried out, and what of the running reader follows them at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from edgeface.access import Answer, Factor, State, encode
from edgeface.adapters.clock import boot_id
from edgeface.bar import Bar
from edgeface.commands.words import Watch
from edgeface.errors import ConfigError, EnrolmentError, GalleryError, ReaderAbsent
from edgeface.frame import Instant
from edgeface.service.bootstrap import SETTINGS, Loaded, broker_options
from edgeface.service.desk.rulebook import RuleBook
from edgeface.service.guard import recall
from edgeface.service.guide import Guide
from edgeface.service.loop import Recorded
from edgeface.service.settings import Config
from edgeface.store import access_state, audit
from edgeface.store.audit import Facts, Kind
from edgeface.store.database import Database
from edgeface.store.gallery import GalleryStore


class Live(Protocol):
    """The reader at work."""

    def turn(self) -> AbstractContextManager[object]:
        """Between two frames: as long as it is held the reader looks at none."""
        ...

    def renewed_people(self) -> Callable[[], None]:
        """Read who is enrolled anew; what is returned puts it in force. Raises ConfigError for whom cannot be."""
        ...

    def renewed_rules(self) -> Callable[[], None]:
        """Read the rules of access anew; what is returned puts them in force. Raises ConfigError."""
        ...

    def change(self, change: Callable[[State], State]) -> Callable[[], None]:
        """Store what the doors remember from now on; what is returned puts it in force. Raises GalleryError."""
        ...

    def let_in(self, door: str, by: str) -> tuple[Recorded, Callable[[], None]]:
        """Store the decision that opens a door from afar; what is returned opens it. Raises DoorError if it must stay
        shut, GalleryError if it could not be stored."""
        ...

    def present(self, factor: Factor) -> Answer:
        """A PIN or a card. Raises GalleryError."""
        ...

    def present_picture(self, jpeg: bytes) -> Callable[[], None]:
        """Show a picture in Home Assistant for a minute; what is returned does it. Raises ConfigError where that is not
        allowed, BrokerError without a link."""
        ...

    def hide_pictures(self) -> None:
        """Show nobody from now on."""
        ...

    def dial(self) -> str | None:
        """The false accepts by which it goes."""
        ...

    def renewed_dial(self, dial: str | None) -> tuple[Bar, Callable[[], None]]:
        """The bar by another dial; what is returned puts it in force. Raises ConfigError if it cannot be kept."""
        ...

    def shut(self) -> str | None:
        """Why it lets in nobody, or hardly anybody."""
        ...

    def replay(self, first: int, last: int) -> None:
        """Send a range of rows of the journal once more, as history."""
        ...

    def forgot(self) -> None:
        """What the doors remembered is gone from the store: begin anew."""
        ...

    def restart(self) -> None:
        """Stop as soon as this is answered; whoever started it starts it anew."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """Takes the verbs of one home folder, with or without a reader at work in it."""

    config: Config
    database: Database
    loaded: Callable[[], Loaded]
    """The models in use; asked for only by verbs that need them."""
    now: Callable[[], Instant]
    by: str
    """Whom the audit names: "key 0123456789abcdef" or "uid 1000"."""
    settings: Path | None = None
    """Where edgeface.toml lies; None: in the home folder."""
    live: Live | None = None
    guide: Guide | None = None
    """Enrols whoever stands before the camera; None if none is at work."""
    near: bool = False
    """Whether whoever asks is on this machine."""
    show: Callable[[Watch], None] | None = None
    """Begins to show what the camera sees; None if this is no way to be shown anything."""
    then: list[Callable[[], None]] = field(default_factory=list)
    """What is to be put in force once the verb's transaction is on the disk."""

    @property
    def home(self) -> Path:
        return self.database.path.parent

    @property
    def settings_path(self) -> Path:
        return self.home / SETTINGS if self.settings is None else self.settings

    def names(self) -> Mapping[str, str]:
        """Everybody enrolled: names by id."""
        return {person.id: person.name for person in GalleryStore(self.database).people()}

    def rules(self) -> RuleBook:
        """The rules of access, to be read and edited."""
        return RuleBook(home=self.home, door=self.config.decide.door, people=self.names(), note=self._note_rules)

    def renew_people(self) -> None:
        """The running reader knows who is enrolled as it is now, once the transaction is on the disk."""
        if self.live is not None:
            self.then.append(self.live.renewed_people())

    def renew_rules(self) -> None:
        """The same for the rules."""
        if self.live is not None:
            self.then.append(self.live.renewed_rules())

    def remember(self, asked: Facts, change: Callable[[State], State]) -> None:
        """Change what the doors remember, and audit it, in one transaction. Raises GalleryError if that is damaged."""
        now = self.now()
        with self.database.transaction() as tables:
            if self.live is not None:
                self.then.append(self.live.change(change))
            else:
                state = recall(self.database, boot_id(), now)
                if state.lost is not None:
                    raise GalleryError(_damaged(state.lost))
                access_state.replace_all(tables, encode(change(state), boot_id()))
            audit.note(tables, Kind.COMMAND, now, {"by": self.by, **asked})

    def remember_nothing(self) -> None:
        """Forget all that the doors remember, damaged or not, and audit it, in one transaction."""
        with self.database.transaction() as tables:
            access_state.replace_all(tables, {})
            audit.note(tables, Kind.COMMAND, self.now(), {"by": self.by, "what": "reset all"})
        if self.live is not None:
            self.then.append(self.live.forgot)

    def expect_live(self) -> Live:
        """The running reader. Raises ReaderAbsent if there is none."""
        if self.live is None:
            raise ReaderAbsent("no reader is running here")
        return self.live

    def expect_private(self) -> None:
        """Faces, and what stands for them, are told where nobody can listen: on this machine, or by TLS. Raises
        ConfigError."""
        if not self.near and self.config.mqtt.broker and not broker_options(self.config.mqtt).private:
            raise ConfigError("a face goes over TLS only: see mqtts:// in mqtt.broker, or ask on the reader itself")

    def expect_guide(self) -> Guide:
        """Raises EnrolmentError if no camera is at work."""
        if self.guide is None:
            raise EnrolmentError("no reader is running here: nobody stands before its camera")
        return self.guide

    def _note_rules(self, facts: Facts) -> None:
        with self.database.transaction() as tables:
            audit.note(tables, Kind.RULES, self.now(), {"by": self.by, **facts})


def _damaged(lost: str) -> str:
    return f"what the doors remember is damaged ({lost}): `edgeface access reset --all`"
