"""From snippets on disk to batches: reading order, decoding, augmentation, PyTorch."""
