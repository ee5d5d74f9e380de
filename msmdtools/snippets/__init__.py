"""Training sets cut from a dataset: splits, export to Parquet shards, and their loader.

Nothing is imported here, so that each command loads only what it needs.
"""
