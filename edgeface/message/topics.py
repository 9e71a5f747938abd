"""The topics of a device. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass

from edgeface.errors import ConfigError


@dataclass(frozen=True, slots=True, kw_only=True)
class Topics:
    """Where a device's messages go: `<base>/<device>/...`. Ids only, never a name."""

    base: str
    device: str

    def __post_init__(self) -> None:
        for key, value in (("base", self.base), ("device", self.device)):
            if re.fullmatch(r"[A-Za-z0-9_-]{1,64}", value) is None:
                raise ConfigError(f"mqtt {key} {value!r}: use 1 to 64 letters, digits, '-' and '_': it names topics")

    @property
    def state(self) -> str:
        return f"{self.base}/{self.device}/state"

    @property
    def info(self) -> str:
        return f"{self.base}/{self.device}/info"

    @property
    def health(self) -> str:
        return f"{self.base}/{self.device}/health"

    @property
    def decision(self) -> str:
        return f"{self.base}/{self.device}/decision"

    @property
    def history(self) -> str:
        return f"{self.base}/{self.device}/history"

    @property
    def event(self) -> str:
        return f"{self.base}/{self.device}/event"

    @property
    def image(self) -> str:
        """A picture that somebody asked to be shown, or nobody's."""
        return f"{self.base}/{self.device}/image"

    def request(self, verb: str) -> str:
        """Where somebody asks for something."""
        return f"{self.base}/{self.device}/request/{verb}"

    def response(self, verb: str) -> str:
        """Where it is answered."""
        return f"{self.base}/{self.device}/response/{verb}"

    def door(self, door: str, what: str) -> str:
        """Of one door: what its controller says, or how it is."""
        return f"{self.base}/{self.device}/door/{door}/{what}"

    @property
    def head(self) -> str:
        return f"{self.base}/{self.device}/head"
