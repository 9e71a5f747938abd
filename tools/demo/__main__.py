"""The main job on real faces: a reader at work over a real broker, and a contact sheet of what it saw.

    python -m tools.demo                    two public-domain portraits, filmed by a simulated camera
    python -m tools.demo --images DIR       your own pictures: one folder a person, at least two pictures in each
    python -m tools.demo --camera 0         a real camera: stand before it, be enrolled, be recognised
    python -m tools.demo --models HOME      with the models in use there (`edgeface models use`), not the shipped ones

What is simulated: the camera's movement, light and blur, and the phone and the print that somebody holds up. What is
real: the faces, the models, the gallery and journal in SQLite, Mosquitto. A portrait enrolled and filmed is one
photograph, so the demo shows the machinery, not accuracy; for that see the model cards.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from pathlib import Path

from tools.broker import BrokerMissing
from tools.demo.show import Show
from tools.demo.story import camera_story, folder_story, portrait_story


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=Path, help="folder with one subfolder of pictures for each person")
    parser.add_argument("--camera", help="0, /dev/video0, rtsp://... or picamera2")
    parser.add_argument("--models", type=Path, metavar="HOME", help="edgeface home: the models in use there")
    parser.add_argument("--out", type=Path, default=Path("demo-out"), help="folder for the contact sheet")
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    home = Path(tempfile.mkdtemp(prefix="edgeface-demo-"))
    try:
        with Show(home, arguments.out / "contact-sheet.png", arguments.models or home) as show:
            if arguments.camera:
                camera_story(show, arguments.camera)
            elif arguments.images:
                folder_story(show, arguments.images)
            else:
                portrait_story(show)
    except BrokerMissing as error:
        sys.exit(f"demo: {error}")
    finally:
        shutil.rmtree(home)


if __name__ == "__main__":
    main()
