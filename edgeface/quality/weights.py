"""Numbers of `edgeface.quality.score`, written by `python -m tools.train.combination`."""

BIAS = -10.4748

WEIGHTS = (0.7225, 12.3723, -38.4339, 0.4138, 0.4191, -1.4780)
"""Unified score, log odds of the detection, landmark misfit, log eye distance, sharpness, occlusion."""
