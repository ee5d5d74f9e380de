"""Find the pieces in a tree of LilyPond files, read their headers, and keep them as manifests.

In: a folder of sources. Out: `Piece` objects, as rows of a manifest.
Keep: ids are stable: the same tree gives the same ids, to which splits and weights refer.
"""
