"""Bits that turn over, as on a card that wears out."""

from __future__ import annotations

import random


def turned_over(whole: bytes, number: int, dice: random.Random) -> bytes:
    """The same with so many bits turned over, at places by chance: twice at one place is none."""
    content = bytearray(whole)
    for _ in range(number):
        content[dice.randrange(len(content))] ^= 1 << dice.randrange(8)
    return bytes(content)
