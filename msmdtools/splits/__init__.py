"""Which pieces are for training, validation and testing, and which share music or belong to one work.

In: a dataset, a CSV column or fractions. Out: piece → train, valid or test; near-duplicates; fingerprints.
Keep: a split by work never divides a work; music that training shares with testing is found, and reported.
"""
