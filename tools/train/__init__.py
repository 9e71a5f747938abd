"""The networks that `models/` holds, and how each is trained."""
