"""What shows a face that is not there: paper and screens, as light that leaves their surface.

A fine pattern (subpixels, halftone dots) is a sum of a few waves. Each is evaluated at the sensor's pixels after lens
and pixel aperture have weakened it (`camera.passed`), so that moire comes about as in a real camera: by sampling.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from tools.attacks.camera import Camera, Light, passed

TAU = 2 * np.pi
LEAST = 0.004
"""Waves weaker than this are left out: one grey level."""
INK_ANGLES_DEG = (15.0, 75.0, 0.0)
"""Of the cyan, magenta and yellow screens, which darken red, green and blue."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Surface:
    """Where each sensor pixel looks at the medium."""

    x: Light
    """(h, w), along the medium, in sensor pixels at the face."""
    y: Light


def screen(light: Light, surface: Surface, layout: str, camera: Camera, random: np.random.Generator) -> Light:
    """A picture on a display of a subpixel `layout`: its white, black and gamma, its pixels, its flicker.

    Layouts: `stripe` (phones and monitors), `pentile` (OLED), `projector` (square pixels with dark gaps, on a wall).
    """
    shown = cv2.pow(light, random.uniform(0.85, 1.2))
    cold = random.uniform(-0.05, 0.2)
    white = np.array([1 - cold, 1 - 0.3 * cold, 1 + 0.4 * cold], np.float32)
    black = random.uniform(0.03, 0.12) if layout == "projector" else random.uniform(0.0, 0.02)
    shown = (shown * np.float32(1 - black) + np.float32(black)) * white
    pitch_px = float(np.exp(random.uniform(np.log(0.5), np.log(3.0))))
    pattern = _subpixels(surface, pitch_px, layout, camera, random)
    shown = shown if pattern is None else shown * pattern
    return np.asarray(shown * _flicker(surface, random), np.float32)


def paper(light: Light, surface: Surface, camera: Camera, random: np.random.Generator) -> Light:
    """A picture printed by ink jet, laser or photo printer: gamut, dots, texture of the sheet."""
    weakest = random.uniform(0.01, 0.10)
    grey = light.mean(axis=2, keepdims=True)
    vivid = 0.0 if random.random() < 0.06 else random.uniform(0.6, 1.05)
    ink = np.clip(grey + (light - grey) * np.float32(vivid), 0, 1)
    ink = cv2.pow(ink, random.uniform(0.75, 1.25))
    white = np.exp(random.normal(0, 0.05, 3)).astype(np.float32) * np.float32(random.uniform(0.75, 0.95))
    printed = (np.float32(weakest) + np.float32(1 - weakest) * ink) * white
    kind = random.random()
    if kind < 0.4:
        printed = printed * _halftone(ink, surface, camera, random)
    elif kind < 0.75:
        printed = printed * _dither(ink, camera, random)
    if random.random() < 0.3:
        lines = random.uniform(0.01, 0.05) * np.cos(surface.y * np.float32(TAU / random.uniform(3, 40)))
        printed = printed * (1 + lines[..., None])
    return np.asarray(printed * _grain(light.shape, random.uniform(0.002, 0.02), random)[..., None], np.float32)


def glare(shape: tuple[int, ...], random: np.random.Generator) -> Light:
    """Lamps and windows mirrored by glass or gloss: (h, w, 1) of light to add."""
    height, width = shape[:2]
    layer = np.zeros((height // 4 + 1, width // 4 + 1), np.float32)
    for _ in range(random.integers(1, 4)):
        centre = tuple(int(value) for value in random.uniform(0, 1, 2) * layer.shape[::-1])
        axes = tuple(int(value) for value in 2 + random.uniform(0.02, 0.3, 2) * layer.shape[::-1])
        if random.random() < 0.5:
            cv2.ellipse(layer, centre, axes, random.uniform(0, 180), 0, 360, float(random.uniform(0.05, 0.8)), -1)
        else:
            corner = (centre[0] + axes[0], centre[1] + axes[1])
            cv2.rectangle(layer, centre, corner, float(random.uniform(0.05, 0.6)), -1)
    soft = cv2.GaussianBlur(layer, (0, 0), random.uniform(0.5, 0.12 * min(layer.shape) + 1))
    return np.asarray(cv2.resize(soft, (width, height))[..., None], np.float32)


def _subpixels(
    surface: Surface, pitch_px: float, layout: str, camera: Camera, random: np.random.Generator
) -> Light | None:
    """Factor (h, w, 3) of the light that the pixels' structure leaves; None if nothing of it reaches the sensor."""
    along, across = (axis * np.float32(TAU / pitch_px) for axis in (surface.x, surface.y))
    depth = random.uniform(0.5, 1.0)
    if layout == "pentile":
        return _pentile(along, across, depth, pitch_px, camera)
    if layout == "projector":
        wave = depth * 0.35 * passed(1 / pitch_px, camera)
        return None if wave < LEAST else (1 + wave * (np.cos(along) + np.cos(across)))[..., None]
    first, second = (depth * height * passed(n / pitch_px, camera) for n, height in ((1, 1.6), (2, 0.9)))
    rows = depth * 0.35 * passed(1 / pitch_px, camera)
    if max(first, second, rows) < LEAST:
        return None
    order = (0, 1, 2) if random.random() < 0.8 else (2, 1, 0)
    columns = np.stack(
        [
            1 + first * np.cos(along - TAU * place / 3) + second * np.cos(2 * (along - TAU * place / 3))
            for place in order
        ],
        axis=2,
    )
    return np.asarray(np.maximum(columns, 0) * (1 + rows * np.cos(across))[..., None], np.float32)


def _pentile(along: Light, across: Light, depth: float, pitch_px: float, camera: Camera) -> Light | None:
    """Green at every pixel, red and blue on a lattice turned by 45 degrees with half as many dots."""
    green = depth * 0.9 * passed(1 / pitch_px, camera)
    others = depth * 1.1 * passed(1 / (pitch_px * np.sqrt(2)), camera)
    if max(green, others) < LEAST:
        return None
    diagonal = (np.cos((along + across) / 2) + np.cos((along - across) / 2)) / 2
    lattice = 1 + green * (np.cos(along) + np.cos(across)) / 2
    return np.asarray(np.stack([1 + others * diagonal, lattice, 1 - others * diagonal], axis=2), np.float32)


def _flicker(surface: Surface, random: np.random.Generator) -> Light | np.float32:
    """Bands where a rolling shutter met the dimming of a screen: (h, 1, 1)."""
    if random.random() < 0.6:
        return np.float32(1)
    rows = np.arange(surface.y.shape[0], dtype=np.float32)
    wave = np.cos(rows * np.float32(TAU / random.uniform(15, 400)) + np.float32(random.uniform(0, TAU)))
    if random.random() < 0.4:
        wave = np.tanh(4 * wave)
    return np.asarray(1 + np.float32(random.uniform(0.01, 0.12)) * wave, np.float32)[:, None, None]


def _halftone(ink: Light, surface: Surface, camera: Camera, random: np.random.Generator) -> Light | np.float32:
    """Dots of three inks at three angles, strongest where the tone is middling."""
    pitch_px = float(np.exp(random.uniform(np.log(0.7), np.log(4.0))))
    depth = random.uniform(0.4, 1.0) * passed(1 / pitch_px, camera)
    if depth < LEAST:
        return np.float32(1)
    planes = []
    base = random.uniform(0, 90)
    for channel, angle in enumerate(INK_ANGLES_DEG):
        turn = np.radians(base + angle)
        along = (surface.x * np.float32(np.cos(turn)) + surface.y * np.float32(np.sin(turn))) * np.float32(
            TAU / pitch_px
        )
        across = (surface.y * np.float32(np.cos(turn)) - surface.x * np.float32(np.sin(turn))) * np.float32(
            TAU / pitch_px
        )
        tone = cv2.sqrt(ink[..., channel])
        planes.append(1 + np.float32(2 * depth) * tone * (1 - tone) * (np.cos(along) + np.cos(across)))
    return np.asarray(np.stack(planes, axis=2), np.float32)


def _dither(ink: Light, camera: Camera, random: np.random.Generator) -> Light:
    """Scattered droplets: noise that the paper carries, strongest where the tone is middling."""
    depth = random.uniform(0.02, 0.25) * passed(0.5, camera)
    drawn = np.empty(ink.shape, np.float32)
    cv2.randn(drawn, np.zeros(4), np.ones(4))
    tone = cv2.sqrt(ink)
    return np.asarray(1 + np.float32(4 * depth) * tone * (1 - tone) * drawn, np.float32)


def _grain(shape: tuple[int, ...], depth: float, random: np.random.Generator) -> Light:
    """Fibres and cockling of a sheet: (h, w), around 1."""
    drawn = np.empty(shape[:2], np.float32)
    cv2.randn(drawn, np.zeros(1), np.ones(1))
    size = random.uniform(0.6, 2.5)
    fine = cv2.GaussianBlur(drawn, (0, 0), size) * np.float32(3 * size * depth)
    small = cv2.resize(drawn[::16, ::16], shape[1::-1], interpolation=cv2.INTER_CUBIC)
    return np.asarray(1 + fine + np.float32(depth) * small, np.float32)
