"""Standard MIDI files, read and written by rules that are stated once.

In: a MIDI file, or the actions of parts in ticks. Out: its notes, tempi and pedals in ticks; the bytes of a file.
Keep: how a file is understood (`reading`) is the same for LilyPond's files and for those of any origin.

What a file means is for others to say: `engrave` knows what LilyPond writes, `inputs` what may come from
anywhere, and `perform` what a performance plays.
"""
