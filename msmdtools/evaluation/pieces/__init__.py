"""Whole pieces: finding the piece of a recording or sheet, and the place in it where an excerpt begins."""
