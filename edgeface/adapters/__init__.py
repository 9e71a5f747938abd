"""One file per foreign thing; each renames that thing's errors into `edgeface.errors`."""
