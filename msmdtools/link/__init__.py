"""Link scans to the engraving of their piece: which bar, and which note head, is where on them.

In: a scan of a piece of a dataset. Out: a print of the piece: pages, systems, bars and heads with confidences.
Keep: all of it is an estimate and says so; a scan that does not fit is refused with the figure and the limit.
"""
