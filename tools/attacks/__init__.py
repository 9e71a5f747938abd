"""Presentation attacks, made by a model of light, paper, screens and a cheap camera, beside genuine pictures.

    photograph -> medium (print, screen, cut-out) -> room -> camera        an attack
    photograph ------------------------------------------> camera          a bona fide presentation

Both go through the same camera, so that nothing the camera does can give an attack away. All of it is simulated: a
detector that passes here has not been tested against real attacks (ISO/IEC 30107-3).
"""

from tools.attacks.photos import Photo
from tools.attacks.scene import HELD_OUT, SPECIES, TRAINED, Shot, bona_fide, present

__all__ = ["HELD_OUT", "SPECIES", "TRAINED", "Photo", "Shot", "bona_fide", "present"]
