"""Aligning an engraving with its performance: every printed head with the note that it sounds."""

from msmdtools.align.score import align

__all__ = ["align"]
