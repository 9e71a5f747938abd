"""`edgeface people export` and `import`: people go to another device."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from edgeface.adapters.clock import SystemClock
from edgeface.cli.context import Context
from edgeface.service.moving import Arrived, settle_in
from edgeface.store import audit, bundle
from edgeface.store.audit import Kind
from edgeface.store.gallery import GalleryStore


@click.command("export", short_help="Put people into a file for another device.")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.argument("who", nargs=-1)
@click.option("--passphrase", envvar="EDGEFACE_PASSPHRASE", prompt=True, hide_input=True, confirmation_prompt=True,
              help="Seals the file; 12 characters or more. Asked for unless $EDGEFACE_PASSPHRASE is set.")  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@click.pass_obj
def export(context: Context, file: Path, who: tuple[str, ...], passphrase: str, as_json: bool) -> None:
    """Write WHO (names or ids; default: everybody) to FILE, sealed under a passphrase.

    Names, templates of the embedder in use and consents travel; what visits taught does not. Give the passphrase by
    another way than FILE. Nobody is removed here, and forgetting somebody here does not reach FILE.
    """
    identity = context.loaded().embedder.identity
    with context.gallery() as database:
        store = GalleryStore(database)
        chosen = [store.find(one).id for one in who] or [person.id for person in store.people()]
        with _progress(len(chosen), "Sealing", as_json) as tick:
            bundle.write(file, bundle.gather(database, chosen, identity, tick), passphrase)
        with database.transaction() as tables:
            facts = {"what": "people export", "by": context.by, "people": chosen}
            audit.note(tables, Kind.COPY, SystemClock().now(), facts)
    said = {"file": str(file), "people": len(chosen)}
    click.echo(json.dumps(said) if as_json else f"{file} has {len(chosen)} people.")


@click.command("import", short_help="Take people in from another device's file.")
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--passphrase", envvar="EDGEFACE_PASSPHRASE", prompt=True, hide_input=True,
              help="That sealed the file. Asked for unless $EDGEFACE_PASSPHRASE is set.")  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="One JSON object a person and line.")
@click.pass_obj
def import_people(context: Context, file: Path, passphrase: str, as_json: bool) -> None:
    """Enrol the people of FILE, made by `edgeface people export` on a device with the same embedder and runtime.

    They keep their ids. Whoever is enrolled already, by name or by face, was forgotten here or has no consent on record
    is left out, with the reason. Exit 65 if somebody was left out.
    """
    config, embedder = context.config(), context.loaded().models.embedder
    found = bundle.read(file, passphrase)
    with context.gallery() as database, _progress(len(found.people), "Taking in", as_json) as tick:
        now, need = SystemClock().now(), config.enrol.require_consent
        arrived = settle_in(database, found, embedder, now, need_consent=need, by=context.by, tick=tick)
        with database.transaction() as tables:
            taken = [one.person_id for one in arrived if one.refused is None]
            facts = {"what": "people import", "by": context.by, "from": found.gallery_id, "people": taken}
            audit.note(tables, Kind.COPY, now, facts)
    _report(arrived, as_json)


def _report(arrived: tuple[Arrived, ...], as_json: bool) -> None:
    for one in arrived:
        if as_json:
            click.echo(json.dumps({"id": one.person_id, "name": one.name, "refused": one.refused}))
        elif one.refused is not None:
            click.echo(f"not taken in: {one.name} ({one.person_id}): {one.refused}", err=True)
    left = sum(one.refused is not None for one in arrived)
    if not as_json:
        click.echo(f"{len(arrived) - left} of {len(arrived)} people are taken in.")
    if left:
        raise SystemExit(65)


@contextmanager
def _progress(length: int, label: str, hidden: bool) -> Iterator[Callable[[], None]]:
    with click.progressbar(length=length, label=label, hidden=hidden, file=sys.stderr) as bar:
        yield lambda: bar.update(1)
