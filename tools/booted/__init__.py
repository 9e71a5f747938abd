"""The service under a real systemd: a Debian in a container of its own, with the units, the sandbox and the broker."""
