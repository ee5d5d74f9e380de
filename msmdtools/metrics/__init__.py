"""How good a ranking is, and how sure the figure is. Pure functions of arrays.

In: embeddings or ranks, and the pieces they belong to. Out: R@k, MRR, intervals, what chance would give.
Keep: of equally similar candidates the right one counts as the last.
"""
