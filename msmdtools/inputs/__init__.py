"""What users bring: recordings, MIDI files, pictures and PDFs, read within limits.

In: files of any origin. Out: spectrograms, and sheets with their systems at the scale of training pages.
Keep: a file is read in a process of its own (`apart`) and can cost its own row only.
"""
