"""`edgeface status`: how is the reader that runs here?"""

from __future__ import annotations

import json
from datetime import UTC, datetime

import click

from edgeface.cli.context import Context
from edgeface.health import State
from edgeface.message import HealthMessage
from edgeface.service.checkup import HEALTH
from edgeface.wire import MessageError, loads, moment, record

COLOURS = {State.OK: "green", State.DEGRADED: "yellow", State.SHUT: "red"}
NOT_RUNNING = 3
"""Exit code, as that of `systemctl status`."""


@click.command(short_help="How is the reader that runs here?")
@click.option("--json", "as_json", is_flag=True, help="The report as one JSON object.")
@click.pass_obj
def status(context: Context, as_json: bool) -> None:
    """Tell what a running reader says about itself: state, troubles and what to do about them, and figures.

    Exit 0 if all is well, 1 if something wants looking after or nobody can be let in, 3 if no reader runs here or it
    does not answer. It looks from outside, without disturbing the reader; `edgeface doctor` looks deeper before one
    runs.
    """
    path = context.home / HEALTH
    try:
        fields = loads(path.read_text(encoding="utf-8"))
        at = moment(str(fields.pop("at", "")))
        report = record(HealthMessage, fields, "health")
    except FileNotFoundError:
        click.echo(f"no reader runs on {context.home}", err=True)
        raise SystemExit(NOT_RUNNING) from None
    except (OSError, ValueError, MessageError) as error:
        click.echo(f"{path} cannot be read: {error}", err=True)
        raise SystemExit(NOT_RUNNING) from error
    age_s = (datetime.now(UTC) - at).total_seconds()
    silent = age_s > 3 * context.config().health.every_s
    if as_json:
        click.echo(json.dumps({"age_s": round(age_s, 1), "silent": silent, **fields}))
    else:
        _tell(report, age_s, silent)
    if silent:
        raise SystemExit(NOT_RUNNING)
    raise SystemExit(0 if report.state is State.OK else 1)


def _tell(report: HealthMessage, age_s: float, silent: bool) -> None:
    if silent:
        click.secho(f"The reader has said nothing for {age_s:.0f} s; it has died or hangs. Its last words:", fg="red")
    click.secho(report.state.value, fg=COLOURS[report.state], bold=True)
    for one in report.troubles:
        click.echo(f"  {one.trouble.value:10} {one.says}")
    rows = (
        ("up", f"{report.up_s / 3600:.1f} h"),
        ("frames", f"{_figure(report.fps)} a second; {report.frames} so far, {report.stale_frames} too old"),
        ("a frame", f"{_figure(report.took_ms_p50)} ms, 95 % within {_figure(report.took_ms_p95)} ms"),
        ("models", ", ".join(f"{one.name} {one.ms:.1f} ms" for one in report.model_ms) or "-"),
        ("bundle", _bundle(report)),
        ("decisions", ", ".join(f"{one.name} {one.count}" for one in report.decisions) or "none"),
        ("waiting", f"{report.waiting} decisions not confirmed by a consumer"),
        ("queues", ", ".join(f"{one.name} {one.waiting}" for one in report.queues) or "-"),
        ("people", f"{report.people}, gallery revision {report.gallery_revision}"),
        ("board", f"{_figure(report.temperature_c)} degrees, {_figure(report.disk_free_mb)} MB free"),
        ("process", f"{_figure(report.memory_mb)} MB, {report.cpu_s:.0f} processor seconds"),
    )
    for name, text in rows:
        click.echo(f"{name:10} {text}")


def _bundle(report: HealthMessage) -> str:
    if report.models_version is None:
        return "none: the models that came with edgeface"
    return (report.models_trial and f"on trial: {report.models_trial}") or f"version {report.models_version}"


def _figure(value: float | None) -> str:
    return "-" if value is None else f"{value:.1f}"
