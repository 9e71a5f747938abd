"""The published schemas, and whether something fits them: as much of JSON Schema as they use."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from hypothesis import strategies as st

from tools.schemas import every_schema

SCHEMAS = every_schema()


def fits(value: Any, schema: dict[str, Any], root: dict[str, Any]) -> bool:
    """As much of JSON Schema as these use."""
    if "$ref" in schema:
        return fits(value, root["$defs"][schema["$ref"].rpartition("/")[2]], root)
    if "anyOf" in schema:
        return any(fits(value, arm, root) for arm in schema["anyOf"])
    if "enum" in schema:
        return value in schema["enum"]
    if "const" in schema:
        return bool(value == schema["const"])
    if schema["type"] == "object":
        properties = schema.get("properties")
        if not isinstance(value, dict) or properties is None:
            return isinstance(value, dict)
        known = set(schema["required"]) <= value.keys() <= properties.keys()
        return known and all(fits(item, properties[key], root) for key, item in value.items())
    if schema["type"] == "array":
        return isinstance(value, list) and all(fits(item, schema["items"], root) for item in value)
    kinds: dict[str, Any] = {
        "string": str, "integer": int, "number": (int, float), "boolean": bool, "null": type(None),
    }  # fmt: skip
    return isinstance(value, kinds[schema["type"]])


def expect_answer(verb: str, answer: dict[str, Any]) -> None:
    """What a reader answers is what is published of it."""
    assert fits(answer, SCHEMAS["answer"], SCHEMAS["answer"]), answer
    if answer["code"] == "done":
        data = SCHEMAS["verbs"][verb]["data"]
        assert fits(answer["data"], data, data), (verb, answer["data"])


def wire_values(kind: type) -> st.SearchStrategy[Any]:
    """Records of any values that have a wire form: milliseconds, finite numbers, Unicode without surrogates."""
    st.register_type_strategy(
        datetime,
        st.integers(0, 253_402_300_799_999).map(
            lambda ms: datetime.fromtimestamp(ms // 1000, UTC).replace(microsecond=ms % 1000 * 1000)
        ),
    )
    st.register_type_strategy(float, st.floats(allow_nan=False, allow_infinity=False))
    st.register_type_strategy(str, st.text(st.characters(exclude_categories=["Cs"])))
    return st.from_type(kind)
