"""Cameras that fail on purpose, before a reader at work: how soon it notices, and how soon it is over it."""
