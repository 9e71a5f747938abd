"""Every number that can be set has an end on either side, and whatever lies beyond it is refused by its name."""

from __future__ import annotations

import dataclasses
import typing
from collections.abc import Iterator
from types import NoneType

import pytest

from edgeface.config import parse
from edgeface.errors import ConfigError
from edgeface.service.settings import Config

NO_NUMBERS = ("nan", "inf", "-inf", "true", "'1'", "[1]", "2020-01-01", "{ a = 1 }")
BEYOND = ("-1", "-1000000000", "1000000000", f"{10**18}")
BEYOND_FLOAT = ("-1e-9", "1e300", "-1e300")


def dials(kind: type, path: tuple[str, ...] = ()) -> Iterator[tuple[str, type]]:
    """(path, int or float) of every number below a table of settings."""
    kinds = typing.get_type_hints(kind)
    for one in dataclasses.fields(kind):
        found = [part for part in (typing.get_args(kinds[one.name]) or (kinds[one.name],)) if part is not NoneType]
        if dataclasses.is_dataclass(found[0]) and isinstance(found[0], type):
            yield from dials(found[0], (*path, one.name))
        elif found in ([int], [float]):
            yield ".".join((*path, one.name)), found[0]


DIALS = dict(dials(Config))


def test_all_dials_are_found() -> None:
    assert {"run.threads", "decide.threshold", "liveness.challenge.turns", "retention.audit_days"} <= DIALS.keys()
    assert len(DIALS) > 80


@pytest.mark.parametrize("dial", DIALS)
def test_what_lies_beyond_a_dial_is_refused_by_its_name(dial: str) -> None:
    table, _, name = dial.rpartition(".")
    for value in (*BEYOND, *NO_NUMBERS, *(BEYOND_FLOAT if DIALS[dial] is float else ("0.5", "1e300"))):
        with pytest.raises(ConfigError) as caught:
            parse(f"{dial} = {value}", Config)
        told = str(caught.value)
        assert told.startswith(table), value
        assert name in told, value


@pytest.mark.parametrize("dial", DIALS)
def test_the_value_that_a_dial_has_may_be_written(dial: str) -> None:
    value: object = Config()
    for part in dial.split("."):
        value = getattr(value, part)
    if value is not None:
        assert parse(f"{dial} = {value}", Config) == Config()
