"""How good a model is at its tasks, each in a room of its own: `snippets`, `pieces`, `following`.

In: a model, and snippets or a dataset. Out: figures with intervals, and a report folder.
Keep: every figure says what it was measured on, and how many of the pieces the model has seen.
"""
