"""Turn a model of another maker into a folder that the reader can use: TFLite file, manifest, card."""
