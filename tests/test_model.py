"""Pixels become a model's numbers the same way everywhere."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeface.model import dequantize, input_table, normalise
from fakes import spec

EVERY_BYTE = np.arange(256, dtype=np.uint8)


@given(
    mean=st.floats(0, 255),
    std=st.floats(0.5, 255),
    scale=st.floats(1e-3, 10),
    zero_point=st.integers(-128, 127),
    dtype=st.sampled_from([np.int8, np.uint8]),
)
def test_the_table_is_normalising_and_quantizing_in_one(
    mean: float, std: float, scale: float, zero_point: int, dtype: type[np.generic]
) -> None:
    made = spec(mean=mean, std=std)
    table = input_table(made, scale, zero_point, dtype)
    grey = np.repeat(EVERY_BYTE[:, None], 3, axis=1)
    real = normalise(grey, made)[:, 0]
    limits = np.iinfo(dtype)
    exact = np.clip(real.astype(np.float64) / scale + zero_point, limits.min, limits.max)
    assert table.dtype == dtype
    assert table.shape == (256,)
    # Nearest step; 1e-4 for normalise's float32 beside the table's float64.
    assert np.abs(table - exact).max() <= 0.5 + 1e-4 * max(1.0, np.abs(real / scale).max())


@given(scale=st.floats(1e-3, 1), zero_point=st.integers(-20, 20))
def test_dequantizing_a_table_gives_the_normalised_pixel_back(scale: float, zero_point: int) -> None:
    made = spec(mean=127.5, std=127.5)
    table = input_table(made, scale, zero_point, np.int8)
    inside = (table > -128) & (table < 127)
    error = np.abs(dequantize(table, scale, zero_point) - normalise(EVERY_BYTE, made))
    assert (error[inside] <= scale / 2 + 1e-5).all()


def test_the_usual_table_spans_int8() -> None:
    table = input_table(spec(mean=127.5, std=127.5), 1 / 127.5, 0, np.int8)
    assert (table[0], table[127], table[128], table[255]) == (-127, 0, 1, 127)
    assert len(set(table.tolist())) == 255  # half to even would leave 191: neighbouring pixel values collapse
    assert (np.diff(table.astype(int)) >= 0).all()


@pytest.mark.parametrize(("order", "first"), [("RGB", 10.0), ("BGR", 30.0)])
def test_colour_order(order: str, first: float) -> None:
    pixels = np.array([[[10, 20, 30]]], np.uint8)
    assert normalise(pixels, spec(mean=0.0, std=1.0, order=order))[0, 0, 0] == first
