"""Few shots are kept of a visitor: the best, in every pose."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from edgeface.embed import Embedding
from edgeface.pose import Bin, Pose, bin_of
from edgeface.shots import MOST_OF_A_BIN, Album, Shot, keep, looks
from fakes import axis, detection, quality
from portraits import at

POSES = {Bin.FRONTAL: (0, 0), Bin.LEFT: (-30, 0), Bin.RIGHT: (30, 0), Bin.UP: (0, 30), Bin.DOWN: (0, -30)}


def shot(score: float, pose: Bin = Bin.FRONTAL) -> Shot:
    yaw, pitch = POSES[pose]
    return Shot(
        captured_at=at(0),
        detection=detection(),
        pose=Pose(yaw_deg=yaw, pitch_deg=pitch, roll_deg=0.0),
        quality=quality(score),
        embedding=Embedding(vector=axis(score / 100), model_sha256="m" * 64),
        liveness=None,
    )


def test_a_worse_frontal_shot_does_not_push_out_a_profile() -> None:
    album: Album = ()
    for one in (shot(20, Bin.LEFT), shot(90), shot(80), shot(85), shot(70)):
        album = keep(album, one)
    assert [(bin_of(one.pose), one.quality.score) for one in album] == [
        (Bin.FRONTAL, 90),
        (Bin.FRONTAL, 85),
        (Bin.LEFT, 20),
    ]
    assert np.allclose(looks(album)[:, 0], [0.9, 0.85, 0.2])


@given(st.lists(st.tuples(st.floats(0, 100), st.sampled_from(Bin)), max_size=60))
def test_the_best_of_every_pose_are_kept_and_no_more(seen: list[tuple[float, Bin]]) -> None:
    album: Album = ()
    for score, pose in seen:
        album = keep(album, shot(score, pose))
    for pose in Bin:
        kept = sorted(one.quality.score for one in album if bin_of(one.pose) is pose)
        assert kept == sorted(score for score, where in seen if where is pose)[-MOST_OF_A_BIN:]
    assert [one.quality.score for one in album] == sorted((one.quality.score for one in album), reverse=True)
