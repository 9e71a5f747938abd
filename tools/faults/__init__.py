"""What a power cut, a full disk and a read-only one do to the store, tried many times."""
