"""A measurement is known by the code that it rests on: what it imports counts, what it says of itself does not."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from tools.evaluate import source

OF_TWO = '"""Says something."""\nfrom tools.counted import rate\n\ndef run():\n    """Runs."""\n    return rate(2)\n'


@pytest.fixture
def written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder whose files pass for modules of tools."""
    (tmp_path / "measured.py").write_text(OF_TWO)
    (tmp_path / "counted.py").write_text("def rate(n):\n    return 1 / n\n")

    def file(name: str) -> Path | None:
        path = tmp_path / f"{name.removeprefix('tools.')}.py"
        return path if path.is_file() else None

    monkeypatch.setattr(source, "_file", file)
    return tmp_path


def digest() -> str:
    source.digest.cache_clear()
    return source.digest("tools.measured")


def test_other_words_are_the_same_code(written: Path) -> None:
    before = digest()
    (written / "measured.py").write_text(
        OF_TWO.replace("Says something.", "Else.").replace("Runs.", "Goes.") + "\n# x\n"
    )
    assert digest() == before


def test_another_number_is_other_code(written: Path) -> None:
    before = digest()
    (written / "measured.py").write_text(OF_TWO.replace("rate(2)", "rate(3)"))
    assert digest() != before


def test_what_is_imported_counts_too(written: Path) -> None:
    before = digest()
    (written / "counted.py").write_text("def rate(n):\n    return 2 / n\n")
    assert digest() != before


def test_what_imports_everything_is_left_out(written: Path) -> None:
    before = digest()
    (written / "measured.py").write_text("import edgeface.service.loop\n" + OF_TWO)
    other = digest()
    (written / "edgeface.service.loop.py").write_text("import tools.counted\n")
    assert digest() == other != before


def test_a_body_of_words_alone_may_be_empty() -> None:
    assert source.bare(ast.parse('def f():\n    """Nothing."""\n')) == source.bare(ast.parse('def f():\n    "x"\n'))
