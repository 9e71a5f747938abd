"""The network camera outside: films somebody, whose picture and address it leaves in a folder.

python -m tools.booted.camera FOLDER
"""

from __future__ import annotations

import signal
import sys
from pathlib import Path

from edgeface import image
from tools.cameras.hardware import FPS, Stage
from tools.cameras.rtsp import RtspCamera


def main() -> None:
    folder, stage = Path(sys.argv[1]), Stage()
    (folder / "person.png").write_bytes(image.encode_png(stage.picture()))
    camera = RtspCamera(stage.picture, FPS)
    (folder / "camera").write_text(camera.url)
    signal.sigwait([signal.SIGTERM, signal.SIGINT])
    camera.close()


if __name__ == "__main__":
    main()
