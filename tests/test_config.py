"""Settings come back as they were written, and a wrong one is named by its path with the nearest right one."""

from __future__ import annotations

import math
import string
import tomllib
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgeface.config import load, parse, to_toml
from edgeface.errors import ConfigError


class Mode(StrEnum):
    FAST = "fast"
    CAREFUL = "careful"


@dataclass(frozen=True, slots=True, kw_only=True)
class Quality:
    min_sharpness: float = 0.25
    """Least sharpness, 0..1; chosen on a set of pictures
    that is described over two lines."""
    min_side_px: int = 60
    """Least side, pixels."""
    undocumented: bool = False

    def __post_init__(self) -> None:
        if not 0 <= self.min_sharpness <= 1:
            raise ValueError(f"min_sharpness must be 0..1, not {self.min_sharpness}")
        if self.min_side_px == 13:
            raise ValueError("thirteen is unlucky")


@dataclass(frozen=True, slots=True, kw_only=True)
class Inner:
    names: tuple[str, ...] = ("a",)
    """Texts."""
    pair: tuple[float, int] = (0.5, 1)
    """Two numbers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outer:
    inner: Inner = field(default_factory=Inner)
    """A table within a table."""
    mode: Mode = Mode.FAST
    """How."""
    gallery: Path = Path("gallery.db")
    """Where."""
    broker: str | None = None
    """Address, if any."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    quality: Quality = field(default_factory=Quality)
    """Which shots count."""
    outer: Outer = field(default_factory=Outer)
    """The rest."""
    threads: int = 1
    """Threads."""


finite = st.floats(allow_nan=False, allow_infinity=False)
texts = st.text(st.characters(exclude_categories=["Cs"]))
configs = st.builds(
    Config,
    threads=st.integers(),
    quality=st.builds(
        Quality,
        min_sharpness=st.floats(0, 1),
        min_side_px=st.integers().filter(lambda side_px: side_px != 13),
        undocumented=st.booleans(),
    ),
    outer=st.builds(
        Outer,
        inner=st.builds(Inner, names=st.lists(texts).map(tuple), pair=st.tuples(finite, st.integers())),
        mode=st.sampled_from(Mode),
        gallery=texts.filter(lambda text: "\0" not in text).map(Path),
        broker=st.none() | texts,
    ),
)


@given(configs)
@settings(max_examples=60, deadline=None)
def test_what_is_written_comes_back(config: Config) -> None:
    assert parse(to_toml(config), Config) == config


def test_nothing_written_means_every_default() -> None:
    assert parse("", Config) == Config()


def test_the_text_explains_itself() -> None:
    assert to_toml(Config(outer=Outer(gallery=Path('a"b')))) == (
        "# Threads.\n"
        "threads = 1\n"
        "\n"
        "# Which shots count.\n"
        "[quality]\n"
        "# Least sharpness, 0..1; chosen on a set of pictures that is described over two lines.\n"
        "min_sharpness = 0.25\n"
        "# Least side, pixels.\n"
        "min_side_px = 60\n"
        "undocumented = false\n"
        "\n"
        "# The rest.\n"
        "[outer]\n"
        "# How.\n"
        'mode = "fast"\n'
        "# Where.\n"
        'gallery = "a\\u0022b"\n'
        "# Address, if any.\n"
        "# broker =\n"
        "\n"
        "# A table within a table.\n"
        "[outer.inner]\n"
        "# Texts.\n"
        'names = ["a"]\n'
        "# Two numbers.\n"
        "pair = [0.5, 1]\n"
    )


def test_values_take_their_fields_type() -> None:
    text = "quality.min_sharpness = 1\n[outer]\nmode = 'careful'\ngallery = '/x'\ninner.pair = [2, 3]\nbroker = 'b'"
    config = parse(text, Config)
    assert isinstance(config.quality.min_sharpness, float)
    assert config.outer == Outer(mode=Mode.CAREFUL, gallery=Path("/x"), inner=Inner(pair=(2.0, 3)), broker="b")
    assert isinstance(config.outer.inner.pair[0], float)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("quality.min_sharpnes = 1", "quality.min_sharpnes: unknown; did you mean quality.min_sharpness?"),
        ("qualty.min_sharpness = 1", "qualty: unknown; did you mean quality?"),
        ("min_sharpness = 1", "min_sharpness: unknown; did you mean quality.min_sharpness?"),
        ("outer.inner.zzz = 1", "outer.inner.zzz: unknown; [outer.inner] takes names, pair"),
        ("zzz = 1", "zzz: unknown; the file takes quality, outer, threads"),
        ("threads = true", "threads: must be a whole number, not true"),
        ("threads = 1.0", "threads: must be a whole number, not 1.0"),
        ("quality.undocumented = 1", "quality.undocumented: must be true or false, not 1"),
        ("quality.min_sharpness = 'x'", 'quality.min_sharpness: must be a number, not "x"'),
        ("quality.min_sharpness = true", "quality.min_sharpness: must be a number, not true"),
        ("quality.min_sharpness = nan", "quality.min_sharpness: must be a finite number, not NaN"),
        (f"quality.min_sharpness = {10**400}", "quality.min_sharpness: must be a finite number, not 1000"),
        ("quality = 3", "quality: must be a table, written [quality], not 3"),
        ("outer.gallery = 3", "outer.gallery: must be a path in quotes, not 3"),
        ("outer.broker = 2020-01-01", 'outer.broker: must be a text in quotes, not "2020-01-01"'),
        ("outer.mode = 'slow'", 'outer.mode: must be one of "fast", "careful", not "slow"'),
        ("outer.mode = []", 'outer.mode: must be one of "fast", "careful", not []'),
        ("outer.inner.names = 'a'", 'outer.inner.names: must be a list in [ ], not "a"'),
        ("outer.inner.names = ['a', 2]", "outer.inner.names[1]: must be a text in quotes, not 2"),
        ("outer.inner.pair = [1]", "outer.inner.pair: must hold 2 values, not 1"),
        ("quality.min_sharpness = 2", "quality.min_sharpness must be 0..1, not 2.0"),
        ("quality.min_side_px = 13", "quality: thirteen is unlucky"),
        ("threads = 1\n\n[quality]\nmin_side_px = = 2\n", "(at line 4, column 15)"),
        ("threads = 1\nthreads = 2\n", "this is no TOML: Cannot overwrite a value"),
        ("x = " + "[" * 100_000, "this is no TOML"),
        ("threads = " + "9" * 5000, "this is no TOML"),
    ],
)
def test_what_is_wrong_is_named_by_its_path(text: str, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse(text, Config)
    assert message in str(caught.value)
    assert len(str(caught.value)) < 300


@given(st.text(string.printable, max_size=60))
@settings(max_examples=200, deadline=None)
def test_any_text_is_settings_or_a_config_error(text: str) -> None:
    try:
        parse(text, Config)
    except ConfigError:
        return
    assert not tomllib.loads(text).keys() - {"quality", "outer", "threads"}


def test_files_are_named_when_they_are_wrong(tmp_path: Path) -> None:
    path = tmp_path / "edgeface.toml"
    with pytest.raises(ConfigError, match="no such file; write one with: edgeface config show > "):
        load(path, Config)
    path.write_bytes(b"\xef\xbb\xbfthreads = 4")
    assert load(path, Config) == replace(Config(), threads=4)
    path.write_text("threads = 'x'")
    with pytest.raises(ConfigError, match=r"edgeface\.toml: threads: must be"):
        load(path, Config)
    path.write_bytes(b"threads = 1 # \xff")
    with pytest.raises(ConfigError, match="byte 14 is not UTF-8"):
        load(path, Config)
    with pytest.raises(ConfigError, match="check its permissions"):
        load(tmp_path, Config)


def test_fields_that_toml_cannot_hold_are_the_programmers_error() -> None:
    @dataclass(frozen=True)
    class Sometimes:
        size: int | None = 3

    @dataclass(frozen=True)
    class Strange:
        size: complex = 3j

    for kind in (Sometimes, Strange):
        with pytest.raises(TypeError, match="size"):
            parse("size = 1", kind)
    assert math.isfinite(Config().quality.min_sharpness)
