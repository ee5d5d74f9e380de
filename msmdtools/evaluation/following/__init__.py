"""Alignment and score following: how exactly a recording is followed on its sheet."""
