"""The main job on real faces, without a camera: `make demo`."""
