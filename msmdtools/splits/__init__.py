"""Which pieces are for training, validation and testing, and which share music or belong to one work.

In: a dataset, a CSV column or fractions. Out: piece → train, valid or test; near-duplicates; fingerprints.
Keep: pieces of one work, or with the same music, never end up on both sides.
"""
