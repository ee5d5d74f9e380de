"""Which piece is this, and where in it: an index of embeddings, and search in it."""
