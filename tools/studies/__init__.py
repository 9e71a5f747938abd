"""One question each, measured: why a number of the reader is what it is."""
