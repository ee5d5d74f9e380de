"""Train models: batches, optimisers, schedule, loop, checkpoints, and the files of a run.

In: snippets and a configuration. Out: a run folder with weights, checkpoints, results and curves.
Keep: a resumed training by pairs ends with the same weights as one that was never stopped.
"""
