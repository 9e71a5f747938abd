"""TLS to a real Mosquitto: whom the reader trusts, how it shows who it is, and what it says when either fails."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from broker import Broker, running
from edgeface.adapters.mqtt import check, mqtt_options
from edgeface.errors import BrokerError, ConfigError
from edgeface.message import Topics
from tools.authority import Authority

TOPICS = Topics(base="edgeface", device="front")
pytestmark = pytest.mark.filterwarnings(
    "ignore:.*unclosed.*SSLSocket", "ignore::pytest.PytestUnraisableExceptionWarning"
)


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


def settings(server: Path, *more: str) -> tuple[str, ...]:
    return (f"certfile {server}", f"keyfile {server}", *more)


def url(broker: Broker) -> str:
    return f"mqtts://127.0.0.1:{broker.port}"


def test_a_client_certificate_is_who_the_reader_is(tmp_path: Path, authority: Authority) -> None:
    """The broker takes the name out of the certificate and holds it against its access list."""
    (tmp_path / "acl").write_text("user front\ntopic write edgeface/front/#\n")
    asks = (
        "allow_anonymous false", f"cafile {authority.file}", "require_certificate true",
        "use_identity_as_username true", f"acl_file {tmp_path / 'acl'}",
    )  # fmt: skip
    own, late = authority.issue("front"), authority.issue("late", first_day=-9, last_day=-1)
    foreign = Authority(tmp_path, "other-ca").issue("foreign")
    with running(tmp_path, *settings(authority.issue("server"), *asks)) as broker:
        check(mqtt_options(url(broker), TOPICS, ca_file=authority.file, cert_file=own))
        check(mqtt_options(url(broker), TOPICS, ca_file=authority.file, cert_file=own, key_file=own))
        for file in (None, late, foreign):
            with pytest.raises(BrokerError, match="cert_file"):
                check(mqtt_options(url(broker), TOPICS, ca_file=authority.file, cert_file=file))


def test_a_password_over_tls(tmp_path: Path, authority: Authority) -> None:
    subprocess.run(["mosquitto_passwd", "-b", "-c", tmp_path / "passwd", "front", "right"], check=True)
    (tmp_path / "right").write_text("right\n")
    (tmp_path / "wrong").write_text("wrong\n")
    asks = ("allow_anonymous false", f"password_file {tmp_path / 'passwd'}")
    with running(tmp_path, *settings(authority.issue("server"), *asks)) as broker:
        there = url(broker).replace("mqtts://", "mqtts://front@")
        check(mqtt_options(there, TOPICS, ca_file=authority.file, password_file=tmp_path / "right"))
        for file in (tmp_path / "wrong", None):
            with pytest.raises(BrokerError, match="user, password"):
                check(mqtt_options(there, TOPICS, ca_file=authority.file, password_file=file))


def test_files_that_do_not_fit(tmp_path: Path, authority: Authority) -> None:
    own = authority.issue("front")
    with pytest.raises(ConfigError, match="no TLS"):
        mqtt_options("mqtt://host", TOPICS, cert_file=own)
    with pytest.raises(ConfigError, match=r"without mqtt\.cert_file"):
        mqtt_options("mqtts://host", TOPICS, key_file=own)
    other = authority.issue("other")
    for cert, key in ((own, other), (authority.file, None), (tmp_path / "missing", None)):
        with pytest.raises(BrokerError, match="certificate file cannot be used"):
            check(mqtt_options("mqtts://localhost", TOPICS, cert_file=cert, key_file=key))
