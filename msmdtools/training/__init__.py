"""Training: batches, optimisers, schedule, loop, checkpoints, and what is written beside them."""
