"""`edgeface console`: the reader in a browser."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from edgeface.cli.context import Context
from edgeface.console.options import Options
from edgeface.errors import ConfigError
from edgeface.service.serve import SOCKET

MISSING = "the console needs more packages: pip install 'edgeface[web]'"


@click.command(short_help="The running reader in a browser: people, doors, decisions, health.")
@click.option("--address", help="Where it listens; default: this machine alone (address under [console]).")
@click.option("--port", type=click.IntRange(1, 65535), help="Default: 8443, or port under [console].")
@click.option("--plain", is_flag=True, help="Without TLS; only for this machine itself, as behind an SSH tunnel.")
@click.option("--reader", type=click.Path(path_type=Path), metavar="SOCKET",
              help="Where the running reader is asked; default: edgeface.sock in the home folder.")  # fmt: skip
@click.option("--state", type=click.Path(path_type=Path, file_okay=False),
              help="Folder of accounts and certificate; default: console in the home folder.")  # fmt: skip
@click.pass_obj
def console(
    context: Context, address: str | None, port: int | None, plain: bool, reader: Path | None, state: Path | None
) -> None:
    """Serve the console, until it is stopped. To be run as the reader's own user, while the reader runs.

    \b
    edgeface console                          then open https://127.0.0.1:8443/ on this machine
    edgeface console --address 0.0.0.0        from every machine that reaches this one
    ssh -L 8443:127.0.0.1:8443 reader         or from afar, through a tunnel

    The first start prints a code: whoever has it makes the first account. The certificate is the console's own; compare
    the fingerprint that is printed with what the browser shows, once. Everything that is changed in the browser goes to
    the reader as a signed command of the account's own key: same rules, same roles, same audit as over MQTT.
    """
    try:
        from edgeface.console import certificate, gate
        from edgeface.console.accounts import Accounts
        from edgeface.console.app import Console
        from edgeface.console.dial import Dial
        from edgeface.console.known import Known
        from edgeface.console.pages.setup import new_code
        from edgeface.console.server import server
    except ModuleNotFoundError as error:
        raise ConfigError(MISSING) from error
    config = context.config()
    options = _options(config.console, address, port, plain)
    folder = _folder(state or context.home / "console")
    identity = None
    if options.certificate is not None and options.private_key is not None:
        identity = certificate.given(options.certificate, options.private_key)
    elif not options.plain:
        identity = certificate.own(folder, gate.own_names(options.names), options.address, datetime.now(UTC))
    made = Console(
        options=options,
        accounts=Accounts(folder),
        reader=Dial(reader or config.socket.path or context.home / SOCKET),
        set_up_code=new_code(),
        known=Known(folder),
    )
    host = f"[{options.address}]" if ":" in options.address else options.address
    click.echo(f"Console: {'http' if identity is None else 'https'}://{host}:{options.port}/")
    if identity is not None:
        click.echo(f"Certificate, SHA-256: {identity.fingerprint}")
    if not made.accounts.everybody():
        click.echo(f"Set-up code, for the first account: {made.set_up_code}")
    made.pulse.start()
    server(made, identity).run()
    made.pulse.stop()


def _options(options: Options, address: str | None, port: int | None, plain: bool) -> Options:
    given: dict[str, Any] = {"address": address, "port": port, "plain": plain or None}
    try:
        return replace(options, **{key: value for key, value in given.items() if value is not None})
    except ValueError as error:
        raise ConfigError(f"console: {error}") from error


def _folder(folder: Path) -> Path:
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        if folder.stat().st_mode & 0o077:
            raise ConfigError(f"others than its owner can look into {folder}: chmod 700 {folder}")
    except OSError as error:
        raise ConfigError(f"the folder {folder} cannot be made: {error.strerror}; see --state") from error
    return folder
