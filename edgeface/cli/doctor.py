"""`edgeface doctor`: is everything here that a reader needs?"""

from __future__ import annotations

import json
import platform
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import click

from edgeface import __version__, liveness
from edgeface.access import findings
from edgeface.adapters import gpio, mqtt, tflite
from edgeface.adapters.clock import SystemClock
from edgeface.adapters.golden import Proof
from edgeface.cli.context import Context
from edgeface.commands import words
from edgeface.errors import EdgefaceError, GalleryInUse
from edgeface.service import exhibit
from edgeface.service.bootstrap import ACCESS, GALLERY, broker_options, load_rules
from edgeface.store import crypto, keyfile


class Health(StrEnum):
    """How a check came out."""

    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One thing looked at."""

    name: str
    health: Health
    detail: str
    """What was found, and what to do about it."""


@click.command(short_help="Check that everything a reader needs is here.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a check and line.")
@click.pass_obj
def doctor(context: Context, as_json: bool) -> None:
    """Look at the runtime, the configuration, the models, liveness, the gallery, how long it is kept,
    the clock, cameras, the access rules, the door and the broker.

    Says which TFLite runtime is in use and warns if XNNPACK is not: int8 models are many times slower without it.
    Exit 0 if nothing failed (warnings are allowed), else 1.
    """
    failed = False
    for found in _checks(context):
        failed = failed or found.health is Health.FAILED
        text = f"{found.health.value:8} {found.name:14} {found.detail}"
        row = {"check": found.name, "health": found.health.value, "detail": found.detail}
        click.echo(json.dumps(row) if as_json else text)
    raise SystemExit(1 if failed else 0)


def _checks(context: Context) -> Iterator[Check]:
    version = f"edgeface {__version__}, Python {platform.python_version()}, {platform.machine()}"
    yield Check(name="version", health=Health.OK, detail=version)
    for name, look in (
        ("runtime", _runtime),
        ("configuration", _configuration),
        ("models", _models),
        ("liveness", _liveness),
        ("device key", _device_key),
        ("gallery", _gallery),
        ("retention", _retention),
        ("clock", _clock),
        ("cameras", _cameras),
        ("access", _access),
        ("door", _door),
        ("broker", _broker),
    ):
        try:
            health, detail = look(context)
        except EdgefaceError as error:
            health, detail = Health.FAILED, str(error)
        yield Check(name=name, health=health, detail=detail)


def _runtime(context: Context) -> tuple[Health, str]:
    name, _ = tflite.find_runtime(context.config().run.runtime or None)
    if name == "litert":
        return Health.OK, "LiteRT (ai-edge-litert)"
    return Health.WARNING, "tflite-runtime runs int8 models without XNNPACK: use ai-edge-litert if you can"


def _configuration(context: Context) -> tuple[Health, str]:
    context.config()
    source = context.config_file or context.home / "edgeface.toml"
    return Health.OK, str(source) if source.exists() else "defaults; `edgeface config show` prints them"


def _models(context: Context) -> tuple[Health, str]:
    loaded = context.loaded()
    both = tuple(zip(loaded.used, loaded.findings, strict=True))
    names = ", ".join(f"{model.spec.name} ({model.kernels}, {finding.proof})" for model, finding in both)
    odd = [finding.detail for finding in loaded.findings if finding.proof is not Proof.PROVEN]
    said = "; ".join([names, *odd])
    if not all(model.delegated for model in loaded.used):
        hidden = "; is /proc/cpuinfo or /sys hidden from this process?" if loaded.detector.runtime == "litert" else ""
        return Health.WARNING, f"{said}; not all under XNNPACK, so slow{hidden}"
    alike = any(finding.proof is Proof.ALIKE for finding in loaded.findings)
    return Health.WARNING if alike else Health.OK, said


def _liveness(context: Context) -> tuple[Health, str]:
    config = context.config()
    floor = context.loaded().live_floor(config.liveness.min_score)
    if liveness.Check.PICTURE in config.liveness.require:
        if floor is None:
            return Health.FAILED, "required, but no model is in use: nobody will be let in"
        return Health.OK, f"required: {floor:.2f} or more, of 1"
    if floor is None:
        return Health.WARNING, "no model is in use: a picture of somebody may open the door"
    return Health.OK, 'told but not required: set require = ["picture"] under [liveness] to refuse pictures'


def _gallery(context: Context) -> tuple[Health, str]:
    if not (context.home / GALLERY).exists() and not (context.home / f"{GALLERY}.exists").exists():
        return Health.OK, f"none yet; the first `edgeface enrol` makes {context.home / GALLERY}"
    try:
        found = context.ask("health", words.Nothing())
    except GalleryInUse:
        return Health.WARNING, "in use by another edgeface process that does not answer, so not looked into"
    if found.lacking:
        return Health.WARNING, f"{found.lacking} of {found.people} people have no template of the embedder in use"
    return Health.OK, f"{found.people} people, SQLite {sqlite3.sqlite_version}"


def _device_key(context: Context) -> tuple[Health, str]:
    gallery = context.home / GALLERY
    if not gallery.exists() and not keyfile.beside(gallery).exists():
        return Health.OK, "none yet; it is made with the gallery"
    keys = keyfile.find(gallery)
    name = crypto.key_id(keys.current)
    if former := [crypto.key_id(key) for key in keys.keys[:-1]]:
        said = f"{name}; {', '.join(former)} of before is still there, and opens old backups and what forgetting left"
        return Health.WARNING, f"{said}: start the reader once to end the change, then `edgeface keys rotate-device`"
    if keys.from_credential:
        return Health.OK, f"{name}, a systemd credential"
    return Health.OK, f"{name} in {keys.file}: who takes the whole card has the key too; keep a copy elsewhere"


def _retention(context: Context) -> tuple[Health, str]:
    """What is kept how long; without an end it is lawful hardly anywhere, and so worth a look."""
    config = context.config()
    people = config.retention.people_days
    said = [
        "people until somebody forgets them" if people is None else f"people {people:g} days after their last visit",
        "the audit log "
        + ("" if (days := config.retention.audit_days) is None else f"{days:g} days, ")
        + f"{config.retention.audit_rows:,} rows at most",
        f"what is asked about visits {config.learn.keep_days:g} days" if config.learn.enabled else "",
        f"strangers {config.strangers.keep_days:g} days after the last visit" if config.strangers.enabled else "",
        f"pictures of visits {config.snapshots.keep_days:g} days" if config.snapshots.enabled else "no pictures",
    ]
    detail = ", ".join(part for part in said if part)
    if config.snapshots.enabled:
        return Health.WARNING, f"{detail}; the consent text that is shipped says that none is kept: ask with another"
    if people is None:
        return Health.OK, f"{detail}; see people_days under [retention] and `edgeface people keep`"
    return Health.OK, detail


def _clock(context: Context) -> tuple[Health, str]:
    if SystemClock().now().wall_trusted:
        return Health.OK, "synchronised"
    return Health.WARNING, "not synchronised: decisions are marked so until it is"


def _cameras(context: Context) -> tuple[Health, str]:
    nodes = sorted(str(path) for path in Path("/dev").glob("video*"))
    if nodes:
        return Health.OK, ", ".join(nodes)
    return Health.WARNING, "no /dev/video*: use --source with a file, rtsp://... or picamera2"


def _access(context: Context) -> tuple[Health, str]:
    door, path = context.config().decide.door, context.home / ACCESS
    rules = load_rules(context.home, door)
    if not path.exists():
        return Health.OK, f"no {ACCESS}: whoever is enrolled may pass at all times"
    if door not in rules.doors:
        return Health.FAILED, f"{path} knows no door {door!r}, which this reader serves: nobody will be let in"
    found = findings(rules, None, None)
    if found:
        more = f" and {len(found) - 1} more" if len(found) > 1 else ""
        return Health.WARNING, f"{found[0].path} {found[0].said}{more}: see `edgeface access check`"
    return Health.OK, f"{path}: {len(rules.doors)} doors, {len(rules.grants)} grants, {len(rules.denies)} denies"


def _door(context: Context) -> tuple[Health, str]:
    config = context.config()
    if (wrong := gpio.problem(config.gpio)) is not None:
        return Health.FAILED, wrong
    contact = f"contact {config.gpio.contact}" if config.gpio.contact else "no contact here, so no alarms of a wire"
    contact += f"; button {config.gpio.button}" if config.gpio.button else ""
    if config.gpio.relay:
        return Health.OK, f"relay {config.gpio.relay}, {config.door.unlock_s:g} s; {contact}"
    if config.mqtt.broker:
        return Health.OK, f"no relay here: a controller of its own opens (`edgeface door key`); {contact}"
    return Health.WARNING, "neither relay nor broker: decisions open nothing; set relay under [gpio]"


def _broker(context: Context) -> tuple[Health, str]:
    settings = context.config().mqtt
    if not settings.broker:
        return Health.OK, "none configured: decisions stay in the journal"
    options = broker_options(settings)
    exhibit.allowed(context.config(), options)
    mqtt.check(options)
    return Health.OK, f"{options.host}:{options.port} accepts this device"
