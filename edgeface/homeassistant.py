"""How Home Assistant finds this reader by itself: one retained message, device-based MQTT discovery. Pure.

    discovery(topics, door, version, ...) -> dict   discovery_topic(topics) -> <prefix>/device/<base>-<device>/config

Everything is read only: commands are signed, and Home Assistant cannot sign. So a door's lock is shown as a binary
sensor, not as a lock that a click would open, and the models in use as an update that nobody can click, in progress
while they are on trial. No picture leaves the reader by itself: there is an image only where the settings allow it, and
it shows a face only for the minute after somebody with a key asked for it (`edgeface.service.exhibit`).
https://www.home-assistant.io/integrations/mqtt/#device-discovery-payload
"""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from edgeface.decide import Outcome
from edgeface.message import Topics

PREFIX = "homeassistant"
"""Home Assistant's own default."""

BIRTH = f"{PREFIX}/status"
"""Where it says that it has started: then it is told again."""


class Presentation(StrEnum):
    """Whether Home Assistant is told of the reader."""

    OFF = "off"
    """It is not told anything."""
    ANNOUNCED = "announced"
    """It finds the reader by itself."""
    REMOVED = "removed"
    """It is told to forget the reader."""


def discovery_topic(topics: Topics) -> str:
    """Where the reader is announced; an empty retained message there removes it."""
    return f"{PREFIX}/device/{_id(topics)}/config"


def discovery(topics: Topics, door: str, version: str, *, picture: bool = False) -> dict[str, Any]:
    """What Home Assistant shows of the reader. `picture`: an image as well; without, it is told to forget that."""
    parts = {name: _whole(topics, name, part) for name, part in _components(topics, door).items()}
    shown = {"platform": "image", "name": "Picture", "image_topic": topics.image, "image_encoding": "b64",
             "content_type": "image/jpeg", "icon": "mdi:account-box"}  # fmt: skip
    return {
        "device": {
            "identifiers": [_id(topics)],
            "name": f"Door reader {topics.device}",
            "manufacturer": "edgeface",
            "model": "Face reader",
            "sw_version": version,
        },
        "origin": {"name": "edgeface", "sw_version": version},
        "availability": [{"topic": topics.state, "value_template": "{{ value_json.state }}"}],
        "qos": 1,
        # A part that has its platform alone is one that is gone.
        "components": {**parts, "picture": _whole(topics, "picture", shown) if picture else {"platform": "image"}},
    }


def _components(topics: Topics, door: str) -> dict[str, dict[str, Any]]:
    decided = (
        "{{ dict(event_type=value_json.outcome, reason=value_json.reason, rule=value_json.rule, door=value_json.door, "
        "person=value_json.person.label if value_json.person else none) | tojson }}"
    )
    at_door = topics.door(door, "state")
    return {
        "decision": {
            "platform": "event",
            "name": "Decision",
            "icon": "mdi:face-recognition",
            "state_topic": topics.decision,
            "event_types": [outcome.value for outcome in Outcome],
            "value_template": decided,
        },
        "online": {
            "platform": "binary_sensor",
            "name": "Online",
            "device_class": "connectivity",
            "entity_category": "diagnostic",
            "state_topic": topics.state,
            "value_template": "{{ 'ON' if value_json.state == 'online' else 'OFF' }}",
        },
        "contact": _sensed("Door", "door", at_door, "value_json.contact == 'open'"),
        "lock": _sensed("Lock", "lock", at_door, "value_json.lock == 'released'"),
        "alarm": _sensed("Door alarm", "tamper", at_door, "value_json.alarm != 'none'"),
        "people": _counted("People enrolled", "mdi:account-group", topics.info, "value_json.people"),
        "models": {
            "platform": "update",
            "name": "Models",
            "entity_category": "diagnostic",
            "state_topic": topics.health,
            "value_template": (
                "{% set version = value_json.models_version | default('built in', true) | string %}"
                "{{ dict(installed_version=version, latest_version=version, title='Models', "
                "in_progress=value_json.models_trial is not none) | tojson }}"
            ),
        },
        "seq": _counted("Newest record", "mdi:counter", topics.info, "value_json.last_seq"),
    }


def _sensed(name: str, device_class: str, topic: str, on: str) -> dict[str, Any]:
    return {
        "platform": "binary_sensor",
        "name": name,
        "device_class": device_class,
        "state_topic": topic,
        "value_template": f"{{{{ 'ON' if {on} else 'OFF' }}}}",
    }


def _counted(name: str, icon: str, topic: str, value: str) -> dict[str, Any]:
    return {
        "platform": "sensor",
        "name": name,
        "icon": icon,
        "entity_category": "diagnostic",
        "state_topic": topic,
        "value_template": f"{{{{ {value} }}}}",
    }


def _whole(topics: Topics, name: str, part: dict[str, Any]) -> dict[str, Any]:
    domain = part["platform"]
    own = f"{_id(topics)}_{name}".replace("-", "_")
    return {**part, "unique_id": own, "default_entity_id": f"{domain}.{own.lower()}"}


def _id(topics: Topics) -> str:
    return f"{topics.base}-{topics.device}"
