"""The runtime without XNNPACK, for tests of what then happens."""

from __future__ import annotations

from typing import Any

from ai_edge_litert.interpreter import Interpreter, OpResolverType


class Builtin(Interpreter):  # type: ignore[misc]
    """LiteRT as it comes out where XNNPACK silently does not start."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options, experimental_op_resolver_type=OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES)
