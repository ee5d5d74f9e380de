"""Which piece is this, and where in it: an index of embeddings, and search in it.

In: a model, a dataset or folder, queries. Out: an index; answers with their place and probability.
Keep: an index in use never changes under its reader; a new generation takes the place of the old one at once.
"""
