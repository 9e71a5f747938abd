"""Aligned training faces as a door's camera sees a visitor: the faults of `tools.visits`, all of one camera at once.

`tools.samples.probe_faults` has one heavy fault at a time; a visit has a little of all, and what its frames have in
common no adding up of its shots takes away again.
"""

from __future__ import annotations

import numpy as np

from edgeface.model import ModelSpec
from tools import degrade
from tools.samples.quality_faults import Pixels, Random, cut, spread
from tools.visits import draw_camera

SCALE = (0.3, 1.1)
"""Of the photograph's size, far and near."""
LOOSE = 0.012
"""Landmarks err by so much of the crop at full size, as our detector does on good pictures; more on small faces."""


def as_in_visit(crop: Pixels, spec: ModelSpec, random: Random) -> Pixels:
    """One tight BGR crop, cut to the network's input: one frame's face of a camera and a place by chance."""
    camera, scale = draw_camera(random), spread(*SCALE, random)
    if random.random() < 0.5:
        crop = np.ascontiguousarray(crop[:, ::-1])
    small = degrade.shrink(crop, scale)
    bad = degrade.defocus(small, camera.defocus_px * scale)
    speed = random.choice((0.15, 1.0)) * random.uniform(0.6, 1.4)
    bad = degrade.smear(bad, max(1, round(camera.motion_px * speed * scale)), float(random.uniform(0, np.pi)))
    light = float(np.exp(random.normal(0, 0.15)))
    bad = degrade.flatten(degrade.expose(bad, camera.gain * light), camera.contrast)
    bad = degrade.compress(degrade.add_noise(bad, camera.noise, random), camera.jpeg)
    marks = np.array(spec.template, np.float32) * small.shape[0]
    marks = degrade.loosen(marks, LOOSE * small.shape[0] / scale**0.5, random)
    return cut(bad, marks, spec, random)
