"""Films of a portrait whose head turns in depth, or which turns as a sheet. The head is a generic one."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import cv2
import numpy as np

from edgeface.frame import Frame, Pixels
from portraits import at
from tools.attacks.motion import Moment, moved, turned
from tools.attacks.photos import Photo
from tools.attacks.view import view_of


def head(face: Pixels, turn: Callable[[float], Moment], seconds: float = 5.0) -> Iterator[Frame]:
    """A portrait whose head turns in depth, or which turns as a sheet, before a wall."""
    points = np.array([[98, 112], [142, 110], [121, 137], [100, 158], [141, 157]], np.float32)
    one = Photo(pixels=face, box=np.array([72, 65, 100, 130], np.float32), landmarks=points, source="test")
    for index in range(round(seconds * 10)):
        moment = turn(index / 10)
        view = moved(view_of(np.diag([1.6, 1.6, 1.0]), 368, 416, 1.6), one, moment)
        x, y = turned(one, view.x, view.y, moment)
        room = np.full((480, 640, 3), (126, 130, 134), np.uint8)
        room[64:, 130:498] = cv2.remap(face, x - 0.5, y - 0.5, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        yield Frame(pixels=room, camera="film", sequence=index, captured_at=at(index / 10))
