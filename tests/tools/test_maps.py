"""Maps between embedders: a fit finds the map that is there, and its price keeps strangers out."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from edgeface.bridge import carry
from edgeface.embed import to_template
from tools import fit_map, maps

RANDOM = np.random.default_rng(0)
OLD, NEW = 24, 16
MAP = RANDOM.normal(size=(NEW, OLD)).astype(np.float32)


def unit(rows: np.ndarray) -> np.ndarray:
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), np.float32)


def embedded(rows: np.ndarray, noise: float) -> tuple[np.ndarray, np.ndarray]:
    """The same faces by two embedders: templates of the former, embeddings of the new one."""
    new = unit(unit(rows @ MAP.T) + noise / np.sqrt(NEW) * RANDOM.normal(size=(len(rows), NEW)))
    return np.stack([to_template(row) for row in unit(rows)]), new


def people(noise: float) -> maps.Measured:
    """Sixty people, three pictures each."""
    faces = np.repeat(RANDOM.normal(size=(60, OLD)), 3, axis=0) + 0.3 * RANDOM.normal(size=(180, OLD))
    former, new = embedded(faces, noise)
    names = tuple(f"images/p{place // 3}/{place}.jpg" for place in range(180))
    return maps.Measured(names=names, former=former, new=new, rows=())


def test_a_fit_finds_the_map_that_is_there() -> None:
    former, new = embedded(RANDOM.normal(size=(2000, OLD)), noise=0.0)
    held = np.arange(2000) % 10 == 0
    fitted = maps.fit(former, new, held)
    assert (fitted.faces, fitted.held) == (1800, 200)
    assert fitted.likeness > 0.98


def test_the_price_keeps_strangers_below_the_embedders_own() -> None:
    former, new = embedded(RANDOM.normal(size=(2000, OLD)), noise=0.5)
    fitted = maps.fit(former, new, np.arange(2000) % 10 == 0)
    lfw = people(noise=0.5)
    bridge, price = maps.priced(fitted, "f" * 64, lfw)
    own, carried = maps._scores(lfw, bridge)
    strangers = lfw.owners[:, None] != lfw.owners[None]
    for rate in (1e-2, 1e-3):
        threshold = np.quantile(own[strangers], 1 - rate)
        assert (bridge.scale * carried[strangers] + bridge.shift >= threshold).mean() <= rate
    assert all(figure.value <= rate for rate, figure in price.kept.items() if rate >= 1e-3)


def test_what_is_saved_is_read_without_pickles(tmp_path: Path) -> None:
    former, new = embedded(RANDOM.normal(size=(500, OLD)), noise=0.1)
    bridge, _ = maps.priced(maps.fit(former, new, np.arange(500) % 10 == 0), "f" * 64, people(0.1))
    fit_map.save(tmp_path / "m.npz", bridge, "a" * 64)
    with np.load(tmp_path / "m.npz", allow_pickle=False) as told:
        assert str(told["to"]) == "a" * 64
        assert np.array_equal(told["matrix"], bridge.matrix)
    assert carry(former[:3], bridge).shape == (3, NEW)
