"""Verbs about the machine: its last report in figures, and the models in use."""

from __future__ import annotations

from importlib.resources import files

from edgeface.commands import words, words_device
from edgeface.commands.words_device import Count, ModelCard, ModelRow, Models, Report, Timing
from edgeface.errors import ConfigError, ModelError
from edgeface.message import HealthMessage
from edgeface.service.checkup import HEALTH
from edgeface.service.desk.place import Desk
from edgeface.wire import MessageError, loads, moment, record

MOST_CARD = 40_000
"""Characters of a card that are told: an answer fits into a message of MQTT."""

_FIGURES = (
    "up_s", "fps", "took_ms_p50", "took_ms_p95", "frames", "stale_frames", "faces", "waiting", "temperature_c",
    "disk_free_mb", "memory_mb", "cpu_s",
)  # fmt: skip


def report(desk: Desk, ask: words.Nothing) -> Report:
    """What the reader last said about itself: some seconds ago while it runs."""
    path = desk.home / HEALTH
    try:
        fields = loads(path.read_text(encoding="utf-8"))
        at = moment(str(fields.pop("at", "")))
        found = record(HealthMessage, fields, "health")
    except (OSError, ValueError, MessageError) as error:
        raise ConfigError(f"the reader has said nothing about itself yet ({error}): ask again in a moment") from error
    return Report(
        at=at,
        state=found.state.value,
        troubles=tuple(one.says for one in found.troubles),
        decisions=tuple(Count(name=one.name, count=one.count) for one in found.decisions),
        model_ms=tuple(Timing(name=one.name, ms=one.ms) for one in found.model_ms),
        **{key: getattr(found, key) for key in _FIGURES},
    )


def models(desk: Desk, ask: words.Nothing) -> Models:
    """The models in use, in the order of the tasks."""
    loaded = desk.loaded()
    return Models(
        models=tuple(
            ModelRow(
                task=model.spec.task.value,
                name=model.spec.name,
                sha256=model.spec.sha256,
                licence=model.spec.licence,
                origin=model.spec.origin,
                input=f"{model.spec.width_px}x{model.spec.height_px}",
                kernels=model.kernels,
                proof=finding.proof.value,
            )
            for model, finding in zip(loaded.used, loaded.findings, strict=True)
        )
    )


def card(desk: Desk, ask: words_device.ModelName) -> ModelCard:
    """What was measured of a model in use: the page that came with it."""
    entries = {entry.spec.name: entry for entry in desk.loaded().choice.entries()}
    if ask.name not in entries:
        raise ModelError(f"no model in use is named {ask.name[:80]!r}; there are {', '.join(entries)}")
    if entries[ask.name].content is not None:  # of a bundle: the page of a shipped model of that name is not its own
        return ModelCard(name=ask.name, markdown="")
    for path in (entries[ask.name].folder / f"{ask.name}.md", files("edgeface_models") / f"{ask.name}.md"):
        try:
            return ModelCard(name=ask.name, markdown=path.read_text(encoding="utf-8")[:MOST_CARD])
        except (OSError, UnicodeDecodeError):
            continue
    return ModelCard(name=ask.name, markdown="")
