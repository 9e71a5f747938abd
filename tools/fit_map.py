"""A map from a former embedder's templates to the one in use, so that nobody has to be enrolled anew; and its loss.

    python -m tools.fit_map former/manifest.toml NAME --faces train-faces.npz --data DATA --out work/NAME.map.npz
    edgeface models pack FOLDER models.bundle --map work/NAME.map.npz ...

Faces of the training set go through both embedders; the affine map is fitted by ridge regression, its weight chosen on
faces that were held out. Then LFW-dev, which neither was fitted to, says what the map costs, and prices its cosines:
the line is fitted to the highest scores of different people, and judged from one half of them to the other. `--visits`
measures whole visits as well (`tools.visit_bank`), `--page` takes the figures as a section. Embeddings are kept beside
`--out`, a second run goes on from them.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import cv2
import numpy as np

from edgeface import align, embed
from edgeface.adapters import manifest, tflite
from edgeface.bridge import Bridge
from edgeface.embed import Embedder
from edgeface.frame import Pixels
from edgeface.model import Tensor
from edgeface.service.bootstrap import load_models
from tools import maps
from tools.datasets import Archive
from tools.evaluate.acquire import Bench, progress
from tools.page import write_section

FACES = 12_000
"""Of the training set: 3,000 give a cosine on held out faces that is 0.007 lower, for an embedder of another kind."""
PAD_PX = 32
"""Reflected around the training set's tight crops, for embedders that want to see more."""
LANDMARKS = 128 * np.array(
    ((0.31556875, 0.46157410), (0.68262291, 0.46157410), (0.50026249, 0.64050535), (0.34947187, 0.82469196),
     (0.65343645, 0.82325089))
) - (12, 24)  # fmt: skip
"""Of every training face, in pixels of its 104x104 crop."""


def main() -> None:
    arguments = _parse()
    new = load_models(arguments.home)
    former = load(arguments.former, arguments.name)
    kept = arguments.out.with_suffix("").with_suffix(".faces.npz")
    if not kept.exists():
        _embed_faces(arguments.faces, arguments.count, former, new.models.embedder, kept)
    with np.load(kept) as known:
        fitted = maps.fit(known["former"], known["new"], known["held"])
    bench = Bench(data=arguments.data, loaded=new, home=arguments.home)
    lfw = _lfw(bench, former, arguments.out.with_suffix("").with_suffix(".lfw.npz"))
    bridge, price = maps.priced(fitted, former.identity, lfw)
    seen = maps.visits(bench, bridge, lfw) if arguments.visits else {}
    titles = [f"{spec.name} ({spec.sha256[:8]})" for spec in (former.spec, new.choice.embedder.spec)]
    lines = maps.told(*titles, fitted, bridge, price, lfw, seen)
    save(arguments.out, bridge, new.embedder.identity)
    print("\n".join(lines))
    if arguments.page:
        write_section(arguments.page, f"From {titles[0]} to {titles[1]}", lines)


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("former", type=Path, help="manifest.toml of the embedder that people are enrolled with")
    parser.add_argument("name", help="of its entry")
    parser.add_argument("--faces", type=Path, required=True, help="train-faces.npz")
    parser.add_argument("--data", type=Path, required=True, help="folder of lfw-dev.tar")
    parser.add_argument("--home", type=Path, default=Path("work/home"), help="edgeface home: the embedder in use")
    parser.add_argument("--visits", action="store_true", help="whole visits too; what work/visits lacks is filmed")
    parser.add_argument("--count", type=int, default=FACES, help="training faces")
    parser.add_argument("--page", type=Path, help="page that gets a section with the figures")
    parser.add_argument("--out", type=Path, required=True, help="the map, for `edgeface models pack --map`")
    return parser.parse_args()


def load(path: Path, name: str) -> Embedder:
    """An embedder of a manifest, ready to run."""
    entry = manifest.read(path)[name]
    model = tflite.load(entry.spec, entry.folder)
    return Embedder(spec=entry.spec, infer=model, identity=model.identity)


def save(path: Path, bridge: Bridge, to: str) -> None:
    """The map as `edgeface models pack --map` reads it: arrays and texts, no pickles."""
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(
        path, former=bridge.former, to=to, matrix=bridge.matrix, offset=bridge.offset, scale=bridge.scale,
        shift=bridge.shift, measured=bridge.measured,
    )  # fmt: skip


def _embed_faces(path: Path, count: int, former: Embedder, new: Embedder, kept: Path) -> None:
    """The same faces by both: the former's as templates, as galleries hold them."""
    cv2.setNumThreads(1)
    with np.load(path) as data:
        webp, offsets, held = data["webp"], data["offsets"], data["val"]
    chosen = np.linspace(0, len(held) - 1, count).astype(int)
    old, fresh = [], []
    for place in progress(chosen.tolist(), "training faces, both embedders"):
        crop = cv2.imdecode(webp[offsets[place] : offsets[place + 1]], cv2.IMREAD_COLOR)[..., ::-1]
        pixels: Pixels = np.ascontiguousarray(np.pad(crop, ((PAD_PX,) * 2, (PAD_PX,) * 2, (0, 0)), "reflect"))
        old.append(embed.to_template(_vector(pixels, former)))
        fresh.append(_vector(pixels, new))
    kept.parent.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(kept, former=np.stack(old), new=np.stack(fresh), held=held[chosen])


def _vector(pixels: Pixels, embedder: Embedder) -> Tensor:
    # `align.chip` counts from the corner, the training set from the centre of the first pixel.
    landmarks = (LANDMARKS + PAD_PX + 0.5).astype(np.float32)
    return embed.embed(align.chip(pixels, landmarks, embedder.spec), embedder).vector


def _lfw(bench: Bench, former: Embedder, kept: Path) -> maps.Measured:
    """Every picture of LFW-dev by both embedders, as found by the detector in use."""
    archive = Archive(bench.data / "lfw-dev.tar")
    names = archive.names("images/")
    if not kept.exists():
        old, fresh, there = [], [], []
        for name in progress(names, "LFW-dev, both embedders"):
            face = bench.face(archive, name)
            if face is None:
                continue
            pixels = archive.picture(name)
            old.append(embed.to_template(_at(pixels, face.landmarks, former)))
            fresh.append(_at(pixels, face.landmarks, bench.loaded.models.embedder))
            there.append(name)
        np.savez_compressed(kept, former=np.stack(old), new=np.stack(fresh), names=np.array(there))
    with np.load(kept) as known:
        return maps.Measured(
            names=tuple(str(name) for name in known["names"]),
            former=known["former"],
            new=known["new"],
            rows=tuple(archive.rows("pairs.csv")),
            scoring=bench.loaded.choice.embedder.spec.scoring,
        )


def _at(pixels: Pixels, landmarks: Tensor, embedder: Embedder) -> Tensor:
    return embed.embed(align.chip(pixels, landmarks, embedder.spec), embedder).vector


if __name__ == "__main__":
    main()
