"""The written music of an MEI document: what each note sounds, computed from the encoding in exact fractions.

In: the text of an MEI document, with ids. Out: `Written`: notes, the keys struck for them, bars, tempi, pedals.
Keep: nothing is estimated; each note starts a strike, continues one, or has a reason, and so has each strike.
"""
