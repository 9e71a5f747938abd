"""Pictures in and out: one strict decoder, and the few geometric steps a face needs on its way to a model.

    decode(bytes) -> Pixels          JPEG or PNG, judged from its header before any codec sees it
    letterbox(pixels, side) -> canvas and the way back
    warp(pixels, matrix) -> chip

Only this package and `edgeface.adapters.camera` import cv2: one turns files into pixels, the other talks to devices.

Coordinates are continuous pixels: the top left corner of a picture is (0, 0), its bottom right one (width, height).
`warp` alone counts as OpenCV does, from the centre of the first pixel, because every face template is written so.
"""

from edgeface.image.codec import decode, encode_jpeg, encode_png, read
from edgeface.image.focus import soften_around
from edgeface.image.geometry import Letterbox, fit_to, letterbox, mirrored, resize, warp
from edgeface.image.plain import DecodeLimits, Kind, kind_of
from edgeface.image.ring import Ring, ring_picture
from edgeface.image.sheet import Tile, sheet_picture
from edgeface.image.table import table_picture
from edgeface.image.tone import looked_up, luminance

__all__ = [
    "DecodeLimits",
    "Kind",
    "Letterbox",
    "Ring",
    "Tile",
    "decode",
    "encode_jpeg",
    "encode_png",
    "fit_to",
    "kind_of",
    "letterbox",
    "looked_up",
    "luminance",
    "mirrored",
    "read",
    "resize",
    "ring_picture",
    "sheet_picture",
    "soften_around",
    "table_picture",
    "warp",
]
