"""A cheap camera: lens, colour mosaic, noise, the processor's denoising, sharpening and tone, JPEG.

The same for a genuine face and for an attack. Light is linear with 1.0 as paper white in the room; the transfer curve
is a square root, close enough to sRGB and much faster.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from edgeface.frame import Pixels
from tools import degrade

Light = npt.NDArray[np.float32]
"""float32, shape (h, w, 3) or (h, w): linear light."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Camera:
    """One camera with its settings for one picture."""

    zoom: float
    """Sensor pixels per pixel of the finished picture, >= 1: the processor scales down."""
    blur_px: float
    """Lens and focus, as the deviation of a Gaussian, sensor pixels."""
    noise: float
    """Deviation of the noise at full scale, parts of one."""
    mosaic: bool
    """Whether colours are interpolated from a Bayer mosaic at sensor resolution."""
    exposure: float
    """Where the picture's mean light ends up, 0..1."""
    balance: tuple[float, float, float]
    """Gains left over after white balance."""
    denoise: int
    """0 none, 1 median, 2 bilateral, 3 Gaussian."""
    sharpen: float
    contrast: float
    """Of the tone curve, 1 is linear."""
    saturation: float
    quality: int
    """Of the JPEG; 0 for none."""


def draw_camera(random: np.random.Generator) -> Camera:
    """Any camera that a door may have, from good to bad."""
    if random.random() < 0.3:
        return _clean(random)
    bad = random.random() < 0.25
    return Camera(
        zoom=1.0 if random.random() < 0.7 else random.uniform(1.2, 1.6),
        blur_px=random.uniform(0.2, 0.55) if random.random() < 0.8 else random.uniform(0.55, 1.6),
        noise=float(np.exp(random.uniform(np.log(0.004), np.log(0.05 if bad else 0.02)))),
        mosaic=random.random() < 0.7,
        exposure=random.uniform(0.09, 0.38),
        balance=(float(np.exp(random.normal(0, 0.07))), 1.0, float(np.exp(random.normal(0, 0.09)))),
        denoise=int(random.choice(4, p=(0.7, 0.05, 0.17, 0.08))),
        sharpen=random.uniform(0.2, 1.2) if random.random() < 0.5 else 0.0,
        contrast=float(np.exp(random.normal(-0.7, 0.4))),
        saturation=random.uniform(0.75, 1.3),
        quality=0 if random.random() < 0.2 else int(random.integers(35 if bad else 60, 97)),
    )


def _clean(random: np.random.Generator) -> Camera:
    """One that leaves next to no trace of its own."""
    return Camera(
        zoom=1.0,
        blur_px=random.uniform(0.15, 0.35),
        noise=random.uniform(0.0005, 0.004),
        mosaic=False,
        exposure=random.uniform(0.15, 0.38),
        balance=(1.0, 1.0, 1.0),
        denoise=0,
        sharpen=0.0,
        contrast=random.uniform(0.01, 0.3),
        saturation=1.0,
        quality=0 if random.random() < 0.4 else int(random.integers(70, 98)),
    )


def focus(light: Light, camera: Camera) -> Light:
    """What the lens leaves of the light, before the sensor samples it."""
    return np.asarray(cv2.GaussianBlur(light, (0, 0), camera.blur_px), np.float32)


def passed(cycles_per_px: float, camera: Camera) -> float:
    """How much of a fine pattern lens and pixel aperture leave, 0..1: its contrast on the sensor.

    What is left above half a cycle a pixel shows at a wrong frequency, which is moire.
    """
    lens = np.exp(-2 * (np.pi * camera.blur_px * cycles_per_px) ** 2)
    return float(abs(np.sinc(0.85 * cycles_per_px)) * lens)


def capture(light: Light, camera: Camera, random: np.random.Generator) -> Pixels:
    """Light on the sensor -> the picture, `zoom` times smaller."""
    rows, columns = (slice(length // 5, length - length // 5) for length in light.shape[:2])
    mean = max(1e-3, float(light[rows, columns].mean()))  # metered in the middle, as cameras do
    sensed = light * np.float32(camera.exposure / mean)
    noisy = _mosaic(sensed, camera, random) if camera.mosaic else _noise(sensed, camera, random)
    if camera.zoom > 1:
        size = round(light.shape[1] / camera.zoom), round(light.shape[0] / camera.zoom)
        noisy = np.asarray(cv2.resize(noisy, size, interpolation=cv2.INTER_AREA), np.uint16)
    pixels = _tone(noisy, camera)
    pixels = _process(pixels, camera)
    return pixels if camera.quality == 0 else degrade.compress(pixels, camera.quality)


def _noise(light: Light, camera: Camera, random: np.random.Generator) -> npt.NDArray[np.uint16]:
    """Shot and read noise; uint16 with 65535 as full scale."""
    cv2.setRNGSeed(int(random.integers(2**31)))
    drawn = np.empty(light.shape, np.float32)
    cv2.randn(drawn, np.zeros(4), np.ones(4))
    spread = cv2.sqrt(np.maximum(light, 0) + np.float32(0.03)) * np.float32(camera.noise)
    return np.asarray(np.clip((light + drawn * spread) * 65535, 0, 65535), np.uint16)


def _mosaic(light: Light, camera: Camera, random: np.random.Generator) -> npt.NDArray[np.uint16]:
    """One colour a pixel, noise, and the missing two interpolated."""
    raw = light[..., 1].copy()
    raw[0::2, 0::2] = light[0::2, 0::2, 0]
    raw[1::2, 1::2] = light[1::2, 1::2, 2]
    return np.asarray(cv2.cvtColor(_noise(raw, camera, random), cv2.COLOR_BayerBG2RGB), np.uint16)


def _tone(values: npt.NDArray[np.uint16], camera: Camera) -> Pixels:
    """White balance, transfer curve, contrast, saturation: 65535 -> 255."""
    encoded = cv2.sqrt(values.astype(np.float32) * (np.array(camera.balance, np.float32) / 65535))
    curve = (np.linspace(0, 1, 256) * 2 - 1) * camera.contrast
    table = np.clip(127.5 + 127.5 * np.tanh(curve) / np.tanh(camera.contrast), 0, 255).astype(np.uint8)
    pixels = cv2.LUT(np.clip(encoded * 255, 0, 255).astype(np.uint8), table)
    grey = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)[..., None].repeat(3, axis=2)
    return np.asarray(cv2.addWeighted(pixels, camera.saturation, grey, 1 - camera.saturation, 0), np.uint8)


def _process(pixels: Pixels, camera: Camera) -> Pixels:
    match camera.denoise:
        case 1:
            pixels = np.asarray(cv2.medianBlur(pixels, 3), np.uint8)
        case 2:
            pixels = np.asarray(cv2.bilateralFilter(pixels, 5, 22, 2), np.uint8)
        case 3:
            pixels = degrade.defocus(pixels, 0.7)
        case _:
            pass
    if camera.sharpen:
        soft = cv2.GaussianBlur(pixels, (0, 0), 1.2)
        pixels = np.asarray(cv2.addWeighted(pixels, 1 + camera.sharpen, soft, -camera.sharpen, 0), np.uint8)
    return pixels
