"""TLS to a real Mosquitto: whom the reader trusts, how it shows who it is, and what it says when either fails."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from authority import Authority
from broker import Broker, running
from edgeface.adapters.mqtt import check, mqtt_options
from edgeface.errors import BrokerError, ConfigError
from edgeface.message import Topics

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


@pytest.mark.parametrize(
    ("issue", "says"),
    [
        (lambda ca: ca.issue("old", first_day=-9, last_day=-1), "has expired"),
        (lambda ca: ca.issue("new", first_day=1, last_day=9), "not valid yet by this device's clock"),
        (lambda ca: ca.issue("other", host="192.0.2.1"), "for another host"),
    ],
)
def test_a_brokers_certificate_that_is_wrong_is_named(
    tmp_path: Path, authority: Authority, issue: Callable[[Authority], Path], says: str
) -> None:
    wrong = settings(issue(authority), "allow_anonymous true")
    with running(tmp_path, *wrong) as broker, pytest.raises(BrokerError, match=says):
        check(mqtt_options(url(broker), TOPICS, ca_file=authority.file))


def test_a_broker_of_another_authority_is_not_trusted(tmp_path: Path, authority: Authority) -> None:
    foreign = settings(Authority(tmp_path, "other-ca").issue("server"), "allow_anonymous true")
    with running(tmp_path, *foreign) as broker, pytest.raises(BrokerError, match="signed by nobody whom we trust"):
        check(mqtt_options(url(broker), TOPICS, ca_file=authority.file))


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
