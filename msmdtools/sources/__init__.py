"""From a tree of LilyPond files to pieces: what counts as a piece, what its header says, manifests.

In: a folder of sources. Out: `Piece` objects, as rows of a manifest.
Keep: ids are stable: the same tree gives the same ids, which splits and weights refer to.
"""
