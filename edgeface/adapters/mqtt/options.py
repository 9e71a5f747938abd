"""Where the broker is, and who we are."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

from edgeface.errors import ConfigError
from edgeface.message import Topics


@dataclass(frozen=True, slots=True, kw_only=True)
class MqttOptions:
    """A broker's address, and what it takes to be let in."""

    host: str
    port: int
    topics: Topics
    tls: bool = False
    ca_file: Path | None = None
    """Certificates to trust, PEM; None: the system's."""
    cert_file: Path | None = None
    """This device's own certificate, PEM, for a broker that asks for one; None: it has none."""
    key_file: Path | None = None
    """The private key of it, PEM, without a passphrase; None: it stands in `cert_file`."""
    username: str | None = None
    password_file: Path | None = None
    """A file whose first line is the password, so that it stands in no command line and no configuration."""
    keepalive_s: int = 15
    """A link on which nobody answers for one and a half times as long is given up, as a broker gives up its clients
    (MQTT 5, 3.1.2.10); a second or two later, as nobody looks more often."""

    @property
    def private(self) -> bool:
        """Whether nobody can listen on the way: TLS, or a broker on this machine."""
        return self.tls or self.host in ("localhost", "127.0.0.1", "::1")


def mqtt_options(
    url: str,
    topics: Topics,
    *,
    ca_file: Path | None = None,
    cert_file: Path | None = None,
    key_file: Path | None = None,
    password_file: Path | None = None,
) -> MqttOptions:
    """`mqtt://[user@]host[:port]`, or `mqtts://` with TLS, becomes options. Raises ConfigError."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise ConfigError(f"broker {url!r}: {error}") from error
    if parts.scheme not in ("mqtt", "mqtts") or not parts.hostname or port == 0:
        raise ConfigError(f"broker {url!r}: write it as mqtt://user@host:1883, or mqtts://user@host:8883 with TLS")
    if parts.password is not None:
        raise ConfigError("broker: put the password into a file instead of the address, where everybody can read it")
    if parts.path.strip("/") or parts.query or parts.fragment:
        raise ConfigError(f"broker {url!r}: nothing may follow the port")
    tls = parts.scheme == "mqtts"
    if (ca_file or cert_file or key_file) is not None and not tls:
        raise ConfigError(f"broker {url!r}: a certificate file is given but no TLS; write mqtts://")
    if key_file is not None and cert_file is None:
        raise ConfigError("mqtt.key_file: of no use without mqtt.cert_file")
    return MqttOptions(
        host=parts.hostname,
        port=port or (8883 if tls else 1883),
        topics=topics,
        tls=tls,
        ca_file=ca_file,
        cert_file=cert_file,
        key_file=key_file,
        username=None if parts.username is None else unquote(parts.username),
        password_file=password_file,
    )
