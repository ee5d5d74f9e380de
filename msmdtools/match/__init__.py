"""Match an engraving with its performance: each printed note head with the notes that it sounds.

In: an `Engraving`. Out: a `Score`: heads with place, role and sound, staves, and the written music.
Keep: the link is exact. A head without a note, and a note without a head, has a reason; nothing is guessed.
"""

from msmdtools.match.encoding import match_encoding
from msmdtools.match.score import match

__all__ = ["match", "match_encoding"]
