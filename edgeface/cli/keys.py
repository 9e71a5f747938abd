"""`edgeface keys`: who may command this reader over the network."""

from __future__ import annotations

import json
import re
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import click

from edgeface.adapters.clock import SystemClock
from edgeface.cli.context import Context
from edgeface.commands import VERBS, Command, Role, signed, words, words_keys
from edgeface.commands.verbs import PAIR
from edgeface.errors import ConfigError, GalleryMissing
from edgeface.service.bootstrap import GALLERY
from edgeface.service.desk.keys import valid_key_name
from edgeface.service.pairing import OPEN_FOR_S, await_button, close_window, open_window, proof_of
from edgeface.signature import SEED_BYTES, key_id, parse_public, public_of, public_text
from edgeface.store import files
from edgeface.wire import MessageError, loads, plain

_LINE = re.compile(r"edgeface-command-key-1 ([0-9a-f]{64})")


@click.group(short_help="Who may command this reader over the network.")
def keys() -> None:
    """Every command over MQTT is signed with a key that was paired with the reader. There is no other way.

    \b
    On your desk:     edgeface keys make ada.key
    At the reader:    edgeface keys pair --role admin        shows a code, for ten minutes and one key
    On your desk:     edgeface keys introduce ada.key --to READER --code CODE --name Ada    -> send it
    From then on:     edgeface keys sign health --key ada.key --to READER                   -> send it

    READER is the reader's own key: `edgeface door key` prints it, and every decision carries its id.
    """


@keys.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
def make(file: Path) -> None:
    """Make a key of your own in FILE, which only you may read. It never leaves your machine."""
    seed = secrets.token_bytes(SEED_BYTES)
    try:
        files.create_private(file, f"edgeface-command-key-1 {seed.hex()}\n".encode())
    except OSError as error:
        raise ConfigError(f"{file} cannot be made: {error.strerror}; a key is never written over another") from error
    click.echo(f"{file} holds the key {key_id(public_of(seed))}, public part {public_text(public_of(seed))}")


@keys.command()
@click.option("--role", type=click.Choice([role.value for role in Role]), required=True, help="What it may do.")
@click.option("--button", is_flag=True, help="The code counts once somebody has pressed the button at the reader.")
@click.option("--close", is_flag=True, help="Close pairing instead, before anybody used it.")
@click.pass_obj
def pair(context: Context, role: str, button: bool, close: bool) -> None:
    """Let one key pair within ten minutes; to be run at the reader, by its own user, while the reader runs.

    Shows a code. Whoever has it may pair a key of that role; then, after ten minutes or at the next start of the
    machine, pairing is closed again by itself.

    With --button the ten minutes begin with a press of the button whose line is set under [gpio]: for whoever prepares
    pairing from afar, and has it allowed by somebody who stands there. Until then the code is good for nothing.
    """
    if close:
        close_window(context.home)
        click.echo("Pairing is closed.")
        return
    if not (context.home / GALLERY).exists():
        raise GalleryMissing(f"there is no reader in {context.home} yet: start one first, `edgeface run --help`")
    minutes = f"{OPEN_FOR_S / 60:.0f} minutes"
    if button:
        if not context.config().gpio.button:
            raise ConfigError("gpio.button is not set: it names the line of the button, such as /dev/gpiochip0:22")
        click.echo(await_button(context.home, Role(role)))
        click.echo(f"One key may pair as {role} with this code, for {minutes} after the button is pressed.", err=True)
        return
    click.echo(open_window(context.home, Role(role), SystemClock().now()))
    click.echo(f"One key may pair as {role} with this code, for {minutes} from now.", err=True)


@keys.command("list")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a key and line.")
@click.pass_obj
def list_keys(context: Context, as_json: bool) -> None:
    """All keys that may command, and those that were revoked."""
    found = context.ask("keys/list", words.Nothing()).keys
    for row in found:
        gone = "  revoked" if row.revoked else ""
        click.echo(json.dumps(plain(row)) if as_json else f"{row.id}  {row.role.value:8} {row.name}{gone}")
    if not found and not as_json:
        click.echo("No key may command this reader: `edgeface keys --help`")


@keys.command()
@click.argument("key")
@click.pass_obj
def revoke(context: Context, key: str) -> None:
    """Let KEY (an id) command no more, for good."""
    context.ask("keys/revoke", words.KeyName(id=key))
    click.echo(f"{key} may command no more.")


@keys.command()
@click.argument("key")
@click.option("--role", type=click.Choice([role.value for role in Role]), required=True, help="What it may do.")
@click.option("--name", required=True, help="Whose key it is.")
@click.pass_obj
def add(context: Context, key: str, role: str, name: str) -> None:
    """Add KEY here and now: for whoever sets up the machine, as root or the reader's own user.

    KEY is the public part, ed25519:..., as `keys make` prints it, or the file itself. A key with the role "publish"
    signs bundles of models (`edgeface models pack`) and commands nothing.
    """
    asked = words_keys.NewKey(public_key=public_text(_public(key)), name=name, role=Role(role))
    made = context.ask("keys/add", asked)
    click.echo(f"{made.id} may {'publish models' if role == Role.PUBLISH else f'command as {role}'}.")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Way:
    """What every command to be signed needs."""

    seed: bytes
    to: str
    ttl_s: int


@keys.command()
@click.argument("verb", type=click.Choice(sorted(set(VERBS) - {PAIR})), metavar="VERB")
@click.argument("body", default="{}")
@click.option("--key", "file", type=click.Path(path_type=Path, dir_okay=False, exists=True), required=True,
              help="Your key.")  # fmt: skip
@click.option("--to", required=True, help="The reader's key: as `edgeface door key` prints it, or its id.")
@click.option("--ttl", default=10, show_default=True, help="Most seconds that it may be on its way.")
def sign(verb: str, body: str, file: Path, to: str, ttl: int) -> None:
    """Print the command VERB, with BODY as a JSON object, signed and ready to be sent to request/VERB.

    \b
    mosquitto_rr -V 5 -t edgeface/reader/request/health -e edgeface/reader/response/me \\
        -m "$(edgeface keys sign health --key ada.key --to READER)"
    """
    try:
        found = loads(body)
    except MessageError as error:
        raise click.BadParameter(str(error), param_hint="BODY") from error
    click.echo(_signed(_Way(seed=seed_of(file), to=to, ttl_s=ttl), verb, found))


@keys.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False, exists=True))
@click.option("--to", required=True, help="The reader's key: as `edgeface door key` prints it, or its id.")
@click.option("--code", prompt=True, help="What `edgeface keys pair` showed at the reader.")
@click.option("--name", required=True, help="Whose key it is: letters, digits, spaces, - and _.")
def introduce(file: Path, to: str, code: str, name: str) -> None:
    """Print the command with which the key in FILE pairs, ready to be sent to request/keys/pair."""
    seed = seed_of(file)
    public = public_text(public_of(seed))
    body = {"public_key": public, "name": valid_key_name(name), "proof": proof_of(code, public)}
    click.echo(_signed(_Way(seed=seed, to=to, ttl_s=60), PAIR, body))


def _signed(way: _Way, verb: str, body: Mapping[str, object]) -> str:
    moment = datetime.now(UTC)
    try:
        command = Command(
            cmd_id=secrets.token_hex(12),
            key_id=key_id(public_of(way.seed)),
            to=key_id(parse_public(way.to)) if way.to.startswith("ed25519:") else way.to,
            verb=verb,
            body=body,
            seq=time.time_ns() // 10**6,
            issued_at=moment,
            ttl_s=min(way.ttl_s, VERBS[verb].most_ttl_s),
        )
        return signed(way.seed, command)
    except ValueError as error:
        raise ConfigError(f"this cannot be signed: {error}") from error


def _public(key: str) -> bytes:
    if not key.startswith("ed25519:"):
        return public_of(seed_of(Path(key)))
    try:
        return parse_public(key)
    except ValueError as error:
        raise ConfigError(str(error)) from error


def seed_of(file: Path) -> bytes:
    """The private key in a file of `edgeface keys make`. Raises ConfigError."""
    try:
        status, text = file.stat(), file.read_text(encoding="ascii", errors="replace").strip()
    except OSError as error:
        raise ConfigError(f"{file} cannot be read: {error.strerror}") from error
    if status.st_mode & 0o077:
        raise ConfigError(f"{file} may be read by others (mode {status.st_mode & 0o777:o}): chmod 600 {file}")
    found = _LINE.fullmatch(text)
    if found is None:
        raise ConfigError(f"{file} holds no key to command with: `edgeface keys make`")
    return bytes.fromhex(found[1])
