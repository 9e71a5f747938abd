"""What a reader needs is missing or wrong: it says what, with an exit code of its own, or works on and says so."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from calling import Edgeface

from broker import free_port
from edgeface.store.database import open_database


def key_is_gone(home: Path) -> None:
    (home / "gallery.db.key").unlink()


def key_is_anothers(home: Path) -> None:
    other = home.with_name("other")
    other.mkdir()
    open_database(other / "gallery.db").close()
    (home / "gallery.db.key").write_bytes((other / "gallery.db.key").read_bytes())


def key_is_everybodys(home: Path) -> None:
    (home / "gallery.db.key").chmod(0o644)


def gallery_is_gone(home: Path) -> None:
    for name in ("gallery.db", "gallery.db-wal"):
        (home / name).unlink(missing_ok=True)


def written(name: str, text: str) -> Callable[[Path], object]:
    return lambda home: (home / name).write_text(text)


@pytest.mark.parametrize(
    ("spoil", "code", "says"),
    [
        (key_is_gone, 77, "gallery.db.key"),
        (key_is_anothers, 77, "device key"),
        (key_is_everybodys, 77, "gallery.db.key"),
        (gallery_is_gone, 74, "existed and is gone"),
        (written("gallery.db", "rubbish" * 2000), 74, "gallery.db"),
        (written("edgeface.toml", "[decide]\nfalse_acepts = 1\n"), 78, "false_acepts"),
        (written("edgeface.toml", "[decide"), 78, "edgeface.toml"),
        (written("access.toml", "[doors.main"), 78, "access.toml"),
        (written("access.toml", '[[grants]]\nwho = ["nobody-there"]\ndoors = ["all"]\n'), 78, "nobody-there"),
        (written("models.toml", '[embedder]\nname = "x"\nmanifest = "/nowhere/manifest.toml"\n'), 65, "models.toml"),
        (written("models.toml", "[embedder"), 65, "models.toml"),
    ],
    ids=lambda value: value.__name__ if callable(value) else None,
)
def test_it_does_not_start_and_says_why(
    edgeface: Edgeface, home: Path, pictures: Path, spoil: Callable[[Path], object], code: int, says: str
) -> None:
    assert edgeface("enrol", "Ada", pictures / "astronaut.png").exit_code == 0
    spoil(home)
    result = edgeface("run", "--source", pictures, "--fast")
    assert (result.exit_code, says in result.output) == (code, True), result.output


def test_without_a_broker_that_answers_it_decides_and_keeps_what_it_decided(
    edgeface: Edgeface, pictures: Path, film_of: Callable[..., Path], astronaut: object
) -> None:
    edgeface("enrol", "Ada", pictures / "astronaut.png")
    result = edgeface(
        "run", "--source", film_of(astronaut, 12), "--fast", "--broker", f"mqtt://127.0.0.1:{free_port()}"
    )
    assert result.exit_code == 0, result.output
    assert "grant" in result.output and "1 decision not confirmed yet" in result.output
