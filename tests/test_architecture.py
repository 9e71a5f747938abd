"""The order of the flow is the order of imports, and foreign things stay where they belong."""

from __future__ import annotations

import ast
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

import edgeface

PACKAGE = Path(edgeface.__file__).parent

FLOW = ("detect", "track", "pose", "align", "quality", "liveness", "embed", "match", "evidence", "decide")
BEFORE = ("errors", "frame", "model", "bridge", "scoring", "calibration", "image", "footage", "health", "alarms")
ACCESS = "access"
AFTER = (ACCESS, "door", "learn", "strangers", "snapshot", "shots", "scene", "pipeline", "pace", "enrol", "explain")
MATCHED = FLOW.index("match") + 1
ORDER = (*BEFORE, *FLOW[:MATCHED], "bar", *FLOW[MATCHED:], *AFTER)
"""The bar is derived from a gallery and is no step of the flow."""

PURE = frozenset(
    {
        "__future__",
        "base64",
        "collections",
        "dataclasses",
        "enum",
        "functools",
        "itertools",
        "math",
        "re",
        "typing",
        "numpy",
    }
)
# Calendars, and hashes of PINs: reckoning, though a time zone's table is read from a file and no clock is.
RECKONING = frozenset({"datetime", "zoneinfo", "re", "json", "types", "hashlib", "hmac"})
"""What a stage may use besides the stages before it: nothing that knows the time, the machine or chance."""

PLACES = {
    "PIL": ("adapters/paper.py",),
    "cv2": ("image/", "adapters/camera/"),
    "paho": ("adapters/mqtt/",),
    "sqlite3": ("store/", "cli/doctor.py"),
    "sqlite_utils": ("store/",),
    "cryptography": ("store/crypto.py", "signature.py", "console/certificate.py"),
    "ai_edge_litert": ("adapters/tflite.py",),
    "tflite_runtime": ("adapters/tflite.py",),
    "picamera2": ("adapters/camera/picamera.py",),
    "gpiod": ("adapters/gpio.py",),
    "click": ("cli/",),
    "starlette": ("console/",),
    "uvicorn": ("console/server.py",),
    "jinja2": ("console/look.py",),
    "markupsafe": ("console/",),
    "argon2": ("console/accounts.py",),
    "threading": (
        "service/",
        "adapters/camera/files.py",
        "adapters/mqtt/",
        "adapters/gpio.py",
        "store/database.py",
        "image/codec.py",
        "console/",
    ),  # the adapters, the store and the codec take turns and wait; `STARTERS` says who begins threads
    "concurrent": ("service/", "adapters/mqtt/"),
    "asyncio": ("console/",),
    "multiprocessing": (),
    "socket": ("adapters/",),
    "ctypes": ("adapters/clock.py",),
}
"""Where each foreign thing may be imported, as beginnings of paths."""

STARTERS = {"Thread", "Timer", "ThreadPoolExecutor", "ProcessPoolExecutor", "start_new_thread"}
STARTERS |= {"loop_start", "to_thread", "run_in_executor", "run_in_threadpool", "ThreadingMixIn", "ThreadingHTTPServer"}
"""By whatever name a thread begins."""

THREADS = {
    "service/": STARTERS,
    "console/": STARTERS,  # a process of its own, which answers browsers: nothing of the reader runs in it
    # paho writes from whichever thread publishes, and two at once into one packet, unless its own thread does it all.
    "adapters/mqtt/link.py": {"loop_start"},
}
"""Who may begin threads, and how. Everything else is done by whoever calls."""

LAZY = ("picamera2", "gpiod", "torch")
"""Only to be had from apt, or heavy: never imported with the module that uses them."""


def imports(source: str, module: str = "edgeface.planted") -> Iterator[tuple[str, bool]]:
    """(full name, whether at the module's top level) of everything that a source imports."""
    tree = ast.parse(source)
    inside = {
        node
        for function in ast.walk(tree)
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef)
        for node in ast.walk(function)
    }
    for node in ast.walk(tree):
        top = node not in inside
        if isinstance(node, ast.Import):
            yield from ((name.name, top) for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module} imports relatively"
            yield from ((f"{node.module}.{name.name}", top) for name in node.names)
        elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith(("import_module", "__import__")):
            yield from ((str(word.value), top) for word in node.args if isinstance(word, ast.Constant))


def stage_faults(stage: str, source: str) -> list[str]:
    """What a stage imports that does not stand to its left."""
    allowed = ORDER[: ORDER.index(stage)]
    faults = []
    for name, _ in imports(source, stage):
        first, _, rest = name.partition(".")
        if first == "edgeface":
            if rest.split(".")[0] not in allowed and not _own_file(stage, rest):
                faults.append(f"{stage} imports {name}, which does not stand to its left")
        elif first not in (PURE | RECKONING if stage == ACCESS else PURE) or name == "datetime.datetime.now":
            faults.append(f"{stage} imports {name}, which is not pure")
    return faults


def _own_file(stage: str, rest: str) -> bool:
    """Whether "detect.grid.decode" comes from a file of the stage's own folder."""
    folder, _, inner = rest.partition(".")
    return folder == stage and (PACKAGE / stage / f"{inner.split('.')[0]}.py").is_file()


def place_faults(path: str, source: str) -> list[str]:
    """What a file imports that belongs elsewhere, or too early."""
    faults = []
    for name, top in imports(source, path):
        first = name.split(".")[0]
        if first in PLACES and not path.startswith(PLACES[first]):
            faults.append(f"{path} imports {name}, which belongs in {' or '.join(PLACES[first])}")
        if first in LAZY and top:
            faults.append(f"{path} imports {name} at its top level")
        if first in ("tools", "tests"):
            faults.append(f"{path} imports {name}: the package never imports its tools")
    return faults


def thread_faults(path: str, source: str) -> list[str]:
    """What a file begins threads with that may not."""
    allowed = set().union(*(names for place, names in THREADS.items() if path.startswith(place)))
    faults = []
    for node in ast.walk(ast.parse(source)):
        name = node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else None
        names = {name} if name else {one.name for one in node.names} if isinstance(node, ast.ImportFrom) else set()
        faults += [f"{path} begins a thread: {one}" for one in names & STARTERS - allowed]
    return faults


def broad_excepts(path: str, source: str) -> list[str]:
    """Handlers that would swallow a mistake of ours; one that raises again swallows nothing."""
    faults = []
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.ExceptHandler):
            continue
        names = {"everything"} if node.type is None else {ast.unparse(part) for part in _alternatives(node.type)}
        again = isinstance(node.body[-1], ast.Raise) and node.body[-1].exc is None
        if names & {"Exception", "BaseException", "everything"} and not again:
            faults.append(f"{path}:{node.lineno} catches {', '.join(names)}")
    return faults


def _alternatives(caught: ast.expr) -> list[ast.expr]:
    return list(caught.elts) if isinstance(caught, ast.Tuple) else [caught]


def source_of(stage: str) -> list[str]:
    single = PACKAGE / f"{stage}.py"
    files = [single] if single.exists() else sorted((PACKAGE / stage).glob("*.py"))
    assert files, f"there is no stage {stage}"
    return [file.read_text(encoding="utf-8") for file in files]


def every_file() -> list[tuple[str, str]]:
    return [
        (path.relative_to(PACKAGE).as_posix(), path.read_text(encoding="utf-8"))
        for path in sorted(PACKAGE.rglob("*.py"))
    ]


@pytest.mark.parametrize(
    "stage", (*FLOW, *AFTER, "bar", "frame", "model", "bridge", "scoring", "calibration", "errors")
)
def test_a_stage_imports_only_what_stands_to_its_left(stage: str) -> None:
    assert [fault for source in source_of(stage) for fault in stage_faults(stage, source)] == []


def test_what_may_be_asked_is_known_without_the_service() -> None:
    """The table of verbs is pure: a console or a controller can have it without a store, a broker or a camera."""
    allowed = {"access", "canonical", "commands", "frame", "signature", "wire"}
    for source in source_of("commands"):
        for name, _ in imports(source):
            first, _, rest = name.partition(".")
            ours = first == "edgeface" and rest.split(".")[0] in allowed
            assert ours or first in PURE | RECKONING, f"commands imports {name}"


def test_the_console_asks_the_reader_and_opens_nothing_itself() -> None:
    """No database, no models, no camera: what it knows of edgeface is the table of verbs and how to sign."""
    allowed = {"__version__", "canonical", "commands", "console", "errors", "frame", "signature", "wire"}
    allowed |= {"store.crypto", "store.files", "adapters.reader_socket"}
    for path, source in every_file():
        if path.startswith("console/"):
            for name, _ in imports(source):
                first, _, rest = name.partition(".")
                two = ".".join(rest.split(".")[:2])
                assert first != "edgeface" or {rest.split(".")[0], two} & allowed, f"{path} imports {name}"


def test_pictures_are_decoded_without_the_stages() -> None:
    names = [name for source in source_of("image") for name, _ in imports(source)]
    own = {name.split(".")[1] for name in names if name.startswith("edgeface.")}
    assert own <= {"errors", "frame", "image"}


@pytest.mark.parametrize(
    ("stage", "line", "culprit"),
    [
        ("track", "from edgeface.decide import Outcome", "edgeface.decide.Outcome"),
        ("track", "from edgeface import evidence", "edgeface.evidence"),
        ("detect", "import edgeface.service.loop", "edgeface.service.loop"),
        ("decide", "import time", "time"),
        ("match", "import logging.handlers", "logging.handlers"),
        ("embed", "def f():\n    import os", "os"),
        ("quality", "import importlib\nimportlib.import_module('socket')", "socket"),
        ("quality", "from edgeface.quality import assess", "edgeface.quality.assess"),
        ("detect", "from edgeface.detect import Options", "edgeface.detect.Options"),
    ],
)
def test_the_checker_finds_a_planted_import(stage: str, line: str, culprit: str) -> None:
    assert any(culprit in fault and stage in fault for fault in stage_faults(stage, line))


def test_the_wheel_has_every_folder() -> None:
    """A checkout works without: only who installs the wheel would miss one."""
    folders = {".".join(("edgeface", *path.parent.relative_to(PACKAGE).parts)) for path in PACKAGE.rglob("__init__.py")}
    project = tomllib.loads((PACKAGE.parent / "pyproject.toml").read_text(encoding="utf-8"))
    assert set(project["tool"]["setuptools"]["packages"]) == {*folders, "edgeface_models"}


def test_foreign_things_stay_in_their_places() -> None:
    assert [fault for path, source in every_file() for fault in place_faults(path, source)] == []


@pytest.mark.parametrize(
    ("path", "line"),
    [
        ("quality.py", "import cv2"),
        ("service/loop.py", "from paho.mqtt import client"),
        ("adapters/camera/picamera.py", "import picamera2"),
        ("cli/run.py", "from threading import Thread"),
        ("pipeline.py", "from tools.metrics import wilson"),
    ],
)
def test_the_checker_finds_a_thing_out_of_place(path: str, line: str) -> None:
    assert place_faults(path, line) != []
    assert path in place_faults(path, line)[0]


def test_threads_begin_in_the_service_only() -> None:
    assert [fault for path, source in every_file() for fault in thread_faults(path, source)] == []


def test_who_may_begin_threads_does() -> None:
    """The list must not outlive what it lists."""
    for place, names in THREADS.items():
        used = {name for path, source in every_file() if path.startswith(place) for name in names if name in source}
        assert used, f"{place} begins no thread any more"


@pytest.mark.parametrize(
    ("path", "line"),
    [
        ("adapters/camera/opencv.py", "import threading\nthreading.Thread(target=f).start()"),
        ("adapters/mqtt/publisher.py", "from threading import Timer"),
        ("adapters/mqtt/link.py", "from concurrent.futures import ThreadPoolExecutor"),
        ("adapters/gpio.py", "import _thread\n_thread.start_new_thread(f, ())"),
        ("store/database.py", "import threading as t\nt.Timer(1, f).start()"),
        ("cli/run.py", "client.loop_start()"),
    ],
)
def test_the_checker_finds_a_thread(path: str, line: str) -> None:
    assert thread_faults(path, line) != []


def forks(path: str, source: str) -> list[str]:
    """Where a file copies the process that it runs in, with SQLite's locks, threads and all that they hold."""
    return [
        f"{path}:{node.lineno} forks"
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Attribute | ast.Name)
        and ast.unparse(node).endswith(("os.fork", "os.forkpty", "forkserver"))
    ]


def test_no_process_is_copied() -> None:
    """Children are new programs: a copy would hold the gallery's locks (https://sqlite.org/howtocorrupt.html, 2.6)."""
    assert [fault for path, source in every_file() for fault in forks(path, source)] == []
    assert forks("service/x.py", "import os\nif os.fork() == 0:\n    pass") != []
    assert place_faults("service/x.py", "import multiprocessing") != []


def test_picamera2_is_imported_where_it_is_used() -> None:
    """The list of places must not outlive what it lists: a lazy import inside a function is allowed, and is there."""
    source = (PACKAGE / "adapters/camera/picamera.py").read_text(encoding="utf-8")
    assert any(name.startswith("picamera2") and not top for name, top in imports(source))


def test_nothing_is_caught_that_nobody_foresaw() -> None:
    assert [fault for path, source in every_file() for fault in broad_excepts(path, source)] == []


@pytest.mark.parametrize("caught", ["Exception", "BaseException", "(ValueError, Exception)", ""])
def test_the_checker_finds_a_broad_except(caught: str) -> None:
    assert broad_excepts("x.py", f"try:\n    f()\nexcept {caught}:\n    pass") != []
    assert broad_excepts("x.py", f"try:\n    f()\nexcept {caught}:\n    g()\n    raise") == []


def test_the_sentence_can_be_read_off_the_pipeline() -> None:
    """`recognise` and what it calls name the stages in the order of the flow."""
    text = (PACKAGE / "pipeline.py").read_text(encoding="utf-8")
    sentence = text.splitlines()[0]
    places = [sentence.index(stage) for stage in ("frame", *FLOW)]
    assert places == sorted(places)


def test_every_error_of_ours_has_one_root_and_its_exit_code() -> None:
    from edgeface import errors

    ours = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, Exception)]
    assert len(ours) > 10
    assert all(issubclass(kind, errors.EdgefaceError) for kind in ours)
    drawn = str(errors.__doc__)
    for kind in ours:
        line = next(
            line for line in drawn.splitlines() if kind.__name__ in line.split() or line.endswith(kind.__name__)
        )
        assert str(kind.exit_code) in line or kind is errors.EdgefaceError, f"{kind.__name__}: {line}"
