"""Load snippets as batches: reading order, decoding, augmentation, PyTorch.

In: folders or URLs of snippets. Out: batches of sheet and audio windows as arrays or tensors.
Keep: every random draw belongs to a pair and an epoch (`base.draws`), so any batch can be made again.
"""
