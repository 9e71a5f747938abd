"""People and decisions in one SQLite file, owned by one process."""
