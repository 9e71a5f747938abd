"""How fast, how late and how safely decisions reach a door, over a real Mosquitto: measured, and written to a page.

site.py       a reader's journal and delivery, a controller, and the naive way beside them
outages.py    a broker that dies again and again: what opens late, what is lost
speed.py      from the camera's frame to the message, also behind a long queue; how fast that drains
page.py       the figures as Markdown
"""
