"""Performances by people: MIDI files with note alignments, linked note by note with a dataset's written music.

In: a list of performances, MIDI files, note alignments of other projects, and a dataset's piece. Out: what was
played, and for each performed and each written note what it is to the other.
Keep: no performed and no written note is left out; what an alignment says is kept, whichever format it is in.

`listing` finds performances, `reading` reads one with its alignment, by the module of its format (`match_file`,
`nasap`, `parangonada`) or with the package parangonar (`parangonar`); `linking` makes the links.
"""
