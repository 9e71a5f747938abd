"""`edgeface models install` and `remove`: the licence is asked, the digest decides, nothing is left half-made.

A local server stands for the maker's, and a folder with a small program for the workstation's tools.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from calling import Edgeface
from click.testing import Result

from edgeface.adapters import catalog as catalogs
from edgeface.adapters import download, installed
from edgeface.cli import models_install
from edgeface.errors import ModelError, ModelUnavailable
from edgeface.service.bootstrap import Loaded
from offers import CONTENT, GOOD, as_toml

NAME = "face"
CONVERTER = """
import hashlib, pathlib, shutil, sys, time
name = sys.argv[1]
words = dict(zip(sys.argv[2::2], sys.argv[3::2]))
out, here = pathlib.Path(words["--out"]), pathlib.Path(__file__).parent
(here / "words").write_text(repr(words))
if (here / "hang").exists():
    (out / f"{name}.tflite").write_bytes(b"half")
    (here / "hanging").touch()
    time.sleep(60)
assert (pathlib.Path(words["--original"]) / "face.onnx").read_bytes() == b"abc"
if (here / "fail").exists():
    (out / f"{name}.tflite").write_bytes(b"half")
    sys.exit("no such operator")
for file in ("face.tflite", "manifest.toml", "face.md"):
    shutil.copy(here / file, out)
"""


@dataclass
class Maker:
    """The maker's server."""

    url: str = ""
    content: bytes = CONTENT
    promised: int | None = None
    """Content-Length, if it is to lie."""
    status: int = 200
    asked: list[str] = field(default_factory=list)


@pytest.fixture
def maker() -> Iterator[Maker]:
    state = Maker()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            state.asked.append(self.path)
            self.send_response(state.status)
            if state.promised is not None:
                self.send_header("Content-Length", str(state.promised))
            self.end_headers()
            self.wfile.write(state.content)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, args=(0.01,))  # looks so often whether it is to stop
    thread.start()
    state.url = f"http://127.0.0.1:{server.server_port}/face.onnx"
    yield state
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def tools(tmp_path: Path, loaded: Loaded, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkout whose converter gives our own embedder; the libraries that the real one needs are said to be there."""
    folder = tmp_path / "checkout" / "tools" / "install"
    folder.mkdir(parents=True)
    spec = loaded.embedder.spec
    shutil.copy(loaded.choice.embedder.folder / spec.file, folder / "face.tflite")
    entry = {**GOOD["manifest"], "file": "face.tflite", "sha256": spec.sha256, "licence": "MIT", "origin": "somebody"}
    (folder / "manifest.toml").write_text(as_toml(NAME, entry | {"mean": spec.mean, "std": spec.std}))
    (folder / "face.md").write_text("# face\n")
    (folder / "__main__.py").write_text(CONVERTER)
    monkeypatch.setattr(models_install, "CONVERTERS", ())
    monkeypatch.setattr(models_install, "_places", lambda: [tmp_path / "checkout"])
    return folder


@pytest.fixture
def catalog(tmp_path: Path, maker: Maker) -> Path:
    files = [{**GOOD["files"][0], "url": maker.url}]
    path = tmp_path / "catalog.toml"
    path.write_text(as_toml(NAME, GOOD | {"files": files}))
    return path


@pytest.fixture
def install(edgeface: Edgeface, catalog: Path, tools: Path) -> Callable[..., Result]:
    def call(*words: object, stdin: str | None = None) -> Result:
        return edgeface("models", "install", NAME, "--catalog", catalog, *words, stdin=stdin)

    return call


def left(home: Path) -> list[str]:
    """What lies in the folder of installed models."""
    return sorted(path.name for path in (home / installed.FOLDER).glob("*")) if home.exists() else []


def listed(edgeface: Edgeface, catalog: Path) -> dict[str, Any]:
    lines = edgeface("models", "list", "--json", "--catalog", catalog).output.splitlines()
    return {row["name"]: row for row in map(json.loads, lines)}[NAME]  # type: ignore[no-any-return]


def test_install_list_check_use_remove(
    install: Callable[..., Result], edgeface: Edgeface, catalog: Path, home: Path, maker: Maker, loaded: Loaded
) -> None:
    assert listed(edgeface, catalog)["manifest"] is None
    assert f"+ embedder  {NAME}" in edgeface("models", "list", "--catalog", catalog).output
    result = install(stdin="y\n")
    assert result.exit_code == 0
    assert "Licence: MIT, https://example.org/LICENSE" in result.output
    assert f"edgeface models use {NAME}" in result.output
    assert left(home) == [NAME]
    assert sorted(path.name for path in (home / "models" / NAME).iterdir()) == [
        "face.md",
        "face.tflite",
        "manifest.toml",
    ]
    assert listed(edgeface, catalog)["manifest"] == str(home / "models" / NAME / "manifest.toml")
    assert edgeface("models", "check", NAME).exit_code == 0
    assert edgeface("models", "use", NAME).exit_code == 0
    assert listed(edgeface, catalog)["in_use"]
    refused = edgeface("models", "remove", NAME)
    assert refused.exit_code == 65
    assert "is in use" in refused.output
    assert edgeface("models", "use", loaded.embedder.spec.name).exit_code == 0
    assert edgeface("models", "remove", NAME).exit_code == 0
    assert left(home) == []
    assert maker.asked == ["/face.onnx"]


def test_again_is_harmless_and_fetches_nothing(install: Callable[..., Result], home: Path, maker: Maker) -> None:
    assert install("--accept-licence").exit_code == 0
    before = (home / "models" / NAME / "manifest.toml").stat()
    again = install()
    assert again.exit_code == 0
    assert "already installed" in again.output
    assert (home / "models" / NAME / "manifest.toml").stat() == before
    assert len(maker.asked) == 1


def test_a_damaged_installation_is_replaced(install: Callable[..., Result], edgeface: Edgeface, home: Path) -> None:
    install("--accept-licence")
    (home / "models" / NAME / "face.tflite").write_bytes(b"oops")
    result = install("--accept-licence")
    assert result.exit_code == 0
    assert "installing it again" in result.output
    assert edgeface("models", "check", NAME).exit_code == 0


@pytest.mark.parametrize("answer", ["n\n", "\n", ""])
def test_a_licence_not_accepted(install: Callable[..., Result], home: Path, maker: Maker, answer: str) -> None:
    result = install(stdin=answer)
    assert result.exit_code == 1
    assert "Nothing was installed" in result.output
    assert maker.asked == []
    assert not home.exists()


def test_another_file_is_refused_before_it_is_parsed(
    install: Callable[..., Result], home: Path, maker: Maker, tools: Path
) -> None:
    maker.content = b"abd"
    result = install("--accept-licence")
    assert result.exit_code == 65
    assert hashlib.sha256(b"abd").hexdigest() in result.output
    assert left(home) == []
    assert not (tools / "words").exists()


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"content": b"ab"}, "ended after 2 of 3 bytes"),
        ({"content": b"ab", "promised": 3}, "face.onnx"),
        ({"status": 404}, "404"),
        ({"url": "gone"}, "cannot be fetched"),
    ],
)
def test_a_download_that_fails(
    edgeface: Edgeface, home: Path, maker: Maker, catalog: Path, tools: Path, changes: dict[str, Any], complaint: str
) -> None:
    for key, value in changes.items():
        setattr(maker, key, value)
    if maker.url == "gone":
        catalog.write_text(
            as_toml(NAME, GOOD | {"files": [{**GOOD["files"][0], "url": "http://127.0.0.1:9/face.onnx"}]})
        )
    result = edgeface("models", "install", NAME, "--catalog", catalog, "--accept-licence")
    assert result.exit_code == 69
    assert complaint in result.output
    assert "--from FILE" in result.output
    assert left(home) == []


def test_more_bytes_than_promised_are_not_read(tmp_path: Path, catalog: Path, maker: Maker) -> None:
    maker.content = CONTENT + b"x" * (20 * download.CHUNK_BYTES)
    (source,) = catalogs.read(catalog)[NAME].sources
    told: list[int] = []
    with pytest.raises(ModelError, match="sha256"):
        download.fetch(source, tmp_path, told.append)
    assert sum(told) <= download.CHUNK_BYTES
    assert not (tmp_path / source.name).exists()


@pytest.mark.parametrize(("of", "to"), [("https", "http"), ("https", "ftp")])
def test_a_redirection_out_of_https_is_not_followed(of: str, to: str) -> None:
    asked = urllib.request.Request(f"{of}://example.org/face.onnx")
    with pytest.raises(urllib.error.URLError, match="which is not https"):
        download._Redirect().redirect_request(asked, None, 302, "Found", {}, f"{to}://example.org/face.onnx")
    followed = download._Redirect().redirect_request(asked, None, 302, "Found", {}, "https://cdn.example.org/x")
    assert followed is not None and followed.full_url == "https://cdn.example.org/x"


def test_a_host_that_cannot_be_is_an_error_of_ours(tmp_path: Path) -> None:
    source = replace(catalogs.parse(as_toml(NAME, GOOD), "here")[NAME].sources[0], url="https://a..b/face.onnx")
    with pytest.raises(ModelUnavailable, match="cannot be fetched"):
        download.fetch(source, tmp_path, lambda _: None)


def test_a_full_disk_is_said_and_not_blamed_on_the_network(catalog: Path, maker: Maker) -> None:
    (source,) = catalogs.read(catalog)[NAME].sources
    full = replace(source, name="full")  # /dev/full takes nothing
    with pytest.raises(ModelError, match="/dev/full cannot be written: No space left") as caught:
        download._receive(full, Path("/dev/full"), lambda _: None)
    assert not isinstance(caught.value, ModelUnavailable)


def test_a_stick_that_cannot_be_read(tmp_path: Path) -> None:
    source = catalogs.parse(as_toml(NAME, GOOD), "here")[NAME].sources[0]
    with pytest.raises(ModelError, match=r"face\.onnx cannot be copied to .*No such file"):
        download.take(source, [tmp_path / "gone"], tmp_path)


def test_a_link_in_the_place_of_the_workshop_is_not_emptied(tmp_path: Path, home: Path) -> None:
    precious = tmp_path / "precious"
    precious.mkdir()
    (precious / "file").touch()
    (home / installed.FOLDER).mkdir(parents=True)
    (home / installed.FOLDER / f".{NAME}.part").symlink_to(precious)
    with pytest.raises(ModelError, match="cannot be made"), installed.workshop(home, NAME):
        pass
    assert (precious / "file").exists()


def test_a_workshop_that_another_process_has_just_published_is_not_emptied(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between opening the folder and locking it."""

    def finished(*_: object) -> None:
        (home / installed.FOLDER / f".{NAME}.part").rename(home / installed.FOLDER / NAME)

    monkeypatch.setattr(installed.fcntl, "flock", finished)
    with pytest.raises(ModelError, match="by another process"), installed.workshop(home, NAME):
        pass
    assert left(home) == [NAME]


@pytest.mark.parametrize("given", ["folder", "file", "renamed", "pair"])
def test_without_a_network(
    install: Callable[..., Result], tmp_path: Path, maker: Maker, home: Path, given: str
) -> None:
    folder = tmp_path / "stick"
    folder.mkdir()
    (folder / "other").write_bytes(b"xyz")
    name = {"renamed": "download (1)", "pair": "face.onnx"}.get(given, "face.onnx")
    (folder / name).write_bytes(CONTENT)
    (folder / "face.xml").write_bytes(b"not it")
    source = {"folder": folder, "pair": folder / "face.xml"}.get(given, folder / name)
    assert install("--accept-licence", "--from", source).exit_code == 0
    assert maker.asked == []
    assert left(home) == [NAME]


def test_the_wrong_file_from_a_stick(install: Callable[..., Result], tmp_path: Path, home: Path) -> None:
    (tmp_path / "face.onnx").write_bytes(b"abd")
    result = install("--accept-licence", "--from", tmp_path / "face.onnx")
    assert result.exit_code == 65
    assert "no file given with --from is face.onnx" in result.output
    assert left(home) == []


def test_a_conversion_that_fails_leaves_nothing(install: Callable[..., Result], home: Path, tools: Path) -> None:
    (tools / "fail").touch()
    result = install("--accept-licence")
    assert result.exit_code == 65
    assert "could not be converted" in result.output
    assert left(home) == []


def test_a_converted_file_that_does_not_run_is_not_installed(
    install: Callable[..., Result], home: Path, tools: Path
) -> None:
    (tools / "face.tflite").write_bytes(b"oops")
    result = install("--accept-licence")
    assert result.exit_code == 65
    assert "altered or damaged" in result.output
    assert left(home) == []


def test_a_converter_that_is_killed_says_so(install: Callable[..., Result], home: Path, tools: Path) -> None:
    (tools / "__main__.py").write_text("import os; os.kill(os.getpid(), 9)")
    result = install("--accept-licence")
    assert result.exit_code == 65
    assert "ended by signal 9" in result.output
    assert left(home) == []


def test_a_model_that_is_being_installed_again_is_not_removed(edgeface: Edgeface, home: Path) -> None:
    folder = home / installed.FOLDER / NAME
    folder.mkdir(parents=True)
    (folder / installed.MANIFEST).write_text("")
    with installed.workshop(home, NAME) as part:
        (part / "half").touch()
        refused = edgeface("models", "remove", NAME)
        assert refused.exit_code == 65
        assert "by another process" in refused.output
        assert (part / "half").exists()
    assert left(home) == [NAME]


def test_data_reach_the_tools(install: Callable[..., Result], tmp_path: Path, tools: Path) -> None:
    assert install("--accept-licence", "--data", tmp_path).exit_code == 0
    assert f"'--data': '{tmp_path}'" in (tools / "words").read_text()
    assert f"first `edgeface models remove {NAME}`" in install("--data", tmp_path).output


def test_what_a_kill_leaves_is_unseen_and_cleared_away(
    install: Callable[..., Result], edgeface: Edgeface, home: Path, tools: Path, catalog: Path
) -> None:
    """SIGKILL in the middle of a conversion; while that one lives, a second one is refused."""
    (tools / "hang").touch()
    program = (
        "import sys; from edgeface.cli import models_install as m; from edgeface.cli.main import main; import pathlib\n"
        f"m.CONVERTERS = (); m._places = lambda: [pathlib.Path({str(tools.parents[1])!r})]; main(sys.argv[1:])"
    )
    words = ["--home", home, "models", "install", NAME, "--catalog", catalog, "--accept-licence"]
    first = subprocess.Popen(
        [sys.executable, "-c", program, *map(str, words)], stdout=subprocess.DEVNULL, start_new_session=True
    )
    end = time.monotonic() + 30
    while not (tools / "hanging").exists() and time.monotonic() < end:
        time.sleep(0.02)
    (tools / "hang").unlink()
    busy = install("--accept-licence")
    assert busy.exit_code == 65
    assert "by another process" in busy.output
    os.killpg(first.pid, signal.SIGKILL)
    first.wait()
    assert left(home) == [f".{NAME}.part"]
    assert listed(edgeface, catalog)["manifest"] is None
    assert install("--accept-licence").exit_code == 0
    assert left(home) == [NAME]


@pytest.mark.parametrize("lacking", ["tools", "torch"])
def test_on_a_reader_without_tools(
    edgeface: Edgeface,
    catalog: Path,
    home: Path,
    maker: Maker,
    monkeypatch: pytest.MonkeyPatch,
    tools: Path,
    lacking: str,
) -> None:
    if lacking == "tools":
        monkeypatch.setattr(models_install, "_places", list)
    else:
        monkeypatch.setattr(models_install, "CONVERTERS", ("nonesuch_torch",))
    result = edgeface("models", "install", NAME, "--catalog", catalog, "--accept-licence")
    assert result.exit_code == 69
    assert "pip install -e '.[tools]'" in result.output
    assert ("nonesuch_torch" in result.output) == (lacking == "torch")
    assert maker.asked == []
    assert not home.exists()


@pytest.mark.parametrize("name", ["fase", "../face", "/etc", ".", ""])
def test_names_that_nobody_offers(edgeface: Edgeface, catalog: Path, home: Path, name: str, tools: Path) -> None:
    for verb in (("install", name, "--catalog", catalog, "--accept-licence"), ("remove", name)):
        result = edgeface("models", *verb)
        assert result.exit_code == 65
    assert not home.exists()


def test_what_ships_cannot_be_removed(edgeface: Edgeface, loaded: Loaded) -> None:
    result = edgeface("models", "remove", loaded.embedder.spec.name)
    assert result.exit_code == 65
    assert "no installed model" in result.output


def test_a_broken_manifest_says_how_to_get_rid_of_it(
    install: Callable[..., Result], edgeface: Edgeface, home: Path
) -> None:
    install("--accept-licence")
    (home / "models" / NAME / "manifest.toml").write_text("[")
    result = edgeface("models", "list")
    assert result.exit_code == 65
    assert f"edgeface models remove {NAME}" in result.output
    assert edgeface("models", "remove", NAME).exit_code == 0
    assert edgeface("models", "list").exit_code == 0


def test_a_catalogue_name_is_named_where_it_is_not_installed(edgeface: Edgeface) -> None:
    assert "`edgeface models install yunet` fetches it" in edgeface("models", "use", "yunet").output
