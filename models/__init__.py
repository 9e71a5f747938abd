"""The models that ship with edgeface: `manifest.toml`, the files it names, and a card for each."""
