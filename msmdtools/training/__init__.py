"""Training: batches, optimisers, schedule, loop, checkpoints, and what is written beside them.

In: snippets and a configuration. Out: a run folder with weights, checkpoints, results and curves.
Keep: a run that is resumed gives the bytes of one that was never stopped.
"""
