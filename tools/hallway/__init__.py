"""A whole reader as it hangs in a hallway: its own process, a camera that films at its own pace, a service manager.

camera.py     a film that never ends, served over a socket as a driver serves frames; it can be spoilt while it runs
reader.py     the process: `edgeface run`, with that camera in the driver's place and a wall clock that can be moved
manager.py    starts it, hears its READY and its heartbeat, starts it anew as systemd would, and keeps figures
"""
