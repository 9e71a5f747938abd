"""Help that teaches: every command and option says what it is for."""

from __future__ import annotations

from collections.abc import Iterator

import click
import pytest
from calling import Edgeface

from edgeface import __version__
from edgeface.cli.main import main


def commands(group: click.Group = main, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    for name, command in group.commands.items():
        yield (*path, name), command
        if isinstance(command, click.Group):
            yield from commands(command, (*path, name))


EVERY = list(commands())


def test_every_command_of_the_documentation_is_there() -> None:
    paths = {" ".join(path) for path, _ in EVERY}
    assert paths >= {
        "enrol", "people", "people list", "people rename", "people forget", "access", "access show",
        "access check", "access test", "access week", "access who", "access grant", "access deny",
        "access revoke", "access group", "access pin", "access card", "access lockdown",
        "access reset", "audit", "audit show", "audit verify", "audit export", "audit head",
        "run", "inspect", "explain", "calibrate", "models", "models list",
        "models use", "models check", "models install", "models remove",
        "keys", "keys rotate-device", "keys make", "keys pair", "keys list", "keys revoke", "keys add", "keys sign",
        "keys introduce", "config", "config show", "config check",
        "doctor", "bench", "door", "door key", "replay",
        "backup", "restore", "people export", "people import",
    }  # fmt: skip


@pytest.mark.parametrize(("path", "command"), EVERY, ids=[" ".join(path) for path, _ in EVERY])
def test_every_command_and_option_is_explained(
    edgeface: Edgeface, path: tuple[str, ...], command: click.Command
) -> None:
    result = edgeface(*path, "--help")
    assert result.exit_code == 0
    assert command.help is not None
    assert len(command.help) > 20
    for parameter in command.params:
        if isinstance(parameter, click.Option):
            assert parameter.help, f"{' '.join(path)} {parameter.opts[-1]} is not explained"
            assert parameter.opts[-1] in result.output
        elif isinstance(parameter, click.Argument):
            name = str(parameter.human_readable_name).strip("[].").upper()
            assert name.rstrip("S") in command.help.upper(), f"{' '.join(path)} does not say what {name} is"


def test_the_first_page_lists_everything_and_the_first_steps(edgeface: Edgeface) -> None:
    text = edgeface("--help").output
    for command in main.commands.values():
        assert command.get_short_help_str(limit=100) in text
    for words in (
        "edgeface enrol",
        "edgeface run --source",
        "edgeface doctor",
        "edgeface inspect",
        "edgeface explain",
        "--home",
        "--config",
    ):
        assert words in text
    assert edgeface("-h").output == text


def test_version(edgeface: Edgeface) -> None:
    assert __version__ in edgeface("--version").output
