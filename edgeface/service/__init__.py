"""The reader as a running service: what it needs from outside, and the threads it runs."""
