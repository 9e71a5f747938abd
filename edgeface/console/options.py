"""How the console is reached, and for how long somebody stays signed in."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """Of `edgeface console`; no reader needs one."""

    address: str = "127.0.0.1"
    """Where it listens: this machine alone unless told otherwise. 0.0.0.0 is every network."""
    port: int = 8443
    """1..65535."""
    names: tuple[str, ...] = ()
    """Host names under which browsers reach it, for its own certificate and against DNS rebinding; this machine's
    name, localhost and every address count without being named."""
    certificate: Path | None = None
    """Certificate chain, PEM; unset: one of its own is made at the first start."""
    private_key: Path | None = None
    """The private key of it, PEM, without a passphrase."""
    plain: bool = False
    """Without TLS; only on this machine's own address, as behind an SSH tunnel."""
    idle_s: float = 900.0
    """Signed out after so long without a page, 60..86400. A choice: a cup of coffee."""
    longest_s: float = 43200.0
    """Signed out after so long in any case, up to a week. A choice: one working day."""

    def __post_init__(self) -> None:
        try:
            ipaddress.ip_address(self.address)
        except ValueError:
            raise ValueError(f"address must be an address such as 127.0.0.1, not {self.address!r}") from None
        if not 1 <= self.port <= 65535:
            raise ValueError("port must be 1 to 65535")
        if any(re.fullmatch(r"[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?", name) is None for name in self.names):
            raise ValueError("names must be host names")
        if (self.certificate is None) != (self.private_key is None):
            raise ValueError("certificate and private_key: name both or none")
        if self.plain and (self.certificate is not None or not self.loopback):
            raise ValueError("plain is for 127.0.0.1 or ::1 alone, and without a certificate")
        if not (60 <= self.idle_s <= 86400 and self.idle_s <= self.longest_s <= 604800):
            raise ValueError("idle_s must be 60 to 86400, longest_s idle_s to 604800")

    @property
    def loopback(self) -> bool:
        """Whether only this machine can reach it."""
        return ipaddress.ip_address(self.address).is_loopback
