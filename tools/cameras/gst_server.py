"""GStreamer's own RTSP server, H.264: films a folder of numbered JPEG files for ever. Run by the system's Python.

    /usr/bin/python3 tools/cameras/gst_server.py PORT FOLDER COUNT FPS

apt-get install gir1.2-gst-rtsp-server-1.0 gstreamer1.0-plugins-good gstreamer1.0-plugins-ugly python3-gi
"""

import sys

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import GLib, Gst, GstRtspServer  # noqa: E402

port, folder, count, fps = sys.argv[1:5]
Gst.init(None)
factory = GstRtspServer.RTSPMediaFactory()
factory.set_shared(True)
factory.set_launch(
    f"( multifilesrc location={folder}/%02d.jpg stop-index={int(count) - 1} loop=true "
    f"caps=image/jpeg,framerate={fps}/1 ! jpegdec ! videoconvert ! identity sync=true "
    "! x264enc tune=zerolatency bitrate=1500 key-int-max=30 "
    "! rtph264pay name=pay0 pt=96 )"
)
server = GstRtspServer.RTSPServer()
server.set_address("127.0.0.1")
server.set_service(port)
server.get_mount_points().add_factory("/door", factory)
server.attach(None)
GLib.MainLoop().run()
