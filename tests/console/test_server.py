"""The console as it is served: TLS by a certificate of its own, and nothing that a browser does not need."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import httpx2
import pytest
from consoles import hall_of, served

from broker import free_port
from commanding import Bench
from edgeface.console import certificate
from edgeface.console.certificate import Identity
from edgeface.console.options import Options
from edgeface.errors import ConfigError
from tools.authority import Authority


@contextmanager
def at_its_port(bench: Bench, folder: Path, identity: Identity | None) -> Iterator[str]:
    hall = hall_of(bench, folder, port=free_port(), plain=identity is None)
    with served(hall.console, identity):
        yield f"http{'' if identity is None else 's'}://localhost:{hall.options.port}"


def test_it_is_served_by_its_own_certificate(bench: Bench, tmp_path: Path) -> None:
    names = {"localhost", "reader.local"}
    identity = certificate.own(tmp_path, names, "127.0.0.1", datetime.now(UTC))
    assert identity.certificate.stat().st_mode & 0o777 == 0o600
    assert certificate.own(tmp_path, names, "127.0.0.1", datetime.now(UTC)) == identity, "made once"
    trust = ssl.create_default_context(cafile=str(identity.certificate))
    with at_its_port(bench, tmp_path, identity) as url, httpx2.Client(base_url=url, verify=trust) as client:
        answer = client.get("/setup")
        assert answer.status_code == 200 and "server" not in answer.headers
        assert "Secure" in answer.headers["set-cookie"]
        with pytest.raises(httpx2.TransportError):
            httpx2.get(url.replace("https", "http") + "/setup")


def test_plain_serves_this_machine(bench: Bench, tmp_path: Path) -> None:
    with at_its_port(bench, tmp_path, None) as url:
        cookie = httpx2.get(f"{url}/setup").headers["set-cookie"]
    assert cookie.startswith("edgeface-early=") and "HttpOnly" in cookie and "Secure" not in cookie


def test_a_certificate_that_is_given_must_fit_its_key(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    one, other = authority.issue("one"), authority.issue("other")
    assert len(certificate.given(one, one).fingerprint) == 95
    nothing = tmp_path / "nothing.pem"
    nothing.write_text("no certificate")
    for wrong in ((one, other), (nothing, one), (tmp_path / "gone.pem", one), (one, nothing)):
        with pytest.raises(ConfigError):
            certificate.given(*wrong)


@pytest.mark.parametrize(
    "odd",
    [
        {"port": 0}, {"address": "reader.local"}, {"names": ("a b",)}, {"idle_s": 1.0}, {"longest_s": 60.0},
        {"certificate": Path("a.pem")}, {"plain": True, "address": "192.168.0.2"}, {"idle_s": float("nan")},
    ],
)  # fmt: skip
def test_odd_options_are_refused(odd: dict[str, object]) -> None:
    with pytest.raises(ValueError):
        replace(Options(), **odd)  # type: ignore[arg-type]
