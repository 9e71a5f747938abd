"""Does an arm64 board compute what this machine does? An emulated Debian 12 for arm64 runs the wheel."""
