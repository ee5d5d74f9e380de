"""Matching an engraving with its performance: every printed head with the note that it sounds."""

from msmdtools.match.score import match

__all__ = ["match"]
