"""TLS: a certificate of the console's own, made at the first start, or one that is given.

Its own is signed by nobody. The fingerprint is printed where the console was started, to be held against what the
browser shows at the first visit.
"""

from __future__ import annotations

import ipaddress
import ssl
from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from edgeface.errors import ConfigError
from edgeface.store import files

FILE = "certificate.pem"
"""Key and certificate, in the console's folder."""
YEARS = 10
"""A choice: it is trusted by its fingerprint, not by a date."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """What the server shows browsers."""

    certificate: Path
    private_key: Path
    fingerprint: str
    """SHA-256 of the certificate, as browsers show it."""


def own(folder: Path, names: Collection[str], address: str, now: datetime) -> Identity:
    """The console's own, made if there is none. Raises ConfigError."""
    path = folder / FILE
    try:
        if not path.exists():
            files.put(path, _made(names, address, now))
    except OSError as error:
        raise ConfigError(f"{path} cannot be written: {error.strerror or error}") from error
    return given(path, path)


def given(certificate: Path, private_key: Path) -> Identity:
    """Somebody's own. Raises ConfigError for what is none, or does not fit together."""
    try:
        ssl.create_default_context(ssl.Purpose.CLIENT_AUTH).load_cert_chain(certificate, private_key)
        found = x509.load_pem_x509_certificates(certificate.read_bytes())[0]
    except (OSError, ValueError) as error:
        raise ConfigError(f"{certificate} and {private_key} are no certificate and its key, in PEM: {error}") from error
    digest = found.fingerprint(hashes.SHA256()).hex().upper()
    told = ":".join(digest[place : place + 2] for place in range(0, len(digest), 2))
    return Identity(certificate=certificate, private_key=private_key, fingerprint=told)


def _made(names: Collection[str], address: str, now: datetime) -> bytes:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "edgeface console")])
    called: list[x509.GeneralName] = [x509.DNSName(name) for name in sorted(names)]
    called += [x509.IPAddress(ipaddress.ip_address(one)) for one in sorted({address, "127.0.0.1", "::1"})]
    signed = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(min(now, datetime(2026, 1, 1, tzinfo=UTC)))  # a board's clock may not be set yet
        .not_valid_after(max(now, datetime(2026, 1, 1, tzinfo=UTC)) + timedelta(days=365 * YEARS))
        .add_extension(x509.SubjectAlternativeName(called), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return private + signed.public_bytes(serialization.Encoding.PEM)
