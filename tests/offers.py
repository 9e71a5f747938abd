"""A made-up catalogue entry, and TOML to write it with."""

from __future__ import annotations

import hashlib
import json
from typing import Any

CONTENT = b"abc"

GOOD: dict[str, Any] = {
    "maker": "somebody",
    "summary": "an embedder",
    "licence": "MIT",
    "licence_url": "https://example.org/LICENSE",
    "verified": "by hand",
    "measured": "on paper",
    "files": [
        {
            "name": "face.onnx",
            "url": "https://example.org/face.onnx",
            "sha256": hashlib.sha256(CONTENT).hexdigest(),
            "size_bytes": len(CONTENT),
        }
    ],
    "original": {"mean": [1, 2, 3.5], "std": [4, 5, 6], "order": "RGB"},
    "manifest": {
        "task": "embedder",
        "layout": "embedding",
        "width_px": 80,
        "height_px": 80,
        "template": [[0.3, 0.4], [0.7, 0.4], [0.5, 0.6], [0.35, 0.8], [0.65, 0.8]],
        "dimensions": 128,
        "thresholds": {"grant": 0.5},
    },
}


def as_toml(name: str, table: dict[str, Any]) -> str:
    """One table, everything in it inline."""
    return f"[{_quoted(name)}]\n" + "".join(f"{_quoted(key)} = {_value(value)}\n" for key, value in table.items())


def _value(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_quoted(key)} = {_value(one)}" for key, one in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_value, value)) + "]"
    if isinstance(value, str):
        return _quoted(value)
    if isinstance(value, float):
        return repr(value)  # nan and inf are TOML's too
    return json.dumps("" if value is None else value)


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
