"""The units as systemd's own tools judge them, and the files as they are laid."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[2] / "systemd"
SERVICE = FOLDER / "edgeface.service"
CONSOLE = FOLDER / "edgeface-console.service"
MOST_EXPOSED = 1.5


def told(command: list[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def staged(stage: Path, *options: str) -> subprocess.CompletedProcess[str]:
    return told(["sh", str(FOLDER / "install.sh"), "--stage", str(stage), *options])


def files(stage: Path) -> set[str]:
    return {path.relative_to(stage).as_posix() for path in stage.rglob("*") if path.is_file()}


def test_systemd_finds_nothing_to_say_about_the_units(tmp_path: Path) -> None:
    """What they start need not be here: another program stands in for it, as verify looks for the file."""
    units = []
    for unit in FOLDER.glob("*.service"):
        text = unit.read_text(encoding="utf-8").replace("/opt/edgeface/venv/bin/edgeface", sys.executable)
        units.append(tmp_path / unit.name)
        units[-1].write_text(text, encoding="utf-8")
    assert len(units) == 3
    verdict = told(["systemd-analyze", "verify", *map(str, units)])
    assert (verdict.returncode, verdict.stdout, verdict.stderr) == (0, "", "")


def test_an_unknown_key_would_have_been_noticed(tmp_path: Path) -> None:
    unit = tmp_path / "edgeface.service"
    unit.write_text("[Service]\nExecStart=/bin/true\nProtectEverything=yes\n", encoding="utf-8")
    verdict = told(["systemd-analyze", "verify", str(unit)])
    assert "ProtectEverything" in verdict.stderr


@pytest.mark.parametrize("service", [SERVICE, CONSOLE])
def test_the_services_are_shut_in(service: Path) -> None:
    limit = told(
        ["systemd-analyze", "security", "--offline=true", f"--threshold={10 * MOST_EXPOSED:.0f}", str(service)]
    )
    assert limit.returncode == 0, limit.stdout


def test_the_console_sees_neither_gallery_nor_keys_and_is_there_only_if_asked_for(tmp_path: Path) -> None:
    hidden = next(line for line in CONSOLE.read_text(encoding="utf-8").splitlines() if "InaccessiblePaths" in line)
    assert "/var/lib/edgeface " in hidden and "/etc/edgeface/credentials" in hidden
    assert staged(tmp_path).returncode == 0
    assert "etc/systemd/system/edgeface-console.service" not in files(tmp_path)
    assert staged(tmp_path, "--console").returncode == 0
    assert "etc/systemd/system/edgeface-console.service" in files(tmp_path)
    assert staged(tmp_path, "--purge").returncode == 0
    assert files(tmp_path) == set()


def test_the_kernels_still_see_the_processor() -> None:
    """Without /proc/cpuinfo and /sys the int8 kernels turn themselves off, silently, and templates change."""
    settings = [line.partition("=")[0] for line in SERVICE.read_text(encoding="utf-8").splitlines()]
    assert "ProcSubset" not in settings
    assert not {"PrivateDevices", "InaccessiblePaths", "RootDirectory"} & set(settings)


def test_the_files_are_laid_and_taken_away_again(tmp_path: Path) -> None:
    first = staged(tmp_path, "--broker")
    assert first.returncode == 0, first.stderr
    laid = files(tmp_path)
    assert "etc/systemd/system/edgeface.service" in laid
    assert {"etc/mosquitto/conf.d/edgeface.conf", "etc/mosquitto/edgeface/broker.pem"} <= laid
    assert (tmp_path / "etc/edgeface/credentials/mqtt-password").stat().st_mode & 0o777 == 0o600
    (tmp_path / "etc/edgeface/reader.env").write_text("EDGEFACE_SOURCE=0\n", encoding="utf-8")
    assert staged(tmp_path, "--broker").returncode == 0
    assert files(tmp_path) == laid, "run again, nothing is added"
    assert (tmp_path / "etc/edgeface/reader.env").read_text(encoding="utf-8") == "EDGEFACE_SOURCE=0\n"
    assert staged(tmp_path, "--uninstall").returncode == 0
    kept = {"etc/edgeface/reader.env", "etc/edgeface/edgeface.toml", "etc/edgeface/credentials/mqtt-password"}
    assert kept <= files(tmp_path) and "etc/systemd/system/edgeface.service" not in files(tmp_path)
    assert staged(tmp_path, "--purge").returncode == 0
    assert files(tmp_path) == set()


def test_the_reader_may_write_its_settings_and_nothing_else_of_etc(tmp_path: Path) -> None:
    """A file from before is moved, with what it says; run again, the link stays."""
    (tmp_path / "etc/edgeface").mkdir(parents=True)
    named = tmp_path / "etc/edgeface/edgeface.toml"
    named.write_text("# mine\n", encoding="utf-8")
    for _ in range(2):
        assert staged(tmp_path).returncode == 0
        assert named.readlink() == Path("settings/edgeface.toml")
        assert named.read_text(encoding="utf-8") == "# mine\n"
    assert [path.name for path in named.resolve().parent.iterdir()] == ["edgeface.toml"]
    lines = SERVICE.read_text(encoding="utf-8").splitlines()
    assert [line for line in lines if line.startswith("ReadWritePaths")] == ["ReadWritePaths=-/etc/edgeface/settings"]


def test_an_unknown_option_installs_nothing(tmp_path: Path) -> None:
    wrong = staged(tmp_path, "--borker")
    assert wrong.returncode == 64
    assert "unknown option --borker" in wrong.stderr
    assert files(tmp_path) == set()
