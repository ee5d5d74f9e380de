"""A dataset folder: its tables, how it is read and validated, and figures of its pages.

In: a folder that `build` made. Out: `Dataset` and `DatasetPiece`: data frames, pages, spectrograms, positions.
Keep: the columns in `tables` are the format that users read; a change raises `FORMAT`, but for what is `added`.

Nothing is imported here, so that each command loads only what it needs.
"""
