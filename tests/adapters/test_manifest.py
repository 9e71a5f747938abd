"""A manifest's mistakes are named by key; what is chosen stays chosen."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeface.adapters import manifest, tflite
from edgeface.errors import ModelError
from edgeface.model import Layout, Task

GOOD: dict[str, str] = {
    "task": '"embedder"',
    "file": '"face.tflite"',
    "sha256": f'"{"ab" * 32}"',
    "licence": '"MIT"',
    "origin": '"somebody"',
    "layout": '"embedding"',
    "width_px": "112",
    "height_px": "96",
    "mean": "127",
    "std": "128.5",
    "template": "[[0.3, 0.4], [0.7, 0.4], [0.5, 0.6], [0.35, 0.8], [0.65, 0.8]]",
    "dimensions": "128",
    "thresholds": "{ grant = 0.5 }",
}


def written(folder: Path, name: str = "face", /, **changes: str | None) -> Path:
    """A manifest of one model; None leaves a key out."""
    keys = {key: value for key, value in {**GOOD, **changes}.items() if value is not None}
    path = folder / "manifest.toml"
    path.write_text(f"[{name}]\n" + "".join(f"{key} = {value}\n" for key, value in keys.items()))
    return path


def test_what_is_written_is_what_is_read(tmp_path: Path) -> None:
    path = written(tmp_path, mirror="true", output="1", order='"BGR"')
    (entry,) = manifest.read(path).values()
    spec = entry.spec
    assert (entry.folder, entry.manifest) == (tmp_path, path)
    assert (spec.name, spec.task, spec.layout, spec.order) == ("face", Task.EMBEDDER, Layout.EMBEDDING, "BGR")
    assert (spec.width_px, spec.height_px, spec.mean, spec.std) == (112, 96, 127.0, 128.5)
    assert (spec.dimensions, spec.output, spec.mirror) == (128, 1, True)
    assert spec.template[2] == (0.5, 0.6)
    assert spec.thresholds == {"grant": 0.5}


MISTAKES: list[tuple[dict[str, str | None], str]] = [
    ({"widht_px": "112"}, "unknown key widht_px"),
    ({"name": '"other"'}, "unknown key name"),
    *[({key: None}, f"lacks the key {key}") for key in list(GOOD)[:10]],
    ({"template": None}, "template must be five points"),
    ({"template": "[[0.3, 0.4]]"}, "template must be five points"),
    ({"template": "[0.3, 0.4]"}, "template must be a list of points"),
    ({"template": '"tight"'}, "template must be a list of points"),
    ({"template": '[["a", "b"]]'}, "template must be a list of points"),
    ({"dimensions": None}, "dimensions must be at least 8"),
    ({"dimensions": "128.0"}, "dimensions must be a whole number"),
    ({"dimensions": "true"}, "dimensions must be a whole number"),
    ({"thresholds": None}, "thresholds.grant"),
    ({"thresholds": "{ grant = 1.0 }"}, "thresholds.grant"),
    ({"thresholds": "{ min_score = 0.5 }"}, "thresholds.grant"),
    ({"thresholds": "{ grant = nan }"}, "thresholds must be a table of numbers"),
    ({"thresholds": '{ grant = "high" }'}, "thresholds must be a table of numbers"),
    ({"thresholds": "0.5"}, "thresholds must be a table of numbers"),
    ({"task": '"embeder"'}, "task must be one of detector, embedder"),
    ({"task": "5"}, "task must be a text"),
    ({"layout": '"grid"'}, "layout does not fit the task"),
    ({"layout": '"mesh"'}, "layout must be one of grid, "),
    ({"width_px": "8"}, "width_px and height_px: 16 to 2048"),
    ({"height_px": "4096"}, "width_px and height_px: 16 to 2048"),
    ({"width_px": '"112"'}, "width_px must be a whole number"),
    ({"mean": '"127"'}, "mean must be a number"),
    ({"mean": "nan"}, "mean must be a number"),
    ({"mean": "true"}, "mean must be a number"),
    ({"std": "0"}, "std must be above 0"),
    ({"std": "-1.0"}, "std must be above 0"),
    ({"std": "inf"}, "std must be a number"),
    ({"order": '"RGBA"'}, 'order must be "RGB" or "BGR"'),
    ({"output": "-1"}, "output must not be negative"),
    ({"mirror": '"yes"'}, "mirror must be true or false"),
    ({"licence": '" "'}, "licence must say"),
    ({"licence": "5"}, "licence must be a text"),
    ({"sha256": '"abcd"'}, "sha256 must be 64 hex digits"),
    ({"sha256": f'"{"zz" * 32}"'}, "sha256 must be 64 hex digits"),
    *[
        ({"file": f'"{name}"'}, "file must be a plain file name")
        for name in ("../face.tflite", "/etc/passwd", "models/face.tflite", "..", ".", "", "a\\\\b", "a\\u0000b")
    ],
    ({"file": "7"}, "file must be a text"),
    ({"crop": "2.7"}, "crop is not for the task embedder"),
    ({"crop": '"wide"'}, "crop must be a number"),
]


@pytest.mark.parametrize(("changes", "sentence"), MISTAKES, ids=[f"{c} {s}"[:60] for c, s in MISTAKES])
def test_each_mistake_is_named_with_its_model_and_key(
    tmp_path: Path, changes: dict[str, str | None], sentence: str
) -> None:
    path = written(tmp_path, **changes)
    with pytest.raises(ModelError, match=re.escape(sentence)) as caught:
        manifest.read(path)
    assert f"{path}: [face]" in str(caught.value)


def test_a_detector_needs_its_own_threshold(tmp_path: Path) -> None:
    path = written(tmp_path, task='"detector"', layout='"blazeface"', template=None, dimensions=None)
    with pytest.raises(ModelError, match=re.escape("thresholds.min_score")):
        manifest.read(path)


TWO_LOOKS: dict[str, str | None] = {"width_px": "160", "height_px": "80"}
THIRD: dict[str, str | None] = {"template": None, "dimensions": None, "thresholds": None, "crop": "2.7"}


@pytest.mark.parametrize(
    ("task", "layout", "more"),
    [
        ("quality", "score", {"crop": None, "template": GOOD["template"]}),
        ("liveness", "liveness", {"thresholds": "{ live = 0.9 }", **TWO_LOOKS}),
        ("pose", "angles", {}),
    ],
)
def test_models_for_the_other_tasks(tmp_path: Path, task: str, layout: str, more: dict[str, str | None]) -> None:
    (entry,) = manifest.read(
        written(tmp_path, **{**THIRD, "task": f'"{task}"', "layout": f'"{layout}"', **more})
    ).values()
    assert (entry.spec.task, entry.spec.layout) == (task, layout)
    assert (entry.spec.crop == 2.7) != (len(entry.spec.template) == 5)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"thresholds": None}, "thresholds.live must be"),
        ({"layout": '"score"'}, "layout does not fit the task"),
        ({"layout": '"grid"'}, "layout does not fit the task"),
        ({"crop": None}, "crop must be 0.5 to 8"),
        ({"template": GOOD["template"]}, "template is not for the task liveness"),
        ({"crop": "0.1"}, "crop must be 0.5 to 8"),
        ({"crop": "-2"}, "crop must be 0.5 to 8"),
        ({"width_px": "80"}, "width_px must be twice height_px"),
        ({"task": '"pose"', "layout": '"angles"', "crop": None}, "crop must be 0.5 to 8"),
        ({"task": '"pose"', "layout": '"angles"', "template": GOOD["template"]}, "template is not for the task pose"),
        ({"task": '"quality"', "layout": '"score"'}, "crop is not for the task quality"),
        ({"task": '"quality"', "layout": '"score"', "crop": None}, "template must be five points"),
    ],
)
def test_mistakes_in_models_for_the_other_tasks(tmp_path: Path, changes: dict[str, str | None], sentence: str) -> None:
    live = {"task": '"liveness"', "layout": '"liveness"', "thresholds": "{ live = 0.9 }", **TWO_LOOKS}
    with pytest.raises(ModelError, match=re.escape(sentence)):
        manifest.read(written(tmp_path, **{**THIRD, **live, **changes}))


def test_a_liveness_model_that_is_chosen_is_in_use(tmp_path: Path, home: Path) -> None:
    live = {"task": '"liveness"', "layout": '"liveness"', "thresholds": "{ live = 0.9 }", **TWO_LOOKS}
    (entry,) = manifest.read(written(tmp_path, **{**THIRD, **live})).values()
    before = manifest.chosen(home)
    manifest.choose(home, entry)
    after = manifest.chosen(home)
    assert after.liveness == entry
    assert (after.detector, after.embedder) == (before.detector, before.embedder)
    assert after.entries().count(entry) == 1


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"[face\n", "is not TOML"),
        (b"\xff\xfe[face]\n", "is not TOML"),
        (b"face = 5\n", "[face] is not a table"),
        (b"[face]\nlayout = 'grid'\nlayout = 'grid'\n", "is not TOML"),
    ],
)
def test_a_file_that_is_no_manifest(tmp_path: Path, content: bytes, sentence: str) -> None:
    path = tmp_path / "manifest.toml"
    path.write_bytes(content)
    with pytest.raises(ModelError, match=re.escape(sentence)):
        manifest.read(path)


def test_a_manifest_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="cannot read the manifest"):
        manifest.read(tmp_path / "manifest.toml")
    with pytest.raises(ModelError, match="cannot read the manifest"):
        manifest.read(tmp_path)


def test_the_shipped_manifest_is_complete() -> None:
    """Every model in it is there, is what it says, may be used, and both tasks that a reader needs are served."""
    entries = manifest.read(manifest.shipped())
    assert {entry.spec.task for entry in entries.values()} >= {Task.DETECTOR, Task.EMBEDDER}
    for entry in entries.values():
        assert tflite.load(entry.spec, entry.folder).spec is entry.spec
        assert entry.spec.licence == "Apache-2.0"


def test_without_a_choice_the_shipped_models_are_in_use(home: Path) -> None:
    choice = manifest.chosen(home)
    assert choice.detector.spec.task is Task.DETECTOR
    assert choice.embedder.spec.task is Task.EMBEDDER
    assert choice.detector.manifest == manifest.shipped()
    assert not home.exists()


def test_what_is_chosen_is_in_use_and_the_rest_stays(tmp_path: Path, home: Path) -> None:
    (entry,) = manifest.read(written(tmp_path)).values()
    before = manifest.chosen(home)
    manifest.choose(home, entry)
    after = manifest.chosen(home)
    assert after.embedder == entry
    assert after.detector == before.detector
    assert "face" in manifest.known(home)
    manifest.choose(home, before.embedder)
    assert manifest.chosen(home) == before
    assert list(home.iterdir()) == [home / manifest.CHOICE]


def test_a_choice_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    (entry,) = manifest.read(written(tmp_path)).values()
    with pytest.raises(ModelError, match=r"the choice cannot be written to .*; see --home"):
        manifest.choose(tmp_path / "file" / "home", entry)


names = st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), min_size=1, max_size=30)


@given(name=names, folder=st.text(st.characters(codec="utf-8", exclude_characters="\0/"), min_size=1, max_size=40))
def test_any_name_survives_being_written(tmp_path_factory: pytest.TempPathFactory, name: str, folder: str) -> None:
    """Names of models and folders, with quotes, newlines and smileys."""
    home = tmp_path_factory.mktemp("home")
    (entry,) = manifest.read(written(home)).values()
    from dataclasses import replace

    odd = replace(entry, spec=replace(entry.spec, name=name), manifest=Path("/nowhere") / folder / "manifest.toml")
    manifest.choose(home, odd)
    picked = manifest._read_choice(home)["embedder"]
    assert picked == {"name": name, "manifest": str(odd.manifest.resolve())}


BROKEN: dict[str, Any] = {
    "no TOML": "[embedder\n",
    "no UTF-8": "\udcff",
    "an unknown task": '[gait]\nname = "x"\nmanifest = "y"\n',
    "a key too many": '[embedder]\nname = "x"\nmanifest = "y"\nsha256 = "z"\n',
    "a key too few": '[embedder]\nname = "x"\n',
    "no table": 'embedder = "x"\n',
    "a number": '[embedder]\nname = "x"\nmanifest = 5\n',
}


@pytest.mark.parametrize("kind", BROKEN)
def test_a_broken_choice_says_how_to_go_back(home: Path, kind: str) -> None:
    home.mkdir()
    (home / manifest.CHOICE).write_text(BROKEN[kind], encoding="utf-8", errors="surrogateescape")
    for ask in (manifest.chosen, manifest.known):
        with pytest.raises(ModelError, match=r"models\.toml.*delete"):
            ask(home)


def test_a_choice_whose_manifest_is_gone_says_how_to_go_back(tmp_path: Path, home: Path) -> None:
    path = written(tmp_path)
    (entry,) = manifest.read(path).values()
    manifest.choose(home, entry)
    path.unlink()
    for ask in (manifest.chosen, manifest.known):
        with pytest.raises(ModelError, match=r"cannot read the manifest.*models\.toml.*delete"):
            ask(home)


def test_a_choice_whose_model_is_gone_or_of_another_task(tmp_path: Path, home: Path) -> None:
    (entry,) = manifest.read(written(tmp_path)).values()
    manifest.choose(home, entry)
    written(tmp_path, "other")
    with pytest.raises(ModelError, match="no embedder named face"):
        manifest.chosen(home)
    written(
        tmp_path, task='"detector"', layout='"grid"', template=None, dimensions=None, thresholds="{ min_score = 0.5 }"
    )
    with pytest.raises(ModelError, match="no embedder named face"):
        manifest.chosen(home)
