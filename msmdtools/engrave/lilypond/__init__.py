"""Engrave and perform a LilyPond source with LilyPond, in a sandbox."""
