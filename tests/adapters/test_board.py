"""The board's own figures, as Linux writes them; what cannot be read is left out."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from edgeface.adapters import machine


def put(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def test_this_machine_tells_what_every_linux_tells(tmp_path: Path) -> None:
    seen = machine.look(tmp_path)
    assert seen.memory_mb is not None
    assert 10 < seen.memory_mb < 4000
    assert seen.disk_free_mb is not None
    with Path(os.devnull).open():
        more = machine.look(tmp_path).open_files
    assert seen.open_files is not None
    assert more == seen.open_files + 1


def test_the_hottest_zone_counts(tmp_path: Path) -> None:
    put(tmp_path / "class/thermal/thermal_zone0/temp", "51540\n")
    put(tmp_path / "class/thermal/thermal_zone1/temp", "-40000\n")
    put(tmp_path / "class/thermal/thermal_zone2/temp", "broken\n")
    assert machine.look(tmp_path, system=tmp_path).temperature_c == 51.54


@pytest.mark.parametrize(
    ("text", "slowed"),
    [("0\n", False), ("50000\n", False), ("50005\n", True), ("8\n", True), ("0x1\n", None), ("", None)],
)
def test_slowed_down_is_what_is_now_not_what_was(tmp_path: Path, text: str, slowed: bool | None) -> None:
    """Bits 16 and up tell that it has happened since boot."""
    put(tmp_path / "devices/platform/soc/soc:firmware/get_throttled", text)
    assert machine.look(tmp_path, system=tmp_path).throttled is slowed


def test_a_machine_that_hides_everything(tmp_path: Path) -> None:
    seen = machine.look(tmp_path / "gone", system=tmp_path, process=tmp_path)
    assert (seen.temperature_c, seen.throttled, seen.disk_free_mb, seen.memory_mb, seen.open_files) == (None,) * 5
    assert seen.cpu_s > 0
