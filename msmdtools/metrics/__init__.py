"""How good a ranking is, and how certain the figure is. Pure functions of arrays.

In: embeddings or ranks, and the pieces they belong to. Out: R@k, MRR, intervals, what chance would give.
Keep: among equally similar candidates the right one counts as the last.
"""
